package io.nearkv.net.client;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** A port on which connections are taken and nothing is ever said. */
final class SilentServer implements AutoCloseable {
    private final ServerSocket listener;
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    private final AtomicInteger left = new AtomicInteger();

    SilentServer() {
        try {
            listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        start(this::accept);
    }

    private static void start(Runnable task) {
        Thread thread = new Thread(task, "silent-server");
        thread.setDaemon(true);
        thread.start();
    }

    private void accept() {
        try {
            while (true) {
                Socket socket = listener.accept();
                sockets.add(socket);
                start(() -> read(socket));
            }
        } catch (IOException e) {
            assert listener.isClosed();
        }
    }

    private void read(Socket socket) {
        byte[] ignored = new byte[1024];
        try {
            int read = 0;
            while (read >= 0) {
                read = socket.getInputStream().read(ignored);
            }
        } catch (IOException e) {
            assert e.getMessage() != null : "ended without a farewell, which is an end too";
        }
        left.incrementAndGet();
    }

    String address() {
        return "kv://127.0.0.1:" + listener.getLocalPort();
    }

    /** Returns whether anybody has come. */
    boolean hasConnection() {
        return !sockets.isEmpty();
    }

    /** Returns whether all who had come are gone. */
    boolean isLeft() {
        return hasConnection() && left.get() == sockets.size();
    }

    @Override
    public void close() {
        try {
            listener.close();
            for (Socket socket : sockets) {
                socket.close();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
