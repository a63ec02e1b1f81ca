package io.nearkv.server.program;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.WriteResult;
import io.nearkv.net.client.ClientStats;
import io.nearkv.net.client.KvClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A cluster of real processes with several partitions: what its users see when nodes die, hang, come and go. */
class ClusterPartitionsIT {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    /** Enough keys that each of four partitions has some. */
    private static final List<String> KEYS =
            IntStream.range(0, 24).mapToObj(i -> "key-" + i).toList();

    @TempDir
    Path folder;

    /** One who writes keys, each once, without end, and notes what was acknowledged. */
    private static final class Writer implements AutoCloseable {
        private final KvNamespace namespace;
        private final AtomicBoolean stop = new AtomicBoolean();
        private final AtomicInteger count = new AtomicInteger();
        private final Thread thread = new Thread(this::run, "writer");
        /** Read after the thread has ended. */
        private final List<String> acknowledged = new ArrayList<>();

        private @Nullable KvException unexpected;

        Writer(Kv kv) {
            this.namespace = kv.namespace("default");
            thread.start();
        }

        private void run() {
            for (int i = 0; !stop.get(); i++) {
                String key = "w-" + i;
                try {
                    namespace.put(key, key);
                    acknowledged.add(key);
                    count.incrementAndGet();
                } catch (KvException e) {
                    if (e.code() != ErrorCode.UNAVAILABLE
                            && e.code() != ErrorCode.OUTCOME_UNKNOWN
                            && e.code() != ErrorCode.DEADLINE_EXCEEDED) {
                        unexpected = e;
                        return;
                    }
                }
            }
        }

        /** Waits until it has written some more. */
        void awaitProgress() {
            int before = count.get();
            await().atMost(LIMIT).until(() -> count.get() > before + 20);
        }

        List<String> end() throws InterruptedException {
            stop.set(true);
            thread.join();
            assertThat(unexpected).isNull();
            return acknowledged;
        }

        @Override
        public void close() {
            stop.set(true);
        }
    }

    /** A client that knows one node asks those that lead, and its own writes are in whatever it reads, from whomever. */
    private static void ownWritesAreSeen(ClusterProcesses cluster) throws IOException {
        try (KvClient client = cluster.client("n1").build()) {
            KvNamespace namespace = client.kv().namespace("default");
            await().atMost(LIMIT).until(() -> {
                Object unused = namespace.put("own", "any"); // Until it has learned who leads.
                return client.stats().connections().stream()
                                .map(ClientStats.Connection::server)
                                .filter(Objects::nonNull)
                                .distinct()
                                .count()
                        > 1;
            });
            for (int i = 0; i < 200; i++) {
                String key = "own-" + i;
                assertThat(namespace.put(key, key)).isInstanceOf(WriteResult.Applied.class);
                assertThat(namespace.getString(key)).hasValue(key);
                assertThat(namespace.getAll(List.of(key, "own")).keySet()).containsExactlyInAnyOrder(key, "own");
                assertThat(namespace.list(key)).hasSize(1);
                assertThat(namespace.delete(key)).isInstanceOf(WriteResult.Applied.class);
                assertThat(namespace.getString(key)).isEmpty();
            }
        }
    }

