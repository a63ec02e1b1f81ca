package io.nearkv.cluster;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.ratis.RaftConfigKeys;
import org.apache.ratis.conf.RaftProperties;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto.AppendResult;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotReplyProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotRequestProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotResult;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.proto.RaftProtos.RaftRpcReplyProto;
import org.apache.ratis.proto.RaftProtos.RaftRpcRequestProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteReplyProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteRequestProto;
import org.apache.ratis.protocol.ClientId;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.protocol.RaftClientReply;
import org.apache.ratis.protocol.RaftClientRequest;
import org.apache.ratis.protocol.RaftGroup;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.RaftServerConfigKeys;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.raftlog.RaftLog;
import org.apache.ratis.server.storage.FileInfo;
import org.apache.ratis.statemachine.SnapshotInfo;
import org.apache.ratis.statemachine.TransactionContext;
import org.apache.ratis.statemachine.impl.BaseStateMachine;
import org.apache.ratis.statemachine.impl.SingleFileSnapshotInfo;
import org.apache.ratis.util.MD5FileUtil;
import org.apache.ratis.util.SizeInBytes;
import org.apache.ratis.util.TimeDuration;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a node that leads sends again, and from where, when its only follower fails it. The follower is the test, and each request has one entry. */
class EntrySenderTest {
    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final int HEARTBEAT_MILLIS = 100;
    private static final int PIECE_BYTES = 1000;
    private static final int RANDOM_WRITES = 300;
    private static final RaftGroupId LOG = RaftGroupId.valueOf(new UUID(0x106, 0x7E57));
    private static final ClientId CLIENT = ClientId.randomId();
    private static final AtomicLong CALLS = new AtomicLong();

    /** Has nothing, or a snapshot with which the log begins. */
    private static final class Machine extends BaseStateMachine {
        private final @Nullable SnapshotInfo snapshot;

        Machine(@Nullable SnapshotInfo snapshot) {
            this.snapshot = snapshot;
            if (snapshot != null) {
                updateLastAppliedTermIndex(snapshot.getTerm(), snapshot.getIndex());
            }
        }

        @Override
        public @Nullable SnapshotInfo getLatestSnapshot() {
            return snapshot;
        }

        @Override
        public CompletableFuture<Message> applyTransaction(TransactionContext transaction) {
            LogEntryProto entry = requireNonNull(transaction.getLogEntry());
            updateLastAppliedTermIndex(entry.getTerm(), entry.getIndex());
            return CompletableFuture.completedFuture(Message.EMPTY);
        }
    }

