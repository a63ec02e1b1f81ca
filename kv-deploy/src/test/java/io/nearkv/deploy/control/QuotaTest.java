package io.nearkv.deploy.control;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.deploy.model.ModelLimits;
import io.nearkv.deploy.rollout.Facts;
import io.nearkv.deploy.rollout.RolloutPlan;
import io.nearkv.deploy.rollout.RolloutState;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.assertj.core.api.ThrowableAssert;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class QuotaTest {
    private static final RolloutPlan PLAN = new RolloutPlan(
            "test",
            List.of(new RolloutPlan.Step(100, Duration.ofSeconds(2), 5)),
            new RolloutPlan.Step(9_900, Duration.ofSeconds(3), 5),
            100,
            8,
            Duration.ZERO);

    @TempDir
    private Path folder;

    private static KvException limited(ThrowableAssert.ThrowingCallable call) {
        KvException refused = catchThrowableOfType(KvException.class, call);
        assertThat(refused.code()).isEqualTo(ErrorCode.RATE_LIMITED);
        return refused;
    }

    @Test
    void the_defaults_are_as_documented() {
        assertThat(ControlQuotas.DEFAULT).isEqualTo(new ControlQuotas(60, 20_000, 300));
    }

    @Test
    void it_says_when_to_come_back_and_is_right() {
        AtomicLong nanos = new AtomicLong();
        Quota quota = new Quota("documents", 6, nanos::get);
        for (int i = 0; i < 6; i++) {
            quota.take(1);
        }

        KvException refused = limited(() -> quota.take(1));

        assertThat(refused.retryAfter()).isEqualTo(Duration.ofSeconds(10));
        assertThat(refused).hasMessageContaining("come back in 10 s").hasMessageContaining("--quota-documents");
        nanos.addAndGet(Duration.ofMillis(9_990).toNanos());
        KvException again = limited(() -> quota.take(1));
        assertThat(again.retryAfter()).isBetween(Duration.ofMillis(10), Duration.ofMillis(11));
        nanos.addAndGet(requireNonNull(again.retryAfter()).toNanos());
        quota.take(1);
        assertThat(quota.use().left()).isBetween(0.0, 0.01);
        assertThat(quota.use().refused()).isEqualTo(2);
    }

    @Test
    void what_is_larger_than_all_of_it_is_let_through_once_and_paid_for() {
        AtomicLong nanos = new AtomicLong();
        Quota quota = new Quota("probes", 100, nanos::get);
        quota.take(300);

        assertThat(limited(() -> quota.take(1)).retryAfter())
                .isBetween(Duration.ofSeconds(120), Duration.ofSeconds(121));
        nanos.addAndGet(Duration.ofSeconds(121).toNanos());
        quota.take(1);
    }

    @Test
    void documents_are_limited_and_the_way_back_is_not() throws Exception {
        try (ControlRig rig = new ControlRig(folder)) {
            ControlPlane plane =
                    rig.start(rig.openStore(), options -> options.quotas(new ControlQuotas(60, 20_000, 5)));
            PublishedBuild old = rig.knownGood("1.8.2"); // A build, a route, an entry of the ledger.
            PublishedBuild next = rig.running("1.9.0");
            RouteChange unused = plane.setWeight(ControlRig.wish(next, 500));

            limited(() -> rig.published("1.10.0"));
            limited(() -> plane.setWeight(ControlRig.wish(next, 600)));
            limited(() -> plane.addToLedger(next.id(), "no", "test"));
            limited(() -> plane.issueBuildToken(next.id(), Duration.ofDays(1), "test"));
            assertThat(plane.listBuilds()).hasSize(2);
            assertThat(rig.followed(ControlRig.EDGE_1).entries().get(0).weight())
                    .isEqualTo(500);

            RouteChange back = plane.rollback("it hurts", "test");
            assertThat(back.route().summary()).isEqualTo(old.id() + "=" + ModelLimits.TOTAL_WEIGHT);
            assertThat(plane.quotas()).anySatisfy(use -> {
                assertThat(use.name()).isEqualTo("documents");
                assertThat(use.refused()).isEqualTo(4);
            });
        }
    }

    @Test
    void rollouts_and_probes_are_limited_and_nothing_is_begun_beyond() throws Exception {
        try (ControlRig rig = new ControlRig(folder)) {
            ControlPlane plane = rig.start(rig.openStore(), options -> options.quotas(new ControlQuotas(2, 8, 300)));
            PublishedBuild unused = rig.knownGood("1.8.2");
            PublishedBuild next = rig.running("1.9.0");
            plane.tick();
            StartRequest start = new StartRequest(next.id(), PLAN, 0, "a test", "alice");
            List<Finding> first = plane.startRollout(start);
            assertThat(first).isNotNull();
            assertThat(plane.commandRollout(Facts.Command.ABORT, "alice").state())
                    .isEqualTo(RolloutState.REJECTED);

            assertThat(limited(() -> plane.startRollout(start))).hasMessageContaining("8 probes a minute");
            assertThat(limited(() -> plane.startRollout(start))).hasMessageContaining("2 rollouts a minute");
            assertThat(plane.listRollouts()).hasSize(1);
        }
    }
}
