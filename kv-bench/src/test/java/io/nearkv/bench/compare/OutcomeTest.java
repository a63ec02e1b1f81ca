package io.nearkv.bench.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.nearkv.bench.macro.LoadReport;
import io.nearkv.bench.macro.Mix;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;

class OutcomeTest {
    private static LoadReport report(double perSecond, double p50, Map<String, Long> errors) {
        LoadReport.Percentiles latency = new LoadReport.Percentiles(10, p50, p50, p50, p50, 2 * p50, 3 * p50);
        return new LoadReport(
                "8x16",
                "closed_loop",
                "get=100",
                100,
                100,
                0.99,
                1,
                (long) perSecond,
                perSecond,
                Map.of("get", latency),
                errors,
                0,
                false,
                0,
                0,
                1000,
                1.5,
                2.0,
                0.05,
                null);
    }

    private static List<LoadReport> rounds(double... perSecond) {
        return DoubleStream.of(perSecond)
                .mapToObj(each -> report(each, 1e6 / each, Map.of()))
                .toList();
    }

    private static Scenario scenario(Goal... goals) {
        return new Scenario(
                "1",
                "test",
                List.of(
                        Side.nearkv("ours", ServerKind.NEARKV, 8, 16, Mix.GETS),
                        Side.nearkv("theirs", ServerKind.NEARKV_MAP, 8, 16, Mix.GETS)),
                List.of(goals),
                100);
    }

    @Test
    void a_ratio_is_taken_within_each_round() {
        // The machine was half as fast in the third round; each round says 2x all the same.
        Outcome outcome =
                new Outcome(scenario(), Map.of("ours", rounds(200, 220, 100), "theirs", rounds(100, 110, 50)));

        Outcome.Spread ratio = outcome.ratio(Goal.floor(Goal.Metric.THROUGHPUT, "ours", "theirs", 1.5));

        assertThat(ratio.median()).isCloseTo(2, within(1e-9));
        assertThat(ratio.min()).isCloseTo(2, within(1e-9));
        assertThat(ratio.max()).isCloseTo(2, within(1e-9));
    }

    @Test
    void a_spread_is_median_and_range() {
        assertThat(Outcome.Spread.of(new double[] {3, 1, 2})).isEqualTo(new Outcome.Spread(2, 1, 3));
        assertThat(Outcome.Spread.of(new double[] {4, 1, 2, 3})).isEqualTo(new Outcome.Spread(2.5, 1, 4));
        assertThat(new Outcome.Spread(2, 1, 3).text("%.1f")).isEqualTo("2.0 (1.0..3.0)");
    }

    @Test
    void each_goal_says_whether_it_is_met() {
        Outcome outcome = new Outcome(
                scenario(
                        Goal.floor(Goal.Metric.THROUGHPUT, "ours", "theirs", 1.5),
                        Goal.goal(Goal.Metric.THROUGHPUT, "ours", "theirs", 2.5),
                        Goal.floor(Goal.Metric.P50, "ours", "theirs", 0.4),
                        Goal.goal(Goal.Metric.P50, "ours", "", 6000)),
                Map.of("ours", rounds(200, 200), "theirs", rounds(100, 100)));

        assertThat(outcome.lines())
                .contains(
                        "- floor: throughput of ours >= 1.5x theirs: 2.00 (2.00..2.00)x, met",
                        "- goal: throughput of ours >= 2.5x theirs: 2.00 (2.00..2.00)x, MISSED",
                        "- floor: p50 of ours <= 0.4x theirs: 0.50 (0.50..0.50)x, MISSED",
                        "- goal: p50 of ours <= 6000: 5000.00 (5000.00..5000.00) us, met");
    }

    @Test
    void errors_are_in_the_table_and_make_the_outcome_unsound() {
        Outcome outcome = new Outcome(
                scenario(), Map.of("ours", rounds(200), "theirs", List.of(report(100, 10, Map.of("unavailable", 7L)))));

        assertThat(outcome.sound()).isFalse();
        assertThat(outcome.lines())
                .anyMatch(line -> line.startsWith("| theirs") && line.contains("| 7, 0 |"))
                .anyMatch(line -> line.startsWith("| ours") && line.contains("| 0, 0 |"));
    }

    @Test
    void every_goal_names_sides_of_its_scenario() {
        Set<String> ids = new HashSet<>();
        for (Scenario scenario : Scenario.all()) {
            List<String> names = scenario.sides().stream().map(Side::name).toList();

            assertThat(ids.add(scenario.id())).as(scenario.id()).isTrue();
            assertThat(names).doesNotHaveDuplicates();
            assertThat(scenario.goals()).isNotEmpty().allSatisfy(goal -> {
                assertThat(names).contains(goal.side());
                assertThat(goal.peer().isEmpty() || names.contains(goal.peer())).isTrue();
            });
        }
    }
}
