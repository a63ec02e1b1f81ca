package io.nearkv.net.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class LatencyBucketsTest {
    @Test
    void the_bounds_go_from_a_microsecond_to_ten_seconds_in_steps_of_1_2_5_and_5() {
        List<Long> bounds = Latency.BOUNDS_NANOS;

        assertThat(bounds).hasSize(23).isSorted().doesNotHaveDuplicates();
        assertThat(bounds.subList(0, 4)).containsExactly(1_000L, 2_500L, 5_000L, 10_000L);
        assertThat(bounds.get(21)).isEqualTo(TimeUnit.SECONDS.toNanos(10));
        assertThat(bounds.get(22)).isEqualTo(Long.MAX_VALUE);
    }

    @Test
    void a_bound_belongs_to_its_bucket_and_what_is_above_to_the_next() {
        for (int bucket = 0; bucket < LatencyBuckets.COUNT - 1; bucket++) {
            long bound = LatencyBuckets.boundNanos(bucket);

            assertThat(LatencyBuckets.of(bound)).isEqualTo(bucket);
            assertThat(LatencyBuckets.of(bound + 1)).isEqualTo(bucket + 1);
        }
        assertThat(LatencyBuckets.of(Long.MAX_VALUE)).isEqualTo(LatencyBuckets.COUNT - 1);
    }

    @Test
    void every_power_of_two_and_its_neighbours_fall_where_a_plain_search_puts_them() {
        for (int bit = 0; bit < Long.SIZE - 1; bit++) {
            for (long nanos = (1L << bit) - 1; nanos <= (1L << bit) + 1; nanos++) {
                int expected = 0;
                while (nanos > Latency.BOUNDS_NANOS.get(expected)) {
                    expected++;
                }
                assertThat(LatencyBuckets.of(nanos)).as("%s ns", nanos).isEqualTo(expected);
            }
        }
    }

    @Test
    void a_clock_that_goes_backwards_counts_as_nothing() {
        assertThat(LatencyBuckets.of(0)).isZero();
        assertThat(LatencyBuckets.of(-1)).isZero();
        assertThat(LatencyBuckets.of(Long.MIN_VALUE)).isZero();
    }
}
