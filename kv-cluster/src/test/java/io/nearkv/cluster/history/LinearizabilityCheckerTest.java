package io.nearkv.cluster.history;

import static io.nearkv.cluster.history.Operation.delete;
import static io.nearkv.cluster.history.Operation.put;
import static io.nearkv.cluster.history.Ops.absent;
import static io.nearkv.cluster.history.Ops.failed;
import static io.nearkv.cluster.history.Ops.found;
import static io.nearkv.cluster.history.Ops.get;
import static io.nearkv.cluster.history.Ops.ok;
import static io.nearkv.cluster.history.Ops.refused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.cluster.history.Operation.Condition;
import io.nearkv.cluster.history.Operation.Put;
import io.nearkv.cluster.history.Report.Verdict;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class LinearizabilityCheckerTest {
    private static final Condition IF_ABSENT = Condition.IF_ABSENT;
    private static final Condition IF_PRESENT = Condition.IF_PRESENT;

    @Test
    void operations_one_after_the_other_are_good() {
        good(new Ops()
                .at(0, 1, get(), absent())
                .at(2, 3, put("a"), ok(3))
                .at(4, 5, get(), found("a", 3))
                .at(6, 7, put("b"), ok(9))
                .at(8, 9, delete(), ok(11))
                .at(10, 11, get(), absent()));
    }

    @Test
    void a_read_during_a_write_may_find_either_value() {
        good(new Ops().at(0, 1, put("a"), ok(1)).at(2, 9, put("b"), ok(2)).at(3, 4, get(), found("a", 1)));
        good(new Ops().at(0, 1, put("a"), ok(1)).at(2, 9, put("b"), ok(2)).at(3, 4, get(), found("b", 2)));
    }

    @Test
    void a_read_that_has_missed_an_acknowledged_write_is_bad() {
        String problem = bad(
                new Ops().at(0, 1, put("a"), ok(1)).at(2, 3, put("b"), ok(2)).at(4, 5, get(), found("a", 1)));

        assertThat(problem)
                .contains("key \"k\" is not linearizable")
                .contains("put \"b\" -> ok v2")
                .contains("get -> \"a\" v1")
                .contains("[   4.000 ..    5.000 ms] client 3");
    }

    @Test
    void a_read_that_goes_back_during_a_long_write_is_bad() {
        bad(new Ops()
                .at(0, 1, put("a"), ok(1))
                .at(2, 9, put("b"), ok(2))
                .at(3, 4, get(), found("b", 2))
                .at(5, 6, get(), found("a", 1)));
    }

    @Test
    void an_acknowledged_write_that_is_lost_is_bad() {
        bad(new Ops().at(0, 1, put("a"), ok(1)).at(2, 3, get(), absent()));
    }

    @Test
    void a_read_of_a_value_that_nobody_wrote_is_bad() {
        assertThat(bad(new Ops().at(0, 1, put("a"), ok(1)).at(2, 3, get(), found("x", 1))))
                .contains("no put of this key writes what was found");
    }

    @Test
    void a_read_of_a_value_before_it_was_written_is_bad() {
        assertThat(bad(new Ops().at(0, 1, get(), found("a", 1)).at(2, 3, put("a"), ok(1))))
                .contains("found before it was written");
    }

    @Test
    void a_read_of_a_refused_write_is_bad() {
        bad(new Ops().at(0, 1, put("a"), refused()).at(2, 3, get(), found("a", 1)));
        good(new Ops().at(0, 1, put("a"), refused()).at(2, 3, get(), absent()));
    }

    @Test
    void an_unknown_write_may_take_effect_late_or_never() {
        good(new Ops()
                .at(0, 1, put("a"), ok(1))
                .lost(2, put("b"))
                .at(3, 4, get(), found("a", 1))
                .at(5, 6, put("c"), ok(2))
                .at(7, 8, get(), found("c", 2))
                .at(9, 10, get(), found("b", 3)));
        good(new Ops().lost(0, put("b")).at(1, 2, get(), absent()));
    }

    @Test
    void an_unknown_write_that_was_seen_stays() {
        bad(new Ops()
                .at(0, 1, put("a"), ok(1))
                .lost(2, put("b"))
                .at(3, 4, get(), found("b", 2))
                .at(5, 6, get(), found("a", 1)));
        bad(new Ops().lost(0, put("b")).at(1, 2, get(), found("b", 2)).at(3, 4, get(), absent()));
    }

    @Test
    void an_unknown_write_takes_effect_once() {
        bad(new Ops()
                .lost(0, put("a"))
                .at(1, 2, get(), found("a", 1))
                .at(3, 4, put("b"), ok(2))
                .at(5, 6, get(), found("a", 3)));
    }

    @Test
    void an_unknown_write_does_not_take_effect_before_it_was_invoked() {
        bad(new Ops().at(0, 1, get(), found("a", 1)).lost(2, put("a")));
    }

    @Test
    void the_version_of_an_unknown_write_lies_between_its_neighbours() {
        Ops ops = new Ops().at(0, 1, put("a"), ok(4)).lost(2, put("b")).at(3, 4, get(), found("b", Operation.NOT_TOLD));
        good(ops.at(5, 6, put("c"), ok(6)));
        Ops tight =
                new Ops().at(0, 1, put("a"), ok(4)).lost(2, put("b")).at(3, 4, get(), found("b", Operation.NOT_TOLD));
        bad(tight.at(5, 6, put("c"), ok(5)));
    }

    @Test
    void two_puts_if_absent_do_not_both_happen() {
        bad(new Ops().at(0, 9, new Put("a", IF_ABSENT), ok(1)).at(0, 9, new Put("b", IF_ABSENT), ok(2)));
        good(new Ops()
                .at(0, 9, new Put("a", IF_ABSENT), ok(1))
                .at(0, 9, delete(), ok(2))
                .at(0, 9, new Put("b", IF_ABSENT), ok(3)));
    }

    @Test
    void two_puts_of_one_version_do_not_both_replace_it() {
        Condition ifFirst = Condition.ifVersion(1);
        bad(new Ops()
                .at(0, 1, put("a"), ok(1))
                .at(2, 9, new Put("b", ifFirst), ok(2))
                .at(2, 9, new Put("c", ifFirst), ok(3)));
        good(new Ops()
                .at(0, 1, put("a"), ok(1))
                .at(2, 9, new Put("b", ifFirst), ok(2))
                .at(2, 9, new Put("c", ifFirst), failed()));
    }

    @Test
    void a_condition_that_held_does_not_fail() {
        bad(new Ops().at(0, 1, put("a"), ok(1)).at(2, 3, new Put("b", IF_PRESENT), failed()));
        bad(new Ops().at(0, 1, put("a"), failed()));
        bad(new Ops().at(0, 1, put("a"), ok(1)).at(2, 3, new Put("b", Condition.ifVersion(1)), failed()));
        bad(new Ops().at(0, 1, put("a"), ok(7)).at(2, 3, new Put("b", IF_ABSENT), new Operation.ConditionFailed(6)));
    }

    @Test
    void a_failed_condition_may_show_that_an_unknown_write_took_effect() {
        good(new Ops().lost(0, put("a")).at(1, 2, new Put("b", IF_ABSENT), failed()));
        bad(new Ops()
                .lost(0, put("a"))
                .at(1, 2, new Put("b", IF_ABSENT), failed())
                .at(3, 4, new Put("c", IF_PRESENT), failed()));
        good(new Ops()
                .lost(0, put("a"))
                .at(1, 2, new Put("b", IF_ABSENT), failed())
                .lost(2, delete())
                .at(3, 4, new Put("c", IF_PRESENT), failed()));
    }

    @Test
    void a_version_excluded_by_a_failed_condition_is_not_found_later() {
        Operation.Response something = found("a", Operation.NOT_TOLD);
        Ops ops = new Ops()
                .lost(0, put("a"))
                .lost(0, put("a"))
                .at(1, 2, get(), something)
                .at(3, 4, new Put("b", Condition.ifVersion(5)), failed());
        good(ops.at(5, 6, new Put("c", Condition.ifVersion(6)), ok(7)));
        bad(new Ops()
                .lost(0, put("a"))
                .at(1, 2, get(), something)
                .at(3, 4, new Put("b", Condition.ifVersion(5)), failed())
                .at(5, 6, get(), found("a", 5)));
    }

    @Test
    void a_version_that_goes_back_is_bad() {
        bad(new Ops().at(0, 1, put("a"), ok(5)).at(2, 3, put("b"), ok(4)));
        bad(new Ops().at(0, 1, put("a"), ok(5)).at(2, 3, put("b"), ok(5)));
        bad(new Ops().at(0, 1, put("a"), ok(5)).at(2, 3, delete(), ok(6)).at(4, 5, put("b"), ok(6)));
        good(new Ops().at(0, 9, put("a"), ok(5)).at(0, 9, put("b"), ok(4)));
    }

    @Test
    void a_put_is_found_with_the_version_that_it_was_told() {
        bad(new Ops().at(0, 1, put("a"), ok(5)).at(2, 3, get(), found("a", 6)));
    }

    @Test
    void a_delete_without_a_version_counts() {
        bad(new Ops().at(0, 1, put("a"), ok(1)).at(2, 3, delete(), ok()).at(4, 5, get(), found("a", 1)));
        good(new Ops().at(0, 1, put("a"), ok(1)).at(2, 3, delete(), ok()).at(4, 5, put("b"), ok(2)));
    }

    @Test
    void keys_are_apart_and_each_is_reported() {
        Report report = new Ops()
                .on("x", 0, 1, put("a"), ok(9))
                .on("y", 2, 3, put("a"), ok(1))
                .on("y", 4, 5, get(), found("a", 1))
                .on("x", 6, 7, get(), absent())
                .on("z", 8, 9, get(), found("a", 1))
                .check();

        assertThat(report.problems()).hasSize(2);
        assertThatThrownBy(report::throwUnlessGood)
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("\"x\"");
    }

    @Test
    void what_cannot_be_decided_in_time_is_called_so() {
        Ops ops = hard();

        Report report = new LinearizabilityChecker(Duration.ofMillis(20), 64L << 20).check(ops.history());

        assertThat(report.verdict()).isEqualTo(Verdict.UNDECIDED);
        assertThat(report.toString()).contains("no time left");
    }

    @Test
    void what_cannot_be_decided_in_memory_is_called_so() {
        Report report = new LinearizabilityChecker(Duration.ofSeconds(30), 100_000).check(hard().history());

        assertThat(report.verdict()).isEqualTo(Verdict.UNDECIDED);
        assertThat(report.toString()).contains("no memory left");
    }

    /** Concurrent writes that tell no version can be put in any order, and the last read fits none. */
    private static Ops hard() {
        Ops ops = new Ops();
        for (int i = 0; i < 40; i++) {
            ops.at(i, 1000, put("v" + i), ok());
        }
        return ops.at(1001, 1002, get(), absent());
    }

    private static void good(Ops ops) {
        ops.check().throwUnlessGood();
    }

    private static String bad(Ops ops) {
        Report report = ops.check();
        assertThat(report.verdict()).as(report.toString()).isEqualTo(Verdict.BAD);
        assertThat(report.problems()).hasSize(1);
        return report.problems().get(0);
    }
}
