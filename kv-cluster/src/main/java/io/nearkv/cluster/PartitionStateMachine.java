package io.nearkv.cluster;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.rocksdb.ReplicaCommand;
import io.nearkv.core.rocksdb.ReplicaStore;
import io.nearkv.core.rocksdb.RocksStoreOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.proto.RaftProtos.StateMachineLogEntryProto;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.protocol.RaftClientRequest;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftGroupMemberId;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.statemachine.SnapshotInfo;
import org.apache.ratis.statemachine.StateMachineStorage;
import org.apache.ratis.statemachine.TransactionContext;
import org.apache.ratis.statemachine.impl.BaseStateMachine;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.apache.ratis.util.LifeCycle;
import org.apache.ratis.util.MD5FileUtil;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What Ratis drives: applies committed entries to the replica, in order, on one thread; takes snapshots and installs those of the leader. Whoever proposed an entry on
 * this node learns its outcome from here, and from nowhere else, so that it does not matter what happened to the leadership in between.
 */
final class PartitionStateMachine extends BaseStateMachine {
    private static final Logger log = LoggerFactory.getLogger(PartitionStateMachine.class);

    /** Hears what happens to the log. All methods are called by threads of Ratis and must not block. */
    interface Listener {
        /** Returns the entry if this node has proposed it and waits for it. */
        @Nullable
        Entry proposed(ByteString clientId, long callId);

        /** An entry is on its way into the log. */
        void appending(ByteString clientId, long callId, TransactionContext context);

        /** An entry was applied; {@code entry} is what {@link #proposed} returned. */
        void applied(ReplicaStore.LogIndex at, int bytes, @Nullable Entry entry, List<ReplicaStore.Outcome> outcomes);

        /** There is a replica; {@code isAhead}: with more than the newest snapshot has. */
        void started(boolean isAhead);

        /** The state jumped here by a snapshot. */
        void installed(ReplicaStore.LogIndex at);

        /** Another leader, or none; or this node is ready to lead. */
        void leadershipChanged();

        /** The replica cannot go on; the node must be restarted. */
        void failed(KvException reason);
    }

    private final RocksStoreOptions options;
    private final ClusterLayout layout;
    private final Path beginning;
    private final Listener listener;
    private final SnapshotStorage snapshots = new SnapshotStorage();
    private volatile @Nullable Path folder;
    private volatile @Nullable ReplicaStore store;

    /**
     * Makes it.
     *
     * @param beginning where the snapshot is that the log begins with, if it begins with one
     */
    PartitionStateMachine(RocksStoreOptions options, ClusterLayout layout, Path beginning, Listener listener) {
        this.options = options;
        this.layout = layout;
        this.beginning = beginning;
        this.listener = listener;
    }

    /** Returns the replica, or null while there is none: before the start, after the end, and while a snapshot is being installed. */
    @Nullable
    ReplicaStore store() {
        return store;
    }

    /** Returns the last entry in the newest snapshot, or -1 if there is none. */
    long snapshotIndex() {
        SnapshotInfo latest = snapshots.getLatestSnapshot();
        return latest == null ? -1 : latest.getIndex();
    }

    @Override
    public void initialize(RaftServer server, RaftGroupId group, RaftStorage storage) throws IOException {
        getLifeCycle().startAndTransition(() -> {
            super.initialize(server, group, storage);
            snapshots.init(storage);
            snapshots.begin(beginning);
            // Beside Ratis' own folders: it puts received snapshots in place of a whole folder.
            folder = storage.getStorageDir().getRoot().toPath().resolve("replica");
            open();
        });
    }

    private void open() throws IOException {
        Path where = folder;
        if (where == null) {
            throw new IllegalStateException("not initialized");
        }
        try {
            ReplicaStore opened = openStore(where);
            SnapshotStorage.Stored newest = snapshots.newest();
            if (newest != null && newest.at().getIndex() > opened.applied().index()) {
                opened.close();
                ReplicaStore.install(where, newest.folder());
                opened = openStore(where);
            }
            setLastAppliedTermIndex(
                    TermIndex.valueOf(opened.applied().term(), opened.applied().index()));
            store = opened;
            listener.started(opened.applied().index()
                    > (newest == null ? -1 : newest.at().getIndex()));
        } catch (KvException e) {
            listener.failed(e);
            throw new IOException(e.getMessage(), e);
        }
    }

    private ReplicaStore openStore(Path where) {
        return ReplicaStore.open(where, options, layout.lineage(), layout.account(), layout.namespace());
    }

