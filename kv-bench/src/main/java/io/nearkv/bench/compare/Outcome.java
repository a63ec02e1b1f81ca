package io.nearkv.bench.compare;

import io.nearkv.bench.macro.LoadReport;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/** What a scenario came to, as a table for {@code docs/benchmarks.md}. */
final class Outcome {
    private final Scenario scenario;
    private final Map<String, List<LoadReport>> reports;

    Outcome(Scenario scenario, Map<String, List<LoadReport>> reports) {
        this.scenario = scenario;
        this.reports = reports;
    }

    /** The median of some figures and their range. */
    record Spread(double median, double min, double max) {
        static Spread of(double[] values) {
            double[] sorted = values.clone();
            Arrays.sort(sorted);
            int middle = sorted.length / 2;
            double median = sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
            return new Spread(median, sorted[0], sorted[sorted.length - 1]);
        }

        String text(String format) {
            return String.format(Locale.ROOT, format + " (" + format + ".." + format + ")", median, min, max);
        }
    }

    private Spread spread(String side, Goal.Metric metric) {
        return Spread.of(reports.getOrDefault(side, List.of()).stream()
                .mapToDouble(metric::of)
                .toArray());
    }

    /** The ratio of two sides in each round, or one side's figure where there is no peer. */
    Spread ratio(Goal goal) {
        double[] ours = figures(goal.side(), goal.metric());
        if (goal.peer().isEmpty()) {
            return Spread.of(ours);
        }
        double[] theirs = figures(goal.peer(), goal.metric());
        double[] ratios = new double[Math.min(ours.length, theirs.length)];
        for (int i = 0; i < ratios.length; i++) {
            ratios[i] = ours[i] / theirs[i];
        }
        return Spread.of(ratios);
    }

    private double[] figures(String side, Goal.Metric metric) {
        return reports.getOrDefault(side, List.of()).stream()
                .mapToDouble(metric::of)
                .toArray();
    }

    /** Returns whether every answer of every side was what it must be. */
    boolean sound() {
        return reports.values().stream().flatMap(List::stream).allMatch(LoadReport::sound);
    }

    /** Returns the table and what became of each goal, in Markdown. */
    List<String> lines() {
        List<String> lines = new ArrayList<>();
        lines.add("### Row " + scenario.id() + ": " + scenario.title());
        lines.add("");
        lines.add("| side | shape | k op/s | CPU client + server, us | p50 us | p99.9 us | errors, misses | others |");
        lines.add("| --- | --- | --- | --- | --- | --- | --- | --- |");
        for (Side side : scenario.sides()) {
            lines.add(row(side));
        }
        lines.add("");
        for (Goal goal : scenario.goals()) {
            Spread ratio = ratio(goal);
            lines.add(String.format(
                    Locale.ROOT,
                    "- %s: %s%s, %s",
                    goal,
                    ratio.text("%.2f"),
                    goal.peer().isEmpty() ? " us" : "x",
                    goal.metBy(ratio.median()) ? "met" : "MISSED"));
        }
        return lines;
    }

    private String row(Side side) {
        List<LoadReport> rounds = reports.getOrDefault(side.name(), List.of());
        double[] thousands = rounds.stream()
                .mapToDouble(report -> report.operationsPerSecond() / 1000)
                .toArray();
        Spread client = Spread.of(rounds.stream()
                .mapToDouble(LoadReport::clientCpuMicrosPerOperation)
                .toArray());
        Spread both = spread(side.name(), Goal.Metric.CPU);
        long bad = rounds.stream()
                .mapToLong(report -> report.errors().values().stream()
                                .mapToLong(Long::longValue)
                                .sum()
                        + report.wrong()
                        + report.unanswered())
                .sum();
        long misses = rounds.stream().mapToLong(LoadReport::misses).sum();
        double others = rounds.stream()
                .map(LoadReport::otherCores)
                .filter(Objects::nonNull)
                .mapToDouble(Double::doubleValue)
                .max()
                .orElse(Double.NaN);
        return String.format(
                Locale.ROOT,
                "| %s | %s | %s | %.2f + %.2f = %s | %s | %s | %d, %d | %.2f |",
                side.name(),
                side.load().shape(),
                Spread.of(thousands).text("%.1f"),
                client.median(),
                both.median() - client.median(),
                both.text("%.2f"),
                spread(side.name(), Goal.Metric.P50).text("%.0f"),
                spread(side.name(), Goal.Metric.P999).text("%.0f"),
                bad,
                misses,
                others);
    }
}
