package io.nearkv.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CursorTest {
    private static void assertMalformed(String text) {
        assertThatExceptionOfType(KvException.class)
                .as(text)
                .isThrownBy(() -> Cursor.parse(text))
                .extracting(KvException::code)
                .isEqualTo(ErrorCode.INVALID_REQUEST);
    }

    @ParameterizedTest
    @ValueSource(strings = {"a", "\u0000", "é", "\uDBFF\uDFFF", "..."})
    void a_cursor_survives_its_text_form(String key) {
        Cursor cursor = Cursor.after(Key.of(key));
        assertThat(Cursor.parse(cursor.toString())).isEqualTo(cursor).hasSameHashCodeAs(cursor);
        assertThat(Cursor.parse(cursor.toString()).after()).isEqualTo(Key.of(key));
    }

    @Test
    void the_longest_key_has_a_cursor() {
        Cursor cursor = Cursor.after(Key.of("\uDBFF\uDFFF".repeat(128)));
        assertThat(Cursor.parse(cursor.toString())).isEqualTo(cursor);
    }

    @Test
    void the_text_form_is_pinned() {
        assertThat(Cursor.after(Key.of("routes/a")).toString()).isEqualTo("AXJvdXRlcy9hYkDkhg");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a", "AAAA", "not base64 at all", "AXJvdXRlcy9h", "====", "AXJvdXRlcy9hZZZZZZ"})
    void what_no_listing_gave_out_is_malformed(String text) {
        assertMalformed(text);
    }

    @Test
    void one_changed_bit_makes_a_cursor_malformed() {
        byte[] bytes =
                Base64.getUrlDecoder().decode(Cursor.after(Key.of("routes/a")).toString());
        for (int bit = 0; bit < bytes.length * 8; bit++) {
            byte[] changed = bytes.clone();
            changed[bit / 8] ^= (byte) (1 << bit % 8);
            assertMalformed(Base64.getUrlEncoder().withoutPadding().encodeToString(changed));
        }
    }

    @Test
    void a_cursor_of_what_is_no_key_is_malformed_even_with_a_right_checksum() {
        for (byte[] noKey : new byte[][] {{}, {'.'}, {(byte) 0xFF}, new byte[513]}) {
            ByteBuffer bytes =
                    ByteBuffer.allocate(1 + noKey.length + 4).put((byte) 1).put(noKey);
            java.util.zip.CRC32C crc = new java.util.zip.CRC32C();
            crc.update(bytes.array(), 0, bytes.position());
            bytes.putInt((int) crc.getValue());
            assertMalformed(Base64.getUrlEncoder().withoutPadding().encodeToString(bytes.array()));
        }
        assertMalformed("A".repeat(1_000_000));
    }

    @Test
    void random_text_never_does_anything_else() {
        Random random = new Random(1);
        for (int i = 0; i < 20_000; i++) {
            byte[] bytes = new byte[random.nextInt(40)];
            random.nextBytes(bytes);
            assertMalformed(Base64.getUrlEncoder().withoutPadding().encodeToString(bytes));
        }
    }
}
