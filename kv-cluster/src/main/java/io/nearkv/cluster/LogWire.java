package io.nearkv.cluster;

import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.ratis.thirdparty.com.google.protobuf.CodedInputStream;
import org.apache.ratis.thirdparty.com.google.protobuf.CodedOutputStream;
import org.apache.ratis.thirdparty.com.google.protobuf.MessageLite;
import org.apache.ratis.thirdparty.com.google.protobuf.Parser;
import org.apache.ratis.thirdparty.com.google.protobuf.UnsafeByteOperations;
import org.jspecify.annotations.Nullable;

/**
 * A connection between the logs of two nodes: messages of Ratis in frames, as docs/formats/cluster-log.md says. Blocking, so that whoever has a message writes it itself and whoever
 * waits for one is woken by it: each thread in between costs more than the rest of the way. One thread reads; any may write and close.
 */
final class LogWire implements Closeable {
    /** What a frame is; its answer has the same, or {@link #FAILURE}. */
    enum Kind {
        /** Why a request was not carried out, as text; the connection ends. */
        FAILURE(0),
        ENTRIES(1),
        VOTE(2),
        ELECTION(3),
        SNAPSHOT(4);

        private final int code;

        Kind(int code) {
            this.code = code;
        }

        private static Kind of(int code) throws IOException {
            for (Kind kind : values()) {
                if (kind.code == code) {
                    return kind;
                }
            }
            throw new IOException("a frame of kind " + code + " (expected: 0 to 4)");
        }
    }

    /** A frame as it came. */
    static final class Frame {
        private final Kind kind;
        private final byte[] body;

        private Frame(Kind kind, byte[] body) {
            this.kind = kind;
            this.body = body;
        }

        Kind kind() {
            return kind;
        }

        /** Reads the message in it, which goes on using these bytes. */
        <M> M message(Parser<M> parser) throws IOException {
            CodedInputStream in = UnsafeByteOperations.unsafeWrap(body).newCodedInput();
            in.enableAliasing(true);
            return parser.parseFrom(in);
        }

        String text() {
            return new String(body, StandardCharsets.UTF_8);
        }
    }

    private static final int GREETING = 0x4e4b4c31; // "NKL1"
    private static final int HEADER_BYTES = 5;
    /** More than the longest entry with what is around it. */
    static final int MAX_BYTES = 64 << 20;
    /** What is made room for before the bytes are there. */
    private static final int TRUSTED_BYTES = 1 << 20;

    private static final int BUFFER_BYTES = 64 << 10;

    /** Closed without the layer of TLS over it, which might wait to say good-bye. */
    private final Socket raw;

    private final @Nullable LogTls tls;
    private volatile @Nullable DataInputStream in;
    private volatile @Nullable OutputStream out;
    private volatile @Nullable Socket socket;
    private final Object writing = new Object();

    private LogWire(Socket raw, @Nullable LogTls tls) {
        this.raw = raw;
        this.tls = tls;
    }

    /** Makes one that {@link #connect} connects. */
    LogWire(@Nullable LogTls tls) {
        this(new Socket(), tls);
    }

    /** Takes over one that another node has made, and reads its greeting. */
    static LogWire accepted(Socket raw, @Nullable LogTls tls, Duration patience) throws IOException {
        LogWire wire = new LogWire(raw, tls);
        raw.setOption(StandardSocketOptions.TCP_NODELAY, true);
        raw.setSoTimeout(Math.toIntExact(patience.toMillis()));
        DataInputStream in = wire.use(tls == null ? raw : tls.server(raw));
        int greeting = in.readInt();
        if (greeting != GREETING) {
            throw new IOException("not the log of a node: the first bytes are " + Integer.toHexString(greeting)
                    + " (expected: " + Integer.toHexString(GREETING) + ")");
        }
        return wire;
    }

    private DataInputStream use(Socket layered) throws IOException {
        DataInputStream reader = new DataInputStream(new BufferedInputStream(layered.getInputStream(), BUFFER_BYTES));
        socket = layered;
        in = reader;
        out = layered.getOutputStream();
        return reader;
    }

