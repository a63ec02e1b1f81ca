package io.nearkv.deploy.store;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.document.StoredDocuments;
import io.nearkv.deploy.document.StoredDocuments.Version;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.testing.World;
import java.io.BufferedReader;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * kill -9 while a process takes one route after another: what it has acknowledged is in force afterwards, or something newer, never none, and the high-water never decreases. More
 * rounds with {@code -Dnearkv.test.rounds=1000}; a failure prints the seed, and {@code -Dnearkv.test.seed=N} repeats it as far as a race with a kill can be repeated.
 */
class RouteKillIT {
    private static final int ROUNDS = Integer.getInteger("nearkv.test.rounds", 10);
    private static final int ROUTES = 400;

    @TempDir
    Path temp;

    /** Takes the routes of a file, one after the other, and says which are in force. */
    public static final class Taker {
        private Taker() {}

        /** Arguments: the folder, the file with the routes. */
        public static void main(String[] arguments) throws Exception {
            RouteStoreOptions options =
                    RouteStoreOptions.of("taker", InstantSource.system()).withDropInInterval(Duration.ZERO);
            try (RouteStore store = RouteStore.open(Path.of(arguments[0]), null, options);
                    DataInputStream routes = new DataInputStream(Files.newInputStream(Path.of(arguments[1])))) {
                Route active = store.active();
                System.out.println("OPEN " + (active == null ? 0 : active.seq()) + " " + store.problems());
                int count = routes.readInt();
                for (int i = 0; i < count; i++) {
                    byte[] document = routes.readNBytes(routes.readInt());
                    if (active != null
                            && !SignedDocument.parse(document).route().isNewerThan(active.epoch(), active.seq())) {
                        continue;
                    }
                    DocumentVerdict verdict = store.offer(document, "file");
                    if (verdict.outcome() == DocumentVerdict.Outcome.ACCEPTED) {
                        System.out.println("TAKEN " + verdict.seq());
                    } else {
                        System.out.println("FAILED " + verdict);
                    }
                }
                System.out.println("END");
            }
        }
    }

    @Test
    void what_was_acknowledged_is_in_force_after_a_kill_and_nothing_goes_back() throws Exception {
        World world = World.production();
        long seed = Long.getLong("nearkv.test.seed", System.nanoTime());
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        Path folder = temp.resolve("routes");
        Path file = temp.resolve("routes.bin");
        long acknowledged = 0;
        long base = 0;
        int killed = 0;
        prepare(world, folder);
        writeRoutes(world, file, base);
        for (int round = 0; round < ROUNDS; round++) {
            Run run = new Run(folder, file);
            assertThat(run.opened).as("round %d, seed %d", round, seed).isGreaterThanOrEqualTo(acknowledged);
            // Somewhere in the next few writes, each of which takes some milliseconds.
            acknowledged = Math.max(acknowledged, run.killAfter(random.nextInt(1, 12), random.nextInt(0, 8)));
            killed += run.ended ? 0 : 1;

            StoredDocuments left = RouteStore.peek(folder);
            Version version = Acceptance.versionOf(requireNonNull(left.active(), "a route"));
            assertThat(version.seq()).as("round %d, seed %d", round, seed).isGreaterThanOrEqualTo(acknowledged);
            assertThat(left.highWater()).containsEntry(world.routeKey().keyId(), version);
            assertThat(left.history().get(0)).isEqualTo(left.active().hash());
            assertThat(AuditLog.verify(folder.resolve("audit.log")).problem()).isEmpty();
            if (run.ended || version.seq() >= base + 2L * ROUTES - 100) {
                base = version.seq();
                writeRoutes(world, file, base);
            }
        }
        assertThat(killed).isGreaterThan(ROUNDS / 2);
    }

    private static void prepare(World world, Path folder) {
        RouteStoreOptions options =
                RouteStoreOptions.of("test", InstantSource.system()).withDropInInterval(Duration.ZERO);
        try (RouteStore store = RouteStore.open(folder, world.service(), options)) {
            RouteStoreTestBase.take(store, world.trustDocument());
            RouteStoreTestBase.take(store, world.ledgerDocument());
            RouteStoreTestBase.assertAccepted(store, world.forward(1, 0, 100));
        }
    }

    private static void writeRoutes(World world, Path file, long base) throws IOException {
        List<Route> before = new ArrayList<>();
        try (DataOutputStream out = new DataOutputStream(Files.newOutputStream(file))) {
            out.writeInt(ROUTES);
            for (int i = 1; i <= ROUTES; i++) {
                // Each epoch begins where the last file has ended; within it routes name those before them.
                Route route = world.following(2 + base, base + 2L * i, 100 + i, before.toArray(Route[]::new));
                before.add(0, route);
                before = new ArrayList<>(before.subList(0, Math.min(8, before.size())));
                byte[] document = world.sign(route);
                out.writeInt(document.length);
                out.write(document);
            }
        }
    }

    /** One process. */
    private static final class Run {
        private final Process process;
        private final BufferedReader output;
        private final long opened;
        private boolean ended;

        Run(Path folder, Path file) throws IOException {
            process = new ProcessBuilder(
                            ProcessHandle.current().info().command().orElse("java"),
                            "-XX:TieredStopAtLevel=1",
                            "-cp",
                            System.getProperty("java.class.path"),
                            Taker.class.getName(),
                            folder.toString(),
                            file.toString())
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            output = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8));
            String line = String.valueOf(output.readLine());
            assertThat(line).startsWith("OPEN ").endsWith("[]");
            opened = Long.parseLong(line.substring(5, line.indexOf(' ', 5)));
        }

        /** Returns the last version that was acknowledged. */
        long killAfter(int routes, int millis) throws Exception {
            long last = 0;
            for (int i = 0; i < routes; i++) {
                last = Math.max(last, taken(output.readLine()));
            }
            long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
            while (System.nanoTime() < until) {
                Thread.onSpinWait();
            }
            process.destroyForcibly(); // SIGKILL
            assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
            try {
                for (String line = output.readLine(); line != null; line = output.readLine()) {
                    last = Math.max(last, taken(line));
                }
            } catch (IOException e) {
                // The pipe of a process that was killed; what was in it before counts nevertheless.
            }
            return last;
        }

        private long taken(@Nullable String line) {
            assertThat(String.valueOf(line)).doesNotStartWith("FAILED");
            if ("END".equals(line)) {
                ended = true;
            }
            return line != null && line.startsWith("TAKEN ") ? Long.parseLong(line.substring(6)) : 0;
        }
    }
}
