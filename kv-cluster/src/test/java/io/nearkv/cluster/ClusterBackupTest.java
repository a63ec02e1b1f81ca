package io.nearkv.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.KvStore;
import io.nearkv.core.ListOptions;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import io.nearkv.core.rocksdb.WorkProgress;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A cluster is backed up while it serves, and another one begins with the backup. */
class ClusterBackupTest {
    private static final NamespaceId NAMESPACE = LocalCluster.NAMESPACE.id();
    private static final int LARGE = 300_000;

    @TempDir
    private Path folder = Path.of("");

    private Path backups() {
        return folder.resolve("backups");
    }

    private static ClusterOptions.Builder quick(ClusterOptions.Builder builder) {
        return builder.electionTimeout(Duration.ofMillis(400));
    }

    private static LocalCluster cluster(int partitions) throws IOException {
        return new LocalCluster(3, 3, partitions, InstantSource.system(), ClusterBackupTest::quick);
    }

    private LocalCluster restored(LocalCluster former, String checksum) throws IOException {
        return new LocalCluster(
                former.layout().restored(UUID.randomUUID(), checksum),
                3,
                node -> InstantSource.system(),
                builder -> quick(builder).backups(backups()));
    }

    private ClusterBackups.Backup save(LocalCluster cluster) throws IOException, InterruptedException {
        return new ClusterBackups(backups())
                .save(cluster.follower().store().admin(), cluster.layout(), InstantSource.system(), WorkProgress.NONE);
    }

    private static KvNamespace namespace(LocalCluster cluster, String title) {
        Kv kv = Kv.over(cluster.follower().store(), LocalCluster.ACCOUNT.id());
        return kv.namespace(title).withReadOptions(ReadOptions.STRONG);
    }

    private static byte[] large(int seed) {
        byte[] bytes = new byte[LARGE];
        Arrays.fill(bytes, (byte) seed);
        return bytes;
    }

    private static long version(WriteResult result) {
        return ((WriteResult.Applied) result).version();
    }

    private static List<Integer> partitions() {
        return Boolean.getBoolean("nearkv.test.long") ? List.of(1, 2) : List.of(2);
    }

    @ParameterizedTest
    @MethodSource("partitions")
    void a_cluster_goes_on_from_a_backup_that_was_made_while_it_was_written_to(int partitions)
            throws IOException, InterruptedException {
        long[] versions = new long[50];
        AtomicInteger acknowledged = new AtomicInteger();
        int before;
        ClusterBackups.Backup backup;
        try (LocalCluster cluster = cluster(partitions)) {
            cluster.awaitServing();
            KvNamespace there = namespace(cluster, "default");
            for (int i = 0; i < versions.length; i++) {
                versions[i] = version(there.put("key" + i, "value" + i));
            }
            var gone = there.delete("key7");
            var large = there.put("large", large(1));
            assertThat(List.of(gone, large)).allMatch(result -> result instanceof WriteResult.Applied);
            cluster.node("n1")
                    .store()
                    .admin()
                    .createNamespace(LocalCluster.ACCOUNT.id(), "other")
                    .join();
            var other = namespace(cluster, "other").put("a", "b");
            assertThat(other).isInstanceOf(WriteResult.Applied.class);
            AtomicBoolean ends = new AtomicBoolean();
            CompletableFuture<Void> writer = CompletableFuture.runAsync(() -> {
                while (!ends.get()) {
                    var unused = there.put("counter" + acknowledged.get(), "x");
                    acknowledged.incrementAndGet();
                }
            });
            LocalCluster.await("writes", () -> acknowledged.get() > 20);
            before = acknowledged.get();
            backup = save(cluster);
            ends.set(true);
            writer.join();
            var late = there.put("key1", "too late for the backup");
            assertThat(late).isInstanceOf(WriteResult.Applied.class);

            assertThat(new ClusterBackups(backups()).verify(null, WorkProgress.NONE))
                    .isEmpty();
            cluster.stopAll(); // The next one has the same addresses.
            try (LocalCluster next = restored(cluster, backup.checksum())) {
                next.awaitServing();
                check(next, versions, before);

                var newer = namespace(next, "default").put("large2", large(2));
                assertThat(newer).isInstanceOf(WriteResult.Applied.class);
                assertThat(namespace(next, "default").getBytes("large")).hasValue(large(1));

                // One that comes later gets it all from the others, although it knows of no backup.
                next.stop("n3");
                next.wipe("n3");
                next.start("n3");
                next.drive(new ClusterQuestion.Add(next.member("n3")));
                next.awaitServing();
                KvStore late3 = next.node("n3").store();
                LocalCluster.await(
                        "all of it",
                        () -> late3.get(NAMESPACE, Key.of("key3"), ReadOptions.DEFAULT)
                                        .join()
                                instanceof GetResult.Found);

                next.stopAll();
                for (String id : List.of("n1", "n2", "n3")) {
                    next.start(id);
                }
                next.awaitServing();
                check(next, versions, before);
                assertThat(namespace(next, "default").getBytes("large2")).hasValue(large(2));
            }
        }
    }

