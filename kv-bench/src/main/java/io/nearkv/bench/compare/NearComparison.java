package io.nearkv.bench.compare;

import io.nearkv.bench.macro.Host;
import io.nearkv.bench.macro.KeySpace;
import io.nearkv.bench.macro.Launcher;
import io.nearkv.bench.macro.ProcessCpu;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code kv-bench/run near}: gets of an application from its near cache, ours over nearkv beside lettuce's client-side caching over Redis, taking turns in this process; and the time from
 * another client's write until each of them shows it.
 */
@Command(
        name = "near",
        mixinStandardHelpOptions = true,
        description = "Measures gets from a near cache, and how soon it shows a write, against lettuce's client-side"
                + " caching.")
public final class NearComparison implements Callable<Integer> {
    private static final String PEER = "lettuce";
    private static final int SEQUENCE = 1 << 20;
    private static final long GIVE_UP_SECONDS = 10;

    @Option(names = "--rounds", defaultValue = "5", description = "How often the sides take turns. Default: 5.")
    private int rounds;

    @Option(
            names = "--tries",
            defaultValue = "3",
            description = "Most tries of a turn that others disturb. Default: 3.")
    private int tries;

    @Option(names = "--seconds", defaultValue = "2", description = "Length of each turn. Default: 2.")
    private double seconds;

    @Option(
            names = "--warm-up",
            defaultValue = "5",
            description = "Seconds of gets before the first turn, for each side. Default: 5.")
    private double warmUpSeconds;

    @Option(
            names = "--threads",
            split = ",",
            defaultValue = "1,2",
            description = "How many threads get at a time. Default: 1,2.")
    private List<Integer> threads = List.of(1, 2);

    @Option(
            names = "--keys",
            defaultValue = "100000",
            description = "How many keys, all of which are cached. Default: 100000; Redis tracks up to 1000000.")
    private int keys;

    @Option(names = "--value-bytes", defaultValue = "100", description = "Bytes of each value. Default: 100.")
    private int valueBytes;

    @Option(
            names = "--cache-ttl",
            defaultValue = "3600",
            description = "Seconds for which our copies are good; lettuce's have no end. Default: 3600.")
    private long cacheTtlSeconds;

    @Option(
            names = "--writes",
            defaultValue = "200",
            description = "Writes by another client, for each side. Default: 200.")
    private int writes;

    @Option(names = "--nearkv", defaultValue = "./nearkv", description = "The launcher. Default: ./nearkv.")
    private Path nearkv = Path.of("nearkv");

    @Option(names = "--work", description = "Where servers keep their data. Default: the temporary folder.")
    private @Nullable Path work;

    private final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    private final SplittableRandom random = new SplittableRandom(7);

    private NearComparison() {}

    /** Runs the measurement; exit code 1 if an answer was wrong, 2 for a wrong command line. */
    public static void main(String[] args) {
        System.exit(new CommandLine(new NearComparison()).execute(args));
    }

    /** A cache, its server, and the value that each key must have. */
    private static final class Player {
        final NearCache cache;
        final RunningServer server;
        final byte[][] expected;

        Player(NearCache cache, RunningServer server, KeySpace space) {
            this.cache = cache;
            this.server = server;
            byte[][] values = space.values();
            this.expected = new byte[space.keys()][];
            for (int i = 0; i < expected.length; i++) {
                expected[i] = values[i % values.length];
            }
        }
    }

    /** One way to get, with one number of threads. */
    private record Case(String way, int threads) {}

    /** The turns of a case. */
    private static final class Row {
        final Player player;
        final NearCache.Gets gets;
        final double[] nanos;
        double others;
        long misses;

        Row(Player player, NearCache.Gets gets, int rounds) {
            this.player = player;
            this.gets = gets;
            this.nanos = new double[rounds];
        }
    }

