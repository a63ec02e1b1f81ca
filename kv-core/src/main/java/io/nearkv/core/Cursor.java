package io.nearkv.core;

import static java.util.Objects.requireNonNull;

import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.zip.CRC32C;

/**
 * Where a listing goes on: after a key, in byte order. Opaque to callers, who pass the text form back; whatever is written or deleted between two pages, nothing
 * that was there throughout is skipped or repeated. Immutable.
 *
 * <p>Text form: base64url without padding of one format byte (1), the bytes of the key, and the CRC-32C of both (4 bytes, big-endian).
 */
public final class Cursor {
    private static final byte FORMAT = 1;

    private final Key after;

    private Cursor(Key after) {
        this.after = after;
    }

    /** Returns the cursor of the page that begins after this key. */
    public static Cursor after(Key key) {
        return new Cursor(requireNonNull(key, "key"));
    }

    /**
     * Returns the cursor with this text form.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if no listing gave it out
     */
    public static Cursor parse(String text) {
        if (requireNonNull(text, "text").length() <= 4 * (Limits.MAX_KEY_BYTES + 8) / 3) {
            try {
                byte[] bytes = Base64.getUrlDecoder().decode(text);
                int keyEnd = bytes.length - Integer.BYTES;
                if (keyEnd > 1
                        && bytes[0] == FORMAT
                        && checksum(bytes, keyEnd) == ByteBuffer.wrap(bytes).getInt(keyEnd)) {
                    return new Cursor(Key.ofUtf8(ByteBuffer.wrap(bytes, 1, keyEnd - 1)));
                }
            } catch (IllegalArgumentException | KvException e) {
                throw malformed(e);
            }
        }
        throw malformed(null);
    }

    private static KvException malformed(@org.jspecify.annotations.Nullable Throwable cause) {
        return new KvException(
                ErrorCode.INVALID_REQUEST, "cursor is malformed (expected: the cursor of an earlier page)", cause);
    }

    private static int checksum(byte[] bytes, int end) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, end);
        return (int) crc.getValue();
    }

    /** Returns the last key that needs no visit any more. */
    public Key after() {
        return after;
    }

    /** Returns the text form. */
    @Override
    public String toString() {
        ByteBuffer bytes = ByteBuffer.allocate(1 + after.length() + Integer.BYTES);
        bytes.put(FORMAT);
        after.putTo(bytes);
        bytes.putInt(checksum(bytes.array(), bytes.position()));
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes.array());
    }

    @Override
    public boolean equals(@org.jspecify.annotations.Nullable Object other) {
        return other instanceof Cursor cursor && after.equals(cursor.after);
    }

    @Override
    public int hashCode() {
        return after.hashCode();
    }
}
