package io.nearkv.deploy.analysis;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ImpactDetectorTest {
    private static final int RUNS = 60;
    private static final double TICK = 0.05;

    /** Median seconds until a build that has been healthy for half a minute is found out. */
    private static double secondsToFind(double requests, double share, double effect) {
        double[] seconds = new double[RUNS];
        for (int i = 0; i < RUNS; i++) {
            Rollouts traffic = new Rollouts(i);
            for (int second = 0; second < 30; second++) {
                assertThat(traffic.tick(requests, share, 0.001, 0.001, 1).isAgainstCandidate())
                        .isFalse();
            }
            double t = 0;
            Impact impact;
            do {
                t += TICK;
                impact = traffic.tick(requests, share, Math.min(1, 0.001 + effect), 0.001, TICK);
            } while (!impact.isAgainstCandidate() && t < 600);
            assertThat(impact.kind()).isEqualTo(Impact.Kind.ERRORS);
            seconds[i] = t;
        }
        java.util.Arrays.sort(seconds);
        return seconds[RUNS / 2];
    }

    @ParameterizedTest
    @CsvSource({
        "10000, 0.01, 1.00, 0.15",
        "10000, 0.10, 0.05, 0.5",
        "10000, 0.10, 0.01, 3",
        "1000, 0.01, 1.00, 1.5",
        "1000, 0.5, 0.05, 3"
    })
    void a_build_that_fails_more_often_is_found_in_time(double requests, double share, double effect, double atMost) {
        assertThat(secondsToFind(requests, share, effect)).isLessThanOrEqualTo(atMost);
    }

    @Test
    void two_failures_are_no_reason_to_act() {
        Rollouts traffic = new Rollouts(1);
        traffic.detector.add("a", 1, Sample.of(2, 2), Sample.of(100_000, 0));
        assertThat(traffic.detector.judge(1).isAgainstCandidate()).isFalse();
        traffic.detector.add("a", 1, Sample.of(3, 3), Sample.of(100_000, 0));
        assertThat(traffic.detector.judge(1).kind()).isEqualTo(Impact.Kind.ERRORS);
    }

    @Test
    void where_known_good_fails_as_well_no_build_is_blamed() {
        Rollouts traffic = new Rollouts(2);
        for (int i = 0; i < 30; i++) {
            assertThat(traffic.tick(1_000, 0.1, 0.001, 0.001, 1).kind()).isEqualTo(Impact.Kind.NONE);
        }
        for (int i = 0; i < 10; i++) {
            // The candidate's cache is colder, so that it needs the store that is gone more often.
            assertThat(traffic.tick(1_000, 0.1, 0.9, 0.3, 1).kind()).isEqualTo(Impact.Kind.COMMON_MODE);
        }
    }

    @Test
    void the_share_may_change_from_block_to_block() {
        for (int seed = 0; seed < 30; seed++) {
            Rollouts traffic = new Rollouts(seed);
            for (int i = 0; i < 300; i++) {
                double rate = i % 60 < 30 ? 0.001 : 0.02;
                assertThat(traffic.tick(500, i % 2 == 0 ? 0.01 : 0.9, rate, rate, 1)
                                .isAgainstCandidate())
                        .isFalse();
            }
        }
    }

    /** A second of answers: around a millisecond from memory, around ten from elsewhere. */
    private static void answers(
            ImpactDetector detector, Random random, int count, double hits, double hitsBase, double slower) {
        long[][] bins = new long[4][LatencyBins.COUNT];
        for (int i = 0; i < count; i++) {
            boolean candidate = i % 10 == 0;
            boolean hit = random.nextDouble() < (candidate ? hits : hitsBase);
            double micros = (hit ? 1_000 : 10_000) * Math.exp(0.3 * random.nextGaussian()) * (candidate ? slower : 1);
            bins[(candidate ? 0 : 2) + (hit ? 0 : 1)][LatencyBins.of((long) (micros * 1_000))]++;
        }
        for (int kind = 0; kind < 2; kind++) {
            detector.add("node", kind, Sample.of(0, bins[kind]), Sample.of(0, bins[2 + kind]));
        }
    }

    @Test
    void a_build_that_answers_a_fifth_more_slowly_is_found() {
        ImpactDetector detector = new ImpactDetector(DetectorSettings.DEFAULT);
        Random random = new Random(3);
        Impact impact = null;
        int seconds = 0;
        while (seconds < 60 && (impact == null || !impact.isAgainstCandidate())) {
            answers(detector, random, 2_000, 0.5, 0.5, 1.2);
            impact = detector.judge(1);
            seconds++;
        }
        assertThat(requireNonNull(impact).kind()).isEqualTo(Impact.Kind.LATENCY);
        assertThat(impact.text()).contains("us vs known-good");
        assertThat(seconds).isLessThan(40);
    }

    @Test
    void a_build_whose_cache_is_cold_is_not_called_slow() {
        ImpactDetector detector = new ImpactDetector(DetectorSettings.DEFAULT);
        Random random = new Random(4);
        for (int second = 0; second < 60; second++) {
            answers(detector, random, 2_000, 0.05, 0.95, 1);
            assertThat(detector.judge(1).kind()).isEqualTo(Impact.Kind.NONE);
        }
    }

    @Test
    void one_stall_is_no_evidence_against_a_build() {
        ImpactDetector detector = new ImpactDetector(DetectorSettings.DEFAULT);
        Random random = new Random(5);
        for (int second = 0; second < 120; second++) {
            answers(detector, random, 2_000, 0.5, 0.5, second == 47 ? 50 : 1);
            assertThat(detector.judge(1).isAgainstCandidate())
                    .as("second %d", second)
                    .isFalse();
        }
    }

    @Test
    void the_smaller_the_harm_the_more_traffic_it_takes_to_see_it() {
        double little = ImpactDetector.detectable(300, 29_700, 0.001, 5e-4);
        double much = ImpactDetector.detectable(30_000, 270_000, 0.001, 5e-4);
        assertThat(little).isBetween(0.02, 0.2);
        assertThat(much).isLessThan(little / 5);
        assertThat(ImpactDetector.detectable(0, 100, 0.001, 5e-4)).isEqualTo(1);
        assertThat(ImpactDetector.detectable(2, 100, 0.001, 5e-4)).isEqualTo(1);
    }
}
