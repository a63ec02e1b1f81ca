package io.nearkv.bench.compare;

import io.nearkv.bench.macro.LoadReport;
import java.util.Locale;

/**
 * What a scenario is to show: one side's figure against another's in the same round, or against a number.
 *
 * @param label floor or goal
 * @param metric which figure
 * @param side whose figure
 * @param peer against whose; empty for a fixed number
 * @param factor the ratio, or the fixed number
 */
record Goal(String label, Metric metric, String side, String peer, double factor) {
    /** A figure of a report. */
    enum Metric {
        /** Answers per second; more is better. */
        THROUGHPUT,
        /** The median latency in microseconds; less is better. */
        P50,
        /** The 99.9th percentile in microseconds; less is better. */
        P999,
        /** Processor time of both ends per answer in microseconds; less is better. */
        CPU;

        boolean moreIsBetter() {
            return this == THROUGHPUT;
        }

        /** Returns the figure; NaN where it is not known. */
        double of(LoadReport report) {
            return switch (this) {
                case THROUGHPUT -> report.operationsPerSecond();
                case P50 -> slowest(report, false);
                case P999 -> slowest(report, true);
                case CPU -> {
                    Double server = report.serverCpuMicrosPerOperation();
                    yield server == null ? Double.NaN : report.clientCpuMicrosPerOperation() + server;
                }
            };
        }

        private static double slowest(LoadReport report, boolean tail) {
            return report.latencyMicros().values().stream()
                    .mapToDouble(each -> tail ? each.p999() : each.p50())
                    .max()
                    .orElse(Double.NaN);
        }
    }

    static Goal floor(Metric metric, String side, String peer, double factor) {
        return new Goal("floor", metric, side, peer, factor);
    }

    static Goal goal(Metric metric, String side, String peer, double factor) {
        return new Goal("goal", metric, side, peer, factor);
    }

    boolean metBy(double value) {
        return metric.moreIsBetter() ? value >= factor : value <= factor;
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "%s: %s of %s %s %s%s",
                label,
                metric.name().toLowerCase(Locale.ROOT),
                side,
                metric.moreIsBetter() ? ">=" : "<=",
                factor == Math.rint(factor) ? Long.toString((long) factor) : Double.toString(factor),
                peer.isEmpty() ? "" : "x " + peer);
    }
}
