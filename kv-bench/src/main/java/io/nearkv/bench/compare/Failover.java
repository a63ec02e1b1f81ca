package io.nearkv.bench.compare;

import io.nearkv.bench.macro.Host;
import io.nearkv.bench.macro.Launcher;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.KvNamespace;
import io.nearkv.net.client.KvClient;
import io.nearkv.net.client.KvClientBuilder;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code kv-bench/run failover}: how long nobody's writes are acknowledged when the node that leads a cluster of three is killed, is cut off (stopped without being told), or is asked to stop. Two
 * clients write one key after the other and know all nodes; when it happens, one is connected to the node that leads, the other to another node. The pause of a client is the longest time between
 * two acknowledgements around the event.
 */
@Command(
        name = "failover",
        mixinStandardHelpOptions = true,
        description = "Measures for how long a cluster of three acknowledges no write when its leader goes away.")
public final class Failover implements Callable<Integer> {
    /** Whatever does not come about within this does not come about at all. */
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private static final Duration CALL_TIMEOUT = Duration.ofSeconds(10);

    @Option(names = "--rounds", defaultValue = "10", description = "How often each event happens. Default: 10.")
    private int rounds;

    @Option(
            names = "--settle",
            defaultValue = "0",
            description = {
                "Seconds for which clients write before each event: the node that takes over may have been started a",
                "moment ago, and its code is cold then. Default: 0."
            })
    private int settleSeconds;

    @Option(
            names = "--events",
            split = ",",
            defaultValue = "KILL,CUT_OFF,STOP",
            description = "What happens to the leader. Default: ${DEFAULT-VALUE}.")
    private List<Event> events = List.of();

    @Option(names = "--nearkv", defaultValue = "./nearkv", description = "The launcher. Default: ./nearkv.")
    private Path nearkv = Path.of("nearkv");

    @Option(names = "--work", description = "Where nodes keep their data. Default: the temporary folder.")
    private @Nullable Path work;

    private final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    private final List<String> acknowledged = new ArrayList<>();
    private final List<String> failures = new ArrayList<>();
    private int writers;

    private Failover() {}

    /** Runs the measurement; exit code 1 if an acknowledged write is not there afterwards. */
    public static void main(String[] args) {
        System.exit(new CommandLine(new Failover()).execute(args));
    }

    /** What happens to the leader. */
    private enum Event {
        KILL("kill -9"),
        CUT_OFF("kill -STOP"),
        STOP("kill -TERM");

        final String label;

        Event(String label) {
            this.label = label;
        }
    }

    /** One who writes, for one event. */
    private static final class Writer extends Thread {
        private final KvClient client;
        private final KvNamespace namespace;
        private final String prefix;
        private volatile boolean over;
        private final AtomicLong last = new AtomicLong(System.nanoTime());
        private final AtomicLong longest = new AtomicLong();

        /** Read after the end, as is the next. */
        final List<String> acknowledged = new ArrayList<>();

        final List<String> failures = new ArrayList<>();

        Writer(KvClient client, String prefix) {
            this.client = client;
            this.namespace = client.kv().namespace("default");
            this.prefix = prefix;
            setDaemon(true);
        }

        @Override
        public void run() {
            for (long i = 0; !over; i++) {
                String key = prefix + i;
                try {
                    long unused = namespace.put(key, key).orThrow();
                    acknowledged.add(key);
                    long now = System.nanoTime();
                    long pause = now - last.getAndSet(now);
                    longest.accumulateAndGet(pause, Math::max);
                } catch (KvException e) {
                    if (e.code() != ErrorCode.OUTCOME_UNKNOWN) {
                        failures.add(e.code().label());
                    }
                }
            }
        }

        /** Waits until writes have gone on for half a second without interruption. */
        void awaitSteady() throws IOException {
            long from = System.nanoTime();
            while (last.get() - from < TimeUnit.MILLISECONDS.toNanos(500)) {
                if (System.nanoTime() - from > PATIENCE.toNanos()) {
                    throw new IOException("no write was acknowledged within " + PATIENCE.toSeconds()
                            + " s, connections: " + client.stats().connections());
                }
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
            }
        }

        void begin() {
            longest.set(0);
        }

        /** Returns the longest pause since the beginning, once writes go on again for a while. */
        double endMillis() throws IOException {
            awaitSteady();
            return longest.get() / 1e6;
        }

        void end() throws IOException, InterruptedException {
            over = true;
            join(CALL_TIMEOUT.multipliedBy(2).toMillis());
            if (isAlive()) {
                throw new IOException("a write has no end, though its timeout is " + CALL_TIMEOUT.toSeconds() + " s");
            }
            client.close();
        }
    }

