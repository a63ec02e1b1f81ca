package io.nearkv.server.program;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.Kv;
import io.nearkv.core.WriteResult;
import io.nearkv.server.faults.NativeTools;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One node of a cluster has a small disk, which runs full. */
class ClusterDiskIT {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int LARGE = 200;

    @TempDir
    Path folder;

    @Test
    void a_full_disk_stops_nobody_but_its_node_and_nothing_acknowledged_is_lost() throws Exception {
        try (NativeTools.Mount disk = NativeTools.mountImage(folder, 400);
                ClusterProcesses cluster = ClusterProcesses.init(folder)) {
            Path data = Files.createDirectory(disk.point().resolve("data"));
            Files.createSymbolicLink(cluster.folder().resolve("n1"), data);
            cluster.start("n1", "n2", "n3");
            String unusedLeader = cluster.awaitLeader();
            Program.Result unusedFirst = cluster.asked("cluster", "transfer-leader", "n1");
            Path filler = disk.point().resolve("filler");
            try (Kv first = cluster.client("n1").build().kv();
                    Kv others = cluster.client("n2", "n3")
                            .timeout(Duration.ofSeconds(2))
                            .build()
                            .kv();
                    RecordedClients clients = new RecordedClients("disk")
                            .writing(others)
                            .reading(others)
                            .reading(first)) {
                clients.awaitWrites(50);

                // Nearly full: another one leads, and writes through this node go on.
                fill(filler, disk.point(), 32L << 20);
                await().atMost(LIMIT).until(() -> !cluster.awaitLeader().equals("n1"));
                clients.awaitWrites(50);
                assertThat(first.namespace("default").put("full", "x")).isInstanceOf(WriteResult.Applied.class);

                // Full to the last byte, under load.
                fill(filler, disk.point(), -1);
                // More than the file that its log has set aside.
                for (int i = 0; i < LARGE; i++) {
                    WriteResult unusedResult = others.namespace("default").put("large-" + i, new byte[64 << 10]);
                }
                clients.awaitWrites(50);
                clients.awaitReads(50);

                // There is room again, and the node is started again.
                Files.delete(filler);
                cluster.kill("n1");
                cluster.start("n1");
                clients.awaitWrites(50);
                clients.check();
            }
            String unused = cluster.awaitLeader();
            cluster.awaitSame();
            // Each has all of it.
            for (String node : List.of("n1", "n2", "n3")) {
                try (Kv kv = cluster.client(node).build().kv()) {
                    for (int i = 0; i < LARGE; i++) {
                        assertThat(kv.namespace("default").getBytes("large-" + i))
                                .as("large-%d at %s", i, node)
                                .isPresent();
                    }
                }
            }
        }
    }

    /** Writes zeros until no more than this many bytes are free to everybody; with -1, until nobody can write any more: the last are for root, who runs the test. */
    private static void fill(Path filler, Path disk, long leaveBytes) throws IOException {
        byte[] block = new byte[1 << 16];
        try (OutputStream out = Files.newOutputStream(filler, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
            while (disk.toFile().getUsableSpace() > leaveBytes) {
                out.write(block);
            }
        } catch (IOException e) {
            assertThat(e).hasMessageContaining("No space left");
        }
    }
}
