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
import io.nearkv.core.NamespaceId;
import io.nearkv.core.WriteOptions;
import io.nearkv.net.client.KvClient;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code kv-bench/run partitions}: what puts cost in clusters of several sizes over several numbers of partitions. All nodes and the client share this machine, so what more machines would give is to be
 * seen in the processor time of a put over all nodes, and not in the puts per second.
 */
@Command(
        name = "partitions",
        mixinStandardHelpOptions = true,
        description = "Measures puts of 100 bytes, 256 in flight, over numbers of partitions and of nodes.")
public final class Partitions implements Callable<Integer> {
    private static final int CONNECTIONS = 8;
    private static final int IN_FLIGHT = 32;
    private static final int KEYS = 100_000;

    @Option(
            names = "--partitions",
            split = ",",
            defaultValue = "1,4,16",
            description = "Numbers of partitions. Default: ${DEFAULT-VALUE}.")
    private List<Integer> partitions = List.of();

    @Option(
            names = "--nodes",
            split = ",",
            defaultValue = "3,5",
            description = "Numbers of nodes. Default: ${DEFAULT-VALUE}.")
    private List<Integer> sizes = List.of();

    @Option(
            names = "--seconds",
            defaultValue = "15",
            description = "Length of each measurement. Default: ${DEFAULT-VALUE}.")
    private int seconds;

    @Option(
            names = "--warm-up",
            defaultValue = "60",
            description = "Seconds of the same load before it. Default: ${DEFAULT-VALUE}.")
    private int warmUp;

    @Option(names = "--nearkv", defaultValue = "./nearkv", description = "The launcher. Default: ./nearkv.")
    private Path nearkv = Path.of("nearkv");

    @Option(names = "--work", description = "Where nodes keep their data. Default: the temporary folder.")
    private @Nullable Path work;

    private final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    private Partitions() {}

    /** Runs the measurement; exit code 1 if a put failed. */
    public static void main(String[] args) {
        System.exit(new CommandLine(new Partitions()).execute(args));
    }

    @Override
    public Integer call() throws Exception {
        out.println("machine: " + Host.describe());
        out.println("A put is on all nodes with one partition, and on three of them with more.");
        Launcher.prepare(nearkv, Map.of());
        out.println("nodes  partitions     puts/s   p50 ms   p99 ms  nodes' cpu us/put  client's cpu us/put");
        boolean sound = true;
        for (int size : sizes) {
            for (int count : partitions) {
                sound &= measure(size, count);
            }
        }
        return sound ? 0 : 1;
    }

    private boolean measure(int size, int count) throws IOException, InterruptedException {
        Path base = work != null ? work : Path.of(System.getProperty("java.io.tmpdir"));
        try (Children children = new Children(base)) {
            NearkvNodes nodes =
                    NearkvNodes.start(children, nearkv, null, children.newFolder("partitions"), size, count);
            nodes.awaitReady();
            LoadReport report = load(nodes);
            LoadReport.Percentiles puts = report.latencyOf(OperationKind.PUT);
            Double nodesCpu = report.serverCpuMicrosPerOperation();
            out.printf(
                    Locale.ROOT,
                    "%5d  %10d  %,9.0f  %7.2f  %7.2f  %17.1f  %19.1f%s%n",
                    size,
                    count,
                    report.operationsPerSecond(),
                    puts == null ? Double.NaN : puts.p50() / 1e3,
                    puts == null ? Double.NaN : puts.p99() / 1e3,
                    nodesCpu == null ? Double.NaN : nodesCpu,
                    report.clientCpuMicrosPerOperation(),
                    report.sound() ? "" : "  not sound: " + report.errors());
            return report.sound();
        }
    }

    private LoadReport load(NearkvNodes nodes) throws IOException, InterruptedException {
        KeySpace standard = KeySpace.standard();
        KeySpace space = new KeySpace(KEYS, 100, standard.zipfExponent(), standard.seed());
        KvClient client = nodes.client().connections(CONNECTIONS).ioThreads(1).build();
        NamespaceId namespace = client.kv().namespace("default").info().id();
        try (KvStoreTarget target = new KvStoreTarget(client.store(), namespace, space, WriteOptions.DEFAULT)) {
            LoadRun run = new LoadRun(target, space, nodes.pids());
            return run.run(LoadSpec.closedLoop(
                    CONNECTIONS,
                    IN_FLIGHT,
                    Mix.only(OperationKind.PUT),
                    Duration.ofSeconds(warmUp),
                    Duration.ofSeconds(seconds)));
        }
    }
}
