package io.nearkv.bench.compare;

import io.nearkv.bench.macro.Host;
import io.nearkv.bench.macro.Launcher;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Kv;
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
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code kv-bench/run failover}: how long nobody's writes are acknowledged when the node that leads a cluster of three is killed, is cut off (stopped without being told), or is asked to stop. One
 * client writes one key after the other and knows all nodes; the pause is the longest time between two acknowledgements around the event.
 */
@Command(
        name = "failover",
        mixinStandardHelpOptions = true,
        description = "Measures for how long a cluster of three acknowledges no write when its leader goes away.")
public final class Failover implements Callable<Integer> {
    @Option(names = "--rounds", defaultValue = "10", description = "How often each event happens. Default: 10.")
    private int rounds;

    @Option(names = "--nearkv", defaultValue = "./nearkv", description = "The launcher. Default: ./nearkv.")
    private Path nearkv = Path.of("nearkv");

    @Option(names = "--work", description = "Where nodes keep their data. Default: the temporary folder.")
    private @Nullable Path work;

    private final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);

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

    /** One who writes without end. */
    private static final class Writer extends Thread {
        private final KvNamespace namespace;
        private final AtomicBoolean over = new AtomicBoolean();
        private final AtomicLong last = new AtomicLong(System.nanoTime());
        private final AtomicLong longest = new AtomicLong();
        /** Read after the end. */
        final List<String> acknowledged = new ArrayList<>();

        final List<String> failures = Collections.synchronizedList(new ArrayList<>());

        Writer(KvNamespace namespace) {
            this.namespace = namespace;
            setDaemon(true);
        }

        @Override
        public void run() {
            for (long i = 0; !over.get(); i++) {
                String key = "k" + i;
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

        void begin() {
            longest.set(0);
        }

        /** Returns the longest pause since the beginning, once writes go on again for a while. */
        double endMillis() {
            long mark = System.nanoTime();
            while (last.get() - mark < TimeUnit.MILLISECONDS.toNanos(500)) {
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
            }
            return longest.get() / 1e6;
        }
    }

    @Override
    public Integer call() throws Exception {
        out.println("machine: " + Host.describe());
        Launcher.prepare(nearkv, Map.of());
        Path base = work != null ? work : Path.of(System.getProperty("java.io.tmpdir"));
        try (Children children = new Children(base)) {
            NearkvNodes nodes = NearkvNodes.start(children, nearkv, null, children.newFolder("failover"));
            int unused = nodes.awaitLeader();
            KvClientBuilder client = KvClient.builder().token(nodes.token()).timeout(Duration.ofSeconds(10));
            for (int i = 0; i < nodes.processes().size(); i++) {
                client.server("kv://127.0.0.1:" + nodes.port(i));
            }
            try (Kv kv = client.build().kv()) {
                Writer writer = new Writer(kv.namespace("default"));
                writer.start();
                for (Event event : Event.values()) {
                    measure(nodes, writer, event);
                }
                writer.over.set(true);
                writer.join();
                long lost = 0;
                for (String key : writer.acknowledged) {
                    lost += key.equals(writer.namespace.getString(key).orElse(null)) ? 0 : 1;
                }
                out.printf(
                        Locale.ROOT,
                        "%,d writes acknowledged, %d of them lost; failures told to the client: %s%n",
                        writer.acknowledged.size(),
                        lost,
                        writer.failures);
                return lost == 0 ? 0 : 1;
            }
        }
    }

    private void measure(NearkvNodes nodes, Writer writer, Event event) throws IOException, InterruptedException {
        List<Double> pauses = new ArrayList<>();
        for (int round = 0; round < rounds; round++) {
            int leader = nodes.awaitLeader();
            Process process = nodes.processes().get(leader);
            writer.begin();
            signal(event == Event.KILL ? "KILL" : event == Event.CUT_OFF ? "STOP" : "TERM", process);
            pauses.add(writer.endMillis());
            if (event == Event.CUT_OFF) {
                signal("CONT", process);
            } else {
                int unused = process.waitFor();
                nodes.restart(leader);
            }
        }
        Collections.sort(pauses);
        out.printf(
                Locale.ROOT,
                "%-11s  %d times: p50 %.0f ms, p90 %.0f ms, longest %.0f ms%n",
                event.label,
                pauses.size(),
                pauses.get(pauses.size() / 2),
                pauses.get(Math.min(pauses.size() - 1, pauses.size() * 9 / 10)),
                pauses.get(pauses.size() - 1));
    }

    private static void signal(String name, Process process) throws IOException, InterruptedException {
        int unused = new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
                .start()
                .waitFor();
    }
}
