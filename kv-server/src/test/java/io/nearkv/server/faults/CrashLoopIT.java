package io.nearkv.server.faults;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CrashLoopIT {
    @TempDir
    private Path folder;

    @Test
    void nothing_acknowledged_is_lost_and_no_batch_is_torn_when_the_server_is_killed_again_and_again()
            throws Exception {
        Campaign campaign = new Campaign(folder.resolve("data"), Map.of());
        int rounds = Campaign.rounds(10);
        for (int round = 1; round <= rounds; round++) {
            campaign.round(ServerProcess::kill);
            if (round % 5 == 0) {
                campaign.checkFolder();
            }
        }
        campaign.verify();
        campaign.checkFolder();
        System.out.println("crash loop: " + rounds + " kills, "
                + campaign.load().acknowledged() + " acknowledged writes, none lost");
    }
}
