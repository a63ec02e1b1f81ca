package io.nearkv.cluster;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.proto.RaftProtos.RaftConfigurationProto;
import org.apache.ratis.protocol.GroupManagementRequest;
import org.apache.ratis.protocol.RaftClientReply;
import org.apache.ratis.protocol.RaftGroup;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.util.ExitUtils;
import org.apache.ratis.util.LifeCycle;
import org.apache.ratis.util.ProtoUtils;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The logs that this node holds, in one server of Ratis. Which they are is noted on the disk before anything is made and after everything is removed, so that a log whose files are lost is never begun
 * a second time with the votes and acknowledgements forgotten. Thread-safe.
 */
final class LogHost {
    private static final Logger log = LoggerFactory.getLogger(LogHost.class);
    private static final long PATIENCE_SECONDS = 30;

    static {
        // Ratis would end the process of whoever embeds a node when any thread in it has an uncaught exception, and
        // when an address is taken.
        Thread.UncaughtExceptionHandler before = Thread.getDefaultUncaughtExceptionHandler();
        ExitUtils.setTerminateOnUncaughtException(false);
        ExitUtils.disableSystemExit();
        Thread.setDefaultUncaughtExceptionHandler(before);
    }

    private final ClusterLayout layout;
    private final ClusterMember self;
    private final Disk disk;
    private final RaftPeerId selfId;
    private final List<Partition> partitions;
    private final ClusterOptions options;
    private final SnapshotPace pace;
    private final LogConnections connections = new LogConnections();
    /** Guarded by this, as is the next. */
    private @Nullable RaftServer server;

    private boolean closed;

    /**
     * Makes it.
     *
     * @param partitions all of the cluster, by their numbers
     */
    LogHost(ClusterLayout layout, ClusterMember self, Disk disk, List<Partition> partitions, ClusterOptions options) {
        this.layout = layout;
        this.self = self;
        this.disk = disk;
        this.selfId = Disk.peerId(self.id(), disk.id());
        this.partitions = partitions;
        this.options = options;
        this.pace = new SnapshotPace(options.snapshotBytesPerSecond());
    }

    SnapshotPace pace() {
        return pace;
    }

    LogConnections connections() {
        return connections;
    }

    private Path folder(int number) {
        return disk.raft().resolve(layout.log(number).toString());
    }

    /**
     * Starts log 0, and all others that this node holds.
     *
     * @param founders with whom this node began, none for one that came later
     * @throws KvException if it cannot
     */
    synchronized void start(List<ClusterView.Member> founders) {
        if (closed) {
            return;
        }
        try {
            Files.createDirectories(disk.raft());
            SortedMap<Integer, Disk.Holding> held = held(founders);
            prepare(held, founders);
            sync();
            boolean first = !Files.isDirectory(folder(0));
            RaftServer made = RaftServer.newBuilder()
                    .setServerId(selfId)
                    .setGroup(group(0, founders))
                    .setOption(first ? RaftStorage.StartupOption.FORMAT : RaftStorage.StartupOption.RECOVER)
                    .setStateMachineRegistry(id -> find(id.getUuid()).newStateMachine())
                    .setProperties(RaftSettings.of(options, disk.raft(), first))
                    .setParameters(RaftSettings.parameters(
                            options, self, id -> find(id.getUuid()).news(), pace, connections))
                    .build();
            run(made, held, founders);
        } catch (IOException e) {
            KvException reason = partitions.get(0).failure();
            throw reason != null
                    ? reason
                    : new KvException(
                            ErrorCode.UNAVAILABLE,
                            "node '" + self.id() + "' cannot start in " + disk.raft() + ": " + e,
                            e);
        }
    }

    private Partition find(java.util.UUID log) {
        return partitions.stream()
                .filter(partition -> partition.group().getUuid().equals(log))
                .findFirst()
                .orElseThrow(() ->
                        new KvException(ErrorCode.INTERNAL, disk.raft() + " has a log " + log + " of another cluster"));
    }