    private static void check(LocalCluster cluster, long[] versions, int counted) {
        KvNamespace there = namespace(cluster, "default");
        for (int i = 0; i < versions.length; i++) {
            GetResult found = there.get("key" + i);
            if (i == 7) {
                assertThat(found.toOptional()).isEmpty();
            } else {
                assertThat(((GetResult.Found) found).value().asString()).isEqualTo("value" + i);
                assertThat(((GetResult.Found) found).version()).isEqualTo(versions[i]);
            }
        }
        assertThat(there.getBytes("large")).hasValue(large(1));
        for (int i = 0; i < counted; i++) {
            assertThat(there.getString("counter" + i)).hasValue("x");
        }
        assertThat(namespace(cluster, "other").getString("a")).hasValue("b");
        assertThat(cluster.follower()
                        .store()
                        .list(NAMESPACE, ListOptions.prefix("key"), ReadOptions.STRONG)
                        .join()
                        .keys())
                .hasSize(versions.length - 1);
    }

    @Test
    void what_an_earlier_backup_has_is_not_copied_again() throws IOException, InterruptedException {
        try (LocalCluster cluster = cluster(1)) {
            cluster.awaitServing();
            for (int i = 0; i < 4; i++) {
                var unused = namespace(cluster, "default").put("large" + i, large(i));
            }
            ClusterBackups.Backup first = save(cluster);
            long kept = size();
            var unused = namespace(cluster, "default").put("small", "x");
            ClusterBackups.Backup second = save(cluster);
            assertThat(second.id()).isEqualTo(first.id() + 1);
            assertThat(second.bytes()).isGreaterThan(4L * LARGE / 10);
            assertThat(size() - kept).isLessThan(kept / 2);
            assertThat(new ClusterBackups(backups()).list()).containsExactly(first, second);
            for (ClusterNode node : cluster.running()) {
                assertThat(node.unreadiness()).isNull();
            }
        }
    }

    private long size() throws IOException {
        try (Stream<Path> files = Files.walk(backups())) {
            return files.filter(Files::isRegularFile)
                    .mapToLong(file -> file.toFile().length())
                    .sum();
        }
    }