    /**
     * Connects to the log of a node.
     *
     * @param address HOST:PORT
     * @param patience for connecting, and again for TLS
     */
    void connect(String address, Duration patience) throws IOException {
        int colon = address.lastIndexOf(':');
        String host = address.substring(0, colon);
        int port = Integer.parseInt(address.substring(colon + 1));
        int millis = Math.toIntExact(patience.toMillis());
        raw.setOption(StandardSocketOptions.TCP_NODELAY, true);
        raw.connect(resolved(host, port, patience), millis);
        raw.setSoTimeout(millis);
        use(tls == null ? raw : tls.client(raw, host, port));
        write(ByteBuffer.allocate(Integer.BYTES).putInt(GREETING).array());
    }

    /** In another thread, because nothing else ends a look for a name that nobody answers. */
    private static InetSocketAddress resolved(String host, int port, Duration patience) throws IOException {
        CompletableFuture<InetSocketAddress> look = new CompletableFuture<>();
        Thread thread = new Thread(() -> look.complete(new InetSocketAddress(host, port)), "nearkv-log-name");
        thread.setDaemon(true);
        thread.start();
        try {
            return look.get(patience.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException | ExecutionException e) {
            throw new IOException("the name '" + host + "' has no address for " + patience.toMillis() + " ms", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted");
        }
    }

    /** Sets for how long a read waits for the next byte. */
    void readTimeout(Duration timeout) throws IOException {
        connected(socket).setSoTimeout(Math.toIntExact(timeout.toMillis()));
    }

    private static <T> T connected(@Nullable T part) throws IOException {
        if (part == null) {
            throw new IOException("not connected");
        }
        return part;
    }

    /** Returns whether a frame begins before the time for a read is over. */
    boolean awaitFrame() throws IOException {
        InputStream from = connected(in);
        from.mark(1);
        try {
            if (from.read() < 0) {
                throw new EOFException("the other node has ended the connection");
            }
        } catch (SocketTimeoutException e) {
            return false;
        }
        from.reset();
        return true;
    }

    /** Waits for a frame. */
    Frame read() throws IOException {
        DataInputStream from = connected(in);
        int length = from.readInt();
        Kind kind = Kind.of(from.readUnsignedByte());
        if (length < 0 || length > MAX_BYTES) {
            throw new IOException("a frame of " + length + " bytes (expected: at most " + MAX_BYTES + ")");
        }
        byte[] body;
        if (length <= TRUSTED_BYTES) {
            body = new byte[length];
            from.readFully(body);
        } else {
            body = from.readNBytes(length);
            if (body.length < length) {
                throw new EOFException("the other node has ended the connection in the midst of a frame");
            }
        }
        return new Frame(kind, body);
    }

    /** Sends a message; waits until the operating system has taken it. */
    void write(Kind kind, MessageLite message) throws IOException {
        int size = message.getSerializedSize();
        byte[] frame = frame(kind, size);
        CodedOutputStream body = CodedOutputStream.newInstance(frame, HEADER_BYTES, size);
        message.writeTo(body);
        body.checkNoSpaceLeft();
        write(frame);
    }

    /** Says why a request was not carried out. */
    void refuse(String reason) throws IOException {
        byte[] text = reason.getBytes(StandardCharsets.UTF_8);
        byte[] frame = frame(Kind.FAILURE, text.length);
        System.arraycopy(text, 0, frame, HEADER_BYTES, text.length);
        write(frame);
    }

    private static byte[] frame(Kind kind, int size) {
        byte[] frame = new byte[HEADER_BYTES + size];
        ByteBuffer.wrap(frame).putInt(size).put((byte) kind.code);
        return frame;
    }

    private void write(byte[] bytes) throws IOException {
        OutputStream to = connected(out);
        synchronized (writing) {
            to.write(bytes);
        }
    }

    /** Sends a request and waits for its answer. */
    <M> M ask(Kind kind, MessageLite request, Parser<M> answers) throws IOException {
        write(kind, request);
        Frame answer = read();
        if (answer.kind() == Kind.FAILURE) {
            throw new IOException("the other node has refused it: " + answer.text());
        }
        if (answer.kind() != kind) {
            throw new IOException("an answer of kind " + answer.kind() + " (expected: " + kind + ")");
        }
        return answer.message(answers);
    }

    @Override
    public void close() {
        try {
            raw.close();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e); // Nothing was left to be written.
        }
    }
}
