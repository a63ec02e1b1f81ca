package io.nearkv.cluster;

import java.io.EOFException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.Collection;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
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
import org.apache.ratis.server.protocol.RaftServerAsynchronousProtocol;
import org.apache.ratis.thirdparty.com.google.protobuf.MessageLite;
import org.apache.ratis.thirdparty.com.google.protobuf.Parser;
import org.apache.ratis.util.ProtoUtils;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How the logs of nodes reach each other. Here a node takes what others send, each connection in a thread of its own, and asks for votes, each over a connection of its own: that is
 * rare, and an old one might be dead. Entries and snapshots go by {@link EntrySender}. Only what Raft needs is answered; what clients of Ratis could ask is not there. Thread-safe.
 */
final class LogTransport implements RaftServerRpc {
    private static final Logger log = LoggerFactory.getLogger(LogTransport.class);
    /** Several times what the leaders of the largest number of logs need. */
    private static final int MAX_CONNECTIONS = 1024;
    /** Of those, so many may not have greeted yet. */
    private static final int MAX_UNKNOWN = 256;

    private static final int BACKLOG = 1024;
    /** One that leads sends something several times a second, but while it sends a snapshot. */
    private static final Duration IDLE = Duration.ofMinutes(10);

    private static final int LOOK_MILLIS = 500;

    private static final Long GREETED = Long.MAX_VALUE;

    private final RaftServer server;
    private final RpcType type;
    private final InetSocketAddress address;
    private final @Nullable LogTls tls;
    private final Duration patience;
    private final LogConnections connections;
    private final Map<RaftPeerId, String> addresses = new ConcurrentHashMap<>();
    /** What is connected, and since when it has not greeted, on the clock of {@link System#nanoTime}; {@link #GREETED} if it has. */
    private final Map<Socket, Long> accepted = new ConcurrentHashMap<>();

    /** Of each log, as it was started this time. */
    private final Map<RaftServer.Division, AppendOrder> orders = new ConcurrentHashMap<>();

    private volatile @Nullable ServerSocket listener;
    private volatile boolean closed;

    /**
     * Makes it; it listens from {@link #start} on.
     *
     * @param settings of its node
     */
    LogTransport(RaftServer server, RpcType type, LogRpc.Settings settings) {
        this.server = server;
        this.type = type;
        this.address = settings.address();
        this.tls = settings.tls();
        this.patience = settings.patience();
        this.connections = settings.connections();
    }

    /**
     * Begins to listen.
     *
     * @throws UncheckedIOException if the address is taken; after a checked exception Ratis would not close what it has started
     */
    @Override
    public void start() throws IOException {
        ServerSocket socket = new ServerSocket();
        try {
            socket.bind(address, BACKLOG);
        } catch (IOException e) {
            socket.close();
            throw new UncheckedIOException(
                    "the address " + address.getHostString() + ":" + address.getPort() + " cannot be listened on: "
                            + e.getMessage(),
                    e);
        }
        socket.setSoTimeout(LOOK_MILLIS);
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
                admit(from.accept());
            } catch (SocketTimeoutException e) {
                endUnknown();
            } catch (IOException | RuntimeException e) {
                if (!closed) {
                    log.atWarn().setCause(e).log("no connection to the log could be accepted");
                    endUnknown();
                    pause();
                }
            }
        }
    }

    private void admit(Socket socket) throws IOException {
        endUnknown();
        long unknown = accepted.values().stream()
                .filter(since -> !since.equals(GREETED))
                .count();
        if (accepted.size() >= MAX_CONNECTIONS || unknown >= MAX_UNKNOWN) {
            log.atWarn()
                    .addArgument(accepted.size())
                    .addArgument(unknown)
                    .log("a connection to the log was refused: there are {}, of which {} have not greeted");
            connections.refuse();
            socket.close();
            return;
        }
        accepted.put(socket, System.nanoTime());
        connections.began();
        try {
            thread("nearkv-log-in", () -> serve(socket));
        } catch (OutOfMemoryError e) { // No more threads, mostly.
            accepted.remove(socket);
            connections.ended();
            connections.refuse();
            socket.close();
            throw new IOException("no thread for a connection to the log", e);
        }
        if (closed) {
            socket.close();
        }
    }

    /** However slowly somebody greets or shakes hands. */
    private void endUnknown() {
        long now = System.nanoTime();
        accepted.forEach((socket, since) -> {
            if (!since.equals(GREETED) && now - since > patience.toNanos()) {
                try {
                    socket.close();
                } catch (IOException e) {
                    log.atDebug().setCause(e).log("it was closed already");
                }
            }
        });
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
        try (socket;
                LogWire wire = LogWire.accepted(socket, tls, patience)) {
            accepted.put(socket, GREETED);
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
            connections.ended();
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
            case SNAPSHOT -> wire.write(frame.kind(), installed(frame.message(InstallSnapshotRequestProto.parser())));
            case FAILURE -> throw new IOException("an answer where a request belongs");
        }
    }

    /** Answers go out as soon as the entries, and all that came before them, are on the disk. */
    private void append(LogWire wire, AppendEntriesRequestProto request) throws IOException {
        var unused = appended(request).whenComplete((reply, failed) -> {
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

    private CompletableFuture<AppendEntriesReplyProto> appended(AppendEntriesRequestProto request) throws IOException {
        RaftServer.Division division = division(request.getServerRequest());
        // Not the server: what a division throws, because nothing was appended, would be a failure of the future there.
        if (!(division instanceof RaftServerAsynchronousProtocol its)) {
            throw new IllegalStateException("this version of Ratis takes no entries at a division");
        }
        if (request.getEntriesCount() == 0) {
            return its.appendEntriesAsync(request);
        }
        return order(division)
                .after(() -> its.appendEntriesAsync(request))
                .thenApply(reply -> checked(division, reply));
    }

    /**
     * Returns an answer that holds. Ratis takes an entry for synced that follows on a cut of the log to before what was synced once, although it only will be; and it looks at the term of an
     * entry before it appends it, so that this node may have voted for somebody else in between.
     */
    private static AppendEntriesReplyProto checked(RaftServer.Division division, AppendEntriesReplyProto reply) {
        if (reply.getResult() == AppendEntriesReplyProto.AppendResult.SUCCESS) {
            long synced = division.getRaftLog().getFlushIndex();
            long term = division.getInfo().getCurrentTerm();
            if (reply.getMatchIndex() > synced || reply.getTerm() != term) {
                throw new CompletionException(new IOException("entry " + reply.getMatchIndex() + " of term "
                        + reply.getTerm() + " is not on the disk yet (synced: " + synced + "), or out of date (term: "
                        + term + ")"));
            }
        }
        return reply;
    }

    private RaftServer.Division division(RaftRpcRequestProto header) throws IOException {
        return server.getDivision(ProtoUtils.toRaftGroupId(header.getRaftGroupId()));
    }

    private AppendOrder order(RaftServer.Division division) {
        return orders.computeIfAbsent(division, added -> {
            orders.keySet().removeIf(other -> !other.getInfo().isAlive());
            return new AppendOrder(division.getMemberId().toString());
        });
    }

    /** With the last piece Ratis drops what waits to be written to the log, and forgets that it was never written: so nothing may wait. */
    private InstallSnapshotReplyProto installed(InstallSnapshotRequestProto request) throws IOException {
        if (!request.hasSnapshotChunk() || !request.getSnapshotChunk().getDone()) {
            return server.installSnapshot(request);
        }
        return order(division(request.getServerRequest())).alone(patience, () -> server.installSnapshot(request));
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
        for (Socket each : accepted.keySet()) {
            each.close();
        }
    }
}
