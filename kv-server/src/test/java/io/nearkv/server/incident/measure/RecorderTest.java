package io.nearkv.server.incident.measure;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.server.incident.model.Effect;
import io.nearkv.server.incident.model.ReplayClock;
import io.nearkv.server.incident.model.Tenant;
import io.nearkv.server.incident.model.Timeline;
import io.nearkv.server.incident.model.UserClass;
import io.nearkv.server.incident.model.Window;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class RecorderTest {
    private static final long MINUTE = 1_000_000_000L;

    private final AtomicLong nanos = new AtomicLong(77);
    private final ReplayClock clock = new ReplayClock(new Timeline(1000, 10), nanos::get);
    private final Recorder recorder = new Recorder(clock);
    private final Tally tally =
            recorder.tally(new UserClass("D9", "proxied", Tenant.INTERNAL, Effect.FAILS, "an error"));

    private void request(double minute, boolean failed) {
        nanos.set(77 + Math.round(minute * MINUTE));
        tally.record(tally.begin(), failed ? "401 environment_mismatch" : null);
    }

    private ClassResult result() {
        return recorder.classes("D9").get(0);
    }

    @Test
    void what_comes_before_the_start_is_warm_up() {
        tally.record(tally.begin(), "an error");
        recorder.add("D9", "queued", 1);
        clock.start();
        request(0, false);

        assertThat(result().requests()).isEqualTo(1);
        assertThat(result().failed()).isZero();
        assertThat(recorder.series("D9")).isEmpty();
    }

    @Test
    void requests_count_in_the_minute_in_which_they_began() {
        clock.start();
        request(1.05, false);
        request(1.95, true);
        request(2, true);
        request(9.99, false);
        request(10, true); // When it is over, nothing counts any more.

        ClassResult result = result();
        assertThat(result.requests(new Window(1, 2))).isEqualTo(2);
        assertThat(result.failed(new Window(1, 2))).isEqualTo(1);
        assertThat(result.failed(new Window(2, 3))).isEqualTo(1);
        assertThat(result.requests()).isEqualTo(4);
        assertThat(result.requestsIn(10)).isEqualTo(1);
        assertThat(result.failedIn(19)).isEqualTo(1);
        assertThat(result.firstFailureNanos()).isEqualTo(Math.round(1.95 * MINUTE));
        assertThat(result.lastFailureNanos()).isEqualTo(2 * MINUTE);
        assertThat(recorder.lastFailureNanos()).isEqualTo(2 * MINUTE);
        assertThat(result.reasons()).isEqualTo(Map.of("401 environment_mismatch", 2L));
    }

    @Test
    void products_count_other_things_too() {
        clock.start();
        nanos.addAndGet(3 * MINUTE);
        recorder.add("D10", "queued", 2);
        recorder.add("D10", "queued", 1);

        assertThat(recorder.series("D10").get("queued")).isEqualTo(List.of(0L, 0L, 0L, 3L, 0L, 0L, 0L, 0L, 0L, 0L));
    }

    @Test
    void shares_are_told_with_their_numbers() {
        assertThat(new Share(98, 1000)).hasToString("9.8 % (98 of 1,000)");
        assertThat(new Share(0, 7)).hasToString("0 % (0 of 7)");
        assertThat(new Share(7, 7).percent()).isEqualTo("100 %");
        assertThat(new Share(1, 100_000).percent()).isEqualTo("0.0 %");
        assertThat(new Share(0, 0).percent()).isEqualTo("-");
        assertThat(new Share(0, 0).isWithin(0, 1)).isFalse();
        assertThat(new Share(10, 100).isWithin(0.07, 0.13)).isTrue();
    }
}
