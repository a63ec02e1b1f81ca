package io.nearkv.net.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.KvException;
import io.nearkv.net.protocol.ErrorCodec;
import io.nearkv.net.protocol.FrameReader;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.Frames;
import io.nearkv.net.protocol.Protocol;
import io.nearkv.net.wire.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.util.function.BiFunction;
import java.util.function.Consumer;

/** A blocking socket that sends any bytes and reads frames: a client that does nothing by itself. */
final class RawConnection implements AutoCloseable {
    private static final int PATIENCE_MILLIS = 10_000;

    final Socket socket;
    private final DataInputStream in;

    /** A frame that the server sent. */
    static final class Answer {
        private final byte[] frame;

        Answer(byte[] frame) {
            this.frame = frame;
        }

        int type() {
            return frame[4] & 0xff;
        }

        int flags() {
            return frame[5] & 0xff;
        }

        int id() {
            return ByteBuffer.wrap(frame).getInt(8);
        }

        <T> T read(BiFunction<ByteBuf, FrameReader, T> reader) {
            ByteBuf buffer = Unpooled.wrappedBuffer(frame);
            FrameReader header = new FrameReader(Protocol.MAX_FRAME_BYTES);
            assertThat(header.next(buffer)).isTrue();
            return reader.apply(buffer, header);
        }

        KvException error() {
            assertThat(toString()).startsWith("ERROR");
            return read(ErrorCodec::read);
        }

        long version() {
            return read(Frames::readLong);
        }

        byte[] body() {
            return read((buffer, header) -> ByteBufUtil.getBytes(buffer, header.bodyOffset(), header.bodyLength()));
        }

        @Override
        public String toString() {
            return FrameType.name(type()) + " " + id()
                    + (type() == FrameType.ERROR ? " " + read(ErrorCodec::read).getMessage() : "");
        }
    }

    RawConnection(InetSocketAddress address) throws IOException {
        this(new Socket(), address);
    }

    RawConnection(Socket socket, InetSocketAddress address) throws IOException {
        this.socket = socket;
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(PATIENCE_MILLIS);
        if (!socket.isConnected()) {
            socket.connect(address);
        }
        this.in = new DataInputStream(socket.getInputStream());
    }

    /** Sends what the writers append, in one piece. */
    @SafeVarargs
    final RawConnection send(Consumer<ByteBuf>... frames) throws IOException {
        return send(bytes(frames));
    }

    RawConnection send(byte[] bytes) throws IOException {
        socket.getOutputStream().write(bytes);
        socket.getOutputStream().flush();
        return this;
    }

    @SafeVarargs
    static byte[] bytes(Consumer<ByteBuf>... frames) {
        ByteBuf out = Unpooled.buffer();
        for (Consumer<ByteBuf> frame : frames) {
            frame.accept(out);
        }
        return ByteBufUtil.getBytes(out);
    }

    /** Says HELLO and expects HELLO_OK. */
    Wire.HelloOk hello(String token) throws IOException {
        Answer answer = sendHello(token).read();
        assertThat(answer.type()).as(answer.toString()).isEqualTo(FrameType.HELLO_OK);
        return answer.read((buffer, header) -> Frames.parse(Wire.HelloOk.parser(), buffer, header));
    }

    RawConnection sendHello(String token) throws IOException {
        return sendHello(helloOf(token).build());
    }

    RawConnection sendHello(Wire.Hello hello) throws IOException {
        return send(out -> Frames.writeHello(out, 1, hello));
    }

    static Wire.Hello.Builder helloOf(String token) {
        return Wire.Hello.newBuilder()
                .setMinVersion(1)
                .setMaxVersion(1)
                .setToken(token)
                .setClientName("raw");
    }

    /** Reads the next frame. */
    Answer read() throws IOException {
        int length = in.readInt();
        assertThat(length).isBetween(8, Protocol.MAX_FRAME_BYTES - 4);
        byte[] frame = new byte[4 + length];
        ByteBuffer.wrap(frame).putInt(length);
        in.readFully(frame, 4, length);
        return new Answer(frame);
    }

    /** Reads the next frame, which must be of this type. */
    Answer read(int type) throws IOException {
        Answer answer = read();
        assertThat(FrameType.name(answer.type())).as(answer.toString()).isEqualTo(FrameType.name(type));
        return answer;
    }

    /** Reads what is left, and expects the end of the connection. Returns the last frame's error, which must be about the connection. */
    KvException readLastWords() throws IOException {
        Answer last = read(FrameType.ERROR);
        expectEnd();
        return last.error();
    }

    /** Expects that the server closes without another frame. */
    void expectEnd() throws IOException {
        try {
            assertThat(in.read()).as("end of the connection").isEqualTo(-1);
        } catch (SocketException | EOFException reset) {
            assertThat(reset).isNotNull(); // a reset is an end, too
        }
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
