package io.nearkv.net.rest;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.Value;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.SocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.netty.util.ReferenceCountUtil;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.core.io.JsonStringEncoder;

/**
 * One connection to {@link OperationsServer}: one request at a time, without a body. Who sends the next request before the answer gets the answer, and then the end of the connection.
 * Confined to the event loop.
 */
final class OperationsConnection extends ChannelInboundHandlerAdapter {
    private static final Logger log = LoggerFactory.getLogger(OperationsConnection.class);

    static final int MAX_LINE_BYTES = 1024;
    static final int MAX_HEAD_BYTES = 8 * 1024;

    private static final String TEXT = "text/plain; charset=utf-8";
    private static final String JSON = "application/json";
    private static final String HEALTH = "/healthz";
    private static final String READINESS = "/readyz";
    private static final String METRICS = "/metrics";
    private static final Set<String> PATHS = Set.of(HEALTH, READINESS, METRICS);

    private enum Phase {
        /** The head of a request is arriving, or has to. */
        HEAD,
        /** Between an answer and the next request. */
        IDLE,
        /** The answer is made and written. */
        ANSWERING,
        /** The last words are being written, or are written; what comes is thrown away. */
        CLOSING
    }

    private final OperationsServer server;
    private final SocketChannel channel;
    private Phase phase = Phase.HEAD;
    private @Nullable HttpRequest request;
    private boolean keepAlive;
    private @Nullable ScheduledFuture<?> deadline;

    OperationsConnection(OperationsServer server, SocketChannel channel) {
        this.server = server;
        this.channel = channel;
    }

    /** Begins to read. */
    void open() {
        enter(Phase.HEAD, server.timeouts().head());
        channel.pipeline()
                .addLast(new FirstBytes())
                .addLast(new HttpServerCodec(new HttpDecoderConfig()
                        .setMaxInitialLineLength(MAX_LINE_BYTES)
                        .setMaxHeaderSize(MAX_HEAD_BYTES)
                        .setMaxChunkSize(MAX_HEAD_BYTES)))
                .addLast(this);
    }

    boolean isIdle() {
        return phase == Phase.IDLE;
    }

    /** Closes at once. */
    void abort() {
        var unused = channel.close();
    }

    private void enter(Phase next, Duration atMost) {
        phase = next;
        ScheduledFuture<?> last = deadline;
        if (last != null) {
            last.cancel(false);
        }
        deadline = channel.eventLoop().schedule(this::abort, atMost.toNanos(), TimeUnit.NANOSECONDS);
    }