    @Override
    public Integer call() throws Exception {
        KeySpace standard = KeySpace.standard();
        KeySpace space = new KeySpace(keys, valueBytes, standard.zipfExponent(), standard.seed());
        out.println("machine: " + Host.describe());
        out.printf(
                Locale.ROOT,
                "%,d keys, %d-byte values, Zipf 0.99, %d rounds of %.1f s after %.1f s of warm-up, copies good for %d"
                        + " s, nothing pinned%n",
                keys,
                valueBytes,
                rounds,
                seconds,
                warmUpSeconds,
                cacheTtlSeconds);
        Launcher.prepare(nearkv, Map.of());
        Path folder = work != null ? work : Path.of(System.getProperty("java.io.tmpdir"));
        CompareOptions options = new CompareOptions(
                nearkv, folder, null, null, rounds, 1, seconds, warmUpSeconds, 0, keys, valueBytes, 0, List.of());
        try (Children children = new Children(folder)) {
            RunningServer ours = RunningServer.start(ServerKind.NEARKV, children, options);
            RunningServer redis = RunningServer.start(ServerKind.REDIS, children, options);
            note("filling both");
            try (NearCache nearkvCache = NearkvNear.open(ours, space, Duration.ofSeconds(cacheTtlSeconds));
                    NearCache lettuce = LettuceNear.open(redis, space)) {
                return measure(List.of(new Player(nearkvCache, ours, space), new Player(lettuce, redis, space)), space)
                        ? 0
                        : 1;
            }
        }
    }

    private boolean measure(List<Player> players, KeySpace space) throws InterruptedException {
        boolean sound = true;
        for (Player player : players) {
            note("caching every key: %s", name(player));
            sound &= verified(player);
            player.server.awaitQuiet();
        }
        Map<Case, Row> rows = rows(players);
        sound &= gets(rows, space);
        out.println();
        printGets(rows);
        Map<String, NearMeasure.Visibility> visible = visibility(players, space);
        sound &= visible.values().stream().allMatch(each -> each.wrong == 0);
        out.println();
        printVisibility(visible);
        for (Player player : players) {
            sound &= verified(player);
        }
        return sound;
    }

    private static String name(Player player) {
        return player.cache.ways().keySet().iterator().next();
    }

    /** Gets every key and compares its value. */
    private boolean verified(Player player) {
        long wrong = NearMeasure.verify(player.cache, player.expected);
        if (wrong > 0) {
            note("WRONG: %s has %,d values that are not what was written", name(player), wrong);
        }
        return wrong == 0;
    }

    private Map<Case, Row> rows(List<Player> players) {
        Map<Case, Row> rows = new LinkedHashMap<>();
        for (int count : threads) {
            for (Player player : players) {
                player.cache
                        .ways()
                        .forEach((way, gets) -> rows.put(new Case(way, count), new Row(player, gets, rounds)));
            }
        }
        return rows;
    }

    private boolean gets(Map<Case, Row> rows, KeySpace space) throws InterruptedException {
        int most = Collections.max(threads);
        int[][] sequences = new int[most][];
        for (int i = 0; i < most; i++) {
            sequences[i] = space.sequence(SEQUENCE, i);
        }
        boolean sound = true;
        List<Map.Entry<Case, Row>> order = new ArrayList<>(rows.entrySet());
        for (int round = -1; round < rounds; round++) {
            note(round < 0 ? "warming up" : "round %d", round + 1);
            for (Map.Entry<Case, Row> each : order) {
                int[][] own = Arrays.copyOf(sequences, each.getKey().threads);
                sound &= turn(each.getKey(), each.getValue(), own, round);
            }
            // Who comes after whom must not matter.
            Collections.reverse(order);
        }
        return sound;
    }

    private boolean turn(Case what, Row row, int[][] sequences, int round) throws InterruptedException {
        long nanos = (long) ((round < 0 ? warmUpSeconds : seconds) * 1e9);
        boolean sound = true;
        double leastOthers = Double.MAX_VALUE;
        for (int attempt = 0; attempt < (round < 0 ? 1 : tries) && leastOthers > Turns.MAX_OTHER_CORES; attempt++) {
            long misses = row.player.cache.misses();
            long wall = System.nanoTime();
            long ours = ourNanos(row.player);
            long machine = ProcessCpu.machineNanos();
            NearMeasure.Turn turn = NearMeasure.gets(row.gets, sequences, Math.max(0, round) * 7, nanos);
            double others = ((ProcessCpu.machineNanos() - machine) - (ourNanos(row.player) - ours))
                    / (double) (System.nanoTime() - wall);
            if (turn.wrong() > 0) {
                note("WRONG: %,d answers of %s were missing or of another length", turn.wrong(), what.way);
                sound = false;
            }
            if (round >= 0 && others < leastOthers) {
                leastOthers = others;
                row.nanos[round] = turn.nanosPerGet();
            }
            row.misses += row.player.cache.misses() - misses;
        }
        if (round >= 0) {
            row.others = Math.max(row.others, leastOthers);
        }
        return sound;
    }

