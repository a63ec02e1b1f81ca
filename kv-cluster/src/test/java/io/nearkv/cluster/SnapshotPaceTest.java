package io.nearkv.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SnapshotPaceTest {
    private static final long SECOND = 1_000_000_000L;

    @Test
    void pieces_wait_until_what_came_before_is_sent_at_that_pace() {
        SnapshotPace pace = new SnapshotPace(1000);
        long now = System.nanoTime() + SECOND;
        assertThat(pace.takeNanos(500, now)).isZero();
        assertThat(pace.takeNanos(1000, now)).isEqualTo(SECOND / 2);
        assertThat(pace.takeNanos(10, now + SECOND)).as("whoever sends it").isEqualTo(SECOND / 2);
    }

    @Test
    void time_in_which_nothing_was_sent_is_not_made_up_for() {
        SnapshotPace pace = new SnapshotPace(1000);
        long now = System.nanoTime() + SECOND;
        assertThat(pace.takeNanos(1000, now)).isZero();
        assertThat(pace.takeNanos(1000, now + 10 * SECOND)).isZero();
        assertThat(pace.takeNanos(1000, now + 10 * SECOND)).isEqualTo(SECOND);
    }
}
