package io.nearkv.bench.macro;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** A load's report as a person reads it. */
public final class LoadTable {
    private LoadTable() {}

    /** Returns the lines of a report. */
    public static List<String> lines(LoadReport report) {
        List<String> lines = new ArrayList<>();
        lines.add(String.format(
                Locale.ROOT,
                "%s %s, %s, %,d keys, %d-byte values, Zipf %.2f, %.1f s",
                report.shape(),
                report.style(),
                report.mix(),
                report.keys(),
                report.valueBytes(),
                report.zipfExponent(),
                report.seconds()));
        lines.add(String.format(
                Locale.ROOT,
                "throughput   %,.0f operations/s (%,d answers, %,d value bytes)",
                report.operationsPerSecond(),
                report.operations(),
                report.valueBytesReturned()));
        lines.add(String.format(
                Locale.ROOT,
                "processor    client %.2f us an operation, server %s, other processes %s",
                report.clientCpuMicrosPerOperation(),
                report.serverCpuMicrosPerOperation() == null
                        ? "unknown (give --server-pid)"
                        : String.format(Locale.ROOT, "%.2f us", report.serverCpuMicrosPerOperation()),
                report.otherCores() == null
                        ? "unknown"
                        : String.format(Locale.ROOT, "%.2f processors", report.otherCores())));
        lines.add(String.format(
                Locale.ROOT,
                "%-12s %12s %10s %10s %10s %10s %10s %10s",
                "latency, us",
                "count",
                "mean",
                "p50",
                "p90",
                "p99",
                "p99.9",
                "max"));
        for (OperationKind kind : OperationKind.values()) {
            LoadReport.Percentiles latency = report.latencyOf(kind);
            if (latency != null) {
                lines.add(row(kind.label(), latency));
            }
        }
        if (report.sendLagMicros() != null) {
            lines.add(row("sent late by", report.sendLagMicros()));
        }
        lines.add(String.format(
                Locale.ROOT,
                "errors %s, misses %,d%s, wrong answers %,d, never answered %,d",
                report.errors().isEmpty() ? "0" : inOrder(report.errors()),
                report.misses(),
                report.missesExpected() ? " (the mix deletes)" : "",
                report.wrong(),
                report.unanswered()));
        return lines;
    }

    private static String inOrder(Map<String, Long> errors) {
        return new TreeMap<>(errors).toString();
    }

    private static String row(String name, LoadReport.Percentiles micros) {
        return String.format(
                Locale.ROOT,
                "%-12s %,12d %10.1f %10.1f %10.1f %10.1f %10.1f %10.1f",
                name,
                micros.count(),
                micros.mean(),
                micros.p50(),
                micros.p90(),
                micros.p99(),
                micros.p999(),
                micros.max());
    }
}
