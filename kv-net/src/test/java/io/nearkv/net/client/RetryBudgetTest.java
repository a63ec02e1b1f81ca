package io.nearkv.net.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class RetryBudgetTest {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private static int drain(RetryBudget budget, long now) {
        int retries = 0;
        while (budget.tryAcquire(now)) {
            retries++;
        }
        return retries;
    }

    @Test
    void a_new_budget_has_its_reserve() {
        assertThat(drain(new RetryBudget(0.1, 0), 0)).isEqualTo(RetryBudget.RESERVE);
    }

    @Test
    void calls_earn_their_share() {
        RetryBudget budget = new RetryBudget(0.1, 0);
        drain(budget, 0);
        for (int i = 0; i < 250; i++) {
            budget.onCall();
        }
        assertThat(drain(budget, 0)).isEqualTo(25);
    }

    @Test
    void what_is_saved_up_has_a_bound() {
        RetryBudget budget = new RetryBudget(0.5, 0);
        for (int i = 0; i < 1_000_000; i++) {
            budget.onCall();
        }
        assertThat(drain(budget, 0)).isEqualTo(RetryBudget.MAX_TOKENS);
    }

    @Test
    void the_reserve_comes_back_with_time_and_no_more_than_that() {
        RetryBudget budget = new RetryBudget(0.1, 0);
        drain(budget, 0);
        assertThat(drain(budget, SECOND - 1)).isZero();
        assertThat(drain(budget, 3 * SECOND)).isEqualTo(3);
        assertThat(drain(budget, 3 * SECOND + 1)).isZero();
        assertThat(drain(budget, 1_000_000 * SECOND)).isEqualTo(RetryBudget.RESERVE);
    }

    @Test
    void without_a_share_there_is_nothing() {
        RetryBudget budget = new RetryBudget(0, 0);
        for (int i = 0; i < 1000; i++) {
            budget.onCall();
        }
        assertThat(drain(budget, 1000 * SECOND)).isZero();
    }
}
