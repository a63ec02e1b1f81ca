package io.nearkv.deploy.analysis;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class EProcessTest {
    private static final double[] EFFECTS = {0.01, 0.1, 0.5};

    private static double binomial(int n, int k, double p) {
        double ways = 1;
        for (int i = 0; i < k; i++) {
            ways = ways * (n - i) / (i + 1);
        }
        return ways * Math.pow(p, k) * Math.pow(1 - p, n - k);
    }

    /** The heart of the proof, over all that may happen in a block: whatever the common failure rate and the guess of it, no bet is better than fair. */
    @Test
    void no_block_is_worth_more_than_its_stake_whatever_the_common_rate() {
        for (double rate : new double[] {0.0001, 0.01, 0.2, 0.5, 0.97}) {
            for (double guess : new double[] {0, 0.001, 0.05, 0.6, 1}) {
                for (int nc : new int[] {1, 3, 7}) {
                    for (int nb : new int[] {1, 5, 40}) {
                        assertThat(expected(rate, guess, nc, nb))
                                .as("rate %s, guess %s, %d and %d requests", rate, guess, nc, nb)
                                .isLessThanOrEqualTo(1 + 1e-9);
                    }
                }
            }
        }
    }

    private static double expected(double rate, double guess, int nc, int nb) {
        double sum = 0;
        for (int yc = 0; yc <= nc; yc++) {
            for (int yb = 0; yb <= nb; yb++) {
                EProcess test = new EProcess(EFFECTS, 100);
                test.elapsed(1);
                test.block(guess, nc, yc, nb, yb);
                test.close(Double.POSITIVE_INFINITY);
                sum += binomial(nc, yc, rate) * binomial(nb, yb, rate) * Math.exp(test.logE());
            }
        }
        return sum;
    }

    @Test
    void a_round_gains_no_more_than_it_may_and_loses_all_that_it_loses() {
        EProcess bounded = new EProcess(EFFECTS, 10);
        bounded.block(0.01, 100, 100, 10_000, 0);
        bounded.close(Math.log(2));
        assertThat(bounded.logE()).isBetween(0.1, Math.log(2));
        EProcess free = new EProcess(EFFECTS, 10);
        free.block(0.1, 1_000, 0, 10_000, 1_000);
        free.close(Double.POSITIVE_INFINITY);
        EProcess losing = new EProcess(EFFECTS, 10);
        losing.block(0.1, 1_000, 0, 10_000, 1_000);
        losing.close(Math.log(2));
        assertThat(losing.logE()).isEqualTo(free.logE());
    }

    @Test
    void capital_begins_with_one_and_time_alone_changes_nothing() {
        EProcess test = new EProcess(EFFECTS, 10);
        assertThat(test.logE()).isZero();
        for (int i = 0; i < 20; i++) {
            test.elapsed(1);
            assertThat(test.logE()).isCloseTo(0, org.assertj.core.data.Offset.offset(1e-9));
        }
    }

    @Test
    void a_block_with_nobody_on_one_side_says_nothing() {
        EProcess test = new EProcess(EFFECTS, 10);
        test.block(0.01, 100, 100, 0, 0);
        test.close(Double.POSITIVE_INFINITY);
        test.block(0.01, 0, 0, 100, 100);
        assertThat(test.logE()).isZero();
    }

    @Test
    void what_fails_more_often_gains_and_what_fails_less_often_loses() {
        EProcess worse = new EProcess(EFFECTS, 10);
        worse.block(0.01, 100, 20, 10_000, 100);
        worse.close(Double.POSITIVE_INFINITY);
        EProcess better = new EProcess(EFFECTS, 10);
        better.block(0.1, 1_000, 0, 10_000, 1_000);
        better.close(Double.POSITIVE_INFINITY);
        assertThat(worse.logE()).isGreaterThan(7);
        assertThat(better.logE()).isLessThan(0);
    }

    @Test
    void a_build_that_goes_bad_late_is_found_though_it_has_lost_capital_before() {
        EProcess test = new EProcess(EFFECTS, 3_600);
        for (int i = 0; i < 1_000; i++) {
            test.elapsed(1);
            test.block(0.01, 100, 1, 900, 9);
            test.close(Double.POSITIVE_INFINITY);
        }
        double before = test.logE();
        int blocks = 0;
        while (test.logE() < 7 && blocks < 20) {
            test.elapsed(1);
            test.block(0.01, 100, 20, 900, 9);
            test.close(Double.POSITIVE_INFINITY);
            blocks++;
        }
        assertThat(before).isLessThan(0.1);
        assertThat(blocks).isLessThan(5);
    }
}
