package io.nearkv.net.rest;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** A blocking socket that sends any bytes and reads HTTP/1.1 answers: a client that does nothing by itself. */
final class HttpSocket implements AutoCloseable {
    private static final int PATIENCE_MILLIS = 20_000;
    private static final int MAX_PIECE_BYTES = 1024 * 1024;

    final Socket socket;
    private final InputStream in;

    /** A request that is put together line by line. Not thread-safe. */
    static final class Request {
        private final StringBuilder head = new StringBuilder();
        private byte[] content = new byte[0];
        private boolean hasLength;

        private Request(String line) {
            head.append(line).append("\r\n");
        }

        static Request of(String method, String target) {
            return new Request(method + " " + target + " HTTP/1.1");
        }

        @CanIgnoreReturnValue
        Request header(String line) {
            hasLength |= line.toLowerCase(Locale.ROOT).startsWith("content-length:")
                    || line.toLowerCase(Locale.ROOT).startsWith("transfer-encoding:");
            head.append(line).append("\r\n");
            return this;
        }

        @CanIgnoreReturnValue
        Request body(byte[] newContent) {
            content = newContent.clone();
            return this;
        }

        /** Returns the bytes; adds {@code Host}, and the length of a body unless a header says something about it. */
        byte[] bytes() {
            String rest = (head.toString().contains("\r\nHost:") ? "" : "Host: test\r\n")
                    + (content.length > 0 && !hasLength ? "Content-Length: " + content.length + "\r\n" : "");
            return concat(latin1(head + rest + "\r\n"), content);
        }
    }

    private HttpSocket(Socket socket) throws IOException {
        this.socket = socket;
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(PATIENCE_MILLIS);
        this.in = new BufferedInputStream(socket.getInputStream(), 64 * 1024);
    }

    static HttpSocket connect(InetSocketAddress address) throws IOException {
        Socket socket = new Socket();
        socket.connect(address);
        return new HttpSocket(socket);
    }

    /** Takes the socket over. */
    static HttpSocket over(Socket socket) throws IOException {
        return new HttpSocket(socket);
    }

    static byte[] latin1(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    static byte[] concat(byte[]... parts) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            all.writeBytes(part);
        }
        return all.toByteArray();
    }

    /** Returns a chunked body with a chunk for each byte. */
    static byte[] chunksOfOne(byte[] value) {
        byte[] chunks = new byte[value.length * 6];
        for (int i = 0; i < value.length; i++) {
            chunks[i * 6] = '1';
            chunks[i * 6 + 1] = '\r';
            chunks[i * 6 + 2] = '\n';
            chunks[i * 6 + 3] = value[i];
            chunks[i * 6 + 4] = '\r';
            chunks[i * 6 + 5] = '\n';
        }
        return concat(chunks, latin1("0\r\n\r\n"));
    }

    /** Sends all in one piece, as far as it fits into one. */
    @CanIgnoreReturnValue
    HttpSocket send(byte[]... parts) throws IOException {
        long total = 0;
        for (byte[] part : parts) {
            total += part.length;
        }
        if (total <= MAX_PIECE_BYTES) {
            socket.getOutputStream().write(concat(parts));
        } else {
            for (byte[] part : parts) {
                socket.getOutputStream().write(part);
            }
        }
        socket.getOutputStream().flush();
        return this;
    }

    @CanIgnoreReturnValue
    HttpSocket send(String text) throws IOException {
        return send(latin1(text));
    }

    /** Reads the answer to a request that is no HEAD. */
    Answer read() throws IOException {
        return read("GET");
    }

    Answer read(String method) throws IOException {
        Map<String, List<String>> headers = new HashMap<>();
        int status = readHead(headers);
        if (method.equals("HEAD") || status < 200 || status == 204 || status == 304) {
            return new Answer(status, headers, new byte[0]);
        }
        List<String> encoding = headers.getOrDefault("transfer-encoding", List.of());
        List<String> length = headers.getOrDefault("content-length", List.of());
        if (!encoding.isEmpty()) {
            assertThat(encoding).containsExactly("chunked");
            assertThat(length).isEmpty();
            return new Answer(status, headers, readChunks());
        }
        if (length.isEmpty()) {
            return new Answer(status, headers, in.readAllBytes());
        }
        assertThat(length).hasSize(1);
        int count = Integer.parseInt(length.get(0));
        byte[] body = in.readNBytes(count);
        if (body.length < count) {
            throw new EOFException("body of " + body.length + " bytes of " + count);
        }
        return new Answer(status, headers, body);
    }

    /** Reads an answer with exactly this body, without holding it. */
    void expect(byte[] body) throws IOException {
        Map<String, List<String>> headers = new HashMap<>();
        assertThat(readHead(headers)).isEqualTo(200);
        assertThat(headers).containsEntry("content-length", List.of(Integer.toString(body.length)));
        byte[] piece = new byte[64 * 1024];
        for (int at = 0; at < body.length; ) {
            int count = in.read(piece, 0, Math.min(piece.length, body.length - at));
            if (count < 0) {
                throw new EOFException("body of " + at + " bytes of " + body.length);
            }
            assertThat(Arrays.equals(piece, 0, count, body, at, at + count)).isTrue();
            at += count;
        }
    }

    /** Reads status line and headers; returns the status. */
    int readHead(Map<String, List<String>> headers) throws IOException {
        String line = readLine();
        assertThat(line).startsWith("HTTP/1.1 ");
        for (String header = readLine(); !header.isEmpty(); header = readLine()) {
            int colon = header.indexOf(':');
            headers.computeIfAbsent(header.substring(0, colon).toLowerCase(Locale.ROOT), name -> new ArrayList<>())
                    .add(header.substring(colon + 1).strip());
        }
        return Integer.parseInt(line.substring(9, 12));
    }

    private byte[] readChunks() throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        for (byte[] chunk = readChunk(); chunk.length > 0; chunk = readChunk()) {
            body.writeBytes(chunk);
        }
        return body.toByteArray();
    }

    /** Reads one chunk; empty for the last. */
    byte[] readChunk() throws IOException {
        int size = Integer.parseInt(readLine(), 16);
        byte[] chunk = in.readNBytes(size);
        assertThat(chunk).hasSize(size);
        assertThat(readLine()).isEmpty();
        return chunk;
    }

    private String readLine() throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0) {
                throw new EOFException("the connection ended after '" + line + "'");
            }
            line.write(c);
        }
        String text = line.toString(StandardCharsets.ISO_8859_1);
        assertThat(text).endsWith("\r");
        return text.substring(0, text.length() - 1);
    }

    /** Returns whether bytes have come that were not read. */
    boolean hasMore() throws IOException {
        return in.available() > 0;
    }

    /** Expects that the server closes without another byte. */
    void expectEnd() throws IOException {
        try {
            byte[] rest = in.readNBytes(200);
            assertThat(new String(rest, StandardCharsets.ISO_8859_1))
                    .as("what comes behind the last answer")
                    .isEmpty();
        } catch (SocketException reset) {
            assertThat(reset).isNotNull(); // a reset is an end, too
        }
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
