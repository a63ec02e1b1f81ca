package io.nearkv.server.faults;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FailingDiskIT {
    private static final Duration RECOVERY = Duration.ofSeconds(60);

    @TempDir
    private Path folder;

    @Test
    void after_a_failed_fsync_the_server_goes_on_by_itself_and_nothing_acknowledged_is_lost() throws Exception {
        Path shim = NativeTools.compile(folder, "fail_sync.c", "-shared", "-fPIC");
        Path failing = folder.resolve("failing");
        Map<String, String> environment = Map.of("LD_PRELOAD", shim.toString(), "NEARKV_FAIL_SYNC", failing.toString());
        Campaign campaign = new Campaign(folder.resolve("data"), environment);
        try (ServerProcess server = ServerProcess.serve(folder.resolve("data"), environment);
                Kv kv = campaign.connect(server.awaitReady())) {
            for (int round = 0; round < 3; round++) {
                CrashLoad.Run run = loaded(campaign, kv);

                Files.createFile(failing);
                KvException refused = catchThrowableOfType(
                        KvException.class, () -> kv.namespace("default").put("while-failing", "x"));
                run.stop();
                Files.delete(failing);

                assertThat(refused).isNotNull();
                assertThat(refused.code()).isIn(ErrorCode.OUTCOME_UNKNOWN, ErrorCode.UNAVAILABLE);
                awaitWritable(kv);
                campaign.load().verify(kv.store());
            }
            assertThat(server.terminate()).as(server.stderr()).isZero();
        }
        campaign.checkFolder();
    }

    @Test
    void a_nearly_full_disk_refuses_writes_and_answers_reads_until_there_is_room_again() throws Exception {
        try (NativeTools.Mount disk = NativeTools.mountImage(folder, 300)) {
            Path data = disk.point().resolve("data");
            Campaign campaign = new Campaign(data, Map.of());
            try (ServerProcess server = ServerProcess.serve(data, Map.of());
                    Kv kv = campaign.connect(server.awaitReady())) {
                loaded(campaign, kv).stop();
                kv.namespace("default").put("before", "here");

                Path filler = disk.point().resolve("filler");
                fill(filler, disk.point(), 24L << 20);
                await().atMost(RECOVERY).untilAsserted(() -> {
                    KvException refused = catchThrowableOfType(
                            KvException.class, () -> kv.namespace("default").put("full", "x"));
                    assertThat(refused).isNotNull();
                    assertThat(refused.code()).isEqualTo(ErrorCode.UNAVAILABLE);
                    assertThat(refused).hasMessageContaining("disk");
                });
                assertThat(kv.namespace("default").getString("before")).contains("here");
                campaign.load().verify(kv.store());

                Files.delete(filler);
                awaitWritable(kv);
                campaign.load().verify(kv.store());
                assertThat(server.terminate()).as(server.stderr()).isZero();
            }
            campaign.checkFolder();
        }
    }

    @Test
    void nothing_acknowledged_is_lost_when_the_disk_runs_full_to_the_last_byte_under_load() throws Exception {
        try (NativeTools.Mount disk = NativeTools.mountImage(folder, 300)) {
            Path data = disk.point().resolve("data");
            Campaign campaign = new Campaign(data, Map.of());
            try (ServerProcess server = ServerProcess.serve(data, Map.of());
                    Kv kv = campaign.connect(server.awaitReady())) {
                CrashLoad.Run run = loaded(campaign, kv);

                Path filler = disk.point().resolve("filler");
                fill(filler, disk.point(), 0);
                run.stop();
                Files.delete(filler);

                awaitWritable(kv);
                campaign.load().verify(kv.store());
                assertThat(server.terminate()).as(server.stderr()).isZero();
            }
            campaign.checkFolder();
        }
    }

    private static CrashLoad.Run loaded(Campaign campaign, Kv kv) {
        long enough = campaign.load().acknowledged() + 100;
        CrashLoad.Run run = campaign.load().start(kv.store());
        await().atMost(RECOVERY).until(() -> campaign.load().acknowledged() >= enough);
        return run;
    }

    private static void awaitWritable(Kv kv) {
        await().atMost(RECOVERY).ignoreExceptionsInstanceOf(KvException.class).untilAsserted(() -> {
            kv.namespace("default").put("well", "again");
            assertThat(kv.namespace("default").getString("well")).contains("again");
        });
    }

    /** Writes zeros until no more than this many bytes are free. */
    private static void fill(Path filler, Path disk, long leaveBytes) throws IOException {
        byte[] block = new byte[1 << 16];
        try (OutputStream out = Files.newOutputStream(filler)) {
            while (disk.toFile().getUsableSpace() > leaveBytes) {
                out.write(block);
            }
        } catch (IOException e) {
            assertThat(e).hasMessageContaining("No space left");
        }
    }
}
