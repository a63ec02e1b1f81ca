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

    @Test
    void a_version_of_several_partitions_says_which_one_it_is_of() {
        assertThat(Position.of(7, 0, 3)).isEqualTo(new Position(7, List.of(0L, 0L, 0L)));
        assertThat(Position.of(7, 3 * 5 + 2, 3)).isEqualTo(new Position(7, List.of(0L, 0L, 5L)));
        assertThat(Position.of(7, 42, 1)).isEqualTo(Position.of(7, 42));
        Position position = new Position(7, List.of(4L, 0L, 5L));
        assertThat(position.coversVersion(3 * 5 + 2)).isTrue();
        assertThat(position.coversVersion(3 * 6 + 2)).isFalse();
        assertThat(position.coversVersion(3 * 4)).isTrue();
        assertThat(position.coversVersion(3 + 1)).isFalse();
        assertThatIllegalArgumentException().isThrownBy(() -> Position.of(7, -1, 3));
    }

    @Test
    void two_positions_together_cover_both_and_of_two_histories_the_other_counts() {
        Position one = new Position(7, List.of(4L, 0L));
        Position two = new Position(7, List.of(1L, 2L));
        assertThat(one.and(two)).isEqualTo(two.and(one)).isEqualTo(new Position(7, List.of(4L, 2L)));
        assertThat(one.and(one)).isSameAs(one);
        assertThat(one.and(new Position(8, List.of(0L, 0L)))).isEqualTo(new Position(8, List.of(0L, 0L)));
        assertThat(one.and(Position.of(7, 9))).isEqualTo(Position.of(7, 9));
    }

    @Test
    void the_mutations_of_a_batch_have_versions_at_the_same_distance() {
        BatchResult.Applied one = new BatchResult.Applied(17, 17);
        assertThat(one.version(0, 1)).isEqualTo(17);
        BatchResult.Applied three = new BatchResult.Applied(17, 25);
        assertThat(three.version(0, 3)).isEqualTo(17);
        assertThat(three.version(1, 3)).isEqualTo(21);
        assertThat(three.version(2, 3)).isEqualTo(25);
    }
}
