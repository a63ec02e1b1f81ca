package io.nearkv.bench.compare;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class NearMeasureTest {
    private static final int[][] SEQUENCE = {new int[NearMeasure.BATCH]};

    /** A cache that shows a write only after so many gets. */
    private static final class LateCache implements NearCache {
        final int getsUntilShown;
        int left;
        byte[] shown = {0};
        byte[] written = shown;

        LateCache(int getsUntilShown) {
            this.getsUntilShown = getsUntilShown;
        }

        @Override
        public Map<String, Gets> ways() {
            return Map.of();
        }

        @Override
        public byte @Nullable [] get(int index) {
            if (left-- == 0) {
                shown = written;
            }
            return shown.clone();
        }

        @Override
        public void write(int index, byte[] value) {
            written = value;
            left = getsUntilShown;
        }

        @Override
        public long misses() {
            return 0;
        }

        @Override
        public void close() {}
    }

    @Test
    void the_time_of_a_get_is_that_of_one_thread() throws Exception {
        NearCache.Gets slow = (sequence, from, count) -> {
            long until = System.nanoTime() + count * 1000L;
            while (System.nanoTime() < until) {
                Thread.onSpinWait();
            }
            return 0;
        };

        NearMeasure.Turn turn =
                NearMeasure.gets(slow, new int[][] {SEQUENCE[0], SEQUENCE[0]}, 0, TimeUnit.MILLISECONDS.toNanos(20));

        // Twice as many threads, and not half the time; how much more it takes is up to the machine.
        assertThat(turn.nanosPerGet()).isGreaterThanOrEqualTo(1000);
        assertThat(turn.wrong()).isZero();
    }

    @Test
    void wrong_answers_of_all_threads_are_counted() throws Exception {
        NearCache.Gets wrong = (sequence, from, count) -> 1;

        NearMeasure.Turn turn = NearMeasure.gets(wrong, new int[][] {SEQUENCE[0], SEQUENCE[0], SEQUENCE[0]}, 5, 0);

        assertThat(turn.wrong()).isEqualTo(3);
    }

    @Test
    void a_write_is_timed_until_the_cache_shows_it() {
        NearMeasure.Visibility visibility = new NearMeasure.Visibility();

        new NearMeasure(TimeUnit.SECONDS.toNanos(10)).write(new LateCache(20), 0, new byte[] {1}, visibility);

        assertThat(visibility.wrong).isZero();
        assertThat(visibility.acknowledged.getTotalCount()).isEqualTo(1);
        assertThat(visibility.seenFromAcknowledgement.getMinValue()).isGreaterThan(10 * 20_000L);
        assertThat(visibility.seenFromSending.getMinValue())
                .isGreaterThanOrEqualTo(visibility.seenFromAcknowledgement.getMinValue());
    }

    @Test
    void a_write_that_is_never_shown_is_wrong() {
        NearMeasure.Visibility visibility = new NearMeasure.Visibility();

        new NearMeasure(TimeUnit.MILLISECONDS.toNanos(1))
                .write(new LateCache(Integer.MAX_VALUE), 0, new byte[] {1}, visibility);

        assertThat(visibility.wrong).isEqualTo(1);
        assertThat(visibility.seenFromSending.getTotalCount()).isZero();
    }

    @Test
    void every_value_is_compared() {
        LateCache cache = new LateCache(0);

        assertThat(NearMeasure.verify(cache, new byte[][] {{0}, {0}})).isZero();
        assertThat(NearMeasure.verify(cache, new byte[][] {{0}, {1}, {0, 0}})).isEqualTo(2);
    }

    @Test
    void a_ratio_is_taken_within_each_round() {
        // The machine was half as fast in the second round.
        assertThat(NearComparison.ratio(new double[] {200, 400}, new double[] {100, 200}))
                .isEqualTo(new Outcome.Spread(2, 2, 2));
    }
}
