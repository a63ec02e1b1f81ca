package io.nearkv.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class ReadLeaseTest {
    private static final long MILLI = 1_000_000;

    private final ReadLease lease = new ReadLease(Duration.ofMillis(800));

    @Test
    void it_is_counted_from_the_submission_and_shorter_than_the_election_timeout_by_drift_and_margin() {
        assertThat(lease.holds(0)).as("nothing is committed yet").isFalse();
        lease.committed(3, 1000 * MILLI);
        assertThat(lease.holds(1000 * MILLI)).isTrue();
        assertThat(lease.holds((1000 + 739) * MILLI)).isTrue();
        assertThat(lease.holds((1000 + 740) * MILLI)).isFalse();
    }

    @Test
    void an_earlier_entry_does_not_make_it_shorter() {
        lease.committed(3, 1000 * MILLI);
        lease.committed(3, 900 * MILLI);
        assertThat(lease.holds(1700 * MILLI)).isTrue();
    }

    @Test
    void it_ends_with_the_leadership_and_comes_back_with_the_next_entry() {
        lease.committed(3, 1000 * MILLI);
        lease.ended();
        assertThat(lease.holds(1001 * MILLI)).isFalse();
        lease.committed(3, 1002 * MILLI);
        assertThat(lease.holds(1003 * MILLI)).isTrue();
    }

    @Test
    void a_term_in_which_the_leadership_was_to_be_handed_on_has_none_any_more() {
        lease.committed(3, 1000 * MILLI);
        lease.givenUp(3);
        assertThat(lease.holds(1001 * MILLI)).isFalse();
        lease.committed(3, 1002 * MILLI);
        assertThat(lease.holds(1003 * MILLI)).isFalse();
        lease.committed(4, 1004 * MILLI);
        assertThat(lease.holds(1005 * MILLI)).isTrue();
    }

    @Test
    void the_clock_may_overflow() {
        long late = Long.MAX_VALUE - 100 * MILLI;
        lease.committed(3, late);
        assertThat(lease.holds(late + 300 * MILLI)).isTrue();
        assertThat(lease.holds(late + 800 * MILLI)).isFalse();
    }
}
