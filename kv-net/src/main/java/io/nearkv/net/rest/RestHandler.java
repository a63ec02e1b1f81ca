package io.nearkv.net.rest;

import io.nearkv.core.DirectReader;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.Origin;
import io.nearkv.net.server.Counters;
import io.nearkv.net.server.Counters.Cut;
import io.nearkv.net.server.Op;
import io.nearkv.net.server.ServerContext;
import io.nearkv.net.server.SessionGuard;
import io.nearkv.net.server.StallClock;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.codec.CodecException;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultLastHttpContent;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http2.DefaultHttp2ResetFrame;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.ssl.SslCloseCompletionEvent;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.ReferenceCountUtil;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes the requests of one HTTP/1.1 connection, one after the other, or that of one HTTP/2 stream; sees to it that each gets one answer and that nothing is mistaken for the next request.
 * What a request means is {@link Endpoints}'. Confined to its event loop.
 *
 * <p>A request lasts from its head until it is answered <em>and</em> its body has been read. What arrives behind it meanwhile waits in {@code waiting}, and the socket is not
 * read: at most one read's worth. A body that nobody wants any more, because the request was refused, is read and thrown away up to a bound, so that the client gets to read the
 * answer; beyond that the connection closes.
 */
final class RestHandler extends ChannelInboundHandlerAdapter implements DirectReader.Visitor {
    private static final Logger log = LoggerFactory.getLogger(RestHandler.class);

    /** A refused value of 25 MiB and some is read to its end; what is longer costs the connection. */
    private static final int MAX_DISCARDED_BYTES = 32 * 1024 * 1024;

    /** How long a closing connection waits for its peer to read the last words and close. */
    private static final long LINGER_NANOS = TimeUnit.SECONDS.toNanos(2);

    private final RestConnection connection;
    private final RestContext context;
    private final boolean http2;
    private final Endpoints endpoints;
    private final Deque<HttpObject> waiting = new ArrayDeque<>();

    private @Nullable ChannelHandlerContext channelContext;
    private @Nullable Exchange exchange;

    // The request under way.
    private Op op = Op.OTHER;
    private boolean inRequest;
    private boolean parked;
    private int parkings;
    private long parkedSinceNanos;
    private boolean headSent;
    private boolean answered;
    private boolean bodyRead;
    private boolean http10;
    private boolean headOnly;
    private boolean closeAfter;
    private boolean continueExpected;
    private long discardedBytes;
    private long beganNanos;
    private @Nullable StallClock discarding;
    private @Nullable String acceptEncoding;
    private @Nullable String origin;

    private boolean reading;
    private boolean goingOn;
    private boolean flushNeeded;
    private boolean inputShut;
    private boolean outputShut;
    private boolean closing;
    private long closeByNanos;
    private boolean unread;
    private long unreadSinceNanos;

    RestHandler(RestConnection connection, boolean http2) {
        this.connection = connection;
        this.context = connection.context();
        this.http2 = http2;
        this.endpoints = new Endpoints(this, connection, context);
    }

    ServerContext server() {
        return context.server();
    }

    private ChannelHandlerContext ctx() {
        ChannelHandlerContext known = channelContext;
        if (known == null) {
            throw new IllegalStateException("the connection is not open yet");
        }
        return known;
    }

    EventLoop loop() {
        return ctx().channel().eventLoop();
    }

    ByteBuf buffer(int bytes) {
        return ctx().alloc().directBuffer(bytes);
    }

    boolean isWritable() {
        return ctx().channel().isWritable();
    }

