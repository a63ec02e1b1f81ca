package io.nearkv.server.program;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.Kv;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.WriteResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A cluster of processes is backed up over its ports, lost, and begun again by the commands as they are printed. */
class ClusterBackupIT {
    private static final int LARGE = 3_000_000;

    @TempDir
    private Path folder = Path.of("");

    private static KvNamespace namespace(Kv kv) {
        return kv.namespace("default").withReadOptions(ReadOptions.STRONG);
    }

    @Test
    void a_cluster_comes_back_from_a_backup() throws Exception {
        byte[] large = new byte[LARGE];
        Arrays.fill(large, (byte) 7);
        String backups = folder.resolve("backups").toString();
        try (ClusterProcesses cluster = ClusterProcesses.init(folder, "--partitions", "2")) {
            cluster.start("n1", "n2", "n3");
            cluster.awaitLeaders();
            try (Kv kv = cluster.client("n1", "n2", "n3").build().kv()) {
                for (int i = 0; i < 20; i++) {
                    assertThat(namespace(kv).put("key" + i, "value" + i)).isInstanceOf(WriteResult.Applied.class);
                }
                assertThat(namespace(kv).put("large", large)).isInstanceOf(WriteResult.Applied.class);
                assertThat(cluster.asked("cluster", "backup", backups).out()).startsWith("backup 1 created ");
                assertThat(namespace(kv).put("key1", "later")).isInstanceOf(WriteResult.Applied.class);
            }
            for (String node : new String[] {"n1", "n2", "n3"}) {
                cluster.kill(node);
            }
            assertThat(cluster.done("cluster", "backup", backups, "--verify").out())
                    .startsWith("clean");
            Program.Result restored = cluster.asked("cluster", "restore", backups);
            for (String node : new String[] {"n1", "n2", "n3"}) {
                assertThat(restored.out())
                        .contains(
                                "--node " + node + " --join " + cluster.folder().resolve(node + ".join"))
                        .contains("--restore " + backups);
                Files.move(cluster.folder().resolve(node), folder.resolve("former-" + node));
            }
            cluster.serving("--restore", backups).start("n1", "n2", "n3");
            cluster.awaitLeaders();
            try (Kv kv = cluster.client("n1", "n2", "n3").build().kv()) {
                await().atMost(Duration.ofSeconds(60))
                        .ignoreExceptions()
                        .until(() -> namespace(kv).getString("key0").isPresent());
                for (int i = 0; i < 20; i++) {
                    assertThat(namespace(kv).getString("key" + i)).hasValue("value" + i);
                }
                assertThat(namespace(kv).getBytes("large")).hasValue(large);
                assertThat(namespace(kv).put("key1", "new")).isInstanceOf(WriteResult.Applied.class);
            }
        }
    }
}
