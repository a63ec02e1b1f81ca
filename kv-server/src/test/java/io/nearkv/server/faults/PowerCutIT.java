package io.nearkv.server.faults;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A killed process loses nothing that the operating system holds; only a power cut shows what was synced. */
class PowerCutIT {
    @TempDir
    private Path folder;

    @Test
    void nothing_acknowledged_is_lost_when_the_power_fails() throws Exception {
        Path powerCut = NativeTools.compile(folder, "power_cut.c");
        try (NativeTools.Mount disk = NativeTools.mountImage(folder, 512)) {
            Campaign campaign = new Campaign(disk.point().resolve("data"), Map.of());
            int rounds = Campaign.rounds(3);
            for (int round = 1; round <= rounds; round++) {
                campaign.round(server -> {
                    NativeTools.run(powerCut.toString(), disk.point().toString(), Long.toString(server.pid()));
                    server.kill();
                    disk.remount();
                });
            }
            campaign.verify();
            campaign.checkFolder();
            System.out.println("power cuts: " + rounds + ", " + campaign.load().acknowledged()
                    + " acknowledged writes, none lost");
        }
    }
}