    private static RaftGroup group(Partition partition, List<ClusterView.Member> members) {
        return RaftGroup.valueOf(
                partition.group(), members.stream().map(Disk::peer).toList());
    }

    private RaftGroup group(int number, List<ClusterView.Member> founders) {
        return group(partitions.get(number), layout.founders(number, founders));
    }

    /** Returns which logs this node holds beside log 0; decides it the first time. */
    private SortedMap<Integer, Disk.Holding> held(List<ClusterView.Member> founders) throws IOException {
        SortedMap<Integer, Disk.Holding> held = disk.logs();
        if (held == null) {
            held = new TreeMap<>();
            for (int number = 1; number < layout.logs(); number++) {
                if (layout.founders(number, founders).stream()
                        .anyMatch(member -> member.node().equals(self.id()))) {
                    held.put(number, Disk.Holding.FOUNDING);
                }
            }
            disk.logs(held);
        }
        return held;
    }

    /** Puts in order what a crash left, before Ratis takes up all that it finds. */
    private void prepare(SortedMap<Integer, Disk.Holding> held, List<ClusterView.Member> founders) throws IOException {
        for (int number = 1; number < layout.logs(); number++) {
            Disk.Holding holding = held.get(number);
            boolean there = Files.isDirectory(folder(number).resolve("current"));
            if (holding == null || !there) {
                if (holding == Disk.Holding.THERE) {
                    throw new KvException(
                            ErrorCode.INTERNAL,
                            "'" + folder(number) + "' is missing (expected: all files of the folder, or none: then this"
                                    + " node is taken in as a new one)");
                }
                delete(folder(number));
            } else if (holding == Disk.Holding.FOUNDING) {
                noteMembers(number, founders);
            }
        }
    }

    /** Syncs the logs as they are. Ratis takes all that it reads for synced, and the process may have been killed before it had synced it. */
    private void sync() throws IOException {
        try (Stream<Path> files = Files.walk(disk.raft(), 3)) {
            for (Path file : files.filter(each -> each.getFileName().toString().startsWith("log_inprogress"))
                    .toList()) {
                try (FileChannel content = FileChannel.open(file, StandardOpenOption.WRITE);
                        FileChannel names = FileChannel.open(requireNonNull(file.getParent()))) {
                    content.force(true);
                    names.force(true);
                }
            }
        }
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (NoSuchFileException e) {
            log.atDebug().setCause(e).log("there was nothing to delete");
        }
    }

    /**
     * Writes down with whom a log begins, where Ratis looks for it when it starts again: by itself it does that with the first entry only, and a node that stopped before would not know
     * with whom to go on.
     */
    private void noteMembers(int number, List<ClusterView.Member> founders) throws IOException {
        Path file = folder(number).resolve("current").resolve("raft-meta.conf");
        Path making = file.resolveSibling("raft-meta.conf.founding");
        List<RaftPeer> peers =
                layout.founders(number, founders).stream().map(Disk::peer).toList();
        LogEntryProto entry = LogEntryProto.newBuilder()
                .setTerm(0)
                .setIndex(-1)
                .setConfigurationEntry(
                        RaftConfigurationProto.newBuilder().addAllPeers(ProtoUtils.toRaftPeerProtos(peers)))
                .build();
        Disk.write(making, entry.toByteArray());
        try {
            Files.createLink(file, making); // Unless Ratis has written it already.
        } catch (FileAlreadyExistsException e) {
            log.atDebug().setCause(e).log("the members are written down already");
        }
        Files.delete(making);
    }

