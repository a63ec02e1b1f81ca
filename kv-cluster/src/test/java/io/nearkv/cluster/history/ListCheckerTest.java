package io.nearkv.cluster.history;

import static io.nearkv.cluster.history.Operation.delete;
import static io.nearkv.cluster.history.Operation.put;
import static io.nearkv.cluster.history.Ops.ok;
import static io.nearkv.cluster.history.Ops.refused;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.cluster.history.History.Listing;
import io.nearkv.cluster.history.Report.Verdict;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Listings of {@code p/} from millisecond 100 to 200. */
class ListCheckerTest {
    private final ListChecker checker = new ListChecker(Comparator.naturalOrder());
    private final Ops ops = new Ops()
            .on("p/a", 0, 1, put("1"), ok(1))
            .on("p/b", 2, 3, put("1"), ok(2))
            .on("p/gone", 4, 5, put("1"), ok(3))
            .on("p/gone", 6, 7, delete(), ok(4))
            .on("other", 8, 9, put("1"), ok(5));

    @Test
    void what_was_there_throughout_and_nothing_else_is_good() {
        good("p/a", "p/b");
    }

    @Test
    void a_missing_key_is_bad() {
        assertThat(bad("p/a")).contains("\"p/b\" is missing").contains("ok v2");
        assertThat(bad()).contains("\"p/a\" is missing").contains("\"p/b\" is missing");
    }

    @Test
    void a_deleted_or_unknown_key_is_bad() {
        assertThat(bad("p/a", "p/b", "p/gone")).contains("\"p/gone\" was not there at any moment");
        assertThat(bad("p/a", "p/b", "p/x")).contains("\"p/x\" was never written");
    }

    @Test
    void a_key_that_was_refused_or_came_later_is_bad() {
        ops.on("p/r", 10, 11, put("1"), refused()).on("p/s", 201, 202, put("1"), ok(6));

        assertThat(bad("p/a", "p/b", "p/r")).contains("\"p/r\" was not there");
        assertThat(bad("p/a", "p/b", "p/s")).contains("\"p/s\" was not there");
        good("p/a", "p/b");
    }

    @Test
    void a_key_that_comes_or_goes_meanwhile_may_be_there_or_not() {
        ops.on("p/c", 150, 160, put("1"), ok(6)).on("p/b", 150, 160, delete(), ok(7));

        good("p/a");
        good("p/a", "p/b");
        good("p/a", "p/b", "p/c");
        good("p/a", "p/c");
    }

    @Test
    void a_write_of_unknown_outcome_may_have_happened_or_not() {
        ops.on("p/u", 10, 11, put("1"), new Operation.Unknown("timeout"))
                .on("p/b", 12, 13, delete(), new Operation.Unknown("timeout"));

        good("p/a", "p/b");
        good("p/a", "p/u");
    }

    @Test
    void a_key_that_was_put_again_after_its_delete_is_there() {
        ops.on("p/gone", 10, 11, put("2"), ok(6));

        good("p/a", "p/b", "p/gone");
        assertThat(bad("p/a", "p/b")).contains("\"p/gone\" is missing");
    }

    @Test
    void versions_tell_the_order_of_a_put_and_a_delete_that_overlap() {
        ops.on("p/v", 10, 20, put("1"), ok(7)).on("p/v", 10, 20, delete(), ok(6));
        ops.on("p/w", 10, 20, put("1"), ok(8)).on("p/w", 10, 20, delete(), ok(9));

        good("p/a", "p/b", "p/v");
        assertThat(bad("p/a", "p/b")).contains("\"p/v\" is missing");
        assertThat(bad("p/a", "p/b", "p/v", "p/w")).contains("\"p/w\" was not there");
    }

    @Test
    void order_repetition_and_foreign_keys_are_bad() {
        assertThat(bad("p/b", "p/a")).contains("comes after");
        assertThat(bad("p/a", "p/a", "p/b")).contains("is there twice");
        assertThat(bad("other", "p/a", "p/b")).contains("does not have the prefix");
    }

    @Test
    void a_listing_that_was_broken_off_says_nothing_of_later_keys() {
        checker.check(history(false, "p/a")).throwUnlessGood();
        assertThat(checker.check(history(false, "p/b")).verdict()).isEqualTo(Verdict.BAD);
    }

    private History history(boolean complete, String... keys) {
        Listing listing = new Listing(9, "p/", List.of(keys), complete, 100_000_000, 200_000_000);
        return new History(ops.list(), List.of(), List.of(), List.of(listing), List.of());
    }

    private void good(String... keys) {
        checker.check(history(true, keys)).throwUnlessGood();
    }

    private String bad(String... keys) {
        Report report = checker.check(history(true, keys));
        assertThat(report.verdict()).isEqualTo(Verdict.BAD);
        return report.toString();
    }
}
