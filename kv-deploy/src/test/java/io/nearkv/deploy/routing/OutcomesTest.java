package io.nearkv.deploy.routing;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.Test;

class OutcomesTest {
    private final KvException failure = new KvException(ErrorCode.UNAVAILABLE, "no");

    private final Outcomes outcomes = new Outcomes();

    @Test
    void a_slot_that_fails_again_and_again_is_one_failure_in_ten_seconds() {
        for (int i = 0; i < 50; i++) {
            outcomes.record(Outcomes.READ, 4_711, failure, 1_000);
            outcomes.record(Outcomes.READ, 4_711, null, 1_000);
        }
        outcomes.record(Outcomes.READ, 4_712, null, Outcomes.UNTIMED);
        assertThat(outcomes.total(Outcomes.READ).failures()).isEqualTo(1);
        assertThat(outcomes.total(Outcomes.READ).requests()).isEqualTo(2);
        assertThat(BitSet.valueOf(outcomes.failedSlots()).stream()).containsExactly(4_711);

        outcomes.at(Outcomes.WINDOW_NANOS);
        outcomes.record(Outcomes.READ, 4_711, failure, 1_000);
        assertThat(outcomes.total(Outcomes.READ).failures()).isEqualTo(2);
        outcomes.at(2 * Outcomes.WINDOW_NANOS);
        assertThat(outcomes.failedSlots()).isEmpty();
    }

    @Test
    void what_is_not_there_is_an_answer_and_kinds_are_apart() {
        outcomes.record(Outcomes.WRITE, 1, new KvException(ErrorCode.NOT_FOUND, "no"), 5_000);
        outcomes.record(Outcomes.LIST, 2, null, 5_000);
        assertThat(outcomes.total(Outcomes.WRITE).failures()).isZero();
        assertThat(outcomes.total(Outcomes.WRITE).requests()).isEqualTo(1);
        assertThat(outcomes.total(Outcomes.WRITE).latency(5)).isEqualTo(1);
        assertThat(outcomes.total(Outcomes.LIST).requests()).isEqualTo(1);
        assertThat(outcomes.total(Outcomes.READ).requests()).isZero();
    }

    @Test
    void many_threads_lose_no_count() throws Exception {
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            int first = t * 2_000;
            Thread thread = new Thread(() -> {
                for (int i = 0; i < 2_000; i++) {
                    outcomes.record(Outcomes.READ, first + i, i % 4 == 0 ? failure : null, 1_000);
                }
            });
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(outcomes.total(Outcomes.READ).requests()).isEqualTo(8_000);
        assertThat(outcomes.total(Outcomes.READ).failures()).isEqualTo(2_000);
    }
}
