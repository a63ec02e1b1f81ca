package io.nearkv.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KeyTest {
    private static void assertRefused(ErrorCode code, ThrowingCallable call) {
        assertThatExceptionOfType(KvException.class)
                .isThrownBy(call)
                .extracting(KvException::code)
                .isEqualTo(code);
    }

    @ParameterizedTest
    @ValueSource(strings = {"a", "...", ".a", " ", "\u0000", "é", "\uFFFF", "\uD83D\uDE00", "a/b/../c"})
    void a_key_has_one_form_as_text_and_as_bytes(String text) {
        Key key = Key.of(text);
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        assertThat(key).isEqualTo(Key.ofUtf8(utf8)).hasSameHashCodeAs(Key.ofUtf8(utf8));
        assertThat(key.toString()).isEqualTo(text);
        assertThat(key.toByteArray()).isEqualTo(utf8);
        assertThat(key.asByteBuffer()).isEqualTo(ByteBuffer.wrap(utf8));
        assertThat(key.length()).isEqualTo(utf8.length);
        Key.check(ByteBuffer.wrap(utf8));
    }

    @Test
    void a_malformed_byte_is_found_wherever_it_is() {
        for (int length = 1; length <= 24; length++) {
            for (int bad = 0; bad < length; bad++) {
                byte[] utf8 = "abcdefghijklmnopqrstuvwx".substring(0, length).getBytes(StandardCharsets.UTF_8);
                utf8[bad] = (byte) 0xFF;
                assertRefused(ErrorCode.INVALID_REQUEST, () -> Key.ofUtf8(utf8));
            }
        }
    }

    @Test
    void the_longest_key_has_512_bytes() {
        assertThat(Key.of("a".repeat(512)).length()).isEqualTo(512);
        assertThat(Key.of("é".repeat(256)).length()).isEqualTo(512);
        assertThat(Key.of("\uD83D\uDE00".repeat(128)).length()).isEqualTo(512);
        assertRefused(ErrorCode.TOO_LARGE, () -> Key.of("a".repeat(513)));
        assertRefused(ErrorCode.TOO_LARGE, () -> Key.of("é".repeat(256) + "a"));
        assertRefused(ErrorCode.TOO_LARGE, () -> Key.of("a".repeat(1_000_000)));
        assertRefused(ErrorCode.TOO_LARGE, () -> Key.ofUtf8(new byte[513]));
        assertRefused(ErrorCode.TOO_LARGE, () -> Key.check(ByteBuffer.allocate(513)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ".", ".."})
    void empty_text_and_dots_are_no_keys(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        assertRefused(ErrorCode.INVALID_REQUEST, () -> Key.of(text));
        assertRefused(ErrorCode.INVALID_REQUEST, () -> Key.ofUtf8(utf8));
        assertRefused(ErrorCode.INVALID_REQUEST, () -> Key.check(ByteBuffer.wrap(utf8)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"\uD83D", "\uDE00", "a\uD83Db", "\uDE00\uD83D", "\uD83D\uD83D\uDE00"})
    void an_unpaired_surrogate_is_no_text(String text) {
        assertRefused(ErrorCode.INVALID_REQUEST, () -> Key.of(text));
        assertRefused(ErrorCode.INVALID_REQUEST, () -> Key.prefixUtf8(text));
        assertRefused(ErrorCode.INVALID_REQUEST, () -> ListOptions.prefix(text));
    }

    @Test
    void bytes_that_are_not_utf_8_are_no_key() {
        byte[][] malformed = {
            {(byte) 0x80},
            {'a', (byte) 0xC3},
            {(byte) 0xC0, (byte) 0x80},
            {(byte) 0xED, (byte) 0xA0, (byte) 0x80},
            {(byte) 0xF4, (byte) 0x90, (byte) 0x80, (byte) 0x80},
            {(byte) 0xFF},
            {(byte) 0xE2, (byte) 0x82}
        };
        for (byte[] bytes : malformed) {
            assertRefused(ErrorCode.INVALID_REQUEST, () -> Key.ofUtf8(bytes));
            assertRefused(ErrorCode.INVALID_REQUEST, () -> Key.check(ByteBuffer.wrap(bytes)));
        }
    }

    @Test
    void checking_and_making_agree_on_random_bytes() {
        Random random = new Random(1);
        for (int i = 0; i < 20_000; i++) {
            byte[] bytes = new byte[random.nextInt(6)];
            random.nextBytes(bytes);
            if (random.nextBoolean()) {
                for (int j = 0; j < bytes.length; j++) {
                    bytes[j] = (byte) ".a/é".charAt(random.nextInt(3));
                }
            }
            boolean made = isAccepted(() -> Key.ofUtf8(bytes));
            ByteBuffer direct = ByteBuffer.allocateDirect(bytes.length + 2).position(1);
            direct.put(bytes).flip().position(1);
            assertThat(isAccepted(() -> Key.check(direct))).isEqualTo(made);
            assertThat(direct.remaining()).isEqualTo(bytes.length);
        }
    }

    private static boolean isAccepted(Runnable call) {
        try {
            call.run();
            return true;
        } catch (KvException e) {
            return false;
        }
    }

    @Test
    void keys_are_ordered_by_their_bytes() {
        Key ff61 = Key.of("\uFF61");
        Key smiley = Key.of("\uD83D\uDE00");
        assertThat("\uFF61".compareTo("\uD83D\uDE00"))
                .as("the order of Java strings")
                .isPositive();
        assertThat(ff61).isLessThan(smiley);
        assertThat(Key.of("a")).isLessThan(Key.of("a\u0000")).isLessThan(Key.of("b"));
        assertThat(Key.of("\u007f")).isLessThan(Key.of("\u0080"));
    }

    @Test
    void a_key_begins_with_itself_and_with_every_part_of_its_begin() {
        Key key = Key.of("é/b");
        assertThat(key.startsWith(Key.prefixUtf8(""))).isTrue();
        assertThat(key.startsWith(Key.prefixUtf8("é"))).isTrue();
        assertThat(key.startsWith(Key.prefixUtf8("é/b"))).isTrue();
        assertThat(key.startsWith(Key.prefixUtf8("é/bc"))).isFalse();
        assertThat(key.startsWith(Key.prefixUtf8("e"))).isFalse();
    }

    @Test
    void a_prefix_may_be_empty_or_dots_and_has_at_most_512_bytes() {
        assertThat(Key.prefixUtf8("..")).hasSize(2);
        assertThat(Key.prefixUtf8("x".repeat(512))).hasSize(512);
        assertRefused(ErrorCode.TOO_LARGE, () -> Key.prefixUtf8("x".repeat(513)));
        assertRefused(ErrorCode.TOO_LARGE, () -> ListOptions.prefix("x".repeat(513)));
        assertRefused(
                ErrorCode.TOO_LARGE,
                () -> FeedRequest.of(null, new FeedRequest.Start.Now()).withPrefix("x".repeat(513)));
    }

    @Test
    void messages_show_a_key_cut_and_without_control_characters() {
        assertThat(Key.of("a\nb\u2028c\u0000").toDisplayString()).isEqualTo("a\\u000ab\\u2028c\\u0000");
        assertThat(Key.of("x".repeat(100)).toDisplayString()).hasSize(65).endsWith("…");
        assertThat(Key.display("\uD83D\uDE00\uD83D")).isEqualTo("\uD83D\uDE00\\ud83d");
    }

    @Test
    void a_key_does_not_change_with_the_array_it_came_from() {
        byte[] bytes = {'a', 'b'};
        Key key = Key.ofUtf8(bytes);
        bytes[0] = 'x';
        key.toByteArray()[1] = 'y';
        assertThat(key).isEqualTo(Key.of("ab"));
    }
}
