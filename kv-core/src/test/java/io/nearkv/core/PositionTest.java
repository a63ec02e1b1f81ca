package io.nearkv.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PositionTest {
    @Test
    void the_text_form_is_pinned_and_read_back() {
        Position position = new Position(0x00c0ffee00c0ffeeL, List.of(1042L, 0L, Long.MAX_VALUE));
        assertThat(position.toString()).isEqualTo("00c0ffee00c0ffee-1042.0.9223372036854775807");
        assertThat(Position.parse(position.toString())).isEqualTo(position);
        assertThat(Position.parse("ffffffffffffffff-1")).isEqualTo(Position.of(-1, 1));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "1",
                "00c0ffee00c0ffee",
                "00c0ffee00c0ffee-",
                "00c0ffee00c0ffee--1",
                "00c0ffee00c0ffee-+1",
                "00c0ffee00c0ffee-1.",
                "00c0ffee00c0ffee-.1",
                "00c0ffee00c0ffee-1,2",
                "00c0ffee00c0ffeg-1",
                "00c0ffee00c0ffee-9223372036854775808",
                "00c0ffee00c0ffee-\u0661",
                "00c0ffee00c0ffee 1",
                "00c0ffee00c0ffee-1\n"
            })
    void anything_else_is_malformed(String text) {
        assertThatExceptionOfType(KvException.class)
                .isThrownBy(() -> Position.parse(text))
                .extracting(KvException::code)
                .isEqualTo(ErrorCode.INVALID_REQUEST);
    }

    @Test
    void a_position_covers_what_is_not_ahead_of_it_in_any_partition() {
        Position position = new Position(1, List.of(5L, 7L));
        assertThat(position.covers(position)).isTrue();
        assertThat(position.covers(new Position(1, List.of(5L, 6L)))).isTrue();
        assertThat(position.covers(new Position(1, List.of(6L, 1L)))).isFalse();
        assertThat(position.covers(new Position(2, List.of(5L, 7L)))).isFalse();
        assertThat(position.covers(Position.of(1, 5))).isFalse();
    }

    @Test
    void versions_are_checked() {
        assertThatIllegalArgumentException().isThrownBy(() -> new Position(1, List.of()));
        assertThatIllegalArgumentException().isThrownBy(() -> Position.of(1, -1));
        assertThat(Position.of(1, 3).version()).isEqualTo(3);
    }
}