    @Test
    void no_acknowledged_write_is_lost_when_a_node_is_killed_and_another_one_takes_its_place() throws Exception {
        try (ClusterProcesses cluster = ClusterProcesses.init(folder, "--partitions", "4", "--copies", "3")) {
            cluster.start("n1", "n2", "n3");
            cluster.awaitLeaders();
            wrongMoves(cluster);
            ownWritesAreSeen(cluster);
            try (Kv kv = cluster.client("n1", "n2", "n3").build().kv();
                    Writer writer = new Writer(kv)) {
                writer.awaitProgress();
                String killed = leaderOfFirst(cluster);
                cluster.kill(killed);
                writer.awaitProgress();
                // What the node cannot say itself, those say that lead now.
                assertThat(cluster.statusJson())
                        .contains("{\"node\":\"" + killed + "\",\"state\":\"unreachable\",\"behind\":");

                Program.Result early =
                        cluster.ask("cluster", "add", "n4=127.0.0.1:" + ClusterProcesses.ports(), "--wait", "100ms");
                assertThat(early.exitCode()).as("%s", early).isEqualTo(6);
                cluster.start("n4");
                assertThat(cluster.asked("cluster", "add", "n4", "--wait", "90s")
                                .out())
                        .contains("node 'n4' is a member");
                assertThat(cluster.asked("cluster", "rebalance", "--wait", "90s")
                                .out())
                        .endsWith("the partitions are spread evenly\n");
                assertThat(cluster.asked("cluster", "remove", killed, "--wait", "90s")
                                .out())
                        .contains("is no member any more");
                writer.awaitProgress();

                List<String> living = Stream.of("n1", "n2", "n3", "n4")
                        .filter(node -> !node.equals(killed))
                        .toList();
                await().atMost(LIMIT).untilAsserted(() -> {
                    assertThat(cluster.partitions()).hasSize(4);
                    assertThat(cluster.partitions().values()).allSatisfy(partition -> {
                        assertThat(partition.nodes()).containsExactlyInAnyOrderElementsOf(living);
                        assertThat(partition.leader()).isIn(living);
                    });
                });
                List<String> acknowledged = writer.end();
                assertThat(acknowledged).hasSizeGreaterThan(60);
                KvNamespace strong = kv.namespace("default").withReadOptions(ReadOptions.STRONG);
                for (int from = 0; from < acknowledged.size(); from += 1_000) {
                    List<String> some = acknowledged.subList(from, Math.min(acknowledged.size(), from + 1_000));
                    Map<String, GetResult.Found> found = strong.getAll(some);
                    assertThat(found.keySet()).containsAll(some);
                    found.forEach(
                            (key, value) -> assertThat(value.value().asString()).isEqualTo(key));
                }
                List<String> listed =
                        cluster.asked("list", "default", "--all").out().lines().toList();
                assertThat(listed).isSorted().doesNotHaveDuplicates().containsAll(acknowledged);
            }
        }
    }

    private static String leaderOfFirst(ClusterProcesses cluster) {
        return await().atMost(LIMIT)
                .until(
                        () -> {
                            ClusterProcesses.Partition first =
                                    cluster.partitions().get(1);
                            return first == null ? "" : first.leader();
                        },
                        leader -> !leader.isEmpty());
    }

    private static void wrongMoves(ClusterProcesses cluster) {
        refused(cluster, "partition 9", "9", "n1", "n2");
        refused(cluster, "partition 0", "0", "n1", "n2");
        refused(cluster, "'n9' is no member", "1", "n9", "n2");
        refused(cluster, "'n9' is no member", "1", "n1", "n9");
        refused(cluster, "named twice", "1", "n1", "n1");
        refused(cluster, "one", "one", "n1", "n2");
    }

    private static void refused(ClusterProcesses cluster, String why, String partition, String from, String to) {
        Program.Result result = cluster.ask("cluster", "move", partition, from, to);
        assertThat(result.exitCode()).as("%s", result).isEqualTo(2);
        assertThat(result.err()).contains(why).hasLineCount(1);
        // Leaders spread right after the start, and for that moment there may be none.
        assertThat(result.out().lines()).allMatch(line -> line.endsWith("at the moment"));
    }

    @Test
    void a_leader_that_hangs_is_left_and_never_answers_with_what_was_before() throws Exception {
        try (ClusterProcesses cluster = ClusterProcesses.init(folder, "--partitions", "4", "--copies", "3")) {
            cluster.start("n1", "n2", "n3");
            cluster.awaitLeaders();
            String hung = leaderOfFirst(cluster);
            String[] all = Stream.concat(
                            Stream.of(hung), Stream.of("n1", "n2", "n3").filter(node -> !node.equals(hung)))
                    .toArray(String[]::new);
            try (Kv writer = cluster.client(all).build().kv();
                    Kv reader = cluster.client(hung)
                            .silenceTimeout(Duration.ofSeconds(40))
                            .timeout(Duration.ofSeconds(20))
                            .build()
                            .kv()) {
                KvNamespace strong = reader.namespace("default").withReadOptions(ReadOptions.STRONG);
                for (String key : KEYS) {
                    writer.namespace("default").put(key, "before");
                    assertThat(strong.getString(key)).contains("before");
                }
                cluster.signal(hung, "STOP");
                long slowest;
                List<CompletableFuture<String>> sent;
                try {
                    slowest = writeAll(writer.namespace("default"));
                    // On their way while it cannot even read them: they are the first that it sees.
                    sent = KEYS.stream()
                            .map(key -> CompletableFuture.supplyAsync(
                                    () -> strong.getString(key).orElse("nothing")))
                            .toList();
                } finally {
                    cluster.signal(hung, "CONT");
                }
                for (int i = 0; i < 50; i++) {
                    assertThat(strong.getString(KEYS.get(i % KEYS.size()))).contains("after");
                }
                for (CompletableFuture<String> each : sent) {
                    assertThat(each.join()).isEqualTo("after");
                }
                System.out.println("writes go on " + slowest + " ms after a leader hangs");
                assertThat(slowest).isLessThan(10_000);
            }
        }
    }

