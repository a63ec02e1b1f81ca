package io.nearkv.core;

import org.jspecify.annotations.Nullable;

/**
 * Which page of a listing.
 *
 * @param prefix what the keys begin with, literally; empty for all. At most {@link Limits#MAX_KEY_BYTES} bytes of UTF-8
 * @param cursor where to go on, or null to begin. The prefix must be that of the first page
 * @param limit most keys on the page, 1 to {@link Limits#MAX_LIST_LIMIT}
 */
public record ListOptions(String prefix, @Nullable Cursor cursor, int limit) {
    /** The first page of everything. */
    public static final ListOptions ALL = new ListOptions("", null, Limits.MAX_LIST_LIMIT);

    /**
     * Checks prefix and limit.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if the limit is out of range or the prefix is not valid Unicode text,
     *     {@link ErrorCode#TOO_LARGE} if the prefix is too long
     */
    public ListOptions {
        if (limit < 1 || limit > Limits.MAX_LIST_LIMIT) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST, "limit: " + limit + " (expected: 1 to " + Limits.MAX_LIST_LIMIT + ")");
        }
        byte[] unused = Key.prefixUtf8(prefix);
    }

    /** Returns options for the first page below a prefix. */
    public static ListOptions prefix(String prefix) {
        return new ListOptions(prefix, null, Limits.MAX_LIST_LIMIT);
    }

    /** Returns a copy with this limit. */
    public ListOptions withLimit(int newLimit) {
        return new ListOptions(prefix, cursor, newLimit);
    }

    /** Returns a copy that goes on at this cursor. */
    public ListOptions withCursor(@Nullable Cursor newCursor) {
        return new ListOptions(prefix, newCursor, limit);
    }
}
