package io.nearkv.net.rest;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.net.server.Counters;
import io.nearkv.net.server.Op;
import io.nearkv.net.server.SessionGuard;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpResponse;
import java.util.Locale;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Flow;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * The change feed of a namespace as server-sent events (HTML standard, section 9.2). Each change is an event named after what happened; its id is the position, which the client gives back in
 * {@code Last-Event-ID} when it comes again. A heartbeat is an id without an event, so that a client that was idle for long does not fall behind what is retained. Nothing is asked of the store
 * that the client has no room for.
 */
final class WatchStream extends Exchange implements Flow.Subscriber<FeedEvent> {
    /** Events asked of the store at a time. */
    private static final int BATCH = 64;

    private static final int TYPICAL_BYTES = 1024;
    private static final int FULL_BYTES = 32 * 1024;

    private final SessionGuard guard;
    private final RestConnection connection;

    // Filled by the store's threads, emptied by the loop.
    private final Queue<FeedEvent> arrived = new ConcurrentLinkedQueue<>();
    private final AtomicBoolean awake = new AtomicBoolean();
    private volatile Flow.@Nullable Subscription subscription;
    private volatile boolean complete;
    private volatile @Nullable Throwable failure;

    private int demand;
    private boolean begun;

    WatchStream(RestHandler handler, RestConnection connection, SessionGuard guard) {
        super(handler, Op.WATCH);
        this.connection = connection;
        this.guard = guard;
    }

    void start(FeedRequest request) {
        connection.watchBegan();
        handler.server().counters().watches.increment();
        handler.server().store().watch(request).subscribe(this);
    }

    // ---- the feed: any thread ----

    @Override
    public void onSubscribe(Flow.Subscription newSubscription) {
        subscription = newSubscription;
        wake();
    }

    @Override
    public void onNext(FeedEvent event) {
        arrived.add(event);
        wake();
    }

    @Override
    public void onError(Throwable thrown) {
        failure = thrown;
        complete = true;
        wake();
    }

    @Override
    public void onComplete() {
        complete = true;
        wake();
    }

    private void wake() {
        if (awake.compareAndSet(false, true)) {
            try {
                handler.loop().execute(this::run);
            } catch (RejectedExecutionException e) {
                cancel(); // The loop has ended, and this with it.
            }
        }
    }

    // ---- the loop ----

    private void run() {
        awake.set(false);
        if (isEnded()) {
            cancel();
            return;
        }
        try {
            proceed();
        } catch (RuntimeException e) {
            handler.fail(this, e);
        }
        handler.flush();
    }

    private void proceed() {
        // Read before the queue: what arrived before the end is then in the queue.
        boolean atEnd = complete;
        Throwable thrown = failure;
        if (!begun && (atEnd && thrown != null)) {
            throw KvException.from(thrown);
        }
        if (!begun) {
            begun = true;
            HttpResponse head = Responses.head(200, Responses.EVENTS, -1, handler.date());
            head.headers().set(HttpHeaderNames.CACHE_CONTROL, HttpHeaderValues.NO_CACHE);
            handler.beginPieces(head);
        }
        while (handler.isWritable() && !arrived.isEmpty()) {
            ByteBuf out = handler.buffer(TYPICAL_BYTES);
            while (out.readableBytes() < FULL_BYTES) {
                FeedEvent event = arrived.poll();
                if (event == null) {
                    break;
                }
                demand--;
                write(out, event);
            }
            handler.send(out);
        }
        if (atEnd && arrived.isEmpty()) {
            if (thrown != null) {
                ByteBuf out = handler.buffer(TYPICAL_BYTES);
                KvException error = KvException.from(thrown);
                writeError(out, error);
                handler.send(out);
            }
            handler.finishPieces(this, Counters.OK);
            return;
        }
        Flow.Subscription upstream = subscription;
        if (upstream != null && handler.isWritable() && demand <= BATCH / 2) {
            int more = BATCH - demand;
            demand += more;
            upstream.request(more);
        }
    }

    private static void write(ByteBuf out, FeedEvent event) {
        if (event instanceof FeedEvent.Change change) {
            Key key = change.key();
            ascii(
                    out,
                    "event: " + change.kind().name().toLowerCase(Locale.ROOT) + "\nid: " + change.position()
                            + "\ndata: ");
            JsonWriter json = new JsonWriter(out);
            json.beginObject();
            if (key != null) {
                json.name("key").string(key);
            }
            json.name("version").number(change.version());
            json.endObject();
            ascii(out, "\n\n");
        } else if (event instanceof FeedEvent.Heartbeat heartbeat) {
            ascii(out, "id: " + heartbeat.position() + "\n\n");
        } else if (event instanceof FeedEvent.TooOld tooOld) {
            ascii(out, "event: too_old\ndata: {\"oldest\":\"" + tooOld.oldest() + "\"}\n\n");
        }
    }

    private static void writeError(ByteBuf out, KvException error) {
        ascii(out, "event: error\ndata: ");
        JsonWriter json = new JsonWriter(out);
        json.beginObject().name("code").string(error.code().label());
        json.name("message").string(String.valueOf(error.getMessage())).endObject();
        ascii(out, "\n\n");
    }

    private static void ascii(ByteBuf out, String text) {
        ByteBufUtil.writeAscii(out, text);
    }

    @Override
    void writable() {
        if (begun) {
            proceed();
        }
    }

    @Override
    void drain() {
        if (begun) {
            handler.finishPieces(this, Counters.OK);
        } else {
            handler.fail(this, new KvException(ErrorCode.UNAVAILABLE, "the server is shutting down"));
        }
    }

    @Override
    void inputClosed() {
        drain();
    }

    @Override
    @Nullable
    KvException overdue(long nowNanos) {
        return guard.refusal();
    }

    @Override
    void release() {
        connection.watchEnded();
        handler.server().counters().watches.decrement();
        cancel();
        arrived.clear();
    }

    private void cancel() {
        Flow.Subscription upstream = subscription;
        if (upstream != null) {
            upstream.cancel();
        }
    }
}