    // ---- events of the channel ----

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        channelContext = ctx;
        connection.add(this);
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        gone();
        connection.remove(this);
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        gone();
        ctx.fireChannelInactive();
    }

    private void gone() {
        closing = true;
        parked = false;
        Exchange running = exchange;
        if (running != null) {
            end(running);
        }
        waiting.forEach(ReferenceCountUtil::release);
        waiting.clear();
        if (inRequest) {
            inRequest = false;
            connection.requestEnded();
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event instanceof ChannelInputShutdownEvent || event instanceof SslCloseCompletionEvent) {
            inputShut = true;
            if (outputShut) {
                var unused = ctx.close();
            } else {
                noMoreComes();
                flush();
            }
        }
        ctx.fireUserEventTriggered(event);
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (closing || !(message instanceof HttpObject object)) {
            // Of HTTP/2 also frames come that are no part of a request, such as priorities.
            ReferenceCountUtil.release(message);
            return;
        }
        reading = true;
        if (waiting.isEmpty() && accepts()) {
            handle(object);
        } else {
            waiting.add(object);
            pause();
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        reading = false;
        flush();
        ctx.fireChannelReadComplete();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        if (ctx.channel().isWritable()) {
            // Not at once: this comes in the middle of a flush, which may be in the middle of anything.
            loop().execute(this::writable);
        }
        ctx.fireChannelWritabilityChanged();
    }

    private void writable() {
        Exchange running = exchange;
        if (running != null) {
            try {
                running.writable();
            } catch (RuntimeException e) {
                fail(running, e);
            }
        } else {
            goOn();
        }
        flush();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        if (cause instanceof IOException || cause instanceof CodecException || cause instanceof Http2Exception) {
            // The peer's doing; hostile ones cause many of them.
            log.atDebug().setCause(cause).log("HTTP connection failed");
        } else {
            log.atWarn().setCause(cause).log("HTTP connection failed");
        }
        var unused = ctx.close();
    }

    // ---- reading ----

    /** Returns whether what comes next belongs to the request under way, or may begin one: not as long as the client leaves answers unread, which would pile up here. */
    private boolean accepts() {
        if (parked) {
            return false;
        }
        return inRequest ? !bodyRead : http2 || isWritable();
    }

    private void pause() {
        ctx().channel().config().setAutoRead(false);
    }

    /** The exchange wants no more of the body for a while. */
    void pauseBody() {
        pause();
    }

    /** The exchange takes more of the body. */
    void resumeBody() {
        goOn();
    }

    /** Takes what has waited, and reads on when nothing does any more. */
    private void goOn() {
        if (goingOn) {
            return; // called by what is handled there; the loop goes on by itself, after it
        }
        goingOn = true;
        try {
            while (!closing && !waiting.isEmpty() && accepts()) {
                handle(waiting.remove());
            }
        } finally {
            goingOn = false;
        }
        if (!closing && waiting.isEmpty() && accepts()) {
            if (inputShut) {
                noMoreComes();
            } else {
                ctx().channel().config().setAutoRead(true);
            }
        }
    }

    /** The client has closed its direction. What it has asked is answered; a request that has not come whole never will. */
    private void noMoreComes() {
        if (closing || !waiting.isEmpty()) {
            return;
        }
        Exchange running = exchange;
        if (!inRequest || !bodyRead) {
            if (running != null) {
                end(running);
            }
            closeWhenWritten();
        } else if (running != null) {
            running.inputClosed();
        }
    }

    private void handle(HttpObject object) {
        try {
            if (object.decoderResult().isFailure()) {
                malformed(object);
                return;
            }
            if (object instanceof HttpRequest request) {
                begin(request);
            }
            if (object instanceof HttpContent content && inRequest) {
                if (parked) {
                    // A request that came whole: its body waits for it.
                    waiting.addFirst(
                            new DefaultLastHttpContent(content.content().retain()));
                } else {
                    body(content);
                }
            }
        } finally {
            ReferenceCountUtil.release(object);
        }
    }

    private void malformed(HttpObject object) {
        server().counters().count(Cut.PROTOCOL_ERROR);
        boolean inBody = inRequest;
        if (!inRequest) {
            newRequest();
        }
        RestException why = HttpRules.refusalOf(object.decoderResult().cause(), inBody);
        log.atDebug().setCause(object.decoderResult().cause()).log("malformed HTTP");
        closeAfter = true;
        Exchange running = exchange;
        if (running != null) {
            fail(running, why);
        } else if (!answered) {
            refuse(op, why);
        } else {
            closeGently();
        }
    }

    private void newRequest() {
        inRequest = true;
        parked = false;
        headSent = false;
        answered = false;
        bodyRead = false;
        http10 = false;
        headOnly = false;
        continueExpected = false;
        acceptEncoding = null;
        origin = null;
        discardedBytes = 0;
        discarding = null;
        op = Op.OTHER;
        beganNanos = System.nanoTime();
        connection.requestBegan();
    }

    private void begin(HttpRequest request) {
        newRequest();
        HttpHeaders headers = request.headers();
        http10 = !http2 && request.protocolVersion().equals(HttpVersion.HTTP_1_0);
        headOnly = request.method().equals(HttpMethod.HEAD);
        closeAfter = !http2 && (!HttpUtil.isKeepAlive(request) || context.isDraining());
        acceptEncoding = headers.get(HttpHeaderNames.ACCEPT_ENCODING);
        Cors cors = context.cors();
        if (cors != null) {
            origin = headers.get(HttpHeaderNames.ORIGIN);
        }
        try {
            if (!http2) {
                try {
                    HttpRules.check(request);
                } catch (RestException e) {
                    closeAfter = true;
                    server().counters().count(Cut.PROTOCOL_ERROR);
                    throw e;
                }
            }
            continueExpected = HttpRules.expectsContinue(request);
            if (HttpUtil.getContentLength(request, 0L) > MAX_DISCARDED_BYTES) {
                discardedBytes = MAX_DISCARDED_BYTES; // if it is refused, nobody waits for its end
            }
            if (cors != null && Cors.isPreflight(request)) {
                answer(Op.OTHER, cors.preflight(origin, date()), Counters.OK);
            } else {
                dispatch(() -> endpoints.handle(request));
            }
        } catch (RuntimeException e) {
            refuseOrFail(e);
        }
    }

    private void dispatch(Runnable step) {
        if (context.isDraining()) {
            throw RestException.of(new KvException(
                    ErrorCode.UNAVAILABLE, "the server is shutting down; connect to another, or again later"));
        }
        step.run();
        if (exchange != null && continueExpected && !bodyRead) {
            continueExpected = false;
            push(HttpRules.continueResponse());
            flushIfIdle();
        }
    }

    private void refuseOrFail(RuntimeException failure) {
        Exchange begun = exchange;
        if (begun != null) {
            fail(begun, failure);
        } else {
            refuse(op, failure);
        }
    }

    /** Says what the request under way is counted as. */
    void isFor(Op newOp) {
        op = newOp;
    }

    /** The request waits until something is known that it needs. Returns a ticket, with which {@link #unpark} goes on with it. */
    int park() {
        parked = true;
        parkedSinceNanos = System.nanoTime();
        pause();
        return ++parkings;
    }

    /** Goes on with the request that was parked, unless it is over; the step throws what it is refused with. */
    void unpark(int ticket, Runnable step) {
        if (!parked || closing || ticket != parkings) {
            return;
        }
        parked = false;
        try {
            dispatch(step);
        } catch (RuntimeException e) {
            refuseOrFail(e);
        }
        goOn();
        flush();
    }

    private void body(HttpContent content) {
        int length = content.content().readableBytes();
        Exchange running = exchange;
        if (running == null) {
            discardedBytes += length;
            StallClock clock = discarding;
            if (clock != null) {
                clock.moved(length);
            }
            if (discardedBytes > MAX_DISCARDED_BYTES && !(content instanceof LastHttpContent)) {
                closeGently();
                return;
            }
        } else if (length > 0) {
            try {
                running.body(content.content());
            } catch (RuntimeException e) {
                fail(running, e);
            }
        }
        if (content instanceof LastHttpContent && inRequest && !closing) {
            bodyRead = true;
            Exchange still = exchange;
            if (still != null) {
                try {
                    still.bodyEnd();
                } catch (RuntimeException e) {
                    fail(still, e);
                }
            }
            finishIfDone();
        }
    }

    // ---- exchanges ----

    /** Takes an exchange into those in flight, with so many bytes of the budget; throws 503 if there is no room. */
    void admit(Exchange begun, long bytes) {
        server().admit(bytes);
        begun.admitted(bytes);
        exchange = begun;
    }

    /** Ends an exchange; what it holds is given back. */
    private void end(Exchange running) {
        if (running.isEnded()) {
            return;
        }
        running.markEnded();
        exchange = null;
        server().ended();
        running.hold(0);
        try {
            running.release();
        } catch (RuntimeException e) {
            log.atError().setCause(e).log("resources of a request were not given back");
        }
    }

    /** Ends an exchange with an error. */
    void fail(Exchange running, RuntimeException failure) {
        if (running.isEnded()) {
            return;
        }
        Op failed = running.op;
        boolean begun = headSent;
        end(running);
        if (begun) {
            // Half an answer is out; all that is left is not to let it look like a whole one.
            count(failed, restException(failed, failure).error().code());
            ctx().flush(); // with the answers before it
            var unused = ctx().close();
        } else {
            refuse(failed, failure);
        }
    }

    /** Ends an exchange with its whole answer. */
    void finish(Exchange running, FullHttpResponse response, int outcome) {
        end(running);
        answer(running.op, response, outcome);
    }

    /** Ends an exchange whose condition did not hold; says which version is there, 0 for none. */
    void finishRefused(Exchange running, RestException refusal, int outcome, long currentVersion) {
        FullHttpResponse response = Refusals.response(refusal, ctx().alloc(), context.date());
        if (currentVersion != 0) {
            response.headers().set(HttpHeaderNames.ETAG, EntityTag.of(currentVersion));
        }
        finish(running, response, outcome);
    }

    // ---- answers ----

    private static RestException restException(Op op, RuntimeException failure) {
        if (failure instanceof RestException known) {
            return known;
        }
        if (failure.getCause() instanceof RestException known) {
            return known;
        }
        KvException error = failure instanceof IllegalStateException
                ? new KvException(ErrorCode.UNAVAILABLE, "the store does not take requests", failure)
                : KvException.from(failure);
        if (error.code() == ErrorCode.INTERNAL) {
            log.atError().addKeyValue("op", op.label()).setCause(error).log("operation failed");
        }
        return RestException.of(error);
    }

    private void refuse(Op failed, RuntimeException failure) {
        RestException refusal = restException(failed, failure);
        if (refusal.workersCode() == WorkersCodes.KEY_NOT_FOUND) {
            count(failed, Counters.MISSING);
        } else {
            count(failed, refusal.error().code());
        }
        write(Refusals.response(refusal, ctx().alloc(), context.date()));
    }

    /** Answers that the key is absent; ends the exchange, if there is one. */
    void answerMissing(Op read, Origin origin) {
        Exchange running = exchange;
        if (running != null) {
            end(running);
        }
        FullHttpResponse response = Refusals.response(RestException.keyNotFound(), ctx().alloc(), context.date());
        Responses.origin(response.headers(), origin);
        answer(read, response, Counters.MISSING);
    }

    /** Answers the request under way, whole. Takes the response over. */
    void answer(Op done, FullHttpResponse response, int outcome) {
        count(done, outcome);
        write(response);
    }

    private void write(FullHttpResponse response) {
        FullHttpResponse sent = response;
        if (headOnly && response.content().isReadable()) {
            sent = response.replace(Unpooled.EMPTY_BUFFER);
            response.release();
        }
        headSent = true;
        describe(sent.headers());
        push(sent);
        answered();
    }

    private void count(Op done, int outcome) {
        server().counters().count(done, outcome, System.nanoTime() - beganNanos);
    }

    private void count(Op failed, ErrorCode error) {
        server().counters().count(failed, error, System.nanoTime() - beganNanos);
    }

    private void push(Object message) {
        // A write that fails closes the connection, or the stream, by itself.
        var unused = ctx().write(message, ctx().voidPromise());
        flushNeeded = true;
    }

    /** Adds what every head says. */
    private void describe(HttpHeaders headers) {
        Cors cors = context.cors();
        if (cors != null) {
            cors.describe(headers, origin);
        }
        if (http2) {
            return;
        }
        if (!bodyRead && (continueExpected || discardedBytes >= MAX_DISCARDED_BYTES)) {
            closeAfter = true;
        }
        if (closeAfter) {
            headers.set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
        } else if (http10) {
            headers.set(HttpHeaderNames.CONNECTION, HttpHeaderValues.KEEP_ALIVE);
        }
    }

    /** Sends the head of an answer that comes in pieces; they follow with {@link #send}, the end with {@link #finishPieces}. */
    void beginPieces(HttpResponse head) {
        headSent = true;
        if (!http2 && !head.headers().contains(HttpHeaderNames.CONTENT_LENGTH)) {
            if (http10) {
                closeAfter = true; // the end of the connection is the end of the answer
            } else {
                head.headers().set(HttpHeaderNames.TRANSFER_ENCODING, HttpHeaderValues.CHUNKED);
            }
        }
        describe(head.headers());
        push(head);
    }

    /** Sends a piece; takes it over. */
    void send(ByteBuf piece) {
        push(new DefaultHttpContent(piece));
    }

    /** Ends an answer that came in pieces, and the exchange with it. */
    void finishPieces(Exchange running, int outcome) {
        end(running);
        count(running.op, outcome);
        push(LastHttpContent.EMPTY_LAST_CONTENT);
        answered();
    }

    private void answered() {
        answered = true;
        if (!bodyRead && closeAfter) {
            closeGently();
            return;
        }
        if (!bodyRead && !ctx().channel().config().isAutoRead()) {
            ctx().channel().config().setAutoRead(true); // the rest of the body is thrown away
        }
        finishIfDone();
    }

    private void finishIfDone() {
        if (!answered || !bodyRead || !inRequest) {
            return;
        }
        inRequest = false;
        connection.requestEnded();
        if (closeAfter) {
            if (!waiting.isEmpty() || context.isDraining()) {
                closeGently(); // requests may be on their way
            } else {
                closeWhenWritten();
            }
        } else if (!goingOn
                && (inputShut || !waiting.isEmpty() || !ctx().channel().config().isAutoRead())) {
            // Not at once: a burst of requests would be a burst of nested calls.
            loop().execute(() -> {
                goOn();
                flush();
            });
        }
    }

    /** Writes out what was answered, unless a burst of reads is under way, whose end does it. */
    void flushIfIdle() {
        if (!reading) {
            flush();
        }
    }

    void flush() {
        if (flushNeeded && !closing) {
            flushNeeded = false;
            ctx().flush();
        }
    }

    /** Returns whether the client takes gzip, and the answer may be sent without its length. */
    boolean takesGzip() {
        return !http10 && HttpRules.acceptsGzip(acceptEncoding);
    }

    boolean isHeadOnly() {
        return headOnly;
    }

    // ---- the end ----

    /**
     * Closes this direction and waits a moment for the peer to close the other. Closing both while bytes of the peer are unread makes the system answer with a reset, which takes
     * away from the peer what it has not read yet.
     */
    private void closeGently() {
        if (closing) {
            return;
        }
        closing = true;
        closeByNanos = System.nanoTime() + server().limits().slowReaderTimeout().toNanos();
        flushNeeded = false;
        waiting.forEach(ReferenceCountUtil::release);
        waiting.clear();
        ChannelHandlerContext ctx = ctx();
        if (http2) {
            reset(Http2Error.NO_ERROR); // the answer is whole, only the request is not wanted to its end (RFC 9113,
            // section 8.1)
            return;
        }
        ctx.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(written -> {
            SslHandler tls = ctx.pipeline().get(SslHandler.class);
            if (!written.isSuccess() || inputShut) {
                var unused = ctx.close();
            } else if (tls == null) {
                shutOutput(ctx);
            } else {
                tls.closeOutbound().addListener(said -> shutOutput(ctx));
            }
        });
    }

    /** Ends the stream, not its connection. Closing its channel alone says nothing to the peer once both ends were sent, and keeps what waits for the peer's window. */
    private void reset(Http2Error why) {
        ctx().writeAndFlush(new DefaultHttp2ResetFrame(why)).addListener(ChannelFutureListener.CLOSE);
    }

    private void shutOutput(ChannelHandlerContext ctx) {
        if (ctx.channel() instanceof DuplexChannel duplex && !inputShut) {
            outputShut = true;
            closeByNanos = System.nanoTime() + LINGER_NANOS;
            var unused = duplex.shutdownOutput();
            ctx.channel().config().setAutoRead(true);
        } else {
            var unused = ctx.close();
        }
    }

    /** Closes as soon as the client has what was answered. */
    private void closeWhenWritten() {
        closing = true;
        closeByNanos = System.nanoTime() + server().limits().slowReaderTimeout().toNanos();
        flushNeeded = false;
        ctx().writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(ChannelFutureListener.CLOSE);
    }

    void tick(long nowNanos) {
        Exchange running = exchange;
        if (closing) {
            if (nowNanos - closeByNanos > 0) {
                var unused = ctx().close();
            }
        } else if (running != null) {
            KvException overdue = running.overdue(nowNanos);
            if (overdue != null) {
                fail(running, overdue);
                flush();
            }
        } else if (parked) {
            if (nowNanos - parkedSinceNanos > Limits.DEFAULT_TIMEOUT.toNanos()) {
                parked = false;
                refuse(
                        op,
                        new KvException(
                                ErrorCode.DEADLINE_EXCEEDED, "the namespace was not looked up before the deadline"));
                goOn();
                flush();
            }
        } else if (answered && !bodyRead) {
            awaitBody(nowNanos);
        } else if (http2 && answered) {
            awaitReader(nowNanos);
        }
    }

    /** A body that nobody wants any more must not keep the connection for ever. */
    private void awaitBody(long nowNanos) {
        StallClock clock = discarding;
        if (clock == null) {
            discarding = new StallClock(server().limits().stallTimeout().toNanos());
        } else if (clock.isOver(true, nowNanos)) {
            server().counters().count(Cut.FRAME_TIMEOUT);
            var unused = ctx().close();
        }
    }

    /** A stream that is done and still there has an answer for which its client gives no room. */
    private void awaitReader(long nowNanos) {
        if (!unread) {
            unread = true;
            unreadSinceNanos = nowNanos;
        } else if (nowNanos - unreadSinceNanos
                > server().limits().slowReaderTimeout().toNanos()) {
            server().counters().count(Cut.SLOW_READER);
            reset(Http2Error.CANCEL);
        }
    }

    void drain() {
        closeAfter = !http2;
        Exchange running = exchange;
        if (running != null) {
            running.drain();
            flush();
        }
    }

    // ---- direct reads ----

    /** Takes what a direct read found: straight from the view into the answer. */
    @Override
    public void entry(ByteBuffer value, @Nullable ByteBuffer metadata, long version, long expiresAt) {
        ByteBuf body = buffer(Math.max(1, value.remaining()));
        body.writeBytes(value);
        FullHttpResponse response = Responses.full(200, Responses.OCTETS, body, context.date());
        Responses.describe(response.headers(), version, expiresAt, Origin.OWNER);
        answer(Op.GET, response, Counters.OK);
    }

    @Override
    public void entry(GetResult.Found found) {
        ByteBuf body = buffer(Math.max(1, found.length()));
        body.writeBytes(found.borrowArray());
        FullHttpResponse response = Responses.full(200, Responses.OCTETS, body, context.date());
        Responses.describe(response.headers(), found.version(), found.expiresAt(), found.origin());
        answer(Op.GET, response, Counters.OK);
    }

    /** Returns the {@code Date} header of this second. */
    String date() {
        return context.date();
    }

    SessionGuard authenticate(HttpHeaders headers) {
        return connection.caller().authenticate(headers);
    }
}
