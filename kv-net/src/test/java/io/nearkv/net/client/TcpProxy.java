package io.nearkv.net.client;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/** A network between client and server that fails when a test says so. Real sockets on the loopback interface. Thread-safe. */
final class TcpProxy implements AutoCloseable {
    private final ServerSocket listener;
    private final List<Link> links = new CopyOnWriteArrayList<>();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition thawed = lock.newCondition();
    private volatile int target;
    private volatile boolean frozen;
    private volatile boolean refusing;
    private volatile int pieceBytes = 64 * 1024;
    private volatile long nanosPerPieceUp;
    final AtomicInteger accepted = new AtomicInteger();
    final AtomicLong bytesToServer = new AtomicLong();
    final AtomicLong bytesToClient = new AtomicLong();

    /** One connection through the proxy. */
    private final class Link {
        final Socket client;
        final Socket server;

        Link(Socket client, Socket server) throws IOException {
            this.client = client;
            this.server = server;
            client.setTcpNoDelay(true);
            server.setTcpNoDelay(true);
        }

        void start() {
            start("proxy-up", client, server, true, bytesToServer);
            start("proxy-down", server, client, false, bytesToClient);
        }

        private void start(String name, Socket from, Socket to, boolean up, AtomicLong count) {
            Thread thread = new Thread(() -> carry(from, to, up, count), name);
            thread.setDaemon(true);
            thread.start();
        }

        private void carry(Socket from, Socket to, boolean up, AtomicLong count) {
            byte[] buffer = new byte[64 * 1024];
            try (InputStream in = from.getInputStream();
                    OutputStream out = to.getOutputStream()) {
                while (true) {
                    int read = in.read(buffer, 0, Math.min(buffer.length, 16 * pieceBytes));
                    if (read < 0) {
                        break;
                    }
                    awaitThaw();
                    for (int i = 0; i < read; i += pieceBytes) {
                        int piece = Math.min(pieceBytes, read - i);
                        if (up && nanosPerPieceUp > 0) {
                            LockSupport.parkNanos(nanosPerPieceUp);
                        }
                        out.write(buffer, i, piece);
                        out.flush();
                    }
                    count.addAndGet(read);
                }
            } catch (IOException e) {
                reset();
            } finally {
                links.remove(this);
            }
        }

        /** Ends both sides without a farewell. */
        void reset() {
            for (Socket socket : List.of(client, server)) {
                try {
                    socket.setSoLinger(true, 0);
                    socket.close();
                } catch (IOException e) {
                    assert socket.isClosed() : "it is gone already, which is what we want";
                }
            }
        }
    }

    /** Starts a proxy before a port of this machine. */
    TcpProxy(int target) {
        this(target, 0);
    }

    /** Starts a proxy that takes no more than about so many bytes ahead of what it carries; 0 for what the system thinks best. */
    TcpProxy(int target, int receiveBufferBytes) {
        this.target = target;
        try {
            listener = new ServerSocket();
            if (receiveBufferBytes > 0) {
                listener.setReceiveBufferSize(receiveBufferBytes);
            }
            listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 50);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Thread thread = new Thread(this::accept, "proxy-accept");
        thread.setDaemon(true);
        thread.start();
    }

    /** Returns the address for clients. */
    String address() {
        return "kv://127.0.0.1:" + listener.getLocalPort();
    }

    private void accept() {
        while (!listener.isClosed()) {
            try {
                Socket client = listener.accept();
                if (refusing) {
                    client.setSoLinger(true, 0);
                    client.close();
                    continue;
                }
                Socket server = new Socket();
                server.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), target), 1000);
                Link link = new Link(client, server);
                links.add(link);
                accepted.incrementAndGet();
                link.start();
            } catch (IOException e) {
                assert e.getMessage() != null : "the listener or the server is closed, and clients see that";
            }
        }
    }

    /** Takes new connections to another port. */
    void setTarget(int newTarget) {
        target = newTarget;
    }

    /** Ends all connections that there are. */
    void cut() {
        links.forEach(Link::reset);
    }

    /** Ends all connections, and all new ones at once, until {@link #restore()}. */
    void down() {
        refusing = true;
        cut();
    }

    void restore() {
        refusing = false;
    }

    /** Stops carrying anything, with all connections open, until {@link #thaw()}. */
    void freeze() {
        frozen = true;
    }

    void thaw() {
        lock.lock();
        try {
            frozen = false;
            thawed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void awaitThaw() {
        lock.lock();
        try {
            while (frozen) {
                thawed.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Ends what the server says, while what the client says still arrives. */
    void shutDownTowardsClients() throws IOException {
        for (Link link : links) {
            link.client.shutdownOutput();
        }
    }

    /** Carries at most so many bytes in one write. */
    void setPieceBytes(int bytes) {
        pieceBytes = bytes;
    }

    /** Carries what goes to the server in pieces of 64 KiB, with this time before each. */
    void slowDownUp(Duration perPiece) {
        nanosPerPieceUp = perPiece.toNanos();
    }

    int connections() {
        return links.size();
    }

    @Override
    public void close() throws IOException {
        listener.close();
        thaw();
        cut();
    }
}
