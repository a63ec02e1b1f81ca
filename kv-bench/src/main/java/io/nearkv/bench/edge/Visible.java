package io.nearkv.bench.edge;

import io.nearkv.bench.macro.Host;
import io.nearkv.bench.macro.ProcessCpu;
import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvStore;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.identity.Authority;
import io.nearkv.core.identity.Environment;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.identity.JoinDocument;
import io.nearkv.core.identity.NodeAuthority;
import io.nearkv.core.rocksdb.RocksStore;
import io.nearkv.core.rocksdb.RocksStoreOptions;
import io.nearkv.edge.EdgeCache;
import io.nearkv.edge.EdgeOptions;
import io.nearkv.net.client.KvClient;
import io.nearkv.net.server.KvServer;
import io.nearkv.net.server.KvServerOptions;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;

/**
 * The time from the acknowledgement of a write at the core until each of many edges answers with it from then on. All in one process, over real sockets: a core over the engine, edges each
 * with a client of its own (one connection), as an edge node has; or half a dozen edges over the core and the others over those. A steady load of other writes goes on beside it.
 */
public final class Visible {
    private static final int LOAD_KEYS = 10_000;
    /** Of load without probes, in which the compiler has its time. */
    private static final int WARM_UP_SECONDS = 8;
    /** How often the edges are looked at: they run on the same processors, and who only looks keeps them from their work. */
    private static final long LOOK_EVERY_NANOS = 500_000;

    private static final Duration GIVE_UP = Duration.ofSeconds(10);

    private final Deque<AutoCloseable> owned = new ArrayDeque<>();
    private final NamespaceId namespace;
    private final RocksStore engine;
    private final Authority authority;
    private final String token;
    private final KvServer core;

    private Visible(Path folder) throws Exception {
        SecureRandom random = new SecureRandom();
        InstantSource clock = InstantSource.system();
        IdentityDirectory identity = IdentityDirectory.initialize(
                folder.resolve("identity"), new Environment("development"), AccountId.random(random), "bench", clock);
        JoinDocument join = identity.join("bench", "bench", Duration.ofHours(1));
        token = join.token();
        engine = own(RocksStore.open(
                folder.resolve("store"),
                RocksStoreOptions.builder()
                        .initialAccount(new AccountInfo(identity.account(), "bench"))
                        .build()));
        namespace = engine.admin()
                .createNamespace(identity.account(), "bench")
                .get(10, TimeUnit.SECONDS)
                .id();
        authority = own(NodeAuthority.open(identity.environment(), identity.files(), null, clock));
        core = serve(engine, identity.account());
    }

    private <T extends AutoCloseable> T own(T made) {
        owned.push(made);
        return made;
    }

