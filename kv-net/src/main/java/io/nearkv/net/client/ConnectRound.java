package io.nearkv.net.client;

import io.nearkv.core.KvException;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.util.NetUtil;
import io.netty.util.concurrent.Future;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One attempt to connect a lane: asks one server after the other, each at all its addresses, until one is reached and passes the checks. Each server has the
 * connect timeout for all of it: name, connection, TLS and HELLO. Confined to the lane's event loop.
 */
final class ConnectRound {
    private final Lane lane;
    private final List<ServerAddress> servers;
    private int nextServer;
    private int serversLeft;
    private Deque<InetSocketAddress> addresses = new ArrayDeque<>();
    private @Nullable Future<?> timeout;
    private @Nullable Session attempt;
    private KvException failure;
    private boolean over;

    ConnectRound(Lane lane, int firstServer) {
        this.lane = lane;
        this.servers = lane.pool.options.servers();
        this.nextServer = firstServer;
        this.serversLeft = servers.size();
        this.failure = lane.pool.unavailable("no server could be reached", null);
    }

    /** Asks the next server. */
    void next() {
        stopTimeout();
        if (over) {
            return;
        }
        if (serversLeft == 0) {
            over = true;
            lane.uplink.onRoundFailed(failure);
            return;
        }
        serversLeft--;
        ServerAddress server = servers.get(Math.floorMod(nextServer++, servers.size()));
        timeout = lane.loop.schedule(
                () -> onTimeout(server), lane.pool.options.connectTimeout().toNanos(), TimeUnit.NANOSECONDS);
        byte[] literal = NetUtil.createByteArrayFromIpAddressString(server.host());
        if (literal != null) {
            try {
                // With the name, though it is a literal: nobody looks it up.
                onResolved(server, new InetAddress[] {InetAddress.getByAddress(server.host(), literal)});
            } catch (UnknownHostException e) {
                onUnresolved(server, e);
            }
            return;
        }
        // The JDK's resolver blocks, for many seconds if it must, and the event loop has other connections to care for.
        Thread resolver = new Thread(() -> resolve(server), "nearkv-client-resolver");
        resolver.setDaemon(true);
        resolver.start();
    }

    private void resolve(ServerAddress server) {
        Runnable found;
        try {
            InetAddress[] all = InetAddress.getAllByName(server.host());
            found = () -> onResolved(server, all);
        } catch (UnknownHostException e) {
            found = () -> onUnresolved(server, e);
        }
        try {
            lane.loop.execute(found);
        } catch (RejectedExecutionException e) {
            assert lane.pool.isClosed();
        }
    }

    private boolean isCurrent(ServerAddress server) {
        return !over && server.equals(servers.get(Math.floorMod(nextServer - 1, servers.size()))) && attempt == null;
    }

    private void onUnresolved(ServerAddress server, UnknownHostException cause) {
        if (isCurrent(server)) {
            onFailed(lane.pool.unavailable(server + " has no address: the host name is unknown", cause));
        }
    }

    private void onResolved(ServerAddress server, InetAddress[] found) {
        if (isCurrent(server)) {
            addresses = new ArrayDeque<>(found.length);
            for (InetAddress address : found) {
                addresses.add(new InetSocketAddress(address, server.port()));
            }
            connect(server);
        }
    }

    private void connect(ServerAddress server) {
        InetSocketAddress address = addresses.remove();
        Session session = new Session(lane, server);
        attempt = session;
        lane.uplink.onOpened(session);
        ChannelFuture connecting = lane.pool.openChannel(lane.loop, address, server, session);
        var unused = connecting.addListener(done -> {
            if (!done.isSuccess()) {
                Channel channel = connecting.channel();
                session.close(lane.pool.unavailable(
                        "cannot connect to " + server + ": " + reason(done.cause()), done.cause()));
                var closing = channel.close();
                assert closing != null;
            }
        });
    }

    private static String reason(Throwable cause) {
        String message = cause.getMessage();
        return message == null ? cause.getClass().getSimpleName() : message;
    }

    private void onTimeout(ServerAddress server) {
        KvException late = lane.pool.unavailable(
                server + " could not be reached within " + lane.pool.options.connectTimeout(), null);
        addresses.clear();
        Session current = attempt;
        if (current != null) {
            current.close(late);
        } else {
            onFailed(late);
        }
    }

    /** Notes that a connection has ended before the server had been checked. */
    void onClosed(Session closed, KvException cause) {
        if (closed == attempt) {
            onFailed(cause);
        }
    }

    private void onFailed(KvException cause) {
        if (over) {
            return;
        }
        // A denial says more than any number of servers that are away.
        if (failure.denial() == null) {
            failure = cause;
        }
        attempt = null;
        if (!addresses.isEmpty() && cause.denial() == null) {
            connect(servers.get(Math.floorMod(nextServer - 1, servers.size())));
        } else {
            next();
        }
    }

    /** Notes that the lane is connected, or closed. */
    void end() {
        over = true;
        stopTimeout();
    }

    private void stopTimeout() {
        if (timeout != null) {
            timeout.cancel(false);
            timeout = null;
        }
    }
}
