package io.nearkv.cluster.history;

import static java.util.Objects.requireNonNull;

/**
 * One call of one client about one key: what was asked, what came back, and when. Immutable.
 *
 * @param client who asked, for the reader of an explanation
 * @param key the key
 * @param request what was asked
 * @param response what came back
 * @param invokedNanos a moment before the request left, by the recorder's ticker
 * @param returnedNanos a moment after the response came; {@link #NEVER} if nothing that came says when the operation was over
 */
public record Operation(
        int client, String key, Request request, Response response, long invokedNanos, long returnedNanos) {
    /** In place of a version that the store did not tell. */
    public static final long NOT_TOLD = -1;

    /** In place of a time: the operation may still take effect. */
    public static final long NEVER = Long.MAX_VALUE;

    /** What was asked. */
    public sealed interface Request {}

    /** Reads the key. */
    public record Get() implements Request {
        @Override
        public String toString() {
            return "get";
        }
    }

    /**
     * Writes the key. The checkers see most if no two puts of one key write the same value.
     *
     * @param value the value, or a short text that stands for it
     * @param condition what must hold
     */
    public record Put(String value, Condition condition) implements Request {
        /** Checks that nothing is missing. */
        public Put {
            requireNonNull(value, "value");
            requireNonNull(condition, "condition");
        }

        @Override
        public String toString() {
            return "put " + quoted(value) + condition;
        }
    }

    /**
     * Removes the key; without a condition this succeeds also where nothing is there.
     *
     * @param condition what must hold
     */
    public record Delete(Condition condition) implements Request {
        /** Checks that nothing is missing. */
        public Delete {
            requireNonNull(condition, "condition");
        }

        @Override
        public String toString() {
            return "delete" + condition;
        }
    }

    /**
     * What must hold for a write to happen.
     *
     * @param kind which condition
     * @param version the version for {@link Kind#VERSION_IS}, 0 otherwise
     */
    public record Condition(Kind kind, long version) {
        /** No condition. */
        public static final Condition NONE = new Condition(Kind.NONE, 0);
        /** The key must not be there. */
        public static final Condition IF_ABSENT = new Condition(Kind.ABSENT, 0);
        /** The key must be there. */
        public static final Condition IF_PRESENT = new Condition(Kind.PRESENT, 0);

        /** The kinds of conditions. */
        public enum Kind {
            /** Always holds. */
            NONE,
            /** Holds if the key is not there. */
            ABSENT,
            /** Holds if the key is there. */
            PRESENT,
            /** Holds if the key is there with this version. */
            VERSION_IS
        }

        /** Checks that a version is given exactly where it belongs. */
        public Condition {
            requireNonNull(kind, "kind");
            if (kind == Kind.VERSION_IS ? version < 1 : version != 0) {
                throw new IllegalArgumentException("version: " + version + " with " + kind);
            }
        }

        /** Returns the condition that the key has this version. */
        public static Condition ifVersion(long version) {
            return new Condition(Kind.VERSION_IS, version);
        }

        @Override
        public String toString() {
            return switch (kind) {
                case NONE -> "";
                case ABSENT -> " if absent";
                case PRESENT -> " if present";
                case VERSION_IS -> " if version " + version;
            };
        }
    }

    /** What came back. */
    public sealed interface Response {}

    /**
     * A get found the key.
     *
     * @param value its value
     * @param version its version, or {@link Operation#NOT_TOLD}
     */
    public record Found(String value, long version) implements Response {
        /** Checks that nothing is missing. */
        public Found {
            requireNonNull(value, "value");
            checkTold(version, 1);
        }

        @Override
        public String toString() {
            return quoted(value) + told(" v", version);
        }
    }

    /** A get found nothing. */
    public record Absent() implements Response {
        @Override
        public String toString() {
            return "absent";
        }
    }

    /**
     * A write happened, exactly once.
     *
     * @param version the version it was given, or {@link Operation#NOT_TOLD}
     */
    public record Applied(long version) implements Response {
        /** Checks the version. */
        public Applied {
            checkTold(version, 1);
        }

        @Override
        public String toString() {
            return "ok" + told(" v", version);
        }
    }

    /**
     * The condition of a write did not hold, and nothing was changed.
     *
     * @param currentVersion the version that was there, 0 if the key was not there, or {@link Operation#NOT_TOLD}
     */
    public record ConditionFailed(long currentVersion) implements Response {
        /** Checks the version. */
        public ConditionFailed {
            checkTold(currentVersion, 0);
        }

        @Override
        public String toString() {
            return "condition failed" + (currentVersion == 0 ? " (absent)" : told(" (it has v", currentVersion, ")"));
        }
    }

    /**
     * Nobody can say what became of it (a timeout, a lost connection): a write takes effect at any time after it was invoked, or never.
     *
     * @param why for the reader of an explanation
     */
    public record Unknown(String why) implements Response {
        /** Checks that nothing is missing. */
        public Unknown {
            requireNonNull(why, "why");
        }

        @Override
        public String toString() {
            return "unknown (" + why + ")";
        }
    }

    /**
     * It was refused before it was applied, and never takes effect.
     *
     * @param why for the reader of an explanation
     */
    public record Refused(String why) implements Response {
        /** Checks that nothing is missing. */
        public Refused {
            requireNonNull(why, "why");
        }

        @Override
        public String toString() {
            return "refused (" + why + ")";
        }
    }

    /** Checks that the response is one to this request, and that time does not run backwards. */
    public Operation {
        requireNonNull(key, "key");
        requireNonNull(request, "request");
        requireNonNull(response, "response");
        boolean ofRead = response instanceof Found || response instanceof Absent;
        boolean ofWrite = response instanceof Applied || response instanceof ConditionFailed;
        if (request instanceof Get ? ofWrite : ofRead) {
            throw new IllegalArgumentException("response: " + response + " to " + request);
        }
        if (returnedNanos == NEVER && !(response instanceof Unknown)) {
            throw new IllegalArgumentException("returnedNanos: NEVER (expected: a time, for " + response + ")");
        }
        if (returnedNanos < invokedNanos) {
            throw new IllegalArgumentException(
                    "returnedNanos: " + returnedNanos + " (expected: not before " + invokedNanos + ")");
        }
    }

    /** Returns a put without a condition. */
    public static Put put(String value) {
        return new Put(value, Condition.NONE);
    }

    /** Returns a delete without a condition. */
    public static Delete delete() {
        return new Delete(Condition.NONE);
    }

    /** Returns whether this is a put or delete that did happen. */
    public boolean applied() {
        return response instanceof Applied;
    }

    /** Returns whether this is a put or delete of which nobody knows whether it happened. */
    public boolean maybeApplied() {
        return response instanceof Unknown && !(request instanceof Get);
    }

    /** Returns the version that an applied write was told, or {@link #NOT_TOLD}. */
    long appliedVersion() {
        return response instanceof Applied applied ? applied.version() : NOT_TOLD;
    }

    static String quoted(String text) {
        return '"' + (text.length() <= 48 ? text : text.substring(0, 45) + "...") + '"';
    }

    private static void checkTold(long version, long least) {
        if (version != NOT_TOLD && version < least) {
            throw new IllegalArgumentException("version: " + version + " (expected: at least " + least + ")");
        }
    }

    private static String told(String before, long version) {
        return told(before, version, "");
    }

    private static String told(String before, long version, String after) {
        return version == NOT_TOLD ? "" : before + version + after;
    }
}