    private KvServer serve(KvStore store, AccountId operator) {
        return own(KvServer.start(
                store,
                authority,
                KvServerOptions.listeningOn(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                        .withEventLoopThreads(1)
                        .withOperatorAccount(operator)
                        .withIdentity("bench", () -> engine.stamp().lineage())));
    }

    private EdgeCache edge(KvServer upstream) {
        KvClient client = KvClient.builder()
                .server("kv://127.0.0.1:" + upstream.address().getPort())
                .token(token)
                .build();
        return own(EdgeCache.open(
                client.store(), EdgeOptions.builder().memoryBytes(32 << 20).build()));
    }

    private void close() {
        while (!owned.isEmpty()) {
            try {
                owned.pop().close();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }

    /** {@code [--edges 1,10,100] [--rate N] [--seconds N] [--tree N]}. */
    public static void main(String[] args) throws Exception {
        String edges = "1,10,100";
        int rate = 1000;
        int seconds = 10;
        int middle = 0;
        for (int i = 0; i + 1 < args.length; i += 2) {
            switch (args[i]) {
                case "--edges" -> edges = args[i + 1];
                case "--rate" -> rate = Integer.parseInt(args[i + 1]);
                case "--seconds" -> seconds = Integer.parseInt(args[i + 1]);
                case "--tree" -> middle = Integer.parseInt(args[i + 1]);
                default -> throw new IllegalArgumentException(args[i]);
            }
        }
        PrintStream out = System.out;
        out.println("machine: " + Host.describe());
        out.println(
                "| edges | other writes a second | probes | visible p50 ms | p99 ms | max ms | CPU of the process |");
        out.println("| --- | --- | --- | --- | --- | --- | --- |");
        for (String count : edges.split(",", -1)) {
            run(Integer.parseInt(count), middle, rate, seconds, out);
        }
    }

    private static void run(int count, int middle, int rate, int seconds, PrintStream out) throws Exception {
        Path folder = Files.createTempDirectory("nearkv-visible");
        Visible visible = new Visible(folder);
        try {
            AccountId operator = visible.engine
                    .admin()
                    .accounts()
                    .get(10, TimeUnit.SECONDS)
                    .get(0)
                    .id();
            List<KvServer> upstreams = new ArrayList<>();
            for (int i = 0; i < middle; i++) {
                upstreams.add(visible.serve(visible.edge(visible.core), operator));
            }
            List<EdgeCache> edges = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                edges.add(visible.edge(upstreams.isEmpty() ? visible.core : upstreams.get(i % upstreams.size())));
            }
            for (EdgeCache edge : edges) {
                while (!edge.stats().feed().equals("following")) {
                    LockSupport.parkNanos(1_000_000);
                }
            }
            visible.measure(edges, middle, rate, seconds, out);
        } finally {
            visible.close();
            delete(folder);
        }
    }

    private void measure(List<EdgeCache> edges, int middle, int rate, int seconds, PrintStream out) throws Exception {
        Histogram histogram = new Histogram(TimeUnit.SECONDS.toNanos(60), 3);
        Key probe = Key.of("probe");
        long written = 0;
        long probes = 0;
        long begin = System.nanoTime();
        long end = begin + TimeUnit.SECONDS.toNanos(WARM_UP_SECONDS + seconds);
        long interval = TimeUnit.SECONDS.toNanos(1) / rate;
        long nextProbe = begin + TimeUnit.SECONDS.toNanos(WARM_UP_SECONDS);
        long cpu = ProcessCpu.processNanos(ProcessHandle.current().pid());
        while (System.nanoTime() - end < 0) {
            written = load(begin, interval, written);
            if (System.nanoTime() - nextProbe >= 0) {
                nextProbe += TimeUnit.MILLISECONDS.toNanos(50);
                probes++;
                long version = engine.write(
                                namespace, Mutation.put(probe, Value.of("p" + probes)), WriteOptions.BUFFERED)
                        .get(10, TimeUnit.SECONDS)
                        .orThrow();
                long acknowledged = System.nanoTime();
                List<EdgeCache> waiting = new ArrayList<>(edges);
                while (!waiting.isEmpty()) {
                    waiting.removeIf(edge -> {
                        boolean seen = sees(edge, probe, version);
                        if (seen) {
                            histogram.recordValue(System.nanoTime() - acknowledged);
                        }
                        return seen;
                    });
                    written = load(begin, interval, written);
                    LockSupport.parkNanos(LOOK_EVERY_NANOS);
                    if (System.nanoTime() - acknowledged > GIVE_UP.toNanos()) {
                        throw new IllegalStateException(waiting.size() + " edges do not see a write");
                    }
                }
            }
            LockSupport.parkNanos(50_000);
        }
        double elapsed = System.nanoTime() - begin;
        out.printf(
                "| %s | %,.0f | %d | %.1f | %.1f | %.1f | %.2f |%n",
                edges.size() + (middle == 0 ? "" : " over " + middle),
                written / elapsed * 1e9,
                probes,
                histogram.getValueAtPercentile(50) / 1e6,
                histogram.getValueAtPercentile(99) / 1e6,
                histogram.getMaxValue() / 1e6,
                (ProcessCpu.processNanos(ProcessHandle.current().pid()) - cpu) / elapsed);
    }

    private boolean sees(EdgeCache edge, Key key, long version) {
        // As a reader does: from memory where there is a copy, else from above.
        var answer = edge.get(namespace, key, ReadOptions.DEFAULT);
        return answer.isDone()
                && !answer.isCompletedExceptionally()
                && answer.join() instanceof GetResult.Found found
                && found.version() >= version;
    }

    /** Writes what is due by the clock. */
    private long load(long begin, long interval, long written) {
        long due = (System.nanoTime() - begin) / interval;
        long done = written;
        while (done < due) {
            Key key = Key.of("load/" + done % LOAD_KEYS);
            var unused = engine.write(namespace, Mutation.put(key, Value.of("v" + done)), WriteOptions.BUFFERED);
            done++;
        }
        return done;
    }

    private static void delete(Path folder) throws Exception {
        try (var files = Files.walk(folder)) {
            for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
