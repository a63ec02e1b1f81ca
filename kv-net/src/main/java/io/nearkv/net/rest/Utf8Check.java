package io.nearkv.net.rest;

/**
 * Checks that bytes are well-formed UTF-8 (RFC 3629: shortest forms only, no surrogates), in pieces of any size. The JSON parser takes other bytes for characters too; two
 * different bodies would become one. Confined to one thread.
 */
final class Utf8Check {
    private int missing;
    private int low;
    private int high;

    /** Returns whether these bytes, all of them, are well-formed UTF-8. */
    static boolean isWellFormed(byte[] bytes) {
        Utf8Check check = new Utf8Check();
        return check.firstError(bytes, 0, bytes.length) < 0 && check.isComplete();
    }

    /** Returns whether what came so far does not end within a character. */
    boolean isComplete() {
        return missing == 0;
    }

    /** Takes the next bytes, and returns the index of the first that cannot follow what came before, or -1. */
    int firstError(byte[] bytes, int from, int to) {
        int at = from;
        while (at < to) {
            if (missing == 0) {
                while (at < to && bytes[at] >= 0) {
                    at++;
                }
                if (at < to && !begin(bytes[at] & 0xFF)) {
                    return at;
                }
                at++;
            } else {
                int c = bytes[at] & 0xFF;
                if (c < low || c > high) {
                    return at;
                }
                missing--;
                low = 0x80;
                high = 0xBF;
                at++;
            }
        }
        return -1;
    }

    private boolean begin(int first) {
        low = 0x80;
        high = 0xBF;
        if (first >= 0xC2 && first <= 0xDF) {
            missing = 1;
        } else if (first >= 0xE0 && first <= 0xEF) {
            missing = 2;
            low = first == 0xE0 ? 0xA0 : low;
            high = first == 0xED ? 0x9F : high;
        } else if (first >= 0xF0 && first <= 0xF4) {
            missing = 3;
            low = first == 0xF0 ? 0x90 : low;
            high = first == 0xF4 ? 0x8F : high;
        } else {
            return false;
        }
        return true;
    }
}