    /** A connection that the leader has made. */
    private record Link(Socket socket, LogWire wire, CompletableFuture<Boolean> ended) {
        /** Breaks it, so that what is on its way is lost. */
        void reset() {
            try {
                socket.setSoLinger(true, 0);
                socket.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        void awaitEnded() {
            assertThat(ended).succeedsWithin(PATIENCE);
        }
    }

    /** Entries, or a heartbeat. */
    private record Request(Link link, AppendEntriesRequestProto message) {
        boolean isHeartbeat() {
            return message.getEntriesCount() == 0;
        }

        /** Returns the index of its only entry. */
        long index() {
            assertThat(message.getEntriesCount()).isEqualTo(1);
            return message.getEntries(0).getIndex();
        }

        /** Returns the entry on which it follows, -1 if it is the first. */
        long previous() {
            return message.hasPreviousLog() ? message.getPreviousLog().getIndex() : -1;
        }

        void succeed() throws IOException {
            // To a heartbeat, Ratis says nothing about entries.
            long match = isHeartbeat() ? RaftLog.INVALID_LOG_INDEX : index();
            answer(AppendResult.SUCCESS, match, match + 1);
        }

        void succeedUnlessEnded() {
            try {
                succeed();
            } catch (IOException e) {
                assertThat(link.ended()).succeedsWithin(PATIENCE);
            }
        }

        void isInconsistent(long next) throws IOException {
            answer(AppendResult.INCONSISTENCY, RaftLog.INVALID_LOG_INDEX, next);
        }

        private void answer(AppendResult result, long match, long next) throws IOException {
            link.wire()
                    .write(
                            LogWire.Kind.ENTRIES,
                            AppendEntriesReplyProto.newBuilder()
                                    .setServerReply(reply(message.getServerRequest()))
                                    .setTerm(message.getLeaderTerm())
                                    .setResult(result)
                                    .setMatchIndex(match)
                                    .setNextIndex(next)
                                    .setFollowerCommit(Math.min(message.getLeaderCommit(), match))
                                    .setIsHearbeat(isHeartbeat())
                                    .build());
        }
    }

    private record Piece(Link link, InstallSnapshotRequestProto message) {
        void answer(InstallSnapshotResult result) throws IOException {
            link.wire()
                    .write(
                            LogWire.Kind.SNAPSHOT,
                            InstallSnapshotReplyProto.newBuilder()
                                    .setServerReply(reply(message.getServerRequest()))
                                    .setTerm(message.getLeaderTerm())
                                    .setResult(result)
                                    .setRequestIndex(message.getSnapshotChunk().getRequestIndex())
                                    .build());
        }
    }

    private static RaftRpcReplyProto reply(RaftRpcRequestProto request) {
        return RaftRpcReplyProto.newBuilder()
                .setRequestorId(request.getRequestorId())
                .setReplyId(request.getReplyId())
                .setRaftGroupId(request.getRaftGroupId())
                .setCallId(request.getCallId())
                .setSuccess(true)
                .build();
    }

    private final BlockingQueue<Request> requests = new LinkedBlockingQueue<>();
    private final BlockingQueue<Piece> pieces = new LinkedBlockingQueue<>();
    private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
    /** Whether heartbeats are not answered either. */
    private volatile boolean silent;

    private ServerSocket listener;
    private @Nullable RaftServer server;

    @TempDir
    Path folder;

    @BeforeEach
    void listen() throws IOException {
        listener = new ServerSocket(0, 64, InetAddress.getLoopbackAddress());
        thread(this::accept);
    }

    @AfterEach
    void close() throws IOException {
        if (server != null) {
            server.close();
        }
        listener.close();
        for (Socket socket : sockets) {
            socket.close();
        }
    }

    private static void thread(Runnable task) {
        Thread thread = new Thread(task, "follower");
        thread.setDaemon(true);
        thread.start();
    }

    private void accept() {
        while (true) {
            try {
                Socket socket = listener.accept();
                sockets.add(socket);
                thread(() -> serve(socket));
            } catch (IOException e) {
                return; // The test is over.
            }
        }
    }

    private void serve(Socket socket) {
        CompletableFuture<Boolean> ended = new CompletableFuture<>();
        try (LogWire wire = LogWire.accepted(socket, null, PATIENCE)) {
            Link link = new Link(socket, wire, ended);
            while (true) {
                take(link, wire.read());
            }
        } catch (IOException e) {
            ended.complete(true); // By the leader, or by the test.
        }
    }

    private void take(Link link, LogWire.Frame frame) throws IOException {
        switch (frame.kind()) {
            case VOTE -> {
                RequestVoteRequestProto request = frame.message(RequestVoteRequestProto.parser());
                link.wire()
                        .write(
                                LogWire.Kind.VOTE,
                                RequestVoteReplyProto.newBuilder()
                                        .setServerReply(reply(request.getServerRequest()))
                                        .setTerm(request.getCandidateTerm())
                                        .build());
            }
            case ENTRIES -> {
                Request request = new Request(link, frame.message(AppendEntriesRequestProto.parser()));
                if (request.isHeartbeat() && !silent) {
                    request.succeed();
                }
                requests.add(request);
            }
            case SNAPSHOT -> pieces.add(new Piece(link, frame.message(InstallSnapshotRequestProto.parser())));
            case ELECTION, FAILURE -> throw new IOException("nothing that a leader sends to this follower");
        }
    }

    /** Has a node become the leader of this follower; its first entry is on its way. */
    private void lead(Duration patience, Machine machine) throws IOException {
        RaftPeer self =
                RaftPeer.newBuilder().setId("n0").setAddress("127.0.0.1:0").build();
        RaftPeer other = RaftPeer.newBuilder()
                .setId("n1")
                .setAddress("127.0.0.1:" + listener.getLocalPort())
                .build();
        RaftProperties properties = new RaftProperties();
        RaftServerConfigKeys.setStorageDir(
                properties, List.of(folder.resolve("n0").toFile()));
        RaftConfigKeys.Rpc.setType(properties, new LogRpc());
        RaftServerConfigKeys.Rpc.setTimeoutMin(properties, millis(2 * HEARTBEAT_MILLIS));
        // For so long it leads without an answer: longer than anything here is waited for.
        RaftServerConfigKeys.Rpc.setTimeoutMax(properties, millis(2 * PATIENCE.toMillis()));
        RaftServerConfigKeys.Rpc.setFirstElectionTimeoutMin(properties, millis(10));
        RaftServerConfigKeys.Rpc.setFirstElectionTimeoutMax(properties, millis(20));
        // One on the disk takes a second to be closed, but only it can begin with a snapshot.
        RaftServerConfigKeys.Log.setUseMemory(properties, machine.snapshot == null);
        RaftServerConfigKeys.Log.setLogMetadataEnabled(properties, false);
        RaftServerConfigKeys.Log.Appender.setBufferElementLimit(properties, 1);
        RaftServerConfigKeys.Log.Appender.setWaitTimeMin(properties, millis(0));
        RaftServerConfigKeys.Log.Appender.setSnapshotChunkSizeMax(properties, SizeInBytes.valueOf(PIECE_BYTES));
        LogRpc.Settings settings = new LogRpc.Settings(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                null,
                patience,
                new SnapshotPace(1 << 20),
                new LogConnections(),
                log -> new CommitNews());
        RaftServer made = RaftServer.newBuilder()
                .setServerId(self.getId())
                .setGroup(RaftGroup.valueOf(LOG, self, other))
                .setProperties(properties)
                .setParameters(settings.parameters())
                .setStateMachine(machine)
                .build();
        server = made;
        made.start();
    }

    private static TimeDuration millis(long millis) {
        return TimeDuration.valueOf(millis, TimeUnit.MILLISECONDS);
    }

    /** The same, and the follower has taken the first entry. */
    private void lead(Duration patience) throws Exception {
        lead(patience, new Machine(null));
        Request first = next();
        assertThat(first.index()).isZero();
        first.succeed();
        Awaitility.await().atMost(PATIENCE).until(this::isReady);
    }

    private boolean isReady() throws IOException {
        return requireNonNull(server).getDivision(LOG).getInfo().isLeaderReady();
    }

    /** Begins to write an entry. */
    private CompletableFuture<RaftClientReply> write() throws IOException {
        RaftServer leader = requireNonNull(server);
        return leader.submitClientRequestAsync(RaftClientRequest.newBuilder()
                .setClientId(CLIENT)
                .setServerId(leader.getId())
                .setGroupId(LOG)
                .setCallId(CALLS.incrementAndGet())
                .setMessage(Message.valueOf("entry"))
                .setType(RaftClientRequest.writeRequestType())
                .build());
    }

    private static void assertWritten(CompletableFuture<RaftClientReply> write) throws Exception {
        assertThat(write.get(PATIENCE.toSeconds(), TimeUnit.SECONDS).isSuccess())
                .isTrue();
    }

    private Request await(long deadline) throws InterruptedException {
        Request request = requests.poll(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
        return request == null ? fail("nothing came any more") : request;
    }

    /** Waits for the next request with an entry. */
    private Request next() throws InterruptedException {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        Request request = await(deadline);
        while (request.isHeartbeat()) {
            request = await(deadline);
        }
        return request;
    }

    /** Waits for an entry. */
    private Request next(long index) throws InterruptedException {
        Request request = next();
        assertThat(request.index()).isEqualTo(index);
        assertThat(request.previous()).isEqualTo(index - 1);
        return request;
    }

    /** A leader that could send an entry does so before its next heartbeat but one. */
    private void assertNothingButHeartbeatsComes() throws InterruptedException {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        for (int i = 0; i < 2; i++) {
            assertThat(await(deadline)).matches(Request::isHeartbeat, "a heartbeat");
        }
    }

    /** Takes all that comes until that is written. */
    private void finish(CompletableFuture<RaftClientReply> write) throws Exception {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!write.isDone() && System.nanoTime() < deadline) {
            Request request = requests.poll(10, TimeUnit.MILLISECONDS);
            if (request != null && !request.isHeartbeat()) {
                request.succeedUnlessEnded();
            }
        }
        assertWritten(write);
    }

    @Test
    void after_a_broken_connection_goes_on_with_the_first_entry_that_was_not_answered() throws Exception {
        lead(PATIENCE);
        CompletableFuture<RaftClientReply> first = write();
        Request sent = next(1);
        CompletableFuture<RaftClientReply> second = write();
        assertThat(next(2).link()).isSameAs(sent.link());
        CompletableFuture<RaftClientReply> third = write();
        assertThat(next(3).link()).isSameAs(sent.link());
        sent.succeed();
        assertWritten(first); // So the answer has come.

        Link broken = sent.link();
        for (int i = 0; i < 3; i++) {
            broken.reset();
            Link made = next(2).link();
            assertThat(made).isNotSameAs(broken);
            broken = made;
        }
        broken.reset();
        Request again = next(2);
        assertNothingButHeartbeatsComes(); // What the follower makes of that one is not known yet.
        again.succeed();
        assertWritten(second);
        Request last = next(3);
        assertThat(last.link()).isSameAs(again.link());
        last.succeed();
        assertWritten(third);
        CompletableFuture<RaftClientReply> fourth = write();
        next(4).succeed();
        assertWritten(fourth);
    }

    @Test
    void goes_on_where_the_follower_says_with_one_request_until_that_is_taken() throws Exception {
        lead(PATIENCE);
        CompletableFuture<RaftClientReply> first = write();
        Request one = next(1);
        CompletableFuture<RaftClientReply> second = write();
        Request two = next(2);
        CompletableFuture<RaftClientReply> third = write();
        Request three = next(3);

        two.isInconsistent(1);
        Request again = next(1);
        assertNothingButHeartbeatsComes();
        three.isInconsistent(1); // It was sent on the same ground: that is known.
        assertNothingButHeartbeatsComes();
        again.succeed();
        assertWritten(first);
        Request twoAgain = next(2);
        Request threeAgain = next(3);
        twoAgain.succeed();
        threeAgain.succeed();
        assertWritten(second);
        assertWritten(third);
        assertThat(threeAgain.link()).as("nothing was wrong with it").isSameAs(one.link());
    }

    @Test
    void skips_what_the_follower_says_that_it_has() throws Exception {
        lead(PATIENCE);
        CompletableFuture<RaftClientReply> first = write();
        Request one = next(1);
        CompletableFuture<RaftClientReply> second = write();
        Request two = next(2);
        CompletableFuture<RaftClientReply> third = write();
        assertThat(next(3).link()).isSameAs(two.link());

        one.isInconsistent(3);
        next(3).succeed();
        assertWritten(first);
        assertWritten(second);
        assertWritten(third);
    }

    @Test
    void gives_a_follower_up_that_says_nothing_and_tries_it_again() throws Exception {
        Duration patience = Duration.ofMillis(500);
        lead(patience);
        silent = true;
        long begun = System.nanoTime();
        CompletableFuture<RaftClientReply> write = write();
        Request sent = next(1);
        sent.link().awaitEnded();
        assertThat(System.nanoTime() - begun).isGreaterThan(patience.toNanos() / 2);
        Request again = next(1);
        assertThat(again.link()).isNotSameAs(sent.link());
        silent = false;
        again.succeedUnlessEnded();
        finish(write);
    }

    @Test
    void gives_a_connection_up_on_which_it_was_refused_and_tries_again() throws Exception {
        lead(PATIENCE);
        CompletableFuture<RaftClientReply> write = write();
        Request sent = next(1);
        sent.link().wire().refuse("the disk is full");
        sent.link().awaitEnded();
        Request again = next(1);
        assertThat(again.link()).isNotSameAs(sent.link());
        again.link().wire().refuse("the disk is full");
        again.link().awaitEnded();
        next(1).succeed();
        assertWritten(write);
    }

    @Test
    void a_snapshot_that_the_follower_has_already_needs_not_be_sent_to_its_end() throws Exception {
        Path file = Files.write(folder.resolve("snapshot"), new byte[3 * PIECE_BYTES]);
        TermIndex at = TermIndex.valueOf(1, 100);
        lead(
                PATIENCE,
                new Machine(new SingleFileSnapshotInfo(
                        new FileInfo(file, MD5FileUtil.computeMd5ForFile(file.toFile())), at)));
        next(101).isInconsistent(0);

        Piece piece = piece(0);
        piece.link().reset();
        Piece again = piece(0);
        assertThat(again.link()).isNotSameAs(piece.link());
        again.answer(InstallSnapshotResult.SUCCESS);
        piece(1).answer(InstallSnapshotResult.ALREADY_INSTALLED);

        again.link().awaitEnded();
        next(101).succeed();
        Awaitility.await().atMost(PATIENCE).until(this::isReady);
        CompletableFuture<RaftClientReply> write = write();
        next(102).succeed();
        assertWritten(write);
        assertThat(pieces).isEmpty();
    }

    private Piece piece(int number) throws InterruptedException {
        Piece piece = requireNonNull(pieces.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS), "no piece came");
        assertThat(piece.message().getSnapshotChunk().getRequestIndex()).isEqualTo(number);
        return piece;
    }

