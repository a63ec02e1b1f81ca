package io.nearkv.server.program;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.ReadOptions;
import io.nearkv.net.client.KvClient;
import io.nearkv.net.client.KvClientBuilder;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** A cluster of real processes: what its users see when nodes are killed and come back. */
class ClusterIT {
    private static final List<String> NODES = List.of("n1", "n2", "n3");

    @TempDir
    Path folder;

    private RunningServer start(Program program, String node) {
        return program.serve(
                "--cluster", "c/cluster.json", "--node", node, "--join", "c/" + node + ".join", "--data", "c/" + node);
    }

    /** One who writes keys, each once, and notes what was acknowledged. */
    private static final class Writer implements Runnable {
        private final KvNamespace namespace;
        private final String name;
        private final AtomicBoolean stop;
        /** Read after the thread has ended. */
        final List<String> acknowledged = new ArrayList<>();

        long longestNanos;

        @Nullable
        KvException unexpected;

        Writer(KvNamespace namespace, String name, AtomicBoolean stop) {
            this.namespace = namespace;
            this.name = name;
            this.stop = stop;
        }

        @Override
        public void run() {
            long last = System.nanoTime();
            for (int i = 0; !stop.get(); i++) {
                String key = name + "-" + i;
                try {
                    namespace.put(key, key);
                    acknowledged.add(key);
                    long now = System.nanoTime();
                    longestNanos = Math.max(longestNanos, now - last);
                    last = now;
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
    }

    @Test
    @EnabledIfSystemProperty(named = "nearkv.test.long", matches = "true")
    void no_acknowledged_write_is_lost_when_the_leader_is_killed_and_disks_are_lost_and_nodes_are_replaced()
            throws Exception {
        Program program = new Program(folder);
        List<String> init = new ArrayList<>(List.of("cluster", "init", "c"));
        for (String node : NODES) {
            init.addAll(List.of("--node", node + "=127.0.0.1:" + ClusterProcesses.ports()));
        }
        Program.Result made = program.run(init.toArray(String[]::new));
        assertThat(made.exitCode()).as("%s", made).isZero();
        Map<String, RunningServer> running = new HashMap<>();
        try {
            for (String node : NODES) {
                running.put(node, start(program, node));
            }
            await().atMost(Duration.ofSeconds(30)).until(() -> leader(program) != null);
            Program.Result put = program.run("put", "default", "hello", "world", "--data", "c");
            assertThat(put.exitCode()).as("%s", put).isZero();
            assertThat(program.run("get", "default", "hello", "--data", "c").out())
                    .isEqualTo("world");

            String token = Files.readString(folder.resolve("c/admin.token")).strip();
            AtomicBoolean stop = new AtomicBoolean();
            List<Writer> writers = new ArrayList<>();
            List<Thread> threads = new ArrayList<>();
            List<Kv> clients = new ArrayList<>();
            for (String node : NODES) {
                Kv kv = connect(token, running, node);
                clients.add(kv);
                Writer writer = new Writer(kv.namespace("default"), "w" + node, stop);
                writers.add(writer);
                Thread thread = new Thread(writer, "writer-" + node);
                threads.add(thread);
                thread.start();
            }
            String killed = awaitLeader(program);
            server(running, killed).kill();
            await().atMost(Duration.ofSeconds(30))
                    .until(() -> leader(program), found -> found != null && !found.equals(killed));
            running.put(killed, start(program, killed));
            loseTheDisk(program, running, awaitLeader(program));
            if (Boolean.getBoolean("nearkv.test.long")) { // In every build MembershipTest does it in one process.
                replace(program, running);
            }
            stop.set(true);
            for (Thread thread : threads) {
                thread.join();
            }
            int count = 0;
            for (Writer writer : writers) {
                assertThat(writer.unexpected).isNull();
                assertThat(writer.acknowledged).as(writer.name).isNotEmpty();
                count += writer.acknowledged.size();
            }
            assertThat(count).isGreaterThan(50);
            // Each node is asked: strong reads are answered by whoever leads, and lost by nobody.
            for (int i = 0; i < clients.size(); i++) {
                KvNamespace asked = clients.get(i).namespace("default").withReadOptions(ReadOptions.STRONG);
                List<String> keys = writers.get((i + 1) % writers.size()).acknowledged;
                for (int from = 0; from < keys.size(); from += 1_000) {
                    List<String> some = keys.subList(from, Math.min(keys.size(), from + 1_000));
                    Map<String, GetResult.Found> found = asked.getAll(some);
                    assertThat(found.keySet()).containsAll(some);
                    found.forEach(
                            (key, value) -> assertThat(value.value().asString()).isEqualTo(key));
                }
            }
            clients.forEach(Kv::close);
            Program.Result status = program.run("cluster", "status", "c/cluster.json");
            assertThat(status.exitCode()).as("%s", status).isZero();
            assertThat(status.out()).contains("leader").contains("follower").doesNotContain("unreachable");
            for (RunningServer server : running.values()) {
                assertThat(server.stop()).isZero();
            }
        } finally {
            running.values().forEach(RunningServer::close);
        }
    }

    private String awaitLeader(Program program) {
        return await().atMost(Duration.ofSeconds(30)).until(() -> leader(program), found -> found != null);
    }

    private static Program.Result done(Program program, String... args) throws Exception {
        Program.Result result = program.run(args);
        assertThat(result.exitCode()).as("%s: %s", List.of(args), result).isZero();
        return result;
    }

    /** The node that leads dies with its disk, and comes back with an empty one. */
    private void loseTheDisk(Program program, Map<String, RunningServer> running, String node) throws Exception {
        server(running, node).kill();
        try (Stream<Path> files = Files.walk(folder.resolve("c/" + node))) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
        RunningServer empty = start(program, node);
        running.put(node, empty);
        await().atMost(Duration.ofSeconds(30))
                .untilAsserted(() -> assertThat(text("http://" + empty.operations() + "/readyz"))
                        .contains("with another disk"));
        assertThat(done(program, "cluster", "add", node, "--data", "c").out())
                .contains("node '" + node + "' is a member");
        await().atMost(Duration.ofSeconds(30))
                .untilAsserted(() -> assertThat(text("http://" + empty.operations() + "/readyz"))
                        .doesNotContain("not ready"));
    }

    /** A fourth node comes, leads, and one of the first three goes. */
    private void replace(Program program, Map<String, RunningServer> running) throws Exception {
        Program.Result early = program.run(
                "cluster", "add", "n4=127.0.0.1:" + ClusterProcesses.ports(), "--data", "c", "--wait", "500ms");
        assertThat(early.exitCode()).as("%s", early).isEqualTo(6);
        assertThat(early.out()).contains("nearkv serve --cluster c/cluster.json --node n4 --join c/n4.join");
        assertThat(early.err()).contains("n4' does not answer").contains("the same command goes on");
        running.put("n4", start(program, "n4"));
        done(program, "cluster", "add", "n4", "--data", "c");
        assertThat(done(program, "cluster", "transfer-leader", "n4", "--data", "c")
                        .out())
                .isEqualTo("node 'n4' leads\n");
        Program.Result unknown = program.run("cluster", "transfer-leader", "n9", "--data", "c");
        assertThat(unknown.err()).contains("n9").contains("n4");
        done(program, "cluster", "remove", "n1", "--data", "c");
        assertThat(server(running, "n1").stop()).isZero();
        running.remove("n1");
        assertThat(program.run("cluster", "status", "c/cluster.json").out()).doesNotContain("n1 ");
    }

    private static String text(String url) throws Exception {
        return HttpClient.newHttpClient()
                .send(HttpRequest.newBuilder(URI.create(url)).build(), HttpResponse.BodyHandlers.ofString())
                .body();
    }

    /** Each prefers a node, and knows the others. */
    private static Kv connect(String token, Map<String, RunningServer> running, String first) {
        KvClientBuilder client =
                KvClient.builder().server(server(running, first).address());
        for (String node : NODES) {
            if (!node.equals(first)) {
                client.server(server(running, node).address());
            }
        }
        return client.token(token).timeout(Duration.ofSeconds(5)).build().kv();
    }

    private static RunningServer server(Map<String, RunningServer> running, String node) {
        return Objects.requireNonNull(running.get(node), node);
    }

    private @Nullable String leader(Program program) {
        Program.Result status = program.call(
                "cluster", "status", folder.resolve("c/cluster.json").toString());
        for (String line : status.out().lines().toList()) {
            String[] cells = line.split(" +", -1);
            if (cells.length > 2 && cells[2].equals("leader")) {
                return cells[0];
            }
        }
        return null;
    }

    @Test
    void what_does_not_belong_together_is_refused_with_a_word_on_what_to_do() throws Exception {
        Program program = new Program(folder);
        assertThat(program.call("cluster", "init", folder.resolve("x").toString(), "--node", "n1")
                        .err())
                .contains("NAME=HOST:PORT");
        String where = "n1=127.0.0.1:" + ClusterProcesses.ports();
        Program.Result made = program.run("cluster", "init", "a", "--node", where);
        assertThat(made.exitCode()).as("%s", made).isZero();
        assertThat(program.run("cluster", "init", "a", "--node", where).exitCode())
                .isEqualTo(2);
        Program.Result other = program.run("cluster", "init", "b", "--node", where, "--environment", "staging");
        assertThat(other.exitCode()).as("%s", other).isZero();

        Program.Result unknown = program.run("serve", "--cluster", "a/cluster.json", "--node", "n7", "--data", "a/n7");
        assertThat(unknown.exitCode()).as("%s", unknown).isEqualTo(2);
        assertThat(unknown.err()).contains("n7").contains("n1");
        Program.Result foreign = program.run(
                "serve", "--cluster", "a/cluster.json", "--node", "n1", "--join", "b/n1.join", "--data", "a/n1");
        assertThat(foreign.exitCode()).as("%s", foreign).isEqualTo(4);
        assertThat(foreign.err()).contains("staging").contains("development");
        Program.Result status = program.run("cluster", "status", "a/cluster.json");
        assertThat(status.exitCode()).as("%s", status).isEqualTo(6);
        assertThat(status.out()).contains("unreachable");
    }
}
