package io.nearkv.server.incident.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.server.incident.cluster.AuditedFile;
import io.nearkv.server.incident.cluster.Evidence;
import io.nearkv.server.incident.cluster.StepResult;
import io.nearkv.server.incident.measure.Check;
import io.nearkv.server.incident.measure.ClassResult;
import io.nearkv.server.incident.measure.Recorder;
import io.nearkv.server.incident.measure.Tally;
import io.nearkv.server.incident.model.Effect;
import io.nearkv.server.incident.model.Layer;
import io.nearkv.server.incident.model.Mode;
import io.nearkv.server.incident.model.Moment;
import io.nearkv.server.incident.model.ReplayClock;
import io.nearkv.server.incident.model.Tenant;
import io.nearkv.server.incident.model.Timeline;
import io.nearkv.server.incident.model.UserClass;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntToDoubleFunction;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Verdicts about replays that are made up minute by minute. */
class JudgeTest {
    private static final int REQUESTS_A_MINUTE = 100;
    private static final Timeline TIMELINE = Timeline.ofReport(1000);

    private final AtomicLong nanos = new AtomicLong();
    private final ReplayClock clock = new ReplayClock(TIMELINE, nanos::get);
    private final Recorder recorder = new Recorder(clock);
    private final List<ScriptEvent> events = new ArrayList<>();

    /** The share that fails by the report. */
    private static double legacy(int minute) {
        return minute < 42 || minute >= 91 ? 0 : minute < 56 ? 0.1 : minute < 77 ? 1 : 0.2;
    }

    private ClassResult users(Effect effect, IntToDoubleFunction failing) {
        Tally tally = recorder.tally(new UserClass("D1", "get", Tenant.CUSTOMER_A, effect, "401"));
        clock.start();
        long start = nanos.get();
        for (int minute = 0; minute < TIMELINE.minutes(); minute++) {
            for (int i = 0; i < REQUESTS_A_MINUTE; i++) {
                nanos.set(start + (long) (TIMELINE.minuteNanos() * (minute + (double) i / REQUESTS_A_MINUTE)));
                // Spread evenly, so that each tick has its share.
                boolean failed = Math.floor((i + 1) * failing.applyAsDouble(minute))
                        > Math.floor(i * failing.applyAsDouble(minute));
                tally.record(tally.begin(), failed ? "401 environment_mismatch" : null);
            }
        }
        return recorder.classes("D1").get(0);
    }

    private void event(String id, double minute, @Nullable String refusal) {
        events.add(new ScriptEvent(
                id,
                minute,
                minute + 0.1,
                "step",
                refusal == null ? StepResult.done("done", 100, 5, 5) : StepResult.refused(refusal, "no", 100)));
    }

    private void legacyEvents() {
        for (Moment moment : Moment.values()) {
            event(moment.name(), moment.minute(), null);
            if (moment == Moment.T4) {
                event("CI", 59, "LOCKED_OUT");
            }
        }
    }

    private Judge judge(ClassResult... users) {
        return new Judge(
                TIMELINE,
                events,
                Windows.of(events, TIMELINE.minutes()),
                new Findings(TIMELINE, events, List.of(users), List.of(users)));
    }

    private static List<String> wrong(List<Check> checks) {
        return checks.stream()
                .filter(each -> !each.passed())
                .map(each -> each.id() + " " + each.title())
                .toList();
    }

    private Check verdict(Mode mode, ClassResult users) {
        return Judge.ofUsers(mode, Windows.of(events, TIMELINE.minutes()), users);
    }

    @Test
    void the_report_s_own_course_passes() {
        legacyEvents();
        ClassResult users = users(Effect.FAILS, JudgeTest::legacy);

        assertThat(wrong(judge(users).legacy())).isEmpty();
        assertThat(verdict(Mode.LEGACY, users).passed()).isTrue();
        assertThat(verdict(Mode.LEGACY, users).measured()).isEqualTo("100 % (1,900 of 1,900)");
    }

    @Test
    void an_impact_that_is_too_short_does_not_pass() {
        for (Moment moment : Moment.values()) {
            event(moment.name(), moment == Moment.T7 ? 89 : moment.minute(), null);
        }
        ClassResult users = users(Effect.FAILS, JudgeTest::legacy);

        assertThat(wrong(judge(users).legacy())).contains("T7 impact", "phase verify");
    }

    @Test
    void a_share_that_is_not_the_report_s_does_not_pass() {
        legacyEvents();
        ClassResult users = users(Effect.FAILS, minute -> minute >= 42 && minute < 56 ? 0.3 : legacy(minute));

        assertThat(wrong(judge(users).legacy())).containsExactly("T3 share of requests that fail");
    }

    @Test
    void a_ci_that_gets_through_does_not_pass_without_protections_and_does_with_them() {
        legacyEvents();
        event("CI", 60, null);
        ClassResult users = users(Effect.FAILS, JudgeTest::legacy);

        assertThat(wrong(judge(users).legacy())).containsExactly("B18 step");
    }

