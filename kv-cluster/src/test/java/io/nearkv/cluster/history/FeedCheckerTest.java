package io.nearkv.cluster.history;

import static io.nearkv.cluster.history.Operation.delete;
import static io.nearkv.cluster.history.Operation.put;
import static io.nearkv.cluster.history.Ops.ok;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.cluster.history.History.CaughtUp;
import io.nearkv.cluster.history.History.Change;
import io.nearkv.cluster.history.History.ChangeKind;
import io.nearkv.cluster.history.History.Feed;
import io.nearkv.cluster.history.History.FeedEvent;
import io.nearkv.cluster.history.Report.Verdict;
import java.util.List;
import org.junit.jupiter.api.Test;

class FeedCheckerTest {
    private static final FeedEvent BEGIN = new CaughtUp(0, 0);
    private static final Change PUT_1 = new Change(0, 1, "k", ChangeKind.PUT);
    private static final Change PUT_2 = new Change(0, 2, "k", ChangeKind.PUT);
    private static final Change DELETE_3 = new Change(0, 3, "k", ChangeKind.DELETE);

    private final Ops ops =
            new Ops().at(0, 1, put("a"), ok(1)).at(2, 3, put("b"), ok(2)).at(4, 5, delete(), ok(3));
    private final FeedChecker checker = new FeedChecker(key -> 0, true);

    @Test
    void every_write_once_and_in_order_is_good() {
        checker.check(history(true, BEGIN, PUT_1, new CaughtUp(0, 1), PUT_2, DELETE_3, new CaughtUp(0, 3)))
                .throwUnlessGood();
    }

    @Test
    void a_gap_is_bad() {
        assertThat(bad(history(true, BEGIN, PUT_1, DELETE_3))).contains("a gap").contains("never saw");
        assertThat(bad(history(false, BEGIN, PUT_1, new CaughtUp(0, 2)))).contains("a gap");
    }

    @Test
    void a_lost_write_is_bad_also_where_versions_have_gaps() {
        Report report = new FeedChecker(key -> 0, false).check(history(false, BEGIN, PUT_1, DELETE_3));

        assertThat(report.problems())
                .singleElement()
                .asString()
                .contains("never saw")
                .contains("ok v2");
    }

    @Test
    void a_change_that_comes_twice_is_bad() {
        assertThat(bad(history(true, BEGIN, PUT_1, PUT_1, PUT_2, DELETE_3))).contains("comes twice");
    }

    @Test
    void changes_in_another_order_are_bad() {
        assertThat(bad(history(true, BEGIN, PUT_2, PUT_1, DELETE_3))).contains("comes late");
        assertThat(bad(history(true, BEGIN, PUT_1, new CaughtUp(0, 2), PUT_2, DELETE_3)))
                .contains("comes late");
    }

    @Test
    void the_end_may_be_missing_only_while_the_subscriber_is_on_its_way() {
        checker.check(history(false, BEGIN, PUT_1, PUT_2)).throwUnlessGood();
        assertThat(bad(history(true, BEGIN, PUT_1, PUT_2))).contains("never saw");
    }

    @Test
    void what_was_before_the_beginning_may_be_missing() {
        checker.check(history(true, new CaughtUp(0, 2), DELETE_3)).throwUnlessGood();
        assertThat(bad(history(true, PUT_1, PUT_2, DELETE_3))).contains("before it was said where");
        assertThat(bad(history(true))).contains("never saw");
    }

    @Test
    void another_change_than_was_acknowledged_is_bad() {
        Change wrong = new Change(0, 2, "k", ChangeKind.DELETE);

        assertThat(bad(history(true, BEGIN, PUT_1, wrong, DELETE_3))).contains("where this was acknowledged");
    }

    @Test
    void a_change_that_no_write_explains_is_bad_and_an_unknown_write_explains_one() {
        Change put4 = new Change(0, 4, "k", ChangeKind.PUT);
        Change put5 = new Change(0, 5, "k", ChangeKind.PUT);
        Change other = new Change(0, 6, "from elsewhere", ChangeKind.PUT);
        assertThat(bad(history(true, BEGIN, PUT_1, PUT_2, DELETE_3, put4))).contains("no client was told");

        ops.lost(6, put("c"));

        checker.check(history(true, BEGIN, PUT_1, PUT_2, DELETE_3, put4)).throwUnlessGood();
        assertThat(bad(history(true, BEGIN, PUT_1, PUT_2, DELETE_3, put4, put5, other)))
                .contains("saw 2 times PUT of \"k\"");
    }

    @Test
    void subscribers_that_differ_are_bad() {
        Change here = new Change(0, 4, "x", ChangeKind.PUT);
        Change there = new Change(0, 4, "y", ChangeKind.PUT);
        Feed one = new Feed("one", List.of(new CaughtUp(0, 3), here), true);
        Feed two = new Feed("two", List.of(new CaughtUp(0, 3), there), true);

        assertThat(bad(new History(ops.list(), List.of(), List.of(), List.of(), List.of(one, two))))
                .contains("two and one differ");
    }

    private History history(boolean drained, FeedEvent... events) {
        Feed feed = new Feed("s", List.of(events), drained);
        return new History(ops.list(), List.of(), List.of(), List.of(), List.of(feed));
    }

    private String bad(History history) {
        Report report = checker.check(history);
        assertThat(report.verdict()).isEqualTo(Verdict.BAD);
        return report.toString();
    }
}
