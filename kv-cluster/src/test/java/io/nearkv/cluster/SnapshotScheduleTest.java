package io.nearkv.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

/** When a snapshot is due. */
class SnapshotScheduleTest {
    private long nanos = -5_000_000_000L; // A clock of intervals begins anywhere.
    private final SnapshotSchedule schedule = new SnapshotSchedule(
            ClusterOptions.builder()
                    .snapshotBytes(2 << 20)
                    .snapshotAge(Duration.ofSeconds(10))
                    .build(),
            () -> nanos);

    private void pass(int seconds) {
        nanos += Duration.ofSeconds(seconds).toNanos();
    }

    @Test
    void one_is_due_when_enough_bytes_or_entries_were_applied_and_then_not_again() {
        schedule.applied((2 << 20) - 1);
        assertThat(schedule.due()).isNull();
        schedule.applied(1);
        assertThat(schedule.due()).isEqualTo(SnapshotSchedule.Reason.SIZE);
        assertThat(schedule.due()).isNull();

        for (int i = 0; i < 199_999; i++) {
            schedule.applied(0);
        }
        assertThat(schedule.due()).isNull();
        schedule.applied(0);
        assertThat(schedule.due()).isEqualTo(SnapshotSchedule.Reason.SIZE);
    }

    @Test
    void one_is_due_when_the_first_entry_since_the_last_one_is_old() {
        pass(100);
        assertThat(schedule.due()).as("nothing was applied").isNull();

        schedule.applied(100);
        pass(9);
        schedule.applied(100);
        assertThat(schedule.due()).isNull();
        pass(1);
        assertThat(schedule.due()).isEqualTo(SnapshotSchedule.Reason.AGE);

        pass(100);
        assertThat(schedule.due()).as("nothing was applied since").isNull();
        schedule.applied(100);
        pass(9);
        assertThat(schedule.due()).isNull();
    }

    @Test
    void a_snapshot_that_comes_from_elsewhere_counts_too() {
        schedule.applied((2 << 20) - 1);
        schedule.restart();
        pass(10);
        assertThat(schedule.due()).isNull();
        schedule.applied(1);
        assertThat(schedule.due()).isNull();
    }
}
