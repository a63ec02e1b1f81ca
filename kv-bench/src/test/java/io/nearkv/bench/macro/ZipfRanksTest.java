package io.nearkv.bench.macro;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class ZipfRanksTest {
    private static final int DRAWS = 2_000_000;

    @Test
    void each_rank_is_drawn_as_often_as_the_formula_says() {
        assertFrequencies(1000, 0.99);
        assertFrequencies(1000, 1);
        assertFrequencies(50, 2.5);
        assertFrequencies(2, 0.5);
    }

    private static void assertFrequencies(int ranks, double exponent) {
        double sum = 0;
        for (int k = 1; k <= ranks; k++) {
            sum += Math.pow(k, -exponent);
        }
        long[] drawn = new long[ranks + 1];
        ZipfRanks zipf = new ZipfRanks(ranks, exponent);
        SplittableRandom random = new SplittableRandom(7);
        for (int i = 0; i < DRAWS; i++) {
            drawn[zipf.next(random)]++;
        }

        for (int k : new int[] {1, 2, 3, 10, 49, ranks}) {
            if (k <= ranks) {
                double expected = DRAWS * Math.pow(k, -exponent) / sum;
                // Six standard deviations: false alarms never, a wrong formula always.
                assertThat((double) drawn[k])
                        .as("rank %d of %d, exponent %s", k, ranks, exponent)
                        .isCloseTo(expected, within(6 * Math.sqrt(expected) + 1));
            }
        }
    }

    @Test
    void a_million_ranks_are_as_skewed_as_the_published_figures_assume() {
        ZipfRanks zipf = new ZipfRanks(1_000_000, 0.99);
        SplittableRandom random = new SplittableRandom(7);
        int amongTheFirstThousand = 0;
        for (int i = 0; i < 200_000; i++) {
            int rank = zipf.next(random);
            assertThat(rank).isBetween(1, 1_000_000);
            if (rank <= 1000) {
                amongTheFirstThousand++;
            }
        }

        // H(1000) / H(1000000) for the exponent 0.99.
        assertThat(amongTheFirstThousand / 200_000.0).isCloseTo(0.5017, within(0.01));
    }

    @Test
    void one_rank_is_always_the_first() {
        assertThat(new ZipfRanks(1, 0.99).next(new SplittableRandom(1))).isEqualTo(1);
    }

    @Test
    void no_rank_and_no_skew_are_refused() {
        assertThatIllegalArgumentException().isThrownBy(() -> new ZipfRanks(0, 0.99));
        assertThatIllegalArgumentException().isThrownBy(() -> new ZipfRanks(10, 0));
        assertThatIllegalArgumentException().isThrownBy(() -> new ZipfRanks(10, Double.NaN));
    }
}
