package io.nearkv.deploy.model;

import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The limits of everything that documents hold. What is beyond them is malformed. */
public final class ModelLimits {
    /** All weights of a route together, in basis points. */
    public static final int TOTAL_WEIGHT = 10_000;
    /** Most builds of a route, and most known-good ones: a rollout has two, and a document must fit into 64 KiB. */
    public static final int MAX_ENTRIES = 8;
    /** Most endpoints of a build in a route. */
    public static final int MAX_ENDPOINTS = 64;
    /** Most nodes that a route names. */
    public static final int MAX_NODES = 256;
    /** Longest endpoint in characters: a name of DNS with scheme and port. */
    public static final int MAX_ENDPOINT_CHARS = 270;
    /** Most routes before it that a route names, and that a process remembers. */
    public static final int MAX_ANCESTORS = 32;
    /** Most entries of a ledger; older ones are left out. */
    public static final int MAX_LEDGER_ENTRIES = 64;
    /** Longest text for people, in characters. */
    public static final int MAX_TEXT_CHARS = 256;
    /** Largest epoch, seq, serial and ledger number: what every reader of JSON holds exactly, and far from any overflow. */
    public static final long MAX_NUMBER = (1L << 53) - 1;
    /** Latest time in a document, in seconds since 1970: the year 9999. */
    public static final long MAX_EPOCH_SECOND = 253_402_300_799L;
    /** Longest lease: a rollout that nobody has looked at for a day is no rollout. */
    public static final Duration MAX_LEASE = Duration.ofDays(1);
    /** Longest time in which a break-glass can be taken. */
    public static final Duration MAX_BREAK_GLASS = Duration.ofHours(1);
    /** Bytes of a SHA-256. */
    public static final int HASH_BYTES = 32;
    /** Bytes of a build's nonce. */
    public static final int NONCE_BYTES = 16;
    /** Most bytes of a salt. */
    public static final int MAX_SALT_BYTES = 64;
    /** Most root keys of an environment. */
    public static final int MAX_ROOTS = 16;
    /** Most owners of break-glass keys. */
    public static final int MAX_OWNERS = 64;

    private static final Pattern ROLLOUT_ID = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}");
    private static final Pattern ENDPOINT =
            Pattern.compile("kvs?://(\\[[0-9A-Fa-f:.]{2,45}]|[A-Za-z0-9._-]{1,253}):([0-9]{1,5})");

    private ModelLimits() {}

    static void number(String what, long value, long min) {
        range(what, value, min, MAX_NUMBER);
    }

    static void range(String what, long value, long min, long max) {
        if (value < min || value > max) {
            throw new IllegalArgumentException(what + ": " + value + " (expected: " + min + " to " + max + ")");
        }
    }

    static void time(String what, long epochSecond) {
        range(what, epochSecond, 0, MAX_EPOCH_SECOND);
    }

    /** Checks a line for people. It stands in logs and on terminals, so that nothing in it may move a cursor. */
    static void text(String what, String text) {
        if (text.length() > MAX_TEXT_CHARS || !visible(text).equals(text)) {
            throw new IllegalArgumentException(
                    what + ": not one line of visible text of at most " + MAX_TEXT_CHARS + " characters");
        }
    }

    static void rolloutId(String text) {
        if (!text.isEmpty() && !ROLLOUT_ID.matcher(text).matches()) {
            throw new IllegalArgumentException("rollout: '" + visible(text)
                    + "' (expected: a letter or digit, then up to 63 letters, digits and . _ -)");
        }
    }

    static void hash(String what, Bytes hash) {
        if (hash.length() != HASH_BYTES) {
            throw new IllegalArgumentException(what + ": " + hash.length() + " bytes (expected: " + HASH_BYTES + ")");
        }
    }

    static void hexHash(String what, String hex) {
        if (hex.length() != 2 * HASH_BYTES
                || !hex.chars().allMatch(c -> (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            throw new IllegalArgumentException(what + ": not the hex of a SHA-256");
        }
    }

    static List<String> endpoints(String what, List<String> endpoints, int max) {
        range(what, endpoints.size(), 0, max);
        for (String endpoint : endpoints) {
            if (endpoint.length() > MAX_ENDPOINT_CHARS || !isEndpoint(endpoint)) {
                throw new IllegalArgumentException(
                        what + ": '" + visible(endpoint) + "' (expected: kv://HOST:PORT or kvs://HOST:PORT)");
            }
        }
        return List.copyOf(endpoints);
    }

    private static boolean isEndpoint(String text) {
        Matcher matcher = ENDPOINT.matcher(text);
        if (!matcher.matches()) {
            return false;
        }
        int port = Integer.parseInt(matcher.group(2));
        return port >= 1 && port <= 65_535;
    }

    /** Returns the start of a text with everything that is not visible replaced, for messages. */
    static String visible(String text) {
        StringBuilder out = new StringBuilder();
        text.codePoints().limit(MAX_TEXT_CHARS).forEach(c -> {
            int type = Character.getType(c);
            boolean hidden = Character.isISOControl(c)
                    || type == Character.LINE_SEPARATOR
                    || type == Character.PARAGRAPH_SEPARATOR
                    || type == Character.FORMAT
                    || type == Character.SURROGATE
                    || type == Character.UNASSIGNED;
            out.appendCodePoint(hidden ? '?' : c);
        });
        return out.toString();
    }
}
