package io.nearkv.server.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.core.KvException;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PlainTextTest {
    @ParameterizedTest
    @CsvSource({"90, PT90S", "0, PT0S", "90s, PT90S", "500ms, PT0.5S", "15m, PT15M", "12h, PT12H", "7d, PT168H"})
    void a_duration_is_a_number_with_a_unit(String text, Duration duration) {
        assertThat(PlainText.parseDuration(text)).isEqualTo(duration);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "s", "-1", "1.5h", "1w", "1 s", "99999999999999999999", "9999999999999999d", "٣"})
    void anything_else_is_no_duration(String text) {
        assertThatThrownBy(() -> PlainText.parseDuration(text))
                .isInstanceOf(KvException.class)
                .hasMessageContaining("duration");
    }

    @Test
    void a_time_is_seconds_or_iso() {
        assertThat(PlainText.parseTime("1893456000")).isEqualTo(Instant.parse("2030-01-01T00:00:00Z"));
        assertThat(PlainText.parseTime("2030-01-01T00:00:00Z")).isEqualTo(Instant.ofEpochSecond(1_893_456_000));
        for (String malformed : new String[] {"", "now", "-1", "2030-01-01", "99999999999999999999"}) {
            assertThatThrownBy(() -> PlainText.parseTime(malformed)).isInstanceOf(KvException.class);
        }
    }

    @Test
    void text_from_outside_cannot_steer_a_terminal() {
        assertThat(PlainText.visible("a\nb\u001b[2Jc\u0085ä")).isEqualTo("a\\u000ab\\u001b[2Jc\\u0085ä");
    }
}
