package io.nearkv.net.rest;

import org.jspecify.annotations.Nullable;

/**
 * A part of a value, as the {@code Range} header asks for it (RFC 9110, section 14). Several ranges at once, and what is malformed, are passed over, as that section allows: the
 * answer is the whole value.
 *
 * @param from the first byte
 * @param to behind the last byte
 */
record ByteRange(int from, int to) {
    private static final String UNIT = "bytes=";
    private static final int MAX_DIGITS = 18;

    /** Returns the part of a value of this length that the header asks for; null for the whole. Throws 416 if there is no such part. */
    static @Nullable ByteRange of(@Nullable String header, int length) {
        if (header == null || !header.regionMatches(true, 0, UNIT, 0, UNIT.length())) {
            return null;
        }
        String range = header.substring(UNIT.length()).strip();
        int dash = range.indexOf('-');
        if (dash < 0 || range.indexOf(',') >= 0) {
            return null;
        }
        String first = range.substring(0, dash).strip();
        String last = range.substring(dash + 1).strip();
        if ((!isNumber(first) && !first.isEmpty()) || (!isNumber(last) && !last.isEmpty())) {
            return null;
        }
        if (first.isEmpty()) {
            if (last.isEmpty()) {
                return null;
            }
            long suffix = Long.parseLong(last);
            if (suffix == 0 || length == 0) {
                throw RestException.unsatisfiable(length);
            }
            return new ByteRange((int) Math.max(0, length - suffix), length);
        }
        long from = Long.parseLong(first);
        long to = last.isEmpty() ? length : Math.min(length, Long.parseLong(last) + 1);
        if (!last.isEmpty() && Long.parseLong(last) < from) {
            return null;
        }
        if (from >= length) {
            throw RestException.unsatisfiable(length);
        }
        return new ByteRange((int) from, (int) to);
    }

    private static boolean isNumber(String text) {
        return !text.isEmpty() && text.length() <= MAX_DIGITS && text.chars().allMatch(c -> c >= '0' && c <= '9');
    }

    /** Returns the {@code Content-Range} header of the answer. */
    String contentRange(int length) {
        return "bytes " + from + "-" + (to - 1) + "/" + length;
    }
}