    /** Writes each key until it is acknowledged, and returns how many milliseconds that takes. */
    private static long writeAll(KvNamespace namespace) {
        long begin = System.nanoTime();
        List<CompletableFuture<Void>> writes = KEYS.stream()
                .map(key -> CompletableFuture.runAsync(
                        () -> {
                            while (!acknowledged(namespace, key)) {
                                assertThat(System.nanoTime() - begin).isLessThan(LIMIT.toNanos());
                            }
                        },
                        task -> new Thread(task, "write-" + key).start()))
                .toList();
        writes.forEach(CompletableFuture::join);
        return Duration.ofNanos(System.nanoTime() - begin).toMillis();
    }

    private static boolean acknowledged(KvNamespace namespace, String key) {
        try {
            namespace.put(key, "after");
            return true;
        } catch (KvException e) {
            if (e.code() != ErrorCode.UNAVAILABLE
                    && e.code() != ErrorCode.OUTCOME_UNKNOWN
                    && e.code() != ErrorCode.DEADLINE_EXCEEDED) {
                throw new CompletionException(e);
            }
            return false;
        }
    }

    @Test
    void what_one_machine_has_goes_to_a_cluster_and_back() throws Exception {
        byte[] large = new byte[1 << 20];
        new Random(7).nextBytes(large);
        Path file = Files.write(folder.resolve("large"), large);
        Program program = new Program(folder);
        String single = folder.resolve("single").toString();
        try (RunningServer server = program.serve("--data", "single")) {
            String token =
                    Files.readString(folder.resolve("single/admin.token")).strip();
            try (Kv kv = KvClient.builder()
                    .server(server.address())
                    .token(token)
                    .build()
                    .kv()) {
                KEYS.forEach(key -> kv.namespace("default").put(key, "value of " + key));
            }
            done(program, "put", "default", "with", "it", "--metadata", "{\"a\":[1,\"ä\"]}", "--data", single);
            done(program, "put", "default", "ends", "then", "--expires-at", "2100-01-01T00:00:00Z", "--data", single);
            done(program, "put", "default", "large", "--file", file.toString(), "--data", single);
            done(program, "put", "default", "ü/empty", "", "--data", single);
            export(program, "first.jsonl", single);
        }
        try (ClusterProcesses cluster = ClusterProcesses.init(folder, "--partitions", "4", "--copies", "3")) {
            cluster.start("n1", "n2", "n3");
            cluster.awaitLeaders();
            cluster.asked("import", "default", folder.resolve("first.jsonl").toString());
            export(program, "second.jsonl", cluster.folder().toString());
            assertThat(cluster.asked("get", "default", "large").outBytes()).isEqualTo(large);
        }
        String fresh = folder.resolve("fresh").toString();
        try (RunningServer server = program.serve("--data", "fresh")) {
            done(program, "import", "default", folder.resolve("second.jsonl").toString(), "--data", fresh);
            assertThat(server.environment()).isEqualTo("development");
            export(program, "third.jsonl", fresh);
        }
        // An export has no versions: it is the same wherever it comes from.
        String exported = Files.readString(folder.resolve("first.jsonl"));
        assertThat(exported.lines()).hasSize(KEYS.size() + 4 + 2);
        assertThat(folder.resolve("second.jsonl")).hasContent(exported);
        assertThat(folder.resolve("third.jsonl")).hasContent(exported);
    }

    private void export(Program program, String file, String data) {
        done(program, "export", "default", folder.resolve(file).toString(), "--data", data);
    }

    private static void done(Program program, String... args) {
        Program.Result result = program.call(args);
        assertThat(result.exitCode()).as("%s: %s", List.of(args), result).isZero();
    }
}
