package io.nearkv.server.incident.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class TimelineTest {
    @Test
    void a_minute_of_the_report_is_a_second_unless_told_otherwise() {
        Timeline timeline = Timeline.ofReport(Timeline.DEFAULT_MINUTE_MILLIS);

        assertThat(timeline.minuteOf(93_000_000_000L)).isEqualTo(93);
        assertThat(timeline.toleranceMinutes()).isEqualTo(1);
        assertThat(timeline.minutes()).isEqualTo(96);
    }

    @Test
    void moments_have_the_report_s_times_of_day() {
        Timeline timeline = Timeline.ofReport(100);

        for (Moment moment : Moment.values()) {
            assertThat(timeline.utc(moment.minute())).isEqualTo(moment.utc());
        }
        assertThat(Moment.T7.minute() - Moment.T4.minute()).isEqualTo(37);
    }

    @Test
    void phases_are_as_long_as_the_report_says() {
        assertThat(Phase.values()).extracting(Phase::minutes).containsExactly(11, 14, 21, 14, 2);
    }

    @Test
    void a_shorter_cut_is_judged_by_what_a_machine_needs() {
        assertThat(Timeline.ofReport(200).toleranceMinutes()).isEqualTo(5);
    }

    @Test
    void what_cannot_be_replayed_is_refused() {
        assertThatThrownBy(() -> Timeline.ofReport(9)).hasMessage("minute: 9 ms (expected: 10 to 60000)");
        assertThatThrownBy(() -> new Timeline(1000, 0)).hasMessageContaining("minutes: 0");
        assertThatThrownBy(() -> new Window(3, 2)).hasMessageContaining("3 to 2");
    }
}
