package io.nearkv.bench.macro;

import java.util.Map;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * What a load came to. The names of the components are those of the JSON output.
 *
 * @param shape the short form of who sent, such as {@code 8x16}
 * @param style who sent when
 * @param mix what was sent
 * @param keys how many keys there were
 * @param valueBytes bytes of each value
 * @param zipfExponent how skewed the choice of keys was
 * @param seconds length of the measurement
 * @param operations answers inside the measurement
 * @param operationsPerSecond answers per second
 * @param latencyMicros latencies by kind, in microseconds
 * @param errors failures by name, over the whole load, warm-up included
 * @param misses reads that found nothing, over the whole load
 * @param missesExpected whether the mix deletes keys, so that misses are no fault
 * @param wrong answers of a wrong length, over the whole load
 * @param unanswered operations that never completed
 * @param valueBytesReturned bytes of values (names of lists) inside the measurement
 * @param clientCpuMicrosPerOperation processor time of this process per answer
 * @param serverCpuMicrosPerOperation processor time of the server process per answer; null if it is not known
 * @param otherCores processors kept busy by anything but client and server: above 0.15 the machine was not ours; null if it is not known
 * @param sendLagMicros for an open loop: how much later than due operations were sent; null otherwise
 */
public record LoadReport(
        String shape,
        String style,
        String mix,
        int keys,
        int valueBytes,
        double zipfExponent,
        double seconds,
        long operations,
        double operationsPerSecond,
        Map<String, Percentiles> latencyMicros,
        Map<String, Long> errors,
        long misses,
        boolean missesExpected,
        long wrong,
        long unanswered,
        long valueBytesReturned,
        double clientCpuMicrosPerOperation,
        @Nullable Double serverCpuMicrosPerOperation,
        @Nullable Double otherCores,
        @Nullable Percentiles sendLagMicros) {

    /**
     * A distribution of times in microseconds.
     *
     * @param count how many
     * @param mean arithmetic mean
     * @param p50 median
     * @param p90 90 % are at most this
     * @param p99 99 %
     * @param p999 99.9 %
     * @param max the longest
     */
    public record Percentiles(long count, double mean, double p50, double p90, double p99, double p999, double max) {
        static Percentiles ofNanos(Histogram nanos) {
            return new Percentiles(
                    nanos.getTotalCount(),
                    rounded(nanos.getMean()),
                    at(nanos, 50),
                    at(nanos, 90),
                    at(nanos, 99),
                    at(nanos, 99.9),
                    at(nanos, 100));
        }

        private static double at(Histogram nanos, double percentile) {
            return rounded(nanos.getValueAtPercentile(percentile) + 0.0);
        }

        private static double rounded(double nanos) {
            return Math.round(nanos / 10) / 100.0;
        }
    }

    /** Makes the maps read-only. */
    public LoadReport {
        latencyMicros = Map.copyOf(latencyMicros);
        errors = Map.copyOf(errors);
    }

    /** Returns whether every operation got the answer that it must get: otherwise the figures mean nothing. */
    public boolean sound() {
        return errors.isEmpty() && wrong == 0 && unanswered == 0 && operations > 0 && (missesExpected || misses == 0);
    }

    /** Returns the latencies of one kind. */
    public @Nullable Percentiles latencyOf(OperationKind kind) {
        return latencyMicros.get(kind.label());
    }
}
