package io.nearkv.net.rest;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.net.server.Counters;
import io.nearkv.net.server.Op;
import io.nearkv.net.server.StallClock;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.zip.Deflater;
import org.jspecify.annotations.Nullable;

/**
 * A request whose answer is JSON: understands its body, if it has one, as it arrives, has the store answer it, and sends the answer; a large one goes out piece by piece as the client
 * reads it, compressed if the client asked for that.
 *
 * @param <T> what the store answers
 */
final class JsonCall<T> extends Exchange {
    /** Below this, compression saves no packet. */
    private static final int MIN_GZIP_BYTES = 1024;

    private static final int PIECE_BYTES = 64 * 1024;
    private static final int TYPICAL_BYTES = 512;

    private final @Nullable JsonBody body;
    private final Duration timeout;
    private final Supplier<CompletableFuture<T>> call;
    private final BiConsumer<? super T, ? super ByteBuf> answer;
    private final Consumer<? super @Nullable T> late;
    private final StallClock clock;
    private boolean receiving;
    /** What it was admitted with: room for the answer, which the body does not take. */
    private long admittedBytes;

    private @Nullable ByteBuf rest;
    private @Nullable GzipStream gzip;

    /**
     * @param body takes the body, or null if the call has none
     * @param call asks the store, once the body is there
     * @param answer writes the answer's JSON; may throw {@link RestException}, and then has written nothing
     */
    JsonCall(
            RestHandler handler,
            Op op,
            @Nullable JsonBody body,
            Duration timeout,
            Supplier<CompletableFuture<T>> call,
            BiConsumer<? super T, ? super ByteBuf> answer) {
        this(handler, op, body, timeout, call, answer, unused -> {});
    }

    /**
     * As above.
     *
     * @param late gives back an answer that came after the end
     */
    JsonCall(
            RestHandler handler,
            Op op,
            @Nullable JsonBody body,
            Duration timeout,
            Supplier<CompletableFuture<T>> call,
            BiConsumer<? super T, ? super ByteBuf> answer,
            Consumer<? super @Nullable T> late) {
        super(handler, op);
        this.late = late;
        this.body = body;
        this.timeout = timeout;
        this.call = call;
        this.answer = answer;
        this.clock = new StallClock(handler.server().limits().stallTimeout().toNanos());
    }

    /** Begins; calls without a body ask the store at once. */
    void start() {
        if (body == null) {
            ask();
        } else {
            receiving = true;
            admittedBytes = heldBytes();
        }
    }

    @Override
    void body(ByteBuf piece) {
        JsonBody taker = body;
        if (taker != null) {
            clock.moved(piece.readableBytes());
            taker.read(piece);
            hold(admittedBytes + taker.heldBytes());
        }
    }

    @Override
    void bodyEnd() {
        JsonBody taker = body;
        if (taker != null) {
            receiving = false;
            taker.finish();
            ask();
        }
    }

    private void ask() {
        expectWithin(timeout);
        await(call.get(), this::reply, late);
    }

    private void reply(T value) {
        expectNothing();
        ByteBuf json = handler.buffer(TYPICAL_BYTES);
        boolean taken = false;
        try {
            answer.accept(value, json);
            boolean compressed = json.readableBytes() >= MIN_GZIP_BYTES && handler.takesGzip() && !handler.isHeadOnly();
            if (!compressed && json.readableBytes() <= PIECE_BYTES) {
                taken = true;
                handler.finish(this, Responses.full(200, Responses.JSON, json, handler.date()), Counters.OK);
                return;
            }
            // What has been made is held even if that is more than there should be; what comes next is refused.
            holdAnyway(json.capacity());
            rest = json;
            taken = true;
            begin(json.readableBytes(), compressed);
        } finally {
            if (!taken) {
                json.release();
            }
        }
    }

    private void begin(int length, boolean compressed) {
        var head = Responses.head(200, Responses.JSON, compressed ? -1 : length, handler.date());
        if (compressed) {
            gzip = new GzipStream(Deflater.BEST_SPEED);
            GzipStream.describe(head.headers());
        }
        handler.beginPieces(head);
        writable();
    }

    @Override
    void writable() {
        ByteBuf json = rest;
        if (json == null) {
            return;
        }
        if (!handler.isWritable()) {
            return;
        }
        int count = Math.min(PIECE_BYTES, json.readableBytes());
        boolean last = count == json.readableBytes();
        GzipStream compressor = gzip;
        if (compressor == null) {
            handler.send(json.readRetainedSlice(count));
        } else {
            ByteBuf piece = handler.buffer(PIECE_BYTES / 4);
            compressor.write(json, count, last, piece);
            handler.send(piece);
        }
        clock.moved(count);
        if (last) {
            handler.finishPieces(this, Counters.OK);
        } else {
            // One piece at a time: others on this loop have their turn in between.
            handler.loop().execute(() -> {
                if (!isEnded()) {
                    writable();
                    handler.flush();
                }
            });
            handler.flushIfIdle();
        }
    }

    @Override
    @Nullable
    KvException overdue(long nowNanos) {
        if (clock.isOver(receiving || rest != null, nowNanos)) {
            handler.server().counters().stalledStreams.increment();
            return new KvException(
                    ErrorCode.DEADLINE_EXCEEDED, "the peer took longer than the stall timeout for 64 KiB of a body");
        }
        return super.overdue(nowNanos);
    }

    @Override
    void release() {
        ByteBuf json = rest;
        rest = null;
        if (json != null) {
            json.release();
        }
        GzipStream compressor = gzip;
        gzip = null;
        if (compressor != null) {
            compressor.close();
        }
    }
}
