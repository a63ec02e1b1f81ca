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
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One attempt to connect a lane: asks one server after the other, each at all its addresses, until one is reached and passes the checks. Each server has the
 * connect timeout for all of it: name, connection, TLS and HELLO. One that hangs does not hold up the others: what takes longer than the silence timeout goes on beside the
 * next, and the first that passes is taken. Confined to the lane's event loop.
 */
final class ConnectRound {
    private final Lane lane;
    private final List<ServerAddress> servers;
    private int nextServer;
    private int serversLeft;
    /** In the order in which they began. */
    private final List<Candidate> candidates = new ArrayList<>();

    private @Nullable Future<?> patience;
    private KvException failure;
    private boolean over;

    /** A server that is being asked. */
    private static final class Candidate {
        final ServerAddress server;
        boolean resolving = true;
        /** Those that were not tried yet. */
        final Deque<InetSocketAddress> addresses = new ArrayDeque<>();

        final List<Session> sessions = new ArrayList<>();

        @Nullable
        Future<?> timeout;

        Candidate(ServerAddress server) {
            this.server = server;
        }

        boolean isOver() {
            return !resolving && addresses.isEmpty() && sessions.isEmpty();
        }

        void stopTimeout() {
            if (timeout != null) {
                timeout.cancel(false);
                timeout = null;
            }
        }
    }

    ConnectRound(Lane lane, int firstServer) {
        this.lane = lane;
        this.servers = lane.pool.options.servers();
        this.nextServer = firstServer;
        this.serversLeft = servers.size();
        this.failure = lane.pool.unavailable("no server could be reached", null);
    }

    /** Asks the first server. */
    void begin() {
        goOn();
    }

    /** Tries the next address, beside what is under way. */
    private void goOn() {
        stopPatience();
        if (over) {
            return;
        }
        for (Candidate candidate : candidates) {
            if (!candidate.addresses.isEmpty()) {
                waitPatiently();
                connect(candidate);
                return;
            }
        }
        if (serversLeft > 0) {
            serversLeft--;
            waitPatiently();
            ask(new Candidate(servers.get(Math.floorMod(nextServer++, servers.size()))));
        } else if (candidates.isEmpty()) {
            over = true;
            lane.uplink.onRoundFailed(failure);
        }
    }

    private void waitPatiently() {
        patience = lane.loop.schedule(
                this::goOn, lane.pool.options.silenceTimeout().toNanos(), TimeUnit.NANOSECONDS);
    }

    private void ask(Candidate candidate) {
        candidates.add(candidate);
        candidate.timeout = lane.loop.schedule(
                () -> onTimeout(candidate), lane.pool.options.connectTimeout().toNanos(), TimeUnit.NANOSECONDS);
        String host = candidate.server.host();
        byte[] literal = NetUtil.createByteArrayFromIpAddressString(host);
        if (literal != null) {
            try {
                // With the name, though it is a literal: nobody looks it up.
                onResolved(candidate, new InetAddress[] {InetAddress.getByAddress(host, literal)});
            } catch (UnknownHostException e) {
                onUnresolved(candidate, e);
            }
            return;
        }
        // The JDK's resolver blocks, for many seconds if it must, and the event loop has other connections to care for.
        Thread resolver = new Thread(() -> resolve(candidate), "nearkv-client-resolver");
        resolver.setDaemon(true);
        resolver.start();
    }

    private void resolve(Candidate candidate) {
        Runnable found;
        try {
            InetAddress[] all = InetAddress.getAllByName(candidate.server.host());
            found = () -> onResolved(candidate, all);
        } catch (UnknownHostException e) {
            found = () -> onUnresolved(candidate, e);
        }
        try {
            lane.loop.execute(found);
        } catch (RejectedExecutionException e) {
            assert lane.pool.isClosed();
        }
    }

    private void onUnresolved(Candidate candidate, UnknownHostException cause) {
        if (candidate.resolving) {
            candidate.resolving = false;
            onFailed(
                    candidate,
                    lane.pool.unavailable(candidate.server + " has no address: the host name is unknown", cause));
        }
    }

    private void onResolved(Candidate candidate, InetAddress[] found) {
        if (candidate.resolving && !over) {
            candidate.resolving = false;
            for (InetAddress address : found) {
                candidate.addresses.add(new InetSocketAddress(address, candidate.server.port()));
            }
            connect(candidate);
        }
    }

    private void connect(Candidate candidate) {
        ServerAddress server = candidate.server;
        InetSocketAddress address = candidate.addresses.remove();
        Session session = new Session(lane, server);
        candidate.sessions.add(session);
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

    private void onTimeout(Candidate candidate) {
        candidate.timeout = null;
        KvException late = lane.pool.unavailable(
                candidate.server + " could not be reached within " + lane.pool.options.connectTimeout(), null);
        candidate.addresses.clear();
        if (candidate.resolving) {
            candidate.resolving = false;
            onFailed(candidate, late);
        }
        for (Session session : List.copyOf(candidate.sessions)) {
            session.close(late);
        }
    }

    /** Notes that a connection has ended before the server had been checked. */
    void onClosed(Session closed, KvException cause) {
        for (Candidate candidate : List.copyOf(candidates)) {
            if (candidate.sessions.remove(closed)) {
                onFailed(candidate, cause);
            }
        }
    }

    private void onFailed(Candidate candidate, KvException cause) {
        if (over) {
            return;
        }
        // A denial says more than any number of servers that are away.
        if (failure.denial() == null) {
            failure = cause;
        }
        if (cause.denial() != null) {
            candidate.addresses.clear();
        }
        if (candidate.isOver()) {
            candidate.stopTimeout();
            candidates.remove(candidate);
        }
        goOn();
    }

    /** Notes that the lane is connected, or closed: gives up all connections but this one. */
    void end(@Nullable Session reached) {
        over = true;
        stopPatience();
        for (Candidate candidate : candidates) {
            candidate.stopTimeout();
            for (Session session : List.copyOf(candidate.sessions)) {
                if (session != reached) {
                    session.close(lane.pool.unavailable(candidate.server + " was not needed any more", null));
                }
            }
        }
    }

    private void stopPatience() {
        if (patience != null) {
            patience.cancel(false);
            patience = null;
        }
    }
}
