package io.nearkv.bench.compare;

import io.nearkv.bench.macro.Host;
import io.nearkv.bench.macro.KeySpace;
import io.nearkv.bench.macro.KvStoreTarget;
import io.nearkv.bench.macro.Launcher;
import io.nearkv.bench.macro.LoadReport;
import io.nearkv.bench.macro.LoadRun;
import io.nearkv.bench.macro.LoadSpec;
import io.nearkv.bench.macro.Mix;
import io.nearkv.bench.macro.OperationKind;
import io.nearkv.core.KvException;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.Limits;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.net.client.KvClient;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code kv-bench/run large}: small puts in a cluster of three, alone and beside a stream of values of the largest size; and whether the large ones cost the leader its place, which the term shows.
 */
@Command(
        name = "large",
        mixinStandardHelpOptions = true,
        description = "Measures puts of 100 bytes, 16 in flight, alone and beside a stream of values of 25 MiB.")
public final class LargeBeside implements Callable<Integer> {
    private static final int IN_FLIGHT = 16;
    private static final int KEYS = 100_000;
    /** Few, so that the disk does not fill up: they replace each other. */
    private static final int LARGE_KEYS = 4;

    @Option(
            names = "--seconds",
            defaultValue = "15",
            description = "Length of each measurement. Default: ${DEFAULT-VALUE}.")
    private int seconds;

    @Option(
            names = "--warm-up",
            defaultValue = "30",
            description = "Seconds of the same load before it. Default: ${DEFAULT-VALUE}.")
    private int warmUp;

    @Option(names = "--nearkv", defaultValue = "./nearkv", description = "The launcher. Default: ./nearkv.")
    private Path nearkv = Path.of("nearkv");

    @Option(names = "--work", description = "Where nodes keep their data. Default: the temporary folder.")
    private @Nullable Path work;

    private final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    private LargeBeside() {}

    /** Runs the measurement; exit code 1 if a put failed. */
    public static void main(String[] args) {
        System.exit(new CommandLine(new LargeBeside()).execute(args));
    }

    /** One who puts large values, one after the other. */
    private static final class Uploader extends Thread {
        private final KvNamespace namespace;
        private final Value value;
        private volatile boolean over;

        /** Read after the end, as are the next two. */
        private final List<String> failures = new ArrayList<>();

        private int values;
        private long nanos;

        Uploader(KvNamespace namespace) {
            this.namespace = namespace;
            byte[] bytes = new byte[Limits.MAX_VALUE_BYTES];
            new SplittableRandom(42).nextBytes(bytes); // Nothing that could be made smaller on the way.
            this.value = Value.wrap(bytes);
            setDaemon(true);
        }

        @Override
        public void run() {
            long from = System.nanoTime();
            for (int i = 0; !over; i++) {
                try {
                    long unused =
                            namespace.put("large-" + i % LARGE_KEYS, value).orThrow();
                    values++;
                    nanos = System.nanoTime() - from;
                } catch (KvException e) {
                    failures.add(e.code().label());
                }
            }
        }

        double megabytesPerSecond() {
            return nanos == 0 ? 0 : (double) values * Limits.MAX_VALUE_BYTES / 1e6 / (nanos / 1e9);
        }
    }

    @Override
    public Integer call() throws Exception {
        out.println("machine: " + Host.describe());
        Launcher.prepare(nearkv, Map.of());
        Path base = work != null ? work : Path.of(System.getProperty("java.io.tmpdir"));
        try (Children children = new Children(base)) {
            NearkvNodes nodes = NearkvNodes.start(children, nearkv, null, children.newFolder("large"));
            nodes.awaitReady();
            try (KvClient large = nodes.client().build()) {
                return measure(nodes, large.kv().namespace("default").withTimeout(Duration.ofMinutes(1)));
            }
        }
    }

    private int measure(NearkvNodes nodes, KvNamespace large) throws IOException, InterruptedException {
        long term = nodes.term();
        LoadReport alone = load(nodes);
        print("small puts alone", alone);
        Uploader uploader = new Uploader(large);
        uploader.start();
        LoadReport beside = load(nodes);
        uploader.over = true;
        uploader.join(Duration.ofMinutes(2).toMillis());
        print("beside values of 25 MiB", beside);
        long termAfter = nodes.term();
        out.printf(
                Locale.ROOT,
                "large values: %d, %.1f MB/s, failures: %s; term %d before, %d after: %s%n",
                uploader.values,
                uploader.megabytesPerSecond(),
                uploader.failures,
                term,
                termAfter,
                term == termAfter ? "no election" : "there was an election");
        boolean sound = alone.sound() && beside.sound() && uploader.failures.isEmpty() && !uploader.isAlive();
        return sound ? 0 : 1;
    }

    private LoadReport load(NearkvNodes nodes) throws IOException, InterruptedException {
        KeySpace standard = KeySpace.standard();
        KeySpace space = new KeySpace(KEYS, 100, standard.zipfExponent(), standard.seed());
        KvClient client = nodes.client().build();
        NamespaceId namespace = client.kv().namespace("default").info().id();
        try (KvStoreTarget target = new KvStoreTarget(client.store(), namespace, space, WriteOptions.DEFAULT)) {
            return new LoadRun(target, space, nodes.pids())
                    .run(LoadSpec.closedLoop(
                            1,
                            IN_FLIGHT,
                            Mix.only(OperationKind.PUT),
                            Duration.ofSeconds(warmUp),
                            Duration.ofSeconds(seconds)));
        }
    }

    private void print(String what, LoadReport report) {
        LoadReport.Percentiles puts = report.latencyOf(OperationKind.PUT);
        out.printf(
                Locale.ROOT,
                "%-24s %,8.0f/s, p50 %.2f ms, p99 %.2f ms, longest %.0f ms%s%n",
                what,
                report.operationsPerSecond(),
                puts == null ? Double.NaN : puts.p50() / 1e3,
                puts == null ? Double.NaN : puts.p99() / 1e3,
                puts == null ? Double.NaN : puts.max() / 1e3,
                report.sound() ? "" : ", not sound: " + report.errors());
    }
}