    private static long ourNanos(Player player) {
        return ProcessCpu.processNanos(ProcessHandle.current().pid())
                + ProcessCpu.processNanos(player.server.process().pid());
    }

    private void printGets(Map<Case, Row> rows) {
        out.println("| near cache | threads | ns a get | to lettuce, same round | misses | others |");
        out.println("| --- | --- | --- | --- | --- | --- |");
        rows.forEach((what, row) -> {
            Row peer = rows.get(new Case(PEER, what.threads));
            out.printf(
                    Locale.ROOT,
                    "| %s | %d | %s | %s | %,d | %.2f |%n",
                    what.way,
                    what.threads,
                    Outcome.Spread.of(row.nanos).text("%.0f"),
                    peer == null || peer == row
                            ? ""
                            : ratio(row.nanos, peer.nanos).text("%.2f"),
                    row.misses,
                    row.others);
        });
    }

    /** Returns the ratio of the figures of each round. */
    static Outcome.Spread ratio(double[] ours, double[] theirs) {
        double[] ratios = new double[ours.length];
        for (int i = 0; i < ratios.length; i++) {
            ratios[i] = ours[i] / theirs[i];
        }
        return Outcome.Spread.of(ratios);
    }

    private Map<String, NearMeasure.Visibility> visibility(List<Player> players, KeySpace space) {
        note("%d writes by another client, in turns", writes);
        NearMeasure measure = new NearMeasure(TimeUnit.SECONDS.toNanos(GIVE_UP_SECONDS));
        Map<String, NearMeasure.Visibility> warmUp = series(players, space, measure);
        Map<String, NearMeasure.Visibility> results = series(players, space, measure);
        results.forEach((name, each) -> each.wrong += warmUp.getOrDefault(name, each).wrong);
        return results;
    }

    private Map<String, NearMeasure.Visibility> series(List<Player> players, KeySpace space, NearMeasure measure) {
        Map<String, NearMeasure.Visibility> results = new LinkedHashMap<>();
        int[] order = space.everyKeyOnce();
        for (int i = 0; i < writes; i++) {
            for (Player player : players) {
                int index = order[i % order.length];
                byte[] value = new byte[space.valueBytes()];
                random.nextBytes(value);
                measure.write(
                        player.cache,
                        index,
                        value,
                        results.computeIfAbsent(name(player), name -> new NearMeasure.Visibility()));
                player.expected[index] = value;
                // Not in step with anything that beats in the caches or servers.
                LockSupport.parkNanos(random.nextLong(1_000_000, 9_000_000));
            }
        }
        return results;
    }

    private void printVisibility(Map<String, NearMeasure.Visibility> results) {
        out.println(
                "| near cache | writes | acknowledged, ms: p50, p99 | shown after the acknowledgement: p50, p99, max"
                        + " | shown after the sending: p50, p99, max | wrong or never |");
        out.println("| --- | --- | --- | --- | --- | --- |");
        results.forEach((name, each) -> out.printf(
                Locale.ROOT,
                "| %s | %d | %s, %s | %s, %s, %s | %s, %s, %s | %d |%n",
                name,
                writes,
                millis(each.acknowledged, 50),
                millis(each.acknowledged, 99),
                millis(each.seenFromAcknowledgement, 50),
                millis(each.seenFromAcknowledgement, 99),
                millis(each.seenFromAcknowledgement, 100),
                millis(each.seenFromSending, 50),
                millis(each.seenFromSending, 99),
                millis(each.seenFromSending, 100),
                each.wrong));
    }

    private static String millis(Histogram nanos, double percentile) {
        return String.format(Locale.ROOT, "%.2f", nanos.getValueAtPercentile(percentile) / 1e6);
    }

    private void note(String format, Object... values) {
        out.printf(Locale.ROOT, "  " + format + "%n", values);
    }
}
