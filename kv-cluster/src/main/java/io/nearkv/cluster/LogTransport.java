package io.nearkv.cluster;

import java.io.EOFException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import java.util.Collection;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotReplyProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotRequestProto;
import org.apache.ratis.proto.RaftProtos.RaftRpcRequestProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteReplyProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteRequestProto;
import org.apache.ratis.proto.RaftProtos.StartLeaderElectionReplyProto;
import org.apache.ratis.proto.RaftProtos.StartLeaderElectionRequestProto;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.rpc.RpcType;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.RaftServerRpc;
import org.apache.ratis.thirdparty.com.google.protobuf.MessageLite;
import org.apache.ratis.thirdparty.com.google.protobuf.Parser;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How the logs of nodes reach each other. Here a node takes what others send, each connection in a thread of its own, and asks for votes, each over a connection of its own: that is
 * rare, and an old one might be dead. Entries and snapshots go by {@link EntrySender}. Only what Raft needs is answered; what clients of Ratis could ask is not there. Thread-safe.
 */
final class LogTransport implements RaftServerRpc {
    private static final Logger log = LoggerFactory.getLogger(LogTransport.class);
    /** More than the other nodes of the largest cluster with its largest number of partitions need. */
    private static final int MAX_CONNECTIONS = 4096;
    /** One that leads sends something several times a second. */
    private static final Duration IDLE = Duration.ofMinutes(1);

    private final RaftServer server;
    private final RpcType type;
    private final InetSocketAddress address;
    private final @Nullable LogTls tls;
    private final Duration patience;
    private final Map<RaftPeerId, String> addresses = new ConcurrentHashMap<>();
    private final Set<Socket> accepted = ConcurrentHashMap.newKeySet();
    private final AtomicInteger connections = new AtomicInteger();
    private volatile @Nullable ServerSocket listener;
    private volatile boolean closed;

    /**
     * Makes it; it listens from {@link #start} on.
     *
     * @param patience for connecting to another node, and for its answer
     */
    LogTransport(RaftServer server, RpcType type, InetSocketAddress address, @Nullable LogTls tls, Duration patience) {
        this.server = server;
        this.type = type;
        this.address = address;
        this.tls = tls;
        this.patience = patience;
    }

    @Override
    public void start() throws IOException {
        ServerSocket socket = new ServerSocket();
        try {
            socket.bind(address);
        } catch (IOException e) {
            socket.close();
            throw new IOException(
                    "the address " + address.getHostString() + ":" + address.getPort() + " cannot be listened on: "
                            + e.getMessage(),
                    e);
        }
        listener = socket;
        thread("nearkv-log-accept", () -> accept(socket));
    }