    /** What breaks is chosen by chance; the follower otherwise does what one of Ratis would. */
    @Test
    void whatever_breaks_the_follower_gets_each_entry_after_the_one_before() throws Exception {
        long seed = ThreadLocalRandom.current().nextLong();
        Random random = new Random(seed);
        lead(PATIENCE);
        List<CompletableFuture<RaftClientReply>> writes = new ArrayList<>();
        for (int i = 0; i < RANDOM_WRITES; i++) {
            writes.add(write());
        }
        CompletableFuture<Void> all = CompletableFuture.allOf(writes.toArray(CompletableFuture[]::new));
        Set<Link> broken = new HashSet<>();
        Set<Link> refused = new HashSet<>();
        long last = 0;
        int failures = 0;
        long deadline = System.nanoTime() + 2 * PATIENCE.toNanos();
        while (!all.isDone()) {
            assertThat(System.nanoTime()).as("seed %d, at entry %d", seed, last).isLessThan(deadline);
            Request request = requests.poll(10, TimeUnit.MILLISECONDS);
            if (request == null || request.isHeartbeat() || broken.contains(request.link())) {
                continue;
            }
            if (request.previous() > last) {
                assertThat(refused)
                        .as("seed %d: %d after %d", seed, request.index(), last)
                        .contains(request.link());
                request.isInconsistent(last + 1);
                continue;
            }
            int chance = random.nextInt(20);
            if (chance > 1) {
                last = Math.max(last, request.index());
            }
            switch (chance) {
                case 0, 2 -> {
                    request.link().reset();
                    broken.add(request.link());
                    failures++;
                }
                case 3 -> {
                    request.link().wire().refuse("by chance");
                    broken.add(request.link());
                    failures++;
                }
                case 1 -> {
                    request.isInconsistent(request.previous()); // As one that has not got the entry before.
                    refused.add(request.link());
                    failures++;
                }
                default -> request.succeed();
            }
        }
        for (CompletableFuture<RaftClientReply> write : writes) {
            assertWritten(write);
        }
        assertThat(last).isEqualTo(RANDOM_WRITES);
        assertThat(failures).isPositive();
    }
}
