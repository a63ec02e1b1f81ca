package io.nearkv.server.program;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.KvSession;
import io.nearkv.core.Origin;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.WriteOptions;
import io.nearkv.net.client.KvClient;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Edge nodes as real processes: what their users see when the core, the network or they themselves come and go. */
class EdgeIT {
    @TempDir
    Path folder;

    private static Kv connect(String address, String token) {
        return KvClient.builder()
                .server(address)
                .token(token)
                .timeout(Duration.ofSeconds(5))
                .build()
                .kv();
    }

    private String adminToken() throws IOException {
        return Files.readString(folder.resolve("data").resolve("admin.token")).trim();
    }

    private Path join(Program program, String name) throws IOException {
        Program.Result made = program.call("join", "create", name);
        assertThat(made.exitCode()).as("%s", made).isZero();
        Path file = folder.resolve(name + ".join");
        Files.write(file, made.outBytes());
        return file;
    }

    private static RunningServer edge(Program program, String upstream, Path join, String data, String... more) {
        List<String> args = new ArrayList<>(
                List.of("--role", "edge", "--upstream", upstream, "--join", join.toString(), "--data", data));
        args.addAll(Arrays.asList(more));
        return program.serve(args.toArray(String[]::new));
    }

    @Test
    void an_edge_keeps_its_answers_while_the_core_is_gone_and_sees_writes_soon_after() throws Exception {
        Program program = new Program(folder);
        RunningServer core = program.serve();
        String address = core.address();
        Path join = join(program, "edge-1");
        try (RunningServer first = edge(program, address, join, "edge-1")) {
            assertThat(Files.getPosixFilePermissions(folder.resolve("edge-1/identity/upstream.token")))
                    .isEqualTo(PosixFilePermissions.fromString("rw-------"));
            assertThat(first.environment()).isEqualTo(core.environment());
            assertThat(first.account()).isEqualTo(core.account());
            assertThat(Files.exists(folder.resolve("edge-1/identity/keys"))).isFalse();
            try (Kv kv = connect(first.address(), adminToken())) {
                KvNamespace namespace = kv.namespace("default");
                assertThat(namespace.put("k", "1").orThrow()).isPositive();
                assertThat(namespace.getString("k")).contains("1");
                assertThat(namespace.get("k").origin().source()).isEqualTo(Origin.Source.MEMORY);
                assertThat(namespace.getString("absent")).isEmpty();
                assertThat(namespace.withReadOptions(ReadOptions.STRONG).getString("k"))
                        .contains("1");

                assertThat(core.stop()).isZero();
                assertThat(namespace.getString("k")).contains("1");
                assertThat(namespace.getString("absent")).isEmpty();
                // By a client that does not try again, as others do while their time lasts.
                try (Kv once = KvClient.builder()
                        .server(first.address())
                        .token(adminToken())
                        .maxAttempts(1)
                        .build()
                        .kv()) {
                    await().untilAsserted(() -> {
                        long before = System.nanoTime();
                        KvException refusal =
                                failure(() -> once.namespace("default").get("never-read"));
                        assertThat(refusal.code()).isEqualTo(ErrorCode.UNAVAILABLE);
                        assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofMillis(500));
                    });
                }
                assertThat(failure(() -> namespace
                                        .withWriteOptions(WriteOptions.DEFAULT.withTimeout(Duration.ofSeconds(1)))
                                        .put("k", "2"))
                                .code())
                        .isIn(ErrorCode.UNAVAILABLE, ErrorCode.DEADLINE_EXCEEDED);
                assertThat(namespace.getString("k")).contains("1");
            }
            first.kill();
        }
        // Without the core and after a kill, from the disk; too old by now for its time, and so marked.
        try (RunningServer again = edge(program, address, join, "edge-1", "--cache-ttl", "0s")) {
            try (Kv kv = connect(again.address(), adminToken())) {
                KvNamespace namespace = kv.namespace("default");
                GetResult answer = namespace.get("k");
                assertThat(answer.toOptional()).isPresent();
                assertThat(answer.origin().source()).isEqualTo(Origin.Source.STALE);
                HttpResponse<String> http = HttpClient.newHttpClient()
                        .send(
                                HttpRequest.newBuilder(URI.create("http://" + again.field("http")
                                                + "/client/v4/accounts/" + again.account() + "/storage/kv/namespaces/"
                                                + namespace.info().id() + "/values/k"))
                                        .header("Authorization", "Bearer " + adminToken())
                                        .build(),
                                HttpResponse.BodyHandlers.ofString());
                assertThat(http.body()).isEqualTo("1");
                assertThat(http.headers().firstValue("nearkv-cache-status")).contains("STALE");
                assertThat(http.headers().firstValue("age")).isPresent();
            }
        }
        try (RunningServer coreAgain = program.serve("--listen", address.substring("kv://".length()));
                RunningServer again = edge(program, address, join, "edge-1");
                Kv atCore = connect(coreAgain.address(), adminToken());
                Kv atEdge = connect(again.address(), adminToken())) {
            assertThat(atEdge.namespace("default").getString("k")).contains("1");
            for (int i = 10; i < 20; i++) {
                String value = Integer.toString(i);
                assertThat(atCore.namespace("default").put("k", value).orThrow())
                        .isPositive();
                await().pollInterval(Duration.ofMillis(1))
                        .until(() -> atEdge.namespace("default").getString("k").equals(Optional.of(value)));
            }
            Program.Result status = program.call("edge", "status", "--ops", again.operations());
            assertThat(status.exitCode()).as("%s", status).isZero();
            assertThat(status.out()).contains("feed_following").contains("reads_total{tier=\"memory\"}");
            assertThat(program.call("edge", "status", "--json", "--ops", again.operations())
                            .out())
                    .startsWith("{")
                    .contains("\"feed_following\":1");
        }
    }

    private static KvException failure(Callable<?> call) throws Exception {
        try {
            Object answer = call.call();
            throw new AssertionError("answered " + answer);
        } catch (KvException e) {
            return e;
        }
    }

    @Test
    void an_edge_refuses_who_the_core_would_refuse_cached_or_not_and_alone_or_not() throws Exception {
        Program program = new Program(folder);
        Program other = new Program(Files.createDirectories(folder.resolve("other")));
        String foreign;
        try (RunningServer staging = other.serve("--environment", "staging")) {
            foreign = Files.readString(folder.resolve("other/data/admin.token")).trim();
            assertThat(staging.stop()).isZero();
        }
        RunningServer core = program.serve();
        try (RunningServer edge = edge(program, core.address(), join(program, "e"), "edge");
                Kv kv = connect(edge.address(), adminToken())) {
            assertThat(kv.namespace("default").put("k", "v").orThrow()).isPositive();
            assertThat(kv.namespace("default").getString("k")).contains("v");
            String reader = program.call("token", "create").out().trim();
            String nobody = program.call("token", "create", "--namespace", "00000000000000000000000000000001")
                    .out()
                    .trim();
            for (boolean alone : new boolean[] {false, true}) {
                if (alone) {
                    core.kill();
                }
                try (Kv reading = connect(edge.address(), reader);
                        Kv refused = connect(edge.address(), nobody);
                        Kv stranger = connect(edge.address(), foreign)) {
                    assertThat(reading.namespace("default").getString("k")).contains("v");
                    assertThat(failure(() -> reading.namespace("default").put("k", "x"))
                                    .code())
                            .isEqualTo(ErrorCode.FORBIDDEN);
                    assertThat(failure(() -> refused.namespace("default").get("k"))
                                    .code())
                            .isIn(ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND);
                    assertThat(failure(() -> stranger.namespace("default").get("k"))
                                    .code())
                            .isEqualTo(ErrorCode.UNAUTHORIZED);
                }
            }
        } finally {
            core.close();
        }
    }

    @Test
    void a_mirror_lists_and_reads_what_nobody_has_asked_it_for_while_the_core_is_gone() throws Exception {
        Program program = new Program(folder);
        RunningServer core = program.serve();
        List<String> names = new ArrayList<>();
        try (Kv kv = connect(core.address(), adminToken())) {
            for (int i = 0; i < 30; i++) {
                names.add(String.format("k%02d", i));
                assertThat(kv.namespace("default").put(names.get(i), "v" + i).orThrow())
                        .isPositive();
            }
        }
        Path join = join(program, "m");
        try (RunningServer mirror = edge(program, core.address(), join, "mirror", "--mode", "mirror")) {
            try (Kv atCore = connect(core.address(), adminToken());
                    Kv kv = connect(mirror.address(), adminToken())) {
                await().ignoreExceptions().until(() -> names(kv).equals(names));
                assertThat(atCore.namespace("default").put("k07", "changed").orThrow())
                        .isPositive();
                await().until(() -> kv.namespace("default").getString("k07").equals(Optional.of("changed")));
                await().until(() -> program.call("edge", "status", "--json", "--ops", mirror.operations())
                        .out()
                        .contains("\"mirror_namespaces_complete\":1"));
            }
            core.kill();
        }
        try (RunningServer again = edge(program, core.address(), join, "mirror", "--mode", "mirror");
                Kv kv = connect(again.address(), adminToken())) {
            assertThat(names(kv)).isEqualTo(names);
            assertThat(kv.namespace("default").getString("k07")).contains("changed");
            assertThat(kv.namespace("default").getString("k29")).contains("v29");
        }
    }

    private static List<String> names(Kv kv) {
        List<String> found = new ArrayList<>();
        kv.namespace("default").list().forEach(key -> found.add(key.name()));
        return found;
    }

    @Test
    void what_an_edge_cannot_be_started_with_is_said() throws Exception {
        Program program = new Program(folder);
        try (RunningServer core = program.serve()) {
            Path join = join(program, "e");
            assertThat(program.call("serve", "--role", "edge").err()).contains("--upstream");
            assertThat(program.call("serve", "--upstream", "kv://127.0.0.1:1").err())
                    .contains("--role edge");
            assertThat(program.call("serve", "--role", "middle").err()).contains("core or edge");
            Program.Result noJoin =
                    program.run("serve", "--role", "edge", "--upstream", core.address(), "--data", "e0");
            assertThat(noJoin.exitCode()).isNotZero();
            assertThat(noJoin.err()).contains("--join");
            Program.Result coreFolder = program.run(
                    "serve",
                    "--role",
                    "edge",
                    "--upstream",
                    core.address(),
                    "--join",
                    join.toString(),
                    "--data",
                    "data");
            assertThat(coreFolder.exitCode()).isNotZero();
            assertThat(coreFolder.err()).contains("core node");
            Files.writeString(folder.resolve("bad.join"), "{\"format\":1}");
            Program.Result bad = program.run(
                    "serve", "--role", "edge", "--upstream", core.address(), "--join", "bad.join", "--data", "e1");
            assertThat(bad.exitCode()).isNotZero();
            assertThat(bad.err()).contains("no join file");
            assertThat(Files.exists(folder.resolve("e1"))).isFalse();
            Program.Result foreign = program.run(
                    "serve",
                    "--role",
                    "edge",
                    "--environment",
                    "production",
                    "--upstream",
                    core.address(),
                    "--join",
                    join.toString(),
                    "--data",
                    "e2");
            assertThat(foreign.exitCode()).isEqualTo(4);
            assertThat(program.call("join", "create", "not a name").exitCode()).isEqualTo(2);
        }
    }

    /** Everything that the core and three edges go through, with readers and writers all the while. */
    @Test
    void nobody_reads_what_is_too_old_and_nothing_acknowledged_is_lost() throws Exception {
        int rounds = Integer.getInteger("nearkv.test.rounds", 1);
        Random random = new Random(Long.getLong("nearkv.test.seed", 1));
        Program program = new Program(folder, Map.of());
        String[] coreArgs = {"--feed-retain-time", "2s"};
        RunningServer core = program.serve(coreArgs);
        String coreAddress = core.address().substring("kv://".length());
        String token = adminToken();
        List<CutProxy> networks = new ArrayList<>();
        RunningServer[] edges = new RunningServer[3];
        Path[] joins = new Path[3];
        AtomicBoolean done = new AtomicBoolean();
        ExecutorService threads = Executors.newCachedThreadPool();
        try {
            for (int i = 0; i < edges.length; i++) {
                networks.add(new CutProxy(coreAddress));
                joins[i] = join(program, "e" + i);
                edges[i] = edge(program, networks.get(i).address(), joins[i], "e" + i, "--cache-ttl", "3s");
            }
            List<String> addresses =
                    Arrays.stream(edges).map(RunningServer::address).toList();
            AtomicInteger[] acknowledged = new AtomicInteger[8];
            Arrays.setAll(acknowledged, i -> new AtomicInteger());
            List<Future<Integer>> workers = new ArrayList<>();
            for (int w = 0; w < 2; w++) {
                int worker = w;
                workers.add(threads.submit(() -> sessionWorker(worker, addresses, token, acknowledged, done)));
            }
            for (int round = 0; round < rounds; round++) {
                int victim = random.nextInt(edges.length);
                networks.get(victim).cut();
                await().pollDelay(Duration.ofMillis(500)).until(() -> true);
                networks.get(victim).mend();
                int killed = random.nextInt(edges.length);
                edges[killed].kill();
                edges[killed] = edge(
                        program,
                        networks.get(killed).address(),
                        joins[killed],
                        "e" + killed,
                        "--cache-ttl",
                        "3s",
                        "--listen",
                        addresses.get(killed).substring("kv://".length()));
                core.kill();
                core = program.serve(coreArgs[0], coreArgs[1], "--listen", coreAddress);
                // Longer than the feed is kept.
                int gap = random.nextInt(edges.length);
                networks.get(gap).cut();
                await().pollDelay(Duration.ofSeconds(3)).until(() -> true);
                networks.get(gap).mend();
            }
            done.set(true);
            int reads = 0;
            for (Future<Integer> worker : workers) {
                reads += worker.get();
            }
            assertThat(reads).isPositive();
            for (String address : addresses) {
                try (Kv kv = connect(address, token)) {
                    for (int k = 0; k < acknowledged.length; k++) {
                        int least = acknowledged[k].get();
                        String key = "k" + k;
                        await().atMost(Duration.ofSeconds(20))
                                .ignoreExceptions()
                                .until(() -> number(kv.namespace("default").getString(key)) >= least);
                    }
                }
            }
        } finally {
            done.set(true);
            threads.shutdownNow();
            for (RunningServer edge : edges) {
                if (edge != null) {
                    edge.close();
                }
            }
            core.close();
            for (CutProxy network : networks) {
                network.close();
            }
        }
    }

    private static int number(Optional<String> value) {
        return value.map(Integer::parseInt).orElse(0);
    }

    /**
     * Writes growing numbers to keys of its own and reads them back, each time at another edge, in one session: it must never see less than it has written or seen.
     *
     */
    private static int sessionWorker(
            int worker, List<String> addresses, String token, AtomicInteger[] acknowledged, AtomicBoolean done) {
        Random random = new Random(worker);
        KvSession session = KvSession.begin();
        List<Kv> plain =
                addresses.stream().map(address -> connect(address, token)).toList();
        List<Kv> views = plain.stream().map(session::over).toList();
        int perWorker = acknowledged.length / 2;
        int[] seen = new int[acknowledged.length];
        int[] tried = new int[acknowledged.length];
        int reads = 0;
        try {
            while (!done.get()) {
                int k = worker * perWorker + random.nextInt(perWorker);
                String key = "k" + k;
                int edge = random.nextInt(addresses.size());
                KvNamespace namespace = views.get(edge).namespace("default").withTimeout(Duration.ofSeconds(2));
                try {
                    if (random.nextInt(4) == 0) {
                        int next = ++tried[k];
                        Object unused = namespace.put(key, Integer.toString(next));
                        acknowledged[k].set(next);
                        seen[k] = Math.max(seen[k], next);
                    } else {
                        int found = number(namespace.getString(key));
                        assertThat(found)
                                .as("key %s of the session at edge %s", key, edge)
                                .isGreaterThanOrEqualTo(seen[k])
                                .isLessThanOrEqualTo(tried[k]);
                        seen[k] = found;
                        reads++;
                    }
                } catch (KvException e) {
                    // Nothing can be said while the core or the edge is away; it must only not be wrong.
                    assertThat(e.code())
                            .as(e.getMessage())
                            .isIn(ErrorCode.UNAVAILABLE, ErrorCode.DEADLINE_EXCEEDED, ErrorCode.OUTCOME_UNKNOWN);
                }
            }
        } finally {
            views.forEach(Kv::close);
        }
        return reads;
    }
}
