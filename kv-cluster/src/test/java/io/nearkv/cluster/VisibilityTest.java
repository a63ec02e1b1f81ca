package io.nearkv.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.rocksdb.ReplicaStore;
import io.nearkv.core.rocksdb.RocksStoreOptions;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VisibilityTest {
    @TempDir
    Path folder;

    private final AtomicReference<@Nullable ReplicaStore> shown = new AtomicReference<>();
    private final Visibility visibility = new Visibility(shown::get);
    private ReplicaStore replica;

    @BeforeEach
    void open() {
        replica = ReplicaStore.open(
                folder.resolve("replica"),
                RocksStoreOptions.builder().environment("development").build(),
                1,
                LocalCluster.ACCOUNT,
                LocalCluster.NAMESPACE);
        shown.set(replica);
    }

    @AfterEach
    void close() {
        replica.close();
    }

    @Test
    void a_node_that_leaves_keeps_nobody_waiting() {
        CompletableFuture<Void> version = visibility.of(Long.MAX_VALUE);
        CompletableFuture<Void> change = visibility.of(store -> false);
        visibility.applied();
        assertThat(version).isNotDone();
        assertThat(change).isNotDone();

        visibility.ended();

        assertThat(version).isDone();
        assertThat(change).isDone();
    }

    @Test
    void where_there_is_no_replica_nobody_waits_and_those_who_do_go_on_when_there_is_one() {
        CompletableFuture<Void> before = visibility.of(Long.MAX_VALUE);
        shown.set(null);
        visibility.applied();

        assertThat(visibility.of(1)).isDone();
        assertThat(before).as("a snapshot takes the place of the replica").isNotDone();
    }

    @Test
    void what_the_replica_has_is_not_waited_for() {
        assertThat(visibility.of(replica.position().version())).isDone();
        assertThat(visibility.of(store -> true)).isDone();
    }
}
