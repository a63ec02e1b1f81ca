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
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A cluster of real processes: what its users see when nodes are killed and come back. */
class ClusterIT {
    private static final List<String> NODES = List.of("n1", "n2", "n3");

    @TempDir
    Path folder;

    /** The first of five free ports in a row, below those that the system gives to outgoing connections. */
    private static int ports() {
        while (true) {
            int first = ThreadLocalRandom.current().nextInt(12_000, 31_000);
            boolean free = true;
            for (int port = first; free && port < first + 5; port++) {
                try (ServerSocket socket = new ServerSocket()) {
                    socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
                } catch (IOException e) {
                    free = false;
                }
            }
            if (free) {
                return first;
            }
        }
    }

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
    void no_acknowledged_write_is_lost_when_the_leader_is_killed_again_and_again() throws Exception {
        Program program = new Program(folder);
        List<String> init = new ArrayList<>(List.of("cluster", "init", "c"));
        for (String node : NODES) {
            init.addAll(List.of("--node", node + "=127.0.0.1:" + ports()));
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
            for (int round = 0; round < 2; round++) {
                String leader =
                        await().atMost(Duration.ofSeconds(30)).until(() -> leader(program), found -> found != null);
                server(running, leader).kill();
                await().atMost(Duration.ofSeconds(30))
                        .until(() -> leader(program), found -> found != null && !found.equals(leader));
                running.put(leader, start(program, leader));
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
                for (String key : writers.get((i + 1) % writers.size()).acknowledged) {
                    GetResult found = asked.get(key);
                    assertThat(found).as(key).isInstanceOf(GetResult.Found.class);
                    assertThat(((GetResult.Found) found).value().asString()).isEqualTo(key);
                }
            }
            clients.forEach(Kv::close);
            Program.Result status = program.run("cluster", "status", "c/cluster.json");
            assertThat(status.exitCode()).as("%s", status).isZero();
            assertThat(status.out()).contains("leader").contains("follower").doesNotContain("unreachable");
            for (String node : NODES) {
                assertThat(server(running, node).stop()).isZero();
            }
        } finally {
            running.values().forEach(RunningServer::close);
        }
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
        String where = "n1=127.0.0.1:" + ports();
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
