package io.nearkv.net.server;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.Key;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;

/** Tests with a server of their own, after which nothing may be in flight or held. */
abstract class WithServer {
    static final Duration PATIENCE = Duration.ofSeconds(20);
    static final Duration POLL = Duration.ofMillis(5);

    @TempDir
    Path folder;

    private @Nullable TestServer server;

    final TestServer use(TestServer newServer) {
        server = newServer;
        return newServer;
    }

    final TestServer start() {
        return use(TestServer.start(folder));
    }

    final TestServer startWithLimits(UnaryOperator<ServerLimits.Builder> limits) {
        return use(TestServer.startWithLimits(folder, limits));
    }

    final TestServer test() {
        return requireNonNull(server, "server");
    }

    final NamespaceId ns() {
        return test().namespace;
    }

    final RawConnection login() throws IOException {
        return test().login();
    }

    /** Writes a value of random bytes past the server. */
    final byte[] store(String key, int size) {
        byte[] value = new byte[size];
        new Random(size).nextBytes(value);
        test().map
                .write(ns(), Mutation.put(Key.of(key), Value.of(value)), WriteOptions.DEFAULT)
                .join()
                .orThrow();
        return value;
    }

    @AfterEach
    final void everything_is_given_back() {
        TestServer used = server;
        if (used == null) {
            return;
        }
        try {
            used.store.mode(GatedStore.Mode.AT_ONCE).release();
            await().atMost(PATIENCE).pollDelay(Duration.ZERO).pollInterval(POLL).untilAsserted(() -> {
                ServerStats stats = used.server.stats();
                assertThat(stats.connections()).as("connections").isZero();
                assertThat(stats.requestsInFlight()).as("requests in flight").isZero();
                assertThat(stats.bytesInFlight()).as("bytes in flight").isZero();
                assertThat(stats.streams()).as("streams").isZero();
                assertThat(stats.watches()).as("watches").isZero();
                assertThat(used.store.openReaders).as("open readers").hasValue(0);
                assertThat(used.store.openWriters).as("open writers").hasValue(0);
            });
        } finally {
            used.close();
        }
    }
}