    @Test
    void a_namespace_that_was_deleted_in_the_middle_of_a_backup_is_gone() throws IOException, InterruptedException {
        try (LocalCluster cluster = cluster(2)) {
            cluster.awaitServing();
            KvStore store = cluster.follower().store();
            NamespaceInfo doomed = store.admin()
                    .createNamespace(LocalCluster.ACCOUNT.id(), "doomed")
                    .join();
            for (int i = 0; i < 10; i++) {
                var unused = store.write(
                                doomed.id(),
                                new Mutation.Put(Key.of("key" + i), Value.of("x"), PutOptions.DEFAULT),
                                WriteOptions.DEFAULT)
                        .join();
            }
            var first = save(cluster);
            store.admin().deleteNamespace(doomed.id()).join();
            var second = save(cluster);
            // As if the one had ended with partitions 1 and 2 before the namespace was deleted, and with log 0 after.
            Path manifest = backups().resolve("cluster-000002.manifest");
            String mixed = Files.readString(manifest)
                    .replace(line(second, 1), line(first, 1))
                    .replace(line(second, 2), line(first, 2));
            Files.writeString(manifest, mixed);

            cluster.stopAll();
            try (LocalCluster next =
                    restored(cluster, new ClusterBackups(backups()).get(2).checksum())) {
                next.awaitServing();
                for (int i = 0; i < 10; i++) {
                    var answer = next.follower().store().get(doomed.id(), Key.of("key" + i), ReadOptions.STRONG);
                    assertThatThrownBy(answer::join)
                            .hasCauseInstanceOf(KvException.class)
                            .cause()
                            .extracting(failure -> ((KvException) failure).code())
                            .isEqualTo(ErrorCode.NOT_FOUND);
                }
            }
        }
    }

    private static String line(ClusterBackups.Backup backup, int number) {
        ClusterBackups.Log log = backup.logs().get(number);
        return "log=" + log.backup() + " " + log.index() + " " + log.version() + "\n";
    }

    @Test
    void a_node_begins_with_the_backup_of_its_cluster_file_or_not_at_all() throws IOException, InterruptedException {
        try (LocalCluster cluster = cluster(1)) {
            cluster.awaitServing();
            var unused = namespace(cluster, "default").put("key", "value");
            ClusterBackups.Backup backup = save(cluster);
            cluster.stopAll();

            try (LocalCluster unsaid = new LocalCluster(
                    cluster.layout().restored(UUID.randomUUID(), backup.checksum()),
                    3,
                    node -> InstantSource.system(),
                    ClusterBackupTest::quick)) {
                refuses(unsaid, "--restore");
            }
            try (LocalCluster another = restored(cluster, "0".repeat(64))) {
                refuses(another, "is not in");
            }
            damage();
            assertThat(new ClusterBackups(backups()).verify(1, WorkProgress.NONE))
                    .hasSize(1);
            try (LocalCluster damaged = restored(cluster, backup.checksum())) {
                refuses(damaged, "is damaged");
            }
        }
    }

    private static void refuses(LocalCluster cluster, String why) {
        LocalCluster.await(
                why,
                () -> cluster.running().stream().allMatch(node -> {
                    KvException reason = node.unreadiness();
                    return reason != null && String.valueOf(reason.getMessage()).contains(why);
                }));
    }

    private void damage() throws IOException {
        try (Stream<Path> files = Files.list(backups().resolve("log-0").resolve("files"))) {
            Path largest = files.max((a, b) ->
                            Long.compare(a.toFile().length(), b.toFile().length()))
                    .orElseThrow();
            byte[] bytes = Files.readAllBytes(largest);
            bytes[bytes.length / 2] ^= 1;
            Files.write(largest, bytes);
        }
    }

    @Test
    void what_is_no_backup_is_said_to_be_none() throws IOException {
        ClusterBackups none = new ClusterBackups(folder.resolve("missing"));
        assertThat(none.list()).isEmpty();
        assertThatThrownBy(() -> none.get(null)).isInstanceOf(KvException.class).hasMessageContaining("no backup");
        Files.createDirectories(backups());
        Files.write(
                backups().resolve("cluster-000001.manifest"),
                "nearkv cluster backup\nformat=1\n".getBytes(StandardCharsets.US_ASCII));
        assertThatThrownBy(() -> new ClusterBackups(backups()).get(1)).hasMessageContaining("is damaged");
        assertThatThrownBy(() -> new ClusterBackups(backups()).get(2)).hasMessageContaining("expected: one of [1]");
    }
}
