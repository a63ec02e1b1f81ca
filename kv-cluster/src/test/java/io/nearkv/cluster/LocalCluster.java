package io.nearkv.cluster;

import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.core.rocksdb.RocksStoreOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Some nodes in this process, on real sockets and real disks; among each other they call the stores directly. */
final class LocalCluster implements AutoCloseable {
    static final AccountInfo ACCOUNT = new AccountInfo(new AccountId(0xACC, 0x7E57), "test");
    static final NamespaceInfo NAMESPACE = new NamespaceInfo(new NamespaceId(0x5AFE, 0x7E57), ACCOUNT.id(), "default");
    /** What is tested here is not the disk, and three nodes share one: in memory they are four times as fast. Power cuts and kills have tests of their own. */
    private static final Path MEMORY = Path.of("/dev/shm");

    private static final Duration PATIENCE = Duration.ofSeconds(30);
    /** The ports that this process has given out: those of a node that is not started yet look free. */
    private static final Set<Integer> TAKEN = ConcurrentHashMap.newKeySet();

    private final Path folder;
    private volatile ClusterLayout layout;
    private final Function<String, InstantSource> clocks;
    private final UnaryOperator<ClusterOptions.Builder> options;
    private final Map<String, ClusterNode> nodes = new ConcurrentHashMap<>();

    LocalCluster(int size, InstantSource clock, UnaryOperator<ClusterOptions.Builder> options) throws IOException {
        this(size, size, 1, clock, options);
    }

    /** Starts only some of the nodes. */
    LocalCluster(
            int size, int started, int partitions, InstantSource clock, UnaryOperator<ClusterOptions.Builder> options)
            throws IOException {
        this(size, started, partitions, node -> clock, options);
    }

    /** Gives each node a clock of its own. */
    LocalCluster(
            int size,
            int started,
            int partitions,
            Function<String, InstantSource> clocks,
            UnaryOperator<ClusterOptions.Builder> options)
            throws IOException {
        this(
                new ClusterLayout(
                        UUID.randomUUID(),
                        "development",
                        ACCOUNT,
                        NAMESPACE,
                        places(size),
                        partitions,
                        ClusterLayout.DEFAULT_COPIES,
                        null),
                started,
                clocks,
                options);
    }

    /** Starts the first nodes of a layout. */
    LocalCluster(
            ClusterLayout layout,
            int started,
            Function<String, InstantSource> clocks,
            UnaryOperator<ClusterOptions.Builder> options)
            throws IOException {
        this.folder = Files.isWritable(MEMORY)
                ? Files.createTempDirectory(MEMORY, "nearkv-cluster")
                : Files.createTempDirectory("nearkv-cluster");
        this.clocks = clocks;
        this.options = options;
        this.layout = layout;
        for (ClusterMember member : layout.members().subList(0, started)) {
            start(member.id());
        }
    }

    private static List<ClusterMember> places(int size) {
        List<ClusterMember> members = new ArrayList<>();
        for (int i = 0; i < size; i++) {
            members.add(place("n" + (i + 1)));
        }
        return members;
    }

    private static ClusterMember place(String id) {
        List<Integer> ports = ports(3);
        return new ClusterMember(
                id, "127.0.0.1:" + ports.get(0), "127.0.0.1:" + ports.get(1), "127.0.0.1:" + ports.get(2));
    }

    /** Puts another node into the file that nodes are started with from now on. */
    ClusterMember enlist(String id) {
        ClusterMember member = place(id);
        List<ClusterMember> all = new ArrayList<>(layout.members());
        all.add(member);
        layout = layout.withMembers(all);
        return member;
    }

    ClusterLayout layout() {
        return layout;
    }

    /** Returns the place of a node. */
    ClusterMember member(String id) {
        return layout.members().stream()
                .filter(member -> member.id().equals(id))
                .findFirst()
                .orElseThrow();
    }

    /** Asks any node for a change, again and again until nothing is under way. */
    void drive(ClusterQuestion change) {
        org.awaitility.Awaitility.await(change.toString())
                .atMost(PATIENCE)
                .pollInterval(Duration.ofMillis(50))
                .untilAsserted(() -> {
                    String underWay = ask(running().get(0), change).underWay();
                    org.assertj.core.api.Assertions.assertThat(underWay).isEmpty();
                });
    }

