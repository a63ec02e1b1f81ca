package io.nearkv.net.rest;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.OpenResult;
import io.nearkv.core.ValueReader;
import io.nearkv.net.server.Counters;
import io.nearkv.net.server.Op;
import io.nearkv.net.server.SessionGuard;
import io.nearkv.net.server.StallClock;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpResponse;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A value that was not answered from memory, or of which a part, the head, or only what has changed is asked for. A large one goes out piece by piece, each read from the store only when the client has
 * read what it was sent.
 */
final class ValueDownload extends Exchange {
    private final SessionGuard guard;
    private final @Nullable String rangeHeader;
    private final @Nullable String noneMatch;
    private final @Nullable String ifRange;
    private final StallClock clock;

    private @Nullable ValueReader reader;
    private @Nullable ByteBuf gathered;
    private boolean readingNow;
    private boolean streaming;
    private int skip;
    private int remaining;

    ValueDownload(RestHandler handler, SessionGuard guard, HttpHeaders headers) {
        super(handler, Op.GET);
        this.guard = guard;
        this.rangeHeader = headers.get(HttpHeaderNames.RANGE);
        this.noneMatch = headers.get(HttpHeaderNames.IF_NONE_MATCH);
        this.ifRange = headers.get(HttpHeaderNames.IF_RANGE);
        this.clock = new StallClock(handler.server().limits().stallTimeout().toNanos());
    }

    void start(CompletableFuture<OpenResult> opening) {
        expectWithin(Limits.DEFAULT_TIMEOUT);
        await(opening, this::opened, late -> {
            if (late instanceof OpenResult.Opened opened) {
                opened.reader().close();
            }
        });
    }

    private void opened(OpenResult result) {
        if (!(result instanceof OpenResult.Opened opened)) {
            handler.answerMissing(op, ((OpenResult.Missing) result).result().origin());
            return;
        }
        ValueReader open = opened.reader();
        reader = open;
        int length = open.length();
        if (EntityTag.names(noneMatch, open.version())) {
            answerHead(304, open, length);
            return;
        }
        if (handler.isHeadOnly()) {
            answerHead(200, open, length);
            return;
        }
        ByteRange range = ifRange == null || ifRange.strip().equals(EntityTag.of(open.version()))
                ? ByteRange.of(rangeHeader, length)
                : null;
        remaining = range == null ? length : range.to() - range.from();
        skip = range == null ? 0 : range.from();
        if (remaining <= Limits.CHUNK_BYTES && skip == 0) {
            gathered = handler.buffer(Math.max(1, remaining));
        } else {
            streaming = true;
            expectNothing();
            handler.server().counters().streams.increment();
        }
        if (streaming) {
            HttpResponse head = Responses.head(range == null ? 200 : 206, Responses.OCTETS, remaining, handler.date());
            describe(head.headers(), open, range);
            handler.beginPieces(head);
        }
        pump(open, range);
    }

    private static void describe(HttpHeaders headers, ValueReader open, @Nullable ByteRange range) {
        Responses.describe(headers, open.version(), open.expiresAt(), open.origin());
        if (range != null) {
            headers.set(HttpHeaderNames.CONTENT_RANGE, range.contentRange(open.length()));
        }
    }

    private void answerHead(int status, ValueReader open, int length) {
        FullHttpResponse response = Responses.full(status, Responses.OCTETS, Unpooled.EMPTY_BUFFER, handler.date());
        if (status == 304) {
            response.headers().remove(HttpHeaderNames.CONTENT_LENGTH).remove(HttpHeaderNames.CONTENT_TYPE);
        } else {
            response.headers().set(HttpHeaderNames.CONTENT_LENGTH, Integer.toString(length));
        }
        Responses.describe(response.headers(), open.version(), open.expiresAt(), open.origin());
        handler.finish(this, response, Counters.OK);
    }

    private void pump(ValueReader open, @Nullable ByteRange range) {
        if (readingNow) {
            return;
        }
        if (remaining == 0) {
            finish(open, range);
            return;
        }
        if (streaming && !handler.isWritable()) {
            return; // writable() goes on
        }
        readingNow = true;
        await(open.read(), piece -> take(open, range, piece), late -> closeReader());
        handler.flushIfIdle();
    }

    private void take(ValueReader open, @Nullable ByteRange range, ByteBuffer piece) {
        if (!piece.hasRemaining()) {
            throw new KvException(
                    ErrorCode.INTERNAL, "value ended " + remaining + " bytes before its " + open.length() + " bytes");
        }
        int skipped = Math.min(skip, piece.remaining());
        skip -= skipped;
        int count = Math.min(remaining, piece.remaining() - skipped);
        ByteBuffer wanted = piece.slice(piece.position() + skipped, count);
        remaining -= count;
        ByteBuf whole = gathered;
        if (whole != null) {
            whole.writeBytes(wanted);
        } else if (count > 0) {
            handler.send(handler.buffer(count).writeBytes(wanted));
            clock.moved(count);
        }
        if (remaining > 0 && streaming) {
            // One piece at a time: others on this loop have their turn in between.
            handler.flushIfIdle();
            handler.loop().execute(() -> proceed(range));
        } else {
            pump(open, range);
        }
    }

    private void proceed(@Nullable ByteRange range) {
        ValueReader open = reader;
        if (!isEnded() && open != null) {
            pump(open, range);
            handler.flush();
        }
    }

    private void finish(ValueReader open, @Nullable ByteRange range) {
        ByteBuf whole = gathered;
        if (whole == null) {
            handler.finishPieces(this, Counters.OK);
            return;
        }
        gathered = null;
        FullHttpResponse response = Responses.full(range == null ? 200 : 206, Responses.OCTETS, whole, handler.date());
        describe(response.headers(), open, range);
        handler.finish(this, response, Counters.OK);
    }

    @Override
    void writable() {
        if (streaming) {
            proceed(null);
        }
    }

    @Override
    void settled() {
        readingNow = false;
    }

    @Override
    @Nullable
    KvException overdue(long nowNanos) {
        if (streaming) {
            KvException refusal = guard.refusal();
            if (refusal != null) {
                return refusal;
            }
            if (clock.isOver(!readingNow, nowNanos)) {
                handler.server().counters().stalledStreams.increment();
                return new KvException(
                        ErrorCode.DEADLINE_EXCEEDED, "the peer took longer than the stall timeout for 64 KiB");
            }
        }
        return super.overdue(nowNanos);
    }

    @Override
    void release() {
        if (streaming) {
            handler.server().counters().streams.decrement();
        }
        ByteBuf whole = gathered;
        gathered = null;
        if (whole != null) {
            whole.release();
        }
        if (!readingNow) {
            closeReader();
        } // else the store still fills the piece: it is closed when that is over
    }

    private void closeReader() {
        ValueReader open = reader;
        reader = null;
        if (open != null) {
            open.close();
        }
    }
}
