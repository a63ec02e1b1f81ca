package io.nearkv.net.client;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.route.DocumentExchange;
import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.net.protocol.ErrorCodec;
import io.nearkv.net.protocol.FrameReader;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.Frames;
import io.nearkv.net.protocol.Protocol;
import io.nearkv.net.protocol.ProtocolException;
import io.nearkv.net.protocol.VerdictCodec;
import io.nearkv.net.transport.EventLoops;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiFunction;

/**
 * One question about signed documents to one node, over a connection of its own: what an operator does when everything else is dead. Loops, connection and all end with the answer.
 * Confined to its event loop.
 */
final class DocumentCall<T> extends ByteToMessageDecoder {
    private static final int ID = 1;
    private static final int HELLO_ID = 2;

    private final FrameReader frames = new FrameReader(Protocol.MAX_FRAME_BYTES);
    private final List<byte[]> documents = new ArrayList<>();
    private final CompletableFuture<T> result = new CompletableFuture<>();
    private final ClientOptions options;
    private final byte[] offered;
    private final boolean withHello;
    private final BiFunction<List<byte[]>, DocumentVerdict, T> answer;

    private DocumentCall(
            ClientOptions options,
            byte[] offered,
            boolean withHello,
            BiFunction<List<byte[]>, DocumentVerdict, T> answer) {
        this.options = options;
        this.offered = offered;
        this.withHello = withHello;
        this.answer = answer;
    }

    /** Offers a document; an empty one asks for the status. A token is shown only where the document is too large to be taken from a stranger. */
    static CompletableFuture<DocumentVerdict> offer(ClientOptions options, byte[] document, Duration timeout) {
        boolean large = document.length + Protocol.HEADER_BYTES > Protocol.MAX_HELLO_FRAME_BYTES;
        return new DocumentCall<>(options, document, large, (all, verdict) -> verdict).start(timeout);
    }

    /** Fetches the documents in force. */
    static CompletableFuture<List<byte[]>> fetch(ClientOptions options, Duration timeout) {
        return new DocumentCall<List<byte[]>>(options, new byte[0], true, (all, verdict) -> List.copyOf(all))
                .start(timeout);
    }

    private CompletableFuture<T> start(Duration timeout) {
        ServerAddress server = options.servers().get(0);
        EventLoops loops = EventLoops.start(EventLoops.Kind.AUTO, 1, "nearkv-document-call", Duration.ZERO);
        SslContext tls = options.tls();
        var unused = new Bootstrap()
                .group(loops.group())
                .channel(loops.socketChannel())
                .option(ChannelOption.TCP_NODELAY, true)
                .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, (int) Math.min(timeout.toMillis(), Integer.MAX_VALUE))
                .handler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        if (server.tls()) {
                            channel.pipeline()
                                    .addLast(Slot.required(tls)
                                            .newHandler(channel.alloc(), server.host(), server.port()));
                        }
                        channel.pipeline().addLast(DocumentCall.this);
                        var unused = result.whenComplete((value, failure) -> close(channel));
                    }
                })
                // Resolved by the JDK on the loop, which has nothing else to do.
                .connect(new InetSocketAddress(server.host(), server.port()))
                .addListener(done -> {
                    if (!done.isSuccess()) {
                        fail("cannot connect to " + server + ": " + done.cause().getMessage(), done.cause());
                    }
                });
        // Elsewhere: the loops wait for their end, and one of them may be what completes this.
        var unusedToo = result.whenCompleteAsync((value, failure) -> loops.close());
        return result;
    }

    private static void close(Channel channel) {
        var unused = channel.close();
    }

    private void fail(String message, Throwable cause) {
        result.completeExceptionally(new KvException(ErrorCode.UNAVAILABLE, message, cause));
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
        if (context.pipeline().get(SslHandler.class) == null) {
            ask(context);
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event instanceof SslHandshakeCompletionEvent handshake) {
            if (handshake.isSuccess()) {
                ask(context);
            } else {
                fail("TLS with " + options.servers().get(0) + " failed: " + handshake.cause(), handshake.cause());
            }
        }
    }

    private void ask(ChannelHandlerContext context) {
        ByteBuf out = context.alloc().directBuffer();
        if (withHello) {
            Greeting greeting = new Greeting(
                    options.token(),
                    options.environment(),
                    options.builds(),
                    options.check(),
                    options.name(),
                    options.streamWindowBytes(),
                    options.store());
            Frames.writeHello(out, HELLO_ID, greeting.hello());
        } else {
            VerdictCodec.writeDocument(out, FrameType.OFFER, ID, offered);
        }
        var unused = context.writeAndFlush(out);
    }

    @Override
    protected void decode(ChannelHandlerContext context, ByteBuf in, List<Object> none) {
        while (!result.isDone() && frames.next(in)) {
            switch (frames.type()) {
                case FrameType.HELLO_OK -> {
                    ByteBuf out = context.alloc().directBuffer();
                    if (offered.length == 0) {
                        Frames.writeEmpty(out, FrameType.FOLLOW, ID);
                    } else {
                        VerdictCodec.writeDocument(out, FrameType.OFFER, ID, offered);
                    }
                    var unused = context.writeAndFlush(out);
                }
                case FrameType.DOCUMENT -> {
                    if (documents.size() < DocumentExchange.MAX_DOCUMENTS) {
                        documents.add(VerdictCodec.readDocument(in, frames));
                    }
                }
                case FrameType.VERDICT -> result.complete(answer.apply(documents, VerdictCodec.read(in, frames)));
                case FrameType.ERROR -> result.completeExceptionally(ErrorCodec.read(in, frames));
                default -> {} // of no interest here
            }
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        fail(
                options.servers().get(0)
                        + " closed the connection without an answer (an older node knows no documents)",
                new IOException("closed"));
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        Throwable inner = cause.getCause() instanceof ProtocolException ? cause.getCause() : cause;
        fail(options.servers().get(0) + " cannot be asked: " + inner.getMessage(), inner);
    }
}
