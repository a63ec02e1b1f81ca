package io.nearkv.server.program;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** A network between two processes that can be cut: what is under way is lost, and nobody gets through. */
final class CutProxy implements AutoCloseable {
    private final ServerSocket listener;
    private final String host;
    private final int port;
    private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
    private volatile boolean cut;

    /** Leads to {@code HOST:PORT}. */
    CutProxy(String target) throws IOException {
        int colon = target.lastIndexOf(':');
        this.host = target.substring(0, colon);
        this.port = Integer.parseInt(target.substring(colon + 1));
        this.listener = new ServerSocket(0, 128, InetAddress.getLoopbackAddress());
        daemon("proxy-accept", this::accept);
    }

    String address() {
        return "kv://127.0.0.1:" + listener.getLocalPort();
    }

    void cut() {
        cut = true;
        sockets.forEach(CutProxy::quietly);
    }

    void mend() {
        cut = false;
    }

    private static void daemon(String name, Runnable task) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        thread.start();
    }

    private static void quietly(Socket socket) {
        try {
            socket.close();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private void accept() {
        while (!listener.isClosed()) {
            Socket from;
            try {
                from = listener.accept();
            } catch (IOException e) {
                return; // Closed.
            }
            sockets.add(from);
            if (cut) {
                quietly(from);
                continue;
            }
            try {
                Socket to = new Socket(host, port);
                sockets.add(to);
                daemon("proxy-up", () -> copy(from, to));
                daemon("proxy-down", () -> copy(to, from));
                if (cut) {
                    cut();
                }
            } catch (IOException e) {
                quietly(from);
            }
        }
    }

    private void copy(Socket from, Socket to) {
        byte[] buffer = new byte[16 * 1024];
        try (InputStream in = from.getInputStream();
                OutputStream out = to.getOutputStream()) {
            for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                out.write(buffer, 0, count);
            }
        } catch (IOException e) {
            // Cut, or one end has closed: the other is closed too.
            sockets.remove(from);
        } finally {
            quietly(from);
            quietly(to);
            sockets.remove(from);
            sockets.remove(to);
        }
    }

    @Override
    public void close() throws IOException {
        listener.close();
        cut();
    }
}
