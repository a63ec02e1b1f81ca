package io.nearkv.cluster.history;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.cluster.history.History.CaughtUp;
import io.nearkv.cluster.history.History.Change;
import io.nearkv.cluster.history.History.ChangeKind;
import io.nearkv.cluster.history.Operation.Response;
import io.nearkv.cluster.history.Report.Verdict;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class RecorderTest {
    private final AtomicLong clock = new AtomicLong();
    private final Recorder recorder = new Recorder(10, clock::incrementAndGet);

    @Test
    void the_first_answer_counts() {
        Recorder.Call<Response> call = recorder.begin(1, "k", new Operation.Get());

        assertThat(call.end(new Operation.Absent())).isTrue();
        assertThat(call.end(new Operation.Found("late", 1))).isFalse();

        assertThat(recorder.history().operations())
                .containsExactly(new Operation(1, "k", new Operation.Get(), new Operation.Absent(), 1, 2));
    }

    @Test
    void a_call_that_nobody_ends_is_unknown_and_never_over() {
        recorder.begin(1, "k", Operation.put("a"));
        recorder.begin(1, "k", Operation.put("b")).end(new Operation.Unknown("timeout"));

        assertThat(recorder.history().operations()).allSatisfy(operation -> {
            assertThat(operation.maybeApplied()).isTrue();
            assertThat(operation.returnedNanos()).isEqualTo(Operation.NEVER);
        });
    }

    @Test
    void it_asks_to_stop_before_it_refuses() {
        int begun = 0;
        while (recorder.hasRoom()) {
            recorder.begin(1, "k", new Operation.Get());
            begun++;
        }

        assertThat(begun).isEqualTo(10);
        assertThatThrownBy(() -> {
                    while (true) {
                        recorder.begin(1, "k", new Operation.Get());
                    }
                })
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("maxCalls");
    }

    @Test
    void listings_bulk_reads_and_feeds_are_kept_and_failed_ones_are_not() {
        recorder.beginListing(1, "p").end(new Recorder.Listed(List.of("p1"), true));
        recorder.beginListing(1, "p");
        recorder.beginBulkRead(1, List.of("x", "y")).end(List.of(new Operation.Absent(), new Operation.Found("a", 1)));
        recorder.beginBulkRead(1, List.of("x", "y"));
        Recorder.Subscriber subscriber = recorder.subscriber("s");
        subscriber.caughtUp(0, 4);
        subscriber.change(new Change(0, 5, "x", ChangeKind.PUT));
        subscriber.drained();

        History history = recorder.history();

        assertThat(history.listings()).containsExactly(new History.Listing(1, "p", List.of("p1"), true, 1, 2));
        assertThat(history.bulkReads()).hasSize(1);
        assertThat(history.operations()).extracting(Operation::key).containsExactly("x", "y");
        assertThat(history.feeds())
                .containsExactly(new History.Feed(
                        "s", List.of(new CaughtUp(0, 4), new Change(0, 5, "x", ChangeKind.PUT)), true));
    }

    @Test
    void a_map_under_a_lock_is_good_and_one_that_is_read_through_a_stale_copy_is_bad() throws Exception {
        assertThat(run(false).verdict()).isEqualTo(Verdict.GOOD);
        assertThat(run(true).verdict()).isEqualTo(Verdict.BAD);
    }

    private static Report run(boolean stale) throws Exception {
        Recorder real = new Recorder(20_000);
        Cell cell = new Cell(stale);
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<Callable<Integer>> clients = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                int client = i;
                clients.add(() -> {
                    Random random = new Random(client);
                    int calls = 0;
                    while (real.hasRoom()) {
                        calls++;
                        if (random.nextBoolean()) {
                            Recorder.Call<Response> get = real.begin(client, "k", new Operation.Get());
                            get.end(cell.get());
                        } else {
                            String value = client + "-" + calls;
                            Recorder.Call<Response> put = real.begin(client, "k", Operation.put(value));
                            put.end(cell.put(value));
                        }
                    }
                    return calls;
                });
            }
            for (Future<Integer> client : threads.invokeAll(clients)) {
                assertThat(client.get()).isNotNegative();
            }
        } finally {
            threads.shutdownNow();
        }
        return new LinearizabilityChecker().check(real.history());
    }

    /** One entry; every third read of a stale one finds what was there before the last put. */
    private static final class Cell {
        private final boolean stale;
        private Response before = new Operation.Absent();
        private Response now = new Operation.Absent();
        private long version;
        private int reads;

        Cell(boolean stale) {
            this.stale = stale;
        }

        synchronized Response get() {
            return stale && ++reads % 3 == 0 ? before : now;
        }

        synchronized Response put(String value) {
            before = now;
            now = new Operation.Found(value, ++version);
            return new Operation.Applied(version);
        }
    }
}
