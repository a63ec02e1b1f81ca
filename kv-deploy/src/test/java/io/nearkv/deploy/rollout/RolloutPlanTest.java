package io.nearkv.deploy.rollout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.nearkv.deploy.control.RolloutCodec;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RolloutPlanTest {
    private static final String GOOD = "{\"name\":\"mine\",\"steps\":[{\"weight\":50,\"seconds\":3,\"units\":7}],"
            + "\"bake\":{\"seconds\":9,\"units\":1},\"holdback\":200,\"probes\":4,\"warm_up_seconds\":0}";

    @Test
    void a_plan_is_read_as_it_is_written() {
        RolloutPlan plan = RolloutCodec.plan(GOOD);
        assertThat(plan)
                .isEqualTo(new RolloutPlan(
                        "mine",
                        java.util.List.of(new RolloutPlan.Step(50, Duration.ofSeconds(3), 7)),
                        new RolloutPlan.Step(9_800, Duration.ofSeconds(9), 1),
                        200,
                        4,
                        Duration.ZERO));
        assertThat(RolloutCodec.plan("")).isEqualTo(RolloutPlan.DEFAULT);
        assertThat(RolloutCodec.plan("fast")).isEqualTo(RolloutPlan.FAST);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "slow",
                "[]",
                "{}",
                "{\"steps\":[],\"bake\":{\"seconds\":1,\"units\":1}}",
                "{\"steps\":[{\"weight\":100,\"seconds\":1,\"units\":1}]}",
                "{\"steps\":[{\"weight\":5000,\"seconds\":1,\"units\":1}],\"bake\":{\"seconds\":1,\"units\":1}}",
                "{\"steps\":[{\"weight\":100,\"seconds\":1,\"units\":1},{\"weight\":100,\"seconds\":1,\"units\":1}],\"bake\":{\"seconds\":1,\"units\":1}}",
                "{\"steps\":[{\"weight\":100,\"seconds\":-1,\"units\":1}],\"bake\":{\"seconds\":1,\"units\":1}}",
                "{\"steps\":[{\"weight\":100,\"seconds\":1,\"units\":1}],\"bake\":{\"seconds\":1,\"units\":1},\"holdback\":0}",
                "{\"steps\":[{\"weight\":100,\"seconds\":1,\"units\":1}],\"bake\":{\"seconds\":1,\"units\":1},\"probes\":0}",
                "{\"steps\":[{\"weight\":100,\"seconds\":1,\"units\":1}],\"bake\":{\"seconds\":1,\"units\":1},\"typo\":1}"
            })
    void a_plan_that_makes_no_sense_is_refused(String text) {
        assertThatIllegalArgumentException().isThrownBy(() -> RolloutCodec.plan(text));
    }
}
