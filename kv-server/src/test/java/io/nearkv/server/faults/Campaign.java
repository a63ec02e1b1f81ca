package io.nearkv.server.faults;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.Kv;
import io.nearkv.core.NamespaceId;
import io.nearkv.net.client.KvClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Random;

/**
 * Rounds of load, fault, restart and check on one data folder. The seed is printed; a run is repeated with {@code -Dnearkv.test.seed=N}, as far as a race with a kill can
 * be repeated.
 */
final class Campaign {
    private final Path data;
    private final Random random;
    private final CrashLoad load;
    private final Map<String, String> environment;

    /** A fault: makes the server process be gone when it returns. */
    interface Fault {
        void strike(ServerProcess server) throws Exception;
    }

    Campaign(Path data, Map<String, String> environment) {
        this.data = data;
        this.environment = environment;
        long seed = Long.getLong("nearkv.test.seed", System.nanoTime());
        System.out.println("campaign seed: " + seed);
        this.random = new Random(seed);
        try (ServerProcess server = ServerProcess.serve(data, environment)) {
            String address = server.awaitReady();
            try (Kv kv = connect(address)) {
                NamespaceId namespace = kv.namespace("default").info().id();
                this.load = new CrashLoad(namespace, seed);
            }
            assertThat(server.terminate())
                    .as("exit status after SIGTERM: %s", server.stderr())
                    .isZero();
        }
    }

    /** Returns how many rounds to run: few in the build, as many as {@code -Dnearkv.test.rounds} says in a campaign. */
    static int rounds(int few) {
        return Integer.getInteger("nearkv.test.rounds", few);
    }

    /** Starts the server, checks what the rounds before have left, loads it, and lets the fault strike after a random time. */
    void round(Fault fault, String... options) throws Exception {
        try (ServerProcess server = ServerProcess.serve(data, environment, options)) {
            String address = server.awaitReady();
            try (Kv kv = connect(address)) {
                load.verify(kv.store());
                long before = load.acknowledged();
                CrashLoad.Run run = load.start(kv.store());
                // Some progress first, so that each round has something to lose; then chance decides where the fault
                // strikes.
                long enough = before + 20 + random.nextInt(400);
                await().atMost(Duration.ofSeconds(60))
                        .pollInterval(Duration.ofMillis(1))
                        .until(() -> load.acknowledged() >= enough);
                fault.strike(server);
                assertThat(server.isAlive()).as("the server after the fault").isFalse();
                run.stop();
            }
        }
    }

    /** Checks the book once more against a running server. */
    void verify() throws Exception {
        try (ServerProcess server = ServerProcess.serve(data, environment)) {
            try (Kv kv = connect(server.awaitReady())) {
                load.verify(kv.store());
            }
            assertThat(server.terminate()).isZero();
        }
    }

    /** Runs {@code nearkv check} on the stopped folder, which must find nothing. */
    void checkFolder() {
        try (ServerProcess check = ServerProcess.run("check", data.toString())) {
            assertThat(check.awaitExit())
                    .as("nearkv check: %s%s", check.stdout(), check.stderr())
                    .isZero();
        }
    }

    CrashLoad load() {
        return load;
    }

    Kv connect(String address) {
        try {
            return KvClient.connect(
                    address, Files.readString(data.resolve("admin.token")).trim());
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
