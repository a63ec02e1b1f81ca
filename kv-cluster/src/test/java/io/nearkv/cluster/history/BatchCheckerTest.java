package io.nearkv.cluster.history;

import static io.nearkv.cluster.history.Ops.absent;
import static io.nearkv.cluster.history.Ops.found;
import static io.nearkv.cluster.history.Ops.ok;
import static io.nearkv.cluster.history.Ops.refused;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.cluster.history.History.KeyValue;
import io.nearkv.cluster.history.Operation.Response;
import io.nearkv.cluster.history.Report.Verdict;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Batches of {@code x} and {@code y}; the clock goes on with every reading, so that what is written below happens one after the other. */
class BatchCheckerTest {
    private final AtomicLong clock = new AtomicLong();
    private final Recorder recorder = new Recorder(100, () -> clock.addAndGet(1_000_000));
    private final BatchChecker checker = new BatchChecker(true);

    @Test
    void batches_seen_whole_are_good() {
        batch("1", ok(1));
        read("x", found("x1", 1));
        batch("2", ok(3));
        read("y", found("y2", 4));
        bulkRead(found("x2", 3), found("y2", 4));

        good();
    }

    @Test
    void a_part_missing_after_the_acknowledgement_is_bad() {
        batch("1", ok(1));
        batch("2", ok(3));
        read("y", found("y1", 2));

        assertThat(bad()).contains("acknowledged").contains("but not by a later");
    }

    @Test
    void a_part_missing_after_another_was_seen_is_bad() {
        batch("1", ok(1));
        Recorder.Call<Response> slow = recorder.beginBatch(7, puts("2"));
        read("x", found("x2", 3));
        read("y", found("y1", 2));
        slow.end(ok(3));

        assertThat(bad()).contains("seen by").contains("but not by a later");
    }

    @Test
    void an_unknown_batch_may_be_seen_later_but_only_whole() {
        batch("1", ok(1));
        batch("2", new Operation.Unknown("timeout"));
        read("y", found("y1", 2));
        read("x", found("x2", 3));
        read("y", found("y2", 4));
        good();

        read("y", found("y1", 2));
        assertThat(bad()).contains("but not by a later");
    }

    @Test
    void an_absent_part_is_bad_unless_it_may_have_been_deleted() {
        batch("1", ok(1));
        recorder.begin(1, "x", Operation.delete()).end(ok(3));
        read("x", absent());
        good();

        read("y", absent());
        assertThat(bad()).contains("absent of \"y\"");
    }

    @Test
    void a_part_of_a_failed_batch_is_bad() {
        batch("1", refused());
        batch("2", new Operation.ConditionFailed(5));
        good();

        read("x", found("x2", 3));
        assertThat(bad()).contains("but a part was seen");
    }

    @Test
    void versions_that_do_not_follow_each_other_are_bad() {
        batch("1", ok(1));
        read("y", found("y1", 3));

        assertThat(bad()).contains("must have version 2");
    }

    @Test
    void a_bulk_read_of_a_part_is_bad_only_where_it_is_a_snapshot() {
        batch("1", ok(1));
        Recorder.Call<Response> slow = recorder.beginBatch(7, puts("2"));
        bulkRead(found("x2", 3), found("y1", 2));
        slow.end(ok(3));

        assertThat(bad()).contains("torn in one bulk read");
        new BatchChecker(false).check(recorder.history()).throwUnlessGood();
    }

    @Test
    void the_parts_are_operations_of_their_keys() {
        batch("1", ok(1));
        read("x", found("x1", 1));
        new LinearizabilityChecker().check(recorder.history()).throwUnlessGood();

        bulkRead(found("x1", 1), absent());
        assertThat(new LinearizabilityChecker().check(recorder.history()).toString())
                .contains("key \"y\" is not linearizable");
    }

    private void batch(String suffix, Response response) {
        recorder.beginBatch(1, puts(suffix)).end(response);
    }

    private static List<KeyValue> puts(String suffix) {
        return List.of(new KeyValue("x", "x" + suffix), new KeyValue("y", "y" + suffix));
    }

    private void read(String key, Response response) {
        recorder.begin(2, key, new Operation.Get()).end(response);
    }

    private void bulkRead(Response x, Response y) {
        recorder.beginBulkRead(3, List.of("x", "y")).end(List.of(x, y));
    }

    private void good() {
        checker.check(recorder.history()).throwUnlessGood();
    }

    private String bad() {
        Report report = checker.check(recorder.history());
        assertThat(report.verdict()).isEqualTo(Verdict.BAD);
        return report.toString();
    }
}
