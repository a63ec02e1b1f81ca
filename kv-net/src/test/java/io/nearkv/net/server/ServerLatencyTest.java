package io.nearkv.net.server;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.Key;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.PutOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.net.protocol.FrameType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ServerLatencyTest {
    @TempDir
    private Path folder;

    @Test
    void each_operation_is_in_one_histogram_however_it_ends() throws IOException {
        try (TestServer test = TestServer.start(folder);
                RawConnection connection = test.login()) {
            connection.send(Requests.get(1, test.namespace, "k")).read(FrameType.MISSING);
            connection
                    .send(Requests.put(2, test.namespace, "k", Value.of("v"), PutOptions.DEFAULT))
                    .read(FrameType.WRITTEN);
            connection.send(Requests.get(3, test.namespace, "k")).read(FrameType.FOUND);
            connection.send(Requests.delete(4, test.namespace, "k")).read(FrameType.WRITTEN);
            connection.send(Requests.get(5, new NamespaceId(1, 2), "k")).read(FrameType.ERROR);

            ServerStats stats = test.server.stats();
            assertThat(stats.latencies())
                    .containsOnlyKeys(
                            "hello",
                            "get",
                            "put",
                            "delete",
                            "upload",
                            "get_all",
                            "write_all",
                            "batch",
                            "list",
                            "watch",
                            "admin",
                            "other");
            stats.latencies()
                    .forEach((op, latency) -> assertThat(latency.count())
                            .as(op)
                            .isEqualTo(stats.operations().getOrDefault(op, Map.of()).values().stream()
                                    .mapToLong(Long::longValue)
                                    .sum()));
            assertThat(latency(stats, "get").count()).isEqualTo(3);
            assertThat(latency(stats, "get").totalNanos()).isPositive();
            assertThat(latency(stats, "hello").count()).isEqualTo(1);
            assertThat(latency(stats, "list").totalNanos()).isZero();
        }
    }

    @Test
    void a_burst_of_direct_gets_takes_no_longer_than_its_connection_was_open() throws IOException {
        try (TestServer test = TestServer.start(folder)) {
            put(test, "k");
            long startNanos = System.nanoTime();
            try (RawConnection connection = test.login()) {
                int count = 1000;
                for (int i = 1; i <= count; i++) {
                    connection.send(Requests.get(i, test.namespace, "k"));
                }
                for (int i = 1; i <= count; i++) {
                    connection.read(FrameType.FOUND);
                }

                Latency get = latency(test.server.stats(), "get");
                assertThat(get.count()).isEqualTo(count);
                assertThat(get.totalNanos()).isBetween(1L, System.nanoTime() - startNanos);
            }
        }
    }

    @Test
    void the_time_that_the_store_takes_is_in_the_histogram() throws IOException {
        try (TestServer test = TestServer.startWithoutDirectReader(folder)) {
            put(test, "k");
            try (RawConnection connection = test.login()) {
                connection.send(Requests.get(1, test.namespace, "k")).read(FrameType.FOUND);
                test.store.mode(GatedStore.Mode.HELD);
                long startNanos = System.nanoTime();
                connection.send(Requests.get(2, test.namespace, "k"));
                Awaitility.await()
                        .until(() -> test.store.heldCount() == 1
                                && System.nanoTime() - startNanos > TimeUnit.MILLISECONDS.toNanos(20));
                test.store.mode(GatedStore.Mode.AT_ONCE).release();
                connection.read(FrameType.FOUND);

                assertThat(latency(test.server.stats(), "get").totalNanos())
                        .isGreaterThan(TimeUnit.MILLISECONDS.toNanos(10));
            }
        }
    }

    private static void put(TestServer test, String key) {
        test.map
                .write(
                        test.namespace,
                        new Mutation.Put(Key.of(key), Value.of("v"), PutOptions.DEFAULT),
                        WriteOptions.DEFAULT)
                .join();
    }

    private static Latency latency(ServerStats stats, String op) {
        return requireNonNull(stats.latencies().get(op));
    }
}
