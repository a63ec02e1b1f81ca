package io.nearkv.bench.compare;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;

/** Moves bytes over the loopback interface with blocking sockets and nothing else: what a large answer is measured against, and how it is read. */
final class LoopbackCopy {
    private static final int PIECE_BYTES = 64 * 1024;

    private LoopbackCopy() {}

    /** Returns how many nanoseconds so many bytes take from one thread to another. */
    static long copy(int bytes) throws IOException {
        try (ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            CompletableFuture<Void> writer = CompletableFuture.runAsync(() -> {
                try (Socket socket = listener.accept()) {
                    int unused = socket.getInputStream().read(); // the word to begin
                    OutputStream out = socket.getOutputStream();
                    byte[] piece = new byte[PIECE_BYTES];
                    for (int left = bytes; left > 0; left -= piece.length) {
                        out.write(piece, 0, Math.min(left, piece.length));
                    }
                } catch (IOException e) {
                    throw new IllegalStateException("copy over loopback failed", e);
                }
            });
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), listener.getLocalPort())) {
                long start = System.nanoTime();
                socket.getOutputStream().write(1);
                read(socket.getInputStream(), bytes);
                long taken = System.nanoTime() - start;
                writer.join();
                return taken;
            }
        }
    }

    /** Returns how many nanoseconds a get takes, from the request to the last byte of a value of this length. */
    static long get(URI address, String token, int bytes) throws IOException {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(address.getHost(), address.getPort()));
            String head = "GET " + address.getPath() + " HTTP/1.1\r\nHost: " + address.getAuthority()
                    + "\r\nAuthorization: Bearer " + token + "\r\nConnection: close\r\n\r\n";
            long start = System.nanoTime();
            socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
            InputStream in = socket.getInputStream();
            skipHead(in);
            read(in, bytes);
            return System.nanoTime() - start;
        }
    }

    private static void skipHead(InputStream in) throws IOException {
        StringBuilder head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            int next = in.read();
            if (next < 0) {
                throw new IOException("the answer ended in its head: " + head);
            }
            head.append((char) next);
        }
        if (!head.toString().startsWith("HTTP/1.1 200 ")) {
            throw new IOException("large get: " + head);
        }
    }

    private static void read(InputStream in, int bytes) throws IOException {
        byte[] piece = new byte[PIECE_BYTES];
        for (int left = bytes; left > 0; ) {
            int count = in.read(piece, 0, Math.min(left, piece.length));
            if (count < 0) {
                throw new IOException(left + " bytes are missing");
            }
            left -= count;
        }
    }
}
