package io.nearkv.deploy.analysis;

import static org.assertj.core.api.Assertions.assertThat;

import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class LatencyBinsTest {
    @Test
    void classes_grow_with_time_and_none_is_left_out() {
        int last = 0;
        for (long nanos = 0; nanos < 900_000_000_000L; nanos = Math.max(nanos + 500, nanos * 101 / 100)) {
            int bin = LatencyBins.of(nanos);
            assertThat(bin).isBetween(last, Math.min(last + 1, LatencyBins.COUNT - 1));
            last = bin;
        }
        assertThat(last).isEqualTo(LatencyBins.COUNT - 1);
        assertThat(LatencyBins.of(-1)).isZero();
        assertThat(LatencyBins.of(Long.MAX_VALUE)).isEqualTo(LatencyBins.COUNT - 1);
    }

    @Test
    void a_time_lies_in_its_class_and_no_class_is_wider_than_an_eighth() {
        for (int bin = 8; bin < LatencyBins.COUNT - 1; bin++) {
            double low = LatencyBins.lowerMicros(bin);
            double high = LatencyBins.lowerMicros(bin + 1);
            assertThat(high / low).isLessThanOrEqualTo(1.1251);
            assertThat(LatencyBins.of((long) (low * 1_000))).isEqualTo(bin);
            assertThat(LatencyBins.of((long) (high * 1_000) - 1_000)).isLessThanOrEqualTo(bin);
        }
    }

    @Test
    void quantiles_are_as_near_as_the_classes() {
        double[] counts = new double[LatencyBins.COUNT];
        for (int micros = 1; micros <= 10_000; micros++) {
            counts[LatencyBins.of(micros * 1_000L)]++;
        }
        assertThat(LatencyBins.quantileMicros(counts, 0.5)).isCloseTo(5_000, Offset.offset(300.0));
        assertThat(LatencyBins.quantileMicros(counts, 0.99)).isCloseTo(9_900, Offset.offset(600.0));
        assertThat(LatencyBins.quantileMicros(new double[LatencyBins.COUNT], 0.5))
                .isZero();
    }
}