    @Override
    public void pause() {
        getLifeCycle().transition(LifeCycle.State.PAUSING);
        closeStore();
        getLifeCycle().transition(LifeCycle.State.PAUSED);
    }

    @Override
    public void reinitialize() throws IOException {
        snapshots.load();
        open();
        getLifeCycle().transition(LifeCycle.State.STARTING);
        getLifeCycle().transition(LifeCycle.State.RUNNING);
        ReplicaStore opened = store;
        if (opened != null) {
            listener.installed(opened.applied());
        }
    }

    @Override
    public StateMachineStorage getStateMachineStorage() {
        return snapshots;
    }

    @Override
    public TransactionContext startTransaction(RaftClientRequest request) throws IOException {
        TransactionContext context = super.startTransaction(request);
        listener.appending(request.getClientId().toByteString(), request.getCallId(), context);
        return context;
    }

    @Override
    public CompletableFuture<Message> applyTransaction(TransactionContext context) {
        LogEntryProto logEntry = context.getLogEntry();
        ReplicaStore.LogIndex at = new ReplicaStore.LogIndex(logEntry.getTerm(), logEntry.getIndex());
        try {
            apply(at, logEntry.getStateMachineLogEntry());
        } catch (RuntimeException e) {
            // Nothing after this may be applied: Ratis stops the node, and the others go on.
            KvException reason = KvException.from(e);
            log.atError()
                    .addKeyValue("index", at.index())
                    .setCause(e)
                    .log("an entry cannot be applied, the node stops");
            listener.failed(reason);
            throw e;
        }
        return CompletableFuture.completedFuture(Message.EMPTY);
    }

    private void apply(ReplicaStore.LogIndex at, StateMachineLogEntryProto logged) {
        ReplicaStore replica = store;
        if (replica == null) {
            throw new KvException(ErrorCode.INTERNAL, "entry " + at.index() + " comes while there is no replica");
        }
        if (at.index() <= replica.applied().index()) {
            return; // Ratis begins at the last snapshot, and what came after it was not lost.
        }
        ByteString data = logged.getLogData();
        CommandCodec.Entry decoded = CommandCodec.decode(data.asReadOnlyByteBuffer());
        Entry entry = listener.proposed(logged.getClientId(), logged.getCallId());
        List<ReplicaCommand> commands = decoded.commands();
        List<ReplicaStore.Outcome> outcomes = List.of();
        if (commands.isEmpty()) {
            replica.skipped(at);
        } else {
            outcomes = replica.apply(at, decoded.millis(), commands);
        }
        updateLastAppliedTermIndex(at.term(), at.index());
        listener.applied(at, data.size(), entry, outcomes);
    }

    @Override
    public void notifyTermIndexUpdated(long term, long index) {
        ReplicaStore replica = store;
        ReplicaStore.LogIndex at = new ReplicaStore.LogIndex(term, index);
        if (replica != null && index > replica.applied().index()) {
            replica.skipped(at);
            super.notifyTermIndexUpdated(term, index);
            listener.applied(at, 0, null, List.of());
        }
    }

    @Override
    public long takeSnapshot() throws IOException {
        ReplicaStore replica = store;
        if (replica == null) {
            throw new IOException("there is no replica at the moment");
        }
        ReplicaStore.LogIndex at = replica.applied();
        if (at.index() < 0) {
            return at.index();
        }
        try {
            snapshots.add(TermIndex.valueOf(at.term(), at.index()), replica::snapshot);
        } catch (KvException e) {
            throw new IOException(e.getMessage(), e);
        }
        return at.index();
    }

    /** Links the files of the newest snapshot into a folder; returns the last entry that is in it. */
    long linkSnapshot(Path target) throws IOException {
        SnapshotStorage.Stored newest = snapshots.newest();
        if (newest == null) {
            throw new IOException("there is no snapshot");
        }
        try (Stream<Path> files = Files.list(newest.folder())) {
            for (Path file : files.toList()) {
                String name = String.valueOf(file.getFileName());
                if (!name.endsWith(MD5FileUtil.MD5_SUFFIX)) {
                    Files.createLink(target.resolve(name), file);
                }
            }
        }
        return newest.at().getIndex();
    }

    @Override
    public void notifyLeaderChanged(RaftGroupMemberId member, RaftPeerId leader) {
        listener.leadershipChanged();
    }

    @Override
    public void notifyLeaderReady() {
        listener.leadershipChanged();
    }

    private void closeStore() {
        ReplicaStore replica = store;
        store = null;
        if (replica != null) {
            replica.close();
        }
    }

    @Override
    public void close() {
        closeStore();
    }
}