    @Override
    public Integer call() throws Exception {
        out.println("machine: " + Host.describe());
        Launcher.prepare(nearkv, Map.of());
        Path base = work != null ? work : Path.of(System.getProperty("java.io.tmpdir"));
        try (Children children = new Children(base)) {
            NearkvNodes nodes = NearkvNodes.start(children, nearkv, null, children.newFolder("failover"));
            List<String> summary = new ArrayList<>();
            for (Event event : events) {
                summary.addAll(measure(nodes, event));
            }
            summary.forEach(out::println);
            int leader = nodes.awaitLeader();
            try (KvClient client = client(nodes, leader)) {
                return check(client.kv().namespace("default"));
            }
        }
    }

    private int check(KvNamespace namespace) {
        long lost = 0;
        for (String key : acknowledged) {
            lost += key.equals(namespace.getString(key).orElse(null)) ? 0 : 1;
        }
        out.printf(
                Locale.ROOT,
                "%,d writes acknowledged, %d of them lost; failures told to the clients: %s%n",
                acknowledged.size(),
                lost,
                failures);
        return lost == 0 ? 0 : 1;
    }

    /** Returns a client that is connected to this node as long as that answers. */
    private static KvClient client(NearkvNodes nodes, int first) throws IOException {
        KvClientBuilder client = KvClient.builder().token(nodes.token()).timeout(CALL_TIMEOUT);
        int count = nodes.processes().size();
        for (int i = 0; i < count; i++) {
            client.server("kv://127.0.0.1:" + nodes.port((first + i) % count));
        }
        return client.build();
    }

    private Writer startWriter(NearkvNodes nodes, int first) throws IOException {
        Writer writer = new Writer(client(nodes, first), "w" + writers++ + "-");
        writer.start();
        return writer;
    }

    private List<String> measure(NearkvNodes nodes, Event event) throws IOException, InterruptedException {
        List<Double> atLeader = new ArrayList<>();
        List<Double> elsewhere = new ArrayList<>();
        for (int round = 1; round <= rounds; round++) {
            int leader = nodes.awaitLeader();
            List<Writer> pair = List.of(
                    startWriter(nodes, leader),
                    startWriter(nodes, (leader + 1) % nodes.processes().size()));
            for (Writer writer : pair) {
                writer.awaitSteady();
            }
            TimeUnit.SECONDS.sleep(settleSeconds);
            pair.forEach(Writer::begin);
            Process process = nodes.processes().get(leader);
            signal(event == Event.KILL ? "KILL" : event == Event.CUT_OFF ? "STOP" : "TERM", process);
            atLeader.add(pair.get(0).endMillis());
            elsewhere.add(pair.get(1).endMillis());
            for (Writer writer : pair) {
                writer.end();
                acknowledged.addAll(writer.acknowledged);
                failures.addAll(writer.failures);
            }
            out.printf(
                    Locale.ROOT,
                    "%-11s round %d of %d: client at the leader %.0f ms, at another node %.0f ms%n",
                    event.label,
                    round,
                    rounds,
                    atLeader.get(round - 1),
                    elsewhere.get(round - 1));
            if (event == Event.CUT_OFF) {
                signal("CONT", process);
                nodes.awaitFollower(leader); // For a moment it still takes itself for the leader.
            } else {
                if (!process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
                    throw new IOException(
                            "the node did not end within " + PATIENCE.toSeconds() + " s of " + event.label);
                }
                nodes.restart(leader);
            }
        }
        return List.of(line(event, "client at the leader", atLeader), line(event, "client at another node", elsewhere));
    }

    private static String line(Event event, String where, List<Double> pauses) {
        Collections.sort(pauses);
        return String.format(
                Locale.ROOT,
                "%-11s %-22s %d times: p50 %.0f ms, p90 %.0f ms, p99 %.0f ms, longest %.0f ms",
                event.label,
                where,
                pauses.size(),
                percentile(pauses, 50),
                percentile(pauses, 90),
                percentile(pauses, 99),
                percentile(pauses, 100));
    }

    /** By the nearest rank: of fewer than a hundred, the p99 is the longest. */
    private static double percentile(List<Double> sorted, int percent) {
        return sorted.get((sorted.size() * percent + 99) / 100 - 1);
    }

    private static void signal(String name, Process process) throws IOException, InterruptedException {
        Process kill = new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start();
        if (!kill.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS) || kill.exitValue() != 0) {
            throw new IOException("cannot send " + name + " to process " + process.pid());
        }
    }
}
