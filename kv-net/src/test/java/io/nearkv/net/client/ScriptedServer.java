package io.nearkv.net.client;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.net.protocol.ErrorCodec;
import io.nearkv.net.protocol.FoundFrame;
import io.nearkv.net.protocol.FrameReader;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.Frames;
import io.nearkv.net.protocol.Protocol;
import io.nearkv.net.wire.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * A server that says what a test tells it to, for answers that the real one gives only by bad luck. Speaks the real frames over real sockets; one thread for each
 * connection. Thread-safe.
 */
final class ScriptedServer implements AutoCloseable {
    /** What arrived: frames by type and id, in order, over all connections. */
    record Received(int connection, int type, int id, ByteBuffer body) {
        boolean is(int wanted) {
            return type == wanted;
        }

        int timeoutMillis() {
            return body.getInt(16);
        }
    }

    /** One connection, as the script sees it. */
    static final class Conversation {
        final int number;
        private final Socket socket;

        Conversation(int number, Socket socket) {
            this.number = number;
            this.socket = socket;
        }

        /** Sends frames. */
        void send(Consumer<ByteBuf> frames) {
            ByteBuf out = Unpooled.buffer();
            frames.accept(out);
            try {
                synchronized (socket) {
                    out.getBytes(0, socket.getOutputStream(), out.readableBytes());
                    socket.getOutputStream().flush();
                }
            } catch (IOException e) {
                // The client has left; the test sees that on its side.
                return;
            }
        }

        void found(int id, String value) {
            send(out -> FoundFrame.write(
                    out, id, ByteBuffer.wrap(value.getBytes(java.nio.charset.StandardCharsets.UTF_8)), null, 1, 0));
        }

        void missing(int id) {
            send(out -> Frames.writeEmpty(out, FrameType.MISSING, id));
        }

        void written(int id, long version) {
            send(out -> Frames.writeLong(out, FrameType.WRITTEN, id, version));
        }

        void conditionFailed(int id, long version) {
            send(out -> Frames.writeLong(out, FrameType.CONDITION_FAILED, id, version));
        }

        void error(int id, ErrorCode code) {
            error(id, new KvException(code, "as the script says"));
        }

        void error(int id, KvException failure) {
            send(out -> ErrorCodec.write(out, id, failure));
        }

        void goAway() {
            send(out -> Frames.writeMessage(out, FrameType.GOAWAY, 0, 0, Wire.GoAway.getDefaultInstance()));
        }

        /** Ends the connection. */
        void close() {
            try {
                socket.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /** Reacts to a request. */
    interface Script {
        void on(Conversation conversation, Received request);
    }

    private final ServerSocket listener;
    private final Script script;
    private final Wire.HelloOk hello;
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    final List<Conversation> conversations = new CopyOnWriteArrayList<>();
    final List<Received> received = new CopyOnWriteArrayList<>();

    /** Starts a server of the environment {@code testing}. */
    ScriptedServer(Script script) {
        this(hello("testing").build(), script);
    }

    ScriptedServer(Wire.HelloOk hello, Script script) {
        this.script = script;
        this.hello = hello;
        try {
            listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Thread thread = new Thread(this::accept, "scripted-accept");
        thread.setDaemon(true);
        thread.start();
    }

    /** Returns what a server of this environment says of itself. */
    static Wire.HelloOk.Builder hello(String environment) {
        return Wire.HelloOk.newBuilder()
                .setVersion(1)
                .setEnvironment(environment)
                .setBuildId("build-1")
                .setLimits(Wire.ConnectionLimits.newBuilder()
                        .setMaxRequestsInFlight(1024)
                        .setMaxBytesInFlight(1 << 30)
                        .setStreamWindowBytes(Protocol.MIN_STREAM_WINDOW_BYTES));
    }

    String address() {
        return "kv://127.0.0.1:" + listener.getLocalPort();
    }

    int port() {
        return listener.getLocalPort();
    }

    /** Returns what arrived of one type, oldest first. */
    List<Received> received(int type) {
        return received.stream().filter(frame -> frame.is(type)).toList();
    }

    private void accept() {
        while (!listener.isClosed()) {
            try {
                Socket socket = listener.accept();
                socket.setTcpNoDelay(true);
                sockets.add(socket);
                Conversation conversation = new Conversation(conversations.size(), socket);
                conversations.add(conversation);
                Thread thread = new Thread(() -> converse(conversation), "scripted-" + conversation.number);
                thread.setDaemon(true);
                thread.start();
            } catch (IOException e) {
                return;
            }
        }
    }

    private void converse(Conversation conversation) {
        FrameReader frames = new FrameReader(Protocol.MAX_FRAME_BYTES);
        ByteBuf in = Unpooled.buffer();
        byte[] chunk = new byte[64 * 1024];
        try (InputStream stream = conversation.socket.getInputStream()) {
            for (int read = stream.read(chunk); read >= 0; read = stream.read(chunk)) {
                in.writeBytes(chunk, 0, read);
                while (frames.next(in)) {
                    byte[] body = new byte[frames.bodyLength()];
                    in.getBytes(frames.bodyOffset(), body);
                    on(
                            conversation,
                            new Received(
                                    conversation.number, frames.type(), frames.correlationId(), ByteBuffer.wrap(body)));
                }
                in.discardReadBytes();
            }
        } catch (IOException e) {
            // The client or the test has closed it.
            return;
        }
    }

    private void on(Conversation conversation, Received frame) {
        received.add(frame);
        if (frame.is(FrameType.HELLO)) {
            conversation.send(out -> Frames.writeMessage(out, FrameType.HELLO_OK, 0, frame.id(), hello));
        } else if (frame.is(FrameType.PING)) {
            conversation.send(
                    out -> Frames.writeLong(out, FrameType.PONG, 0, frame.body().getLong(0)));
        } else {
            script.on(conversation, frame);
        }
    }

    /** Returns a script that answers the n-th request of the types that are counted with the n-th of these, and all later ones with the last. */
    @SafeVarargs
    static Script inTurn(
            Predicate<Received> counted, java.util.function.BiConsumer<Conversation, Received>... answers) {
        var count = new java.util.concurrent.atomic.AtomicInteger();
        return (conversation, frame) -> {
            if (counted.test(frame)) {
                answers[Math.min(count.getAndIncrement(), answers.length - 1)].accept(conversation, frame);
            }
        };
    }

    @Override
    public void close() throws IOException {
        listener.close();
        for (Socket socket : sockets) {
            socket.close();
        }
    }
}