    private static void thread(String name, Runnable task) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        thread.start();
    }

    private void accept(ServerSocket from) {
        while (!closed) {
            try {
                Socket socket = from.accept();
                if (connections.incrementAndGet() > MAX_CONNECTIONS) {
                    connections.decrementAndGet();
                    log.atWarn()
                            .addArgument(MAX_CONNECTIONS)
                            .log("a connection to the log was refused: there are {}, as many as may be");
                    socket.close();
                    continue;
                }
                accepted.add(socket);
                if (closed) {
                    socket.close();
                }
                thread("nearkv-log-in", () -> serve(socket));
            } catch (IOException e) {
                if (!closed) {
                    log.atWarn().setCause(e).log("no connection to the log could be accepted");
                    pause();
                }
            }
        }
    }

    /** As when there are no file descriptors left. */
    private static void pause() {
        try {
            Thread.sleep(100);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void serve(Socket socket) {
        try (LogWire wire = LogWire.accepted(socket, tls, patience)) {
            wire.readTimeout(IDLE);
            while (!closed) {
                LogWire.Frame frame = wire.read();
                try {
                    answer(wire, frame);
                } catch (IOException e) {
                    log.atDebug().setCause(e).log("a request of another node was not carried out");
                    wire.refuse(e.toString());
                    return;
                }
            }
        } catch (EOFException | SocketException | InterruptedIOException e) {
            log.atDebug().setCause(e).log("a connection to the log has ended"); // Its other end is, or was, gone.
        } catch (IOException | RuntimeException e) {
            if (!closed) {
                log.atWarn()
                        .addArgument(socket.getRemoteSocketAddress())
                        .addArgument(e)
                        .log("the connection of {} to the log was ended: {}");
            }
        } finally {
            accepted.remove(socket);
            connections.decrementAndGet();
        }
    }

    private void answer(LogWire wire, LogWire.Frame frame) throws IOException {
        switch (frame.kind()) {
            case ENTRIES -> append(wire, frame.message(AppendEntriesRequestProto.parser()));
            case VOTE -> wire.write(frame.kind(), server.requestVote(frame.message(RequestVoteRequestProto.parser())));
            case ELECTION ->
                wire.write(
                        frame.kind(),
                        server.startLeaderElection(frame.message(StartLeaderElectionRequestProto.parser())));
            case SNAPSHOT ->
                wire.write(frame.kind(), server.installSnapshot(frame.message(InstallSnapshotRequestProto.parser())));
            case FAILURE -> throw new IOException("an answer where a request belongs");
        }
    }

    /** Entries of one connection are taken in their order; answers go out as soon as they are on the disk. */
    private void append(LogWire wire, AppendEntriesRequestProto request) throws IOException {
        var unused = server.appendEntriesAsync(request).whenComplete((reply, failed) -> {
            try {
                if (failed != null) {
                    wire.refuse(failed.toString());
                } else {
                    wire.write(LogWire.Kind.ENTRIES, reply);
                }
            } catch (IOException e) {
                log.atDebug().setCause(e).log("an answer to a node that leads could not be sent");
                wire.close();
            }
        });
    }

    @Override
    public void addRaftPeers(Collection<RaftPeer> peers) {
        for (RaftPeer peer : peers) {
            if (peer.getAddress() != null) {
                addresses.put(peer.getId(), peer.getAddress());
            }
        }
    }

    private <M> M ask(RaftRpcRequestProto header, LogWire.Kind kind, MessageLite request, Parser<M> answers)
            throws IOException {
        RaftPeerId to = RaftPeerId.valueOf(header.getReplyId());
        String there = addresses.get(to);
        if (there == null) {
            throw new IOException("nothing is known of a node '" + to + "'");
        }
        try (LogWire wire = new LogWire(tls)) {
            wire.connect(there, patience);
            return wire.ask(kind, request, answers);
        }
    }

    @Override
    public RequestVoteReplyProto requestVote(RequestVoteRequestProto request) throws IOException {
        return ask(request.getServerRequest(), LogWire.Kind.VOTE, request, RequestVoteReplyProto.parser());
    }

    @Override
    public StartLeaderElectionReplyProto startLeaderElection(StartLeaderElectionRequestProto request)
            throws IOException {
        return ask(request.getServerRequest(), LogWire.Kind.ELECTION, request, StartLeaderElectionReplyProto.parser());
    }

    @Override
    public AppendEntriesReplyProto appendEntries(AppendEntriesRequestProto request) {
        throw new UnsupportedOperationException("entries go by " + EntrySender.class.getSimpleName());
    }

    @Override
    public InstallSnapshotReplyProto installSnapshot(InstallSnapshotRequestProto request) {
        throw new UnsupportedOperationException("snapshots go by " + EntrySender.class.getSimpleName());
    }

    @Override
    public InetSocketAddress getInetSocketAddress() {
        ServerSocket socket = listener;
        return socket == null ? address : (InetSocketAddress) socket.getLocalSocketAddress();
    }

    @Override
    public RpcType getRpcType() {
        return type;
    }

    @Override
    public void handleException(RaftPeerId node, Exception e, boolean reconnect) {
        // There is no connection to be made anew.
    }

    @Override
    public void close() throws IOException {
        closed = true;
        ServerSocket socket = listener;
        if (socket != null) {
            socket.close();
        }
        for (Socket each : accepted) {
            each.close();
        }
    }
}