    @Test
    void users_who_fail_before_the_incident_or_long_after_it_do_not_pass() {
        legacyEvents();
        ClassResult users = users(Effect.FAILS, minute -> minute == 5 ? 0.01 : legacy(minute));

        assertThat(verdict(Mode.LEGACY, users).passed()).isFalse();
        assertThat(verdict(Mode.LEGACY, users).measured()).contains("before: ");
    }

    @Test
    void users_who_should_not_be_hit_must_not_be_hit_once() {
        legacyEvents();
        ClassResult users = users(Effect.UNAFFECTED, minute -> minute == 60 ? 0.01 : 0);

        assertThat(verdict(Mode.LEGACY, users).passed()).isFalse();
        assertThat(verdict(Mode.PROTECTED, users).passed()).isFalse();
    }

    @Test
    void nobody_who_asked_is_no_proof() {
        legacyEvents();
        recorder.tally(new UserClass("D1", "get", Tenant.CUSTOMER_A, Effect.UNAFFECTED, ""));

        assertThat(verdict(Mode.PROTECTED, recorder.classes("D1").get(0)).passed())
                .isFalse();
    }

    private void guardedEvents() {
        event("T1", 0, null);
        event("T2", 31, "LIST_POLLUTED");
        event("T2", 31.1, "ENV_MISMATCH");
        event("T3", 42, "ENV_MISMATCH");
        event("T4", 56, null);
        event("CI", 59, null);
        event("T5", 77, null);
        event("T6", 91, null);
        event("T7", 93, null);
        event("B17", 93, null);
    }

    @Test
    void a_guarded_course_passes_and_one_failed_request_is_one_too_many() {
        guardedEvents();
        assertThat(wrong(judge(users(Effect.FAILS, minute -> 0)).guarded())).isEmpty();

        ClassResult users = users(Effect.FAILS, minute -> minute == 56 ? 0.01 : 0);

        assertThat(wrong(judge(users).guarded()))
                .containsExactly("T4 requests that fail until the first edit", "T7 impact");
    }

    @Test
    void a_guard_that_lets_the_build_pass_does_not_pass() {
        guardedEvents();
        event("T2", 31.2, null);

        assertThat(wrong(judge(users(Effect.FAILS, minute -> 0)).guarded()))
                .containsExactly("T2 the build from the list");
    }

    private void layerEvents() {
        event("T2", 4, null);
        event("T3", 6, null);
        event("F6", 6.2, null);
        event("T4", 10, null);
        event("T6", 16, null);
    }

    @Test
    void one_request_that_fails_behind_a_layer_is_told_with_the_step_before_it() {
        layerEvents();

        assertThat(wrong(judge(users(Effect.FAILS, minute -> minute == 7 ? 0.01 : 0))
                        .layer(Layer.FALLBACK, new Evidence(0, 0, 0, 0, 9))))
                .containsExactly("T3 requests that fail until the rollback");
    }

    @Test
    void a_step_that_was_not_taken_shows_nothing_of_a_layer() {
        layerEvents();
        events.removeIf(each -> each.id().equals("T4"));

        assertThat(wrong(judge(users(Effect.FAILS, minute -> 0)).layer(Layer.FALLBACK, new Evidence(0, 0, 0, 0, 9))))
                .containsExactly("T4 requests that fail until the edit");
    }

    @Test
    void each_layer_has_to_be_seen_at_work() {
        layerEvents();
        ClassResult users = users(Effect.FAILS, minute -> 0);

        for (Layer layer : Layer.values()) {
            assertThat(wrong(judge(users).layer(layer, Evidence.NONE)))
                    .as("%s", layer)
                    .isNotEmpty();
        }
        assertThat(wrong(judge(users).layer(Layer.HANDSHAKE, new Evidence(0, 5, 0, 0, 0))))
                .isEmpty();
        assertThat(wrong(judge(users).layer(Layer.HANDSHAKE, new Evidence(0, 5, 1, 0, 0))))
                .containsExactly("F5 requests that were given to the build");
        assertThat(wrong(judge(users).layer(Layer.FALLBACK, new Evidence(0, 0, 0, 0, 9))))
                .isEmpty();
    }

    @Test
    void one_broken_audit_log_is_enough() {
        AuditedFile good = new AuditedFile("router-1", 5, true, "");

        assertThat(Judge.audit(List.of(good)).passed()).isTrue();
        assertThat(Judge.audit(List.of(good, new AuditedFile("router-2", 5, false, "record 3")))
                        .passed())
                .isFalse();
        assertThat(Judge.audit(List.of()).passed()).isFalse();
    }

    @Test
    void what_did_not_happen_is_told_and_does_not_pass() {
        assertThat(wrong(judge(users(Effect.FAILS, minute -> 0)).guarded())).contains("T4 rollback by the API");
    }
}