    /** Sees the bytes before they are a request. */
    private final class FirstBytes extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext ctx, Object bytes) {
            if (phase == Phase.CLOSING) {
                ReferenceCountUtil.release(bytes);
                return;
            }
            if (phase == Phase.IDLE) {
                enter(Phase.HEAD, server.timeouts().head());
            }
            ctx.fireChannelRead(bytes);
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        ScheduledFuture<?> last = deadline;
        if (last != null) {
            last.cancel(false);
        }
        ctx.fireChannelInactive();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        log.atDebug().setCause(cause).log("connection failed");
        abort();
    }

    // ---- requests ----

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        try {
            switch (phase) {
                case CLOSING -> {}
                case ANSWERING -> keepAlive = false; // what came too early is not understood later
                case HEAD, IDLE -> read(message);
            }
        } finally {
            ReferenceCountUtil.release(message);
        }
    }

    private void read(Object message) {
        if (message instanceof HttpRequest head) {
            // The rest of a second request in the same packet finds the connection between two requests.
            enter(Phase.HEAD, server.timeouts().head());
            request = head;
            HttpResponseStatus refusal = refusal(head);
            if (refusal != null) {
                keepAlive = false;
                enter(Phase.ANSWERING, server.timeouts().answer());
                answer(false, refusal, TEXT, text(refusal.reasonPhrase() + "\n"));
                return;
            }
        }
        HttpRequest complete = request;
        if (complete != null && message instanceof HttpContent content) {
            if (content.content().isReadable() || content.decoderResult().isFailure()) {
                abort(); // No body was announced.
            } else if (message instanceof LastHttpContent) {
                request = null;
                // HTTP/1.0 would have to be told that the connection stays; nobody who speaks it needs that.
                keepAlive = complete.protocolVersion().equals(HttpVersion.HTTP_1_1) && HttpUtil.isKeepAlive(complete);
                enter(Phase.ANSWERING, server.timeouts().answer());
                serve(complete);
            }
        }
    }

    private static @Nullable HttpResponseStatus refusal(HttpRequest head) {
        if (head.decoderResult().isFailure()) {
            Throwable cause = head.decoderResult().cause();
            return cause instanceof TooLongHttpLineException
                    ? HttpResponseStatus.REQUEST_URI_TOO_LONG
                    : cause instanceof TooLongHttpHeaderException
                            ? HttpResponseStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
                            : HttpResponseStatus.BAD_REQUEST;
        }
        HttpVersion version = head.protocolVersion();
        if (!version.equals(HttpVersion.HTTP_1_1) && !version.equals(HttpVersion.HTTP_1_0)) {
            return HttpResponseStatus.HTTP_VERSION_NOT_SUPPORTED;
        }
        HttpHeaders headers = head.headers();
        int hosts = headers.getAll(HttpHeaderNames.HOST).size();
        if (hosts > 1 || (hosts == 0 && version.equals(HttpVersion.HTTP_1_1))) {
            return HttpResponseStatus.BAD_REQUEST;
        }
        if (headers.contains(HttpHeaderNames.TRANSFER_ENCODING)
                || headers.getAll(HttpHeaderNames.CONTENT_LENGTH).stream().anyMatch(length -> !length.equals("0"))) {
            return HttpResponseStatus.BAD_REQUEST;
        }
        return null;
    }

    private void serve(HttpRequest complete) {
        String uri = complete.uri();
        int query = uri.indexOf('?');
        String path = query < 0 ? uri : uri.substring(0, query);
        HttpMethod method = complete.method();
        boolean head = method.equals(HttpMethod.HEAD);
        String accept = String.join(",", complete.headers().getAll(HttpHeaderNames.ACCEPT));
        boolean json = accept.contains(JSON);
        if (!PATHS.contains(path)) {
            answer(
                    head,
                    HttpResponseStatus.NOT_FOUND,
                    TEXT,
                    text("not found (expected: " + HEALTH + ", " + READINESS + " or " + METRICS + ")\n"));
        } else if (!head && !method.equals(HttpMethod.GET)) {
            answer(false, HttpResponseStatus.METHOD_NOT_ALLOWED, TEXT, text("only GET and HEAD\n"));
        } else if (path.equals(HEALTH)) {
            state(head, json, HttpResponseStatus.OK, "alive", null);
        } else if (path.equals(READINESS)) {
            readiness(head, json);
        } else {
            metrics(head, accept);
        }
    }

    private void readiness(boolean head, boolean json) {
        Readiness now;
        try {
            now = server.readiness();
        } catch (RuntimeException e) {
            log.atError().setCause(e).log("readiness cannot be found out");
            now = Readiness.not("readiness cannot be found out: " + e);
        }
        HttpResponseStatus status = now.isReady() ? HttpResponseStatus.OK : HttpResponseStatus.SERVICE_UNAVAILABLE;
        state(head, json, status, now.isReady() ? "ready" : "not ready", now.reason());
    }

    private void state(boolean head, boolean json, HttpResponseStatus status, String word, @Nullable String reason) {
        if (json) {
            String more = reason == null ? "" : ",\"reason\":\"" + quoted(reason) + "\"";
            answer(head, status, JSON, text("{\"status\":\"" + word + "\"" + more + "}\n"));
        } else {
            answer(head, status, TEXT, text(word + (reason == null ? "" : ": " + reason) + "\n"));
        }
    }

    private static String quoted(String reason) {
        return new String(JsonStringEncoder.getInstance().quoteAsCharArray(reason));
    }

    private void metrics(boolean head, String accept) {
        var unused = server.metrics(accept.isEmpty() ? null : accept)
                .whenComplete((page, failure) -> channel.eventLoop().execute(() -> {
                    if (phase != Phase.ANSWERING) {
                        return; // it took too long
                    }
                    if (failure == null) {
                        answer(head, HttpResponseStatus.OK, page.contentType(), page.text());
                        return;
                    }
                    log.atWarn().setCause(failure).log("metrics cannot be written");
                    KvException known = KvException.from(failure);
                    answer(
                            head,
                            known.code() == ErrorCode.UNAVAILABLE
                                    ? HttpResponseStatus.SERVICE_UNAVAILABLE
                                    : HttpResponseStatus.INTERNAL_SERVER_ERROR,
                            TEXT,
                            text(known.code().label() + "\n"));
                }));
    }

    private static Value text(String text) {
        return Value.wrap(text.getBytes(UTF_8));
    }

    // ---- answers ----

    private void answer(boolean head, HttpResponseStatus status, String contentType, Value body) {
        ByteBuf content = head ? Unpooled.EMPTY_BUFFER : Unpooled.wrappedBuffer(body.asByteBuffer());
        FullHttpResponse response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, status, content);
        boolean close = !keepAlive;
        HttpHeaders headers = response.headers()
                .set(HttpHeaderNames.CONTENT_TYPE, contentType)
                .set(HttpHeaderNames.CONTENT_LENGTH, body.length())
                .set(HttpHeaderNames.CACHE_CONTROL, HttpHeaderValues.NO_STORE)
                .set("x-content-type-options", "nosniff");
        if (status.equals(HttpResponseStatus.METHOD_NOT_ALLOWED)) {
            headers.set(HttpHeaderNames.ALLOW, "GET, HEAD");
        }
        if (close) {
            headers.set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
        }
        channel.writeAndFlush(response).addListener(written -> {
            if (!written.isSuccess()) {
                abort();
            } else if (keepAlive) {
                enter(Phase.IDLE, server.timeouts().idle());
            } else {
                // Closing both directions while bytes of the peer are unread would reset the connection, and the answer
                // with it.
                enter(Phase.CLOSING, server.timeouts().linger());
                var unused = channel.shutdownOutput();
            }
        });
    }
}
