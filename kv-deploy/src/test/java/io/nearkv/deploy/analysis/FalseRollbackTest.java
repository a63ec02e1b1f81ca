package io.nearkv.deploy.analysis;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Healthy builds that are taken back for nothing. {@code -Dnearkv.test.rollouts=10000} for the whole campaign. */
class FalseRollbackTest {
    private static final int ROLLOUTS = Integer.getInteger("nearkv.test.rollouts", 100);

    @ParameterizedTest
    @EnumSource(Rollouts.Case.class)
    void at_most_one_healthy_build_in_a_thousand_is_taken_back(Rollouts.Case which) {
        int taken = 0;
        for (int i = 0; i < ROLLOUTS; i++) {
            taken += new Rollouts(31L * i + which.name().length()).healthy(which) == null ? 0 : 1;
        }
        assertThat(taken).as("%s of %d", which, ROLLOUTS).isLessThanOrEqualTo(ROLLOUTS / 1_000);
    }
}
