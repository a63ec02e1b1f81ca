package io.nearkv.deploy.rollout;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.deploy.analysis.Impact;
import io.nearkv.deploy.analysis.LatencyBins;
import io.nearkv.deploy.analysis.Sample;
import io.nearkv.deploy.model.Bytes;
import io.nearkv.deploy.report.BuildOutcome;
import io.nearkv.deploy.report.OutcomeReport;
import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.Test;

class PooledComparisonTest {
    private static final String NEW = "new";
    private static final String OLD = "old";

    private final PooledComparison pool = new PooledComparison(NEW, OLD);

    private static BuildOutcome outcome(String build, long requests, long failures, int... failedSlots) {
        BitSet slots = new BitSet();
        for (int slot : failedSlots) {
            slots.set(slot);
        }
        return new BuildOutcome(
                build,
                List.of(Sample.NONE, Sample.of(requests, failures)),
                Bytes.of(slots.toByteArray()),
                failures,
                0,
                true);
    }

    private static OutcomeReport report(long process, BuildOutcome... builds) {
        return new OutcomeReport(process, 0, "", "", List.of(builds));
    }

    @Test
    void only_what_has_come_since_the_last_report_counts() {
        pool.add("a", report(1, outcome(NEW, 1_000, 900), outcome(OLD, 9_000, 0)), 0);
        assertThat(pool.judge(1).candidate().requests()).isZero();
        pool.add("a", report(1, outcome(NEW, 1_010, 900), outcome(OLD, 9_090, 0)), 0);
        Impact impact = pool.judge(1);
        assertThat(impact.candidate().requests()).isEqualTo(10);
        assertThat(impact.candidate().failures()).isZero();
        assertThat(impact.base().requests()).isEqualTo(90);
    }

    @Test
    void a_process_that_began_anew_is_not_compared_with_the_one_before() {
        pool.add("a", report(1, outcome(NEW, 1_000, 0), outcome(OLD, 9_000, 0)), 0);
        pool.add("a", report(2, outcome(NEW, 1_500, 400), outcome(OLD, 9_500, 0)), 0);
        assertThat(pool.judge(1).candidate().requests()).isZero();
        pool.add("a", report(2, outcome(NEW, 1_501, 400), outcome(OLD, 9_501, 0)), 0);
        assertThat(pool.judge(1).candidate().requests()).isEqualTo(1);
    }

    @Test
    void a_slot_that_fails_at_five_nodes_is_one_unit() {
        for (int i = 0; i < 5; i++) {
            pool.add("n" + i, report(i, outcome(NEW, 0, 0), outcome(OLD, 0, 0)), 0);
        }
        for (int i = 0; i < 5; i++) {
            pool.add("n" + i, report(i, outcome(NEW, 10, 1, 42), outcome(OLD, 100, 1, 4_711)), 0);
        }
        Impact impact = pool.judge(1);
        assertThat(impact.candidate().failures()).isEqualTo(1);
        assertThat(impact.candidate().requests()).isEqualTo(46);
        assertThat(impact.base().failures()).isEqualTo(1);
    }

    @Test
    void a_node_that_counts_backwards_is_not_believed() {
        pool.add("liar", report(1, outcome(NEW, 1_000, 500), outcome(OLD, 9_000, 0)), 0);
        pool.add("liar", report(1, outcome(NEW, 900, 900), outcome(OLD, 9_100, 0)), 0);
        Impact impact = pool.judge(1);
        assertThat(impact.candidate().requests()).isZero();
        assertThat(impact.isAgainstCandidate()).isFalse();
    }