    private void run(RaftServer made, SortedMap<Integer, Disk.Holding> held, List<ClusterView.Member> founders)
            throws IOException {
        boolean started = false;
        try {
            try {
                made.start();
            } catch (UncheckedIOException e) {
                throw new IOException(e.getMessage(), e);
            }
            for (Map.Entry<Integer, Disk.Holding> each : held.entrySet()) {
                int number = each.getKey();
                if (each.getValue() != Disk.Holding.THERE) {
                    boolean founds = each.getValue() == Disk.Holding.FOUNDING;
                    add(made, number, founds ? founders : List.of());
                    if (founds) {
                        noteMembers(number, founders);
                    }
                    each.setValue(Disk.Holding.THERE);
                }
            }
            disk.logs(held);
            for (Partition partition : partitions) {
                partition.start(made);
            }
            server = made;
            started = true;
        } finally {
            if (!started) {
                made.close();
            }
        }
    }

    /** Has Ratis begin a log, unless it has taken it up already. */
    private void add(RaftServer running, int number, List<ClusterView.Member> founders) throws IOException {
        Partition partition = partitions.get(number);
        if (Files.isDirectory(folder(number).resolve("current"))) {
            return;
        }
        ask(
                running,
                GroupManagementRequest.newAdd(
                        partition.clientId(), selfId, partition.nextCallId(), group(number, founders), true),
                "cannot hold " + partition.label());
    }

    private static void ask(RaftServer running, GroupManagementRequest request, String problem) throws IOException {
        try {
            RaftClientReply reply = running.groupManagementAsync(request).get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            if (!reply.isSuccess()) {
                throw new IOException(problem, reply.getException());
            }
        } catch (ExecutionException e) {
            throw new IOException(problem + ": " + e.getCause(), e.getCause());
        } catch (TimeoutException e) {
            throw new IOException(problem + " within " + PATIENCE_SECONDS + " s", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(problem + ": interrupted", e);
        }
    }

    private RaftServer running() {
        RaftServer running = server;
        if (running == null || closed) {
            throw new KvException(ErrorCode.UNAVAILABLE, "node '" + self.id() + "' has no log at the moment");
        }
        return running;
    }

    private SortedMap<Integer, Disk.Holding> noted() throws IOException {
        SortedMap<Integer, Disk.Holding> held = disk.logs();
        return held == null ? new TreeMap<>() : held;
    }

    /** Returns the failure of a change of what this node holds. */
    private KvException failed(String what, Partition partition, IOException e) {
        return new KvException(
                ErrorCode.UNAVAILABLE,
                "node '" + self.id() + "' cannot " + what + " " + partition.label() + ": " + e.getMessage(),
                e);
    }

    /** Gets ready to be added to a log: with nothing of it, and without a vote. Blocks. */
    synchronized void host(Partition partition) {
        RaftServer running = running();
        if (partition.division() != null) {
            return;
        }
        try {
            SortedMap<Integer, Disk.Holding> held = noted();
            if (held.containsKey(partition.number())) {
                throw new KvException(
                        ErrorCode.UNAVAILABLE,
                        "node '" + self.id() + "' holds " + partition.label() + " already, but it has failed");
            }
            held.put(partition.number(), Disk.Holding.JOINING);
            disk.logs(held);
            add(running, partition.number(), List.of());
            held.put(partition.number(), Disk.Holding.THERE);
            disk.logs(held);
        } catch (IOException e) {
            throw failed("hold", partition, e);
        }
    }

    /** Removes the copy of a log of which this node is no member. Blocks. */
    synchronized void drop(Partition partition) {
        RaftServer running = running();
        partition.leave();
        try {
            SortedMap<Integer, Disk.Holding> held = noted();
            held.remove(partition.number());
            disk.logs(held); // What is left after a crash, the next start removes.
            if (partition.division() != null) {
                ask(
                        running,
                        GroupManagementRequest.newRemove(
                                partition.clientId(), selfId, partition.nextCallId(), partition.group(), true, false),
                        "cannot remove " + partition.label());
            }
            delete(folder(partition.number()));
        } catch (IOException e) {
            throw failed("remove", partition, e);
        }
    }

    /** Says that there will be no more; returns the server, which is to be closed, if it runs. */
    synchronized @Nullable RaftServer end() {
        closed = true;
        RaftServer running = server;
        return running != null && running.getLifeCycleState() != LifeCycle.State.CLOSED ? running : null;
    }
}