    static ClusterView ask(ClusterNode node, ClusterQuestion question) {
        try {
            return ClusterView.decode(
                    node.store().admin().ask(question.encode()).get());
        } catch (ExecutionException e) {
            throw KvException.from(e);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Loses the disk of a node that is stopped. */
    void wipe(String id) throws IOException {
        delete(folder(id));
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }

    static LocalCluster of(int size) throws IOException {
        return new LocalCluster(size, InstantSource.system(), builder -> builder);
    }

    /** Free ports below those that the system gives to outgoing connections. */
    private static List<Integer> ports(int count) {
        Set<Integer> found = new HashSet<>();
        while (found.size() < count) {
            int port = ThreadLocalRandom.current().nextInt(12_000, 32_000);
            if (isFree(port) && TAKEN.add(port)) {
                found.add(port);
            }
        }
        return List.copyOf(found);
    }

    private static boolean isFree(int port) {
        try (ServerSocket socket = new ServerSocket()) {
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    void start(String id) {
        InstantSource clock = clocks.apply(id);
        RocksStoreOptions store = RocksStoreOptions.builder()
                .clock(clock)
                .cacheBytes(16 << 20)
                .writeBufferBytes(4 << 20)
                .diskReserveBytes(0)
                .build();
        nodes.put(
                id,
                ClusterNode.start(
                        folder(id),
                        layout,
                        id,
                        options.apply(ClusterOptions.builder().clock(clock).sweepInterval(Duration.ofMillis(50)))
                                .build(),
                        store,
                        new Peers()));
    }

    Path folder(String id) {
        return folder.resolve(id);
    }

    void stop(String id) {
        ClusterNode node = nodes.remove(id);
        if (node != null) {
            node.close();
        }
    }

    /** Stops all nodes at the same time. */
    void stopAll() {
        CompletableFuture.allOf(nodes.keySet().stream()
                        .map(id -> CompletableFuture.runAsync(() -> stop(id)))
                        .toArray(CompletableFuture[]::new))
                .join();
    }

    ClusterNode node(String id) {
        ClusterNode node = nodes.get(id);
        if (node == null) {
            throw new IllegalStateException("node " + id + " is not running");
        }
        return node;
    }

    List<ClusterNode> running() {
        return List.copyOf(nodes.values());
    }

    /** Waits for a leader and returns it. */
    ClusterNode leader() {
        ClusterNode[] found = new ClusterNode[1];
        await("a leader", () -> {
            for (ClusterNode node : nodes.values()) {
                if (node.leads(0)) {
                    found[0] = node;
                    return true;
                }
            }
            return false;
        });
        return found[0];
    }

    /** Waits for a leader and returns another node, which knows it. */
    ClusterNode follower() {
        String leader = leader().self().id();
        ClusterNode follower = nodes.values().stream()
                .filter(node -> !node.self().id().equals(leader))
                .findFirst()
                .orElseThrow();
        await("the leader is known", () -> follower.unreadiness() == null);
        return follower;
    }

    /** Waits until all nodes that run serve. */
    void awaitServing() {
        org.awaitility.Awaitility.await("all nodes serve")
                .atMost(PATIENCE)
                .pollInterval(Duration.ofMillis(10))
                .untilAsserted(() -> {
                    for (ClusterNode node : nodes.values()) {
                        org.assertj.core.api.Assertions.assertThat(node.unreadiness())
                                .as(node.self().id())
                                .isNull();
                    }
                });
    }

    /** Waits for a condition. */
    static void await(String what, BooleanSupplier condition) {
        org.awaitility.Awaitility.await(what)
                .atMost(PATIENCE)
                .pollInterval(Duration.ofMillis(10))
                .until(condition::getAsBoolean);
    }

    private final class Peers implements PeerStores {
        @Override
        public KvStore store(ClusterMember member, int log) {
            @Nullable ClusterNode node = nodes.get(member.id());
            if (node == null) {
                throw new KvException(ErrorCode.UNAVAILABLE, "node " + member.id() + " is not running");
            }
            return node.leaderStores().get(log);
        }

        @Override
        public void close() {
            // The nodes close themselves.
        }
    }

    @Override
    public void close() {
        stopAll();
        try {
            delete(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
