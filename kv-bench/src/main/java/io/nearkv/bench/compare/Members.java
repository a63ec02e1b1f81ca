package io.nearkv.bench.compare;

import io.nearkv.bench.macro.Host;
import io.nearkv.bench.macro.Launcher;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.KvNamespace;
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
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code kv-bench/run members}: what writers notice while the members of a cluster change: a fourth node is added, the first, which leads, is removed, a disk is lost; with several partitions they are spread
 * again after the first of these. Writers write one key after the other each, into data that must be copied.
 */
@Command(
        name = "members",
        mixinStandardHelpOptions = true,
        description = "Measures the throughput of writes while nodes are added, removed, and lose their disks.")
public final class Members implements Callable<Integer> {
    private static final long SLOT_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final int SLOTS_PER_SECOND = 10;
    private static final int SLOTS = 3600 * SLOTS_PER_SECOND;
    private static final int VALUE_BYTES = 100;
    private static final int FILL_VALUE_BYTES = 1000;

    @Option(names = "--partitions", defaultValue = "1", description = "Over how many partitions. Default: 1.")
    private int partitions;

    @Option(names = "--writers", defaultValue = "16", description = "How many write at a time. Default: 16.")
    private int writers;

    @Option(
            names = "--fill",
            defaultValue = "200000",
            description = "Keys of " + FILL_VALUE_BYTES + " bytes that are there before. Default: 200000.")
    private int fill;

    @Option(
            names = "--quiet",
            defaultValue = "15",
            description = "Seconds of writing before and after each change. Default: 15.")
    private int quietSeconds;

    @Option(names = "--nearkv", defaultValue = "./nearkv", description = "The launcher. Default: ./nearkv.")
    private Path nearkv = Path.of("nearkv");

    @Option(names = "--work", description = "Where nodes keep their data. Default: the temporary folder.")
    private @Nullable Path work;

    private final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    private final long startNanos = System.nanoTime();
    private final AtomicIntegerArray acknowledged = new AtomicIntegerArray(SLOTS);
    private final AtomicLong failed = new AtomicLong();
    private final AtomicLong unknown = new AtomicLong();
    private final AtomicLong longestNanos = new AtomicLong();
    private volatile boolean over;

    private Members() {}

    /** Runs the measurement; exit code 1 if a client was told of a failure. */
    public static void main(String[] args) {
        System.exit(new CommandLine(new Members()).execute(args));
    }

    /** A change of members. */
    private interface Change {
        void run() throws IOException, InterruptedException;
    }

    private int slot() {
        return (int) ((System.nanoTime() - startNanos) / SLOT_NANOS);
    }

    private void write(KvNamespace namespace, String prefix) {
        byte[] value = new byte[VALUE_BYTES];
        for (long i = 0; !over; i++) {
            long begun = System.nanoTime();
            try {
                long unused = namespace.put(prefix + i, value).orThrow();
                int unusedCount = acknowledged.incrementAndGet(slot());
            } catch (KvException e) {
                if (e.code() == ErrorCode.OUTCOME_UNKNOWN) {
                    unknown.incrementAndGet(); // On its way to a node that was killed; written again, it is there.
                } else {
                    failed.incrementAndGet();
                    out.println("a write failed: " + e.getMessage());
                }
            }
            longestNanos.accumulateAndGet(System.nanoTime() - begun, Math::max);
        }
    }

    private static void fill(KvNamespace namespace, int from, int to) {
        byte[] value = new byte[FILL_VALUE_BYTES];
        for (int i = from; i < to; i++) {
            long unused = namespace.put("fill" + i, value).orThrow();
        }
    }

    private static List<Thread> started(int count, java.util.function.IntConsumer task) {
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int number = i;
            Thread thread = new Thread(() -> task.accept(number));
            thread.setDaemon(true);
            thread.start();
            threads.add(thread);
        }
        return threads;
    }

    private static void join(List<Thread> threads) throws InterruptedException {
        for (Thread thread : threads) {
            thread.join();
        }
    }

    @Override
    public Integer call() throws Exception {
        out.println("machine: " + Host.describe());
        Launcher.prepare(nearkv, Map.of());
        Path base = work != null ? work : Path.of(System.getProperty("java.io.tmpdir"));
        try (Children children = new Children(base)) {
            NearkvNodes nodes = NearkvNodes.start(children, nearkv, null, children.newFolder("members"), 3, partitions);
            nodes.awaitReady();
            try (KvClient client =
                    nodes.client().timeout(Duration.ofSeconds(10)).build()) {
                KvNamespace namespace = client.kv().namespace("default");
                int share = fill / 64;
                join(started(64, i -> fill(namespace, i * share, (i + 1) * share)));
                List<Thread> writing = started(writers, i -> write(namespace, "w" + i + "-"));
                TimeUnit.SECONDS.sleep(quietSeconds); // Warm.
                double quiet = quiet();
                measure("a fourth node is added", quiet, nodes::add);
                if (partitions > 1) {
                    measure("partitions are spread", quiet(), nodes::rebalance);
                }
                if (partitions == 1) {
                    nodes.lead(0); // The hard case.
                }
                measure("the first node is removed", quiet(), () -> nodes.remove(0));
                measure("the second node loses its disk", quiet(), () -> nodes.loseDisk(1));
                out.printf(Locale.ROOT, "afterwards %,.0f writes/s%n", quiet());
                over = true;
                join(writing);
            }
        }
        out.printf(Locale.ROOT, "%d writes failed, of %d the outcome was not known%n", failed.get(), unknown.get());
        return failed.get() == 0 ? 0 : 1;
    }

    private double quiet() throws InterruptedException {
        int from = slot();
        TimeUnit.SECONDS.sleep(quietSeconds);
        return mean(from, slot());
    }

    private double mean(int from, int to) {
        long sum = 0;
        for (int slot = from; slot < to; slot++) {
            sum += acknowledged.get(slot);
        }
        return sum * (double) SLOTS_PER_SECOND / Math.max(1, to - from);
    }

    private void measure(String what, double before, Change change) throws IOException, InterruptedException {
        longestNanos.set(0);
        int from = slot();
        change.run();
        int to = slot() + 1;
        TimeUnit.NANOSECONDS.sleep(SLOT_NANOS);
        double worst = Double.MAX_VALUE;
        for (int slot = from; slot + SLOTS_PER_SECOND <= to; slot++) {
            worst = Math.min(worst, mean(slot, slot + SLOTS_PER_SECOND));
        }
        double during = mean(from, to);
        out.printf(
                Locale.ROOT,
                "%-31s %5.1f s: %,6.0f writes/s before, %,6.0f during it (%.0f %%), %,6.0f in its worst second; the longest write took"
                        + " %.0f ms%n",
                what + ",",
                (to - from) / (double) SLOTS_PER_SECOND,
                before,
                during,
                100 * during / before,
                worst == Double.MAX_VALUE ? during : worst,
                longestNanos.get() / 1e6);
    }
}