    @Test
    void what_one_node_alone_tells_moves_nobody_and_what_two_tell_does() {
        Impact impact = null;
        for (int second = 0; second < 30; second++) {
            for (int node = 0; node < 5; node++) {
                long failures = node == 0 ? 5L * second : 0;
                pool.add(
                        "n" + node,
                        report(node, outcome(NEW, 10L * second, failures), outcome(OLD, 1_000L * second, second)),
                        second * 1_000L);
            }
            impact = pool.judge(1);
        }
        assertThat(requireNonNull(impact).kind()).isEqualTo(Impact.Kind.ONE_NODE);
        assertThat(impact.text()).startsWith("n0 alone sees failures");
        for (int second = 30; second < 60; second++) {
            for (int node = 0; node < 5; node++) {
                long failures = node == 0 ? 5L * second : node == 1 ? 10L * (second - 29) : 0;
                pool.add(
                        "n" + node,
                        report(node, outcome(NEW, 10L * second, failures), outcome(OLD, 1_000L * second, second)),
                        second * 1_000L);
            }
            impact = pool.judge(1);
        }
        assertThat(impact.kind()).isEqualTo(Impact.Kind.ERRORS);
    }

    private static BuildOutcome timed(String build, long fast, long slow) {
        long[] bins = new long[LatencyBins.COUNT];
        bins[LatencyBins.of(1_000_000)] = fast;
        bins[LatencyBins.of(20_000_000)] = slow;
        return new BuildOutcome(build, List.of(Sample.NONE, Sample.of(0, bins)), Bytes.of(new byte[0]), 0, 0, true);
    }

    /** Judges what some of five nodes have of slow answers in a minute: half of the candidate's. */
    private Impact slowAt(int slowNodes) {
        Impact impact = null;
        for (long second = 0; second < 60; second++) {
            for (int node = 0; node < 5; node++) {
                long slow = node < slowNodes ? 20 * second : 0;
                pool.add(
                        "n" + node,
                        report(node, timed(NEW, 40 * second - slow, slow), timed(OLD, 400 * second, second)),
                        second * 1_000);
            }
            impact = pool.judge(1);
        }
        return requireNonNull(impact);
    }

    @Test
    void slow_answers_at_one_node_alone_move_nobody() {
        Impact impact = slowAt(1);
        assertThat(impact.kind()).isEqualTo(Impact.Kind.ONE_NODE);
        assertThat(impact.text()).startsWith("n0 alone sees slow answers");
    }

    @Test
    void slow_answers_at_all_nodes_are_found() {
        assertThat(slowAt(5).kind()).isEqualTo(Impact.Kind.LATENCY);
    }

    @Test
    void slow_answers_at_two_nodes_are_found() {
        assertThat(slowAt(2).kind()).isEqualTo(Impact.Kind.LATENCY);
    }

    @Test
    void a_node_that_has_nearly_all_of_the_traffic_is_believed() {
        Impact impact = null;
        for (int second = 0; second < 10; second++) {
            pool.add("busy", report(1, outcome(NEW, 100L * second, 20L * second), outcome(OLD, 1_000L * second, 0)), 0);
            pool.add("idle", report(2, outcome(NEW, second, 0), outcome(OLD, 9L * second, 0)), 0);
            impact = pool.judge(1);
        }
        assertThat(requireNonNull(impact).kind()).isEqualTo(Impact.Kind.ERRORS);
    }

    @Test
    void builds_of_another_environment_or_tenant_count_for_nothing() {
        for (int second = 0; second < 10; second++) {
            // An id is a hash of tenant, service and environment too: what is named elsewhere is another id.
            pool.add(
                    "a",
                    report(1, outcome("foreignforeig", 100L * second, 100L * second), outcome(OLD, 1_000L * second, 0)),
                    0);
        }
        Impact impact = pool.judge(1);
        assertThat(impact.candidate().requests()).isZero();
        assertThat(impact.isAgainstCandidate()).isFalse();
    }

    @Test
    void what_many_nodes_see_a_little_of_is_found_together() {
        Impact impact = null;
        for (int second = 0; second < 30; second++) {
            for (int node = 0; node < 10; node++) {
                pool.add(
                        "n" + node,
                        report(
                                node,
                                outcome(NEW, 10L * second, second * 3L / 2),
                                outcome(OLD, 1_000L * second, second)),
                        second * 1_000L);
            }
            impact = pool.judge(1);
        }
        assertThat(requireNonNull(impact).kind()).isEqualTo(Impact.Kind.ERRORS);
    }
}
