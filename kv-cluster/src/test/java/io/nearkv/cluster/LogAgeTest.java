package io.nearkv.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.Condition;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvStore;
import io.nearkv.core.Mutation;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** What was deleted does not stay in the log for ever, however little is written. */
class LogAgeTest {
    private static final String SECRET = "nobody is to find this in a year";

    private static void write(KvStore store, Mutation mutation) throws Exception {
        var unused = store.write(LocalCluster.NAMESPACE.id(), mutation, WriteOptions.DEFAULT)
                .get();
    }

    private static Mutation put(String key, String value) {
        return new Mutation.Put(Key.of(key), Value.of(value), PutOptions.DEFAULT);
    }

    /** Whether the log of a node, not its replica, has the value. */
    private static boolean isInLog(LocalCluster cluster, String node) {
        try (Stream<Path> files = Files.walk(cluster.folder(node).resolve("raft"))) {
            for (Path file : files.filter(path -> path.getFileName().toString().startsWith("log_"))
                    .toList()) {
                if (Files.readString(file, StandardCharsets.ISO_8859_1).contains(SECRET)) {
                    return true;
                }
            }
            return false;
        } catch (NoSuchFileException e) {
            return true; // It goes just now: the next look is a better one.
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static LocalCluster cluster(int size) throws IOException {
        return new LocalCluster(
                size,
                InstantSource.system(),
                options -> options.electionTimeout(Duration.ofMillis(400)).snapshotAge(Duration.ofMillis(100)));
    }

    /** Writes something else, because nothing is done while nothing is written. */
    private static void awaitGone(LocalCluster cluster, String... nodes) {
        LocalCluster.await("the value is in no log", () -> {
            try {
                write(cluster.leader().store(), put("other", "value"));
            } catch (Exception e) {
                throw new AssertionError(e);
            }
            return Stream.of(nodes).noneMatch(node -> isInLog(cluster, node));
        });
    }

    private static GetResult get(KvStore store, String key) throws Exception {
        return store.get(LocalCluster.NAMESPACE.id(), Key.of(key), ReadOptions.STRONG)
                .get();
    }

    @Test
    void an_old_entry_leaves_the_log() throws Exception {
        try (LocalCluster cluster = cluster(1)) {
            write(cluster.leader().store(), put("k", SECRET));
            write(cluster.leader().store(), new Mutation.Delete(Key.of("k"), Condition.NONE));
            assertThat(isInLog(cluster, "n1")).isTrue();

            cluster.stop("n1");
            cluster.start("n1"); // The file of the log that was written is closed, because there is another term.

            awaitGone(cluster, "n1");
            cluster.stop("n1");
            cluster.start("n1");
            assertThat(get(cluster.leader().store(), "k")).isInstanceOf(GetResult.Missing.class);
            assertThat(get(cluster.leader().store(), "other")).isInstanceOf(GetResult.Found.class);
        }
    }

    @Test
    @EnabledIfSystemProperty(
            named = "nearkv.test.long",
            matches = "true",
            disabledReason = "takes several elections; the other test is of the same code")
    void an_old_entry_leaves_the_log_though_a_node_is_away_that_does_not_have_it() throws Exception {
        try (LocalCluster cluster = cluster(3)) {
            ClusterNode leader = cluster.leader();
            String first = leader.self().id();
            List<String> others =
                    Stream.of("n1", "n2", "n3").filter(id -> !id.equals(first)).toList();
            String second = others.get(0);
            String away = others.get(1);
            cluster.stop(away);
            write(leader.store(), put("k", SECRET));
            write(leader.store(), new Mutation.Delete(Key.of("k"), Condition.NONE));
            assertThat(isInLog(cluster, first)).isTrue();

            leader.transferLeadership(0, second); // So the file of the log that was written is closed.

            awaitGone(cluster, first, second);
            cluster.start(away);
            LocalCluster.await("it serves", () -> cluster.node(away).unreadiness() == null);
            assertThat(get(cluster.node(away).store(), "k")).isInstanceOf(GetResult.Missing.class);
            assertThat(get(cluster.node(away).store(), "other")).isInstanceOf(GetResult.Found.class);
            assertThat(isInLog(cluster, away)).isFalse();
        }
    }
}
