package io.nearkv.net.rest;

import io.nearkv.core.Condition;
import io.nearkv.core.Key;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import org.jspecify.annotations.Nullable;

/** Versions as entity tags (RFC 9110, section 8.8.3): the version in decimal, in quotes; always a strong one. Stateless. */
final class EntityTag {
    private static final String ANY = "*";

    private EntityTag() {}

    static String of(long version) {
        return "\"" + version + "\"";
    }

    /**
     * Returns the condition of a write. Of what HTTP can say, versions can express: {@code If-None-Match: *} (absent), {@code If-Match: *} (present) and {@code If-Match} with one tag. Throws 400 for
     * everything else, because a condition that is not understood must not be passed over.
     */
    static Condition conditionOf(HttpHeaders headers) {
        String match = headers.get(HttpHeaderNames.IF_MATCH);
        String noneMatch = headers.get(HttpHeaderNames.IF_NONE_MATCH);
        if (headers.contains(HttpHeaderNames.IF_UNMODIFIED_SINCE)) {
            throw RestException.invalid(
                    WorkersCodes.VALIDATION, "If-Unmodified-Since is not supported (expected: If-Match with an ETag)");
        }
        if (match == null && noneMatch == null) {
            return Condition.NONE;
        }
        if (match != null && noneMatch != null) {
            throw RestException.invalid(WorkersCodes.VALIDATION, "both If-Match and If-None-Match (expected: one)");
        }
        if (noneMatch != null) {
            if (noneMatch.strip().equals(ANY)) {
                return Condition.IF_ABSENT;
            }
            throw RestException.invalid(
                    WorkersCodes.VALIDATION, "If-None-Match: " + Key.display(noneMatch) + " on a write (expected: *)");
        }
        String tag = match == null ? "" : match.strip();
        if (tag.equals(ANY)) {
            return Condition.IF_PRESENT;
        }
        long version = versionOf(tag);
        if (version < 1) {
            throw RestException.invalid(
                    WorkersCodes.VALIDATION,
                    "If-Match: " + Key.display(tag) + " (expected: * or one ETag, as an answer had it)");
        }
        return new Condition(Condition.Kind.VERSION_IS, version);
    }

    /** Returns whether a list of tags (of {@code If-None-Match} on a read, where comparison is weak) names this version. */
    static boolean names(@Nullable String list, long version) {
        if (list == null) {
            return false;
        }
        for (String each : list.split(",", -1)) {
            String tag = each.strip();
            if (tag.equals(ANY) || versionOf(tag.startsWith("W/") ? tag.substring(2) : tag) == version) {
                return true;
            }
        }
        return false;
    }

    /** Returns the version of one tag, or -1 if it is none of ours. */
    private static long versionOf(String tag) {
        int length = tag.length();
        if (length < 3 || length > 21 || tag.charAt(0) != '"' || tag.charAt(length - 1) != '"') {
            return -1;
        }
        long version = 0;
        for (int i = 1; i < length - 1; i++) {
            char c = tag.charAt(i);
            if (c < '0' || c > '9' || version > (Long.MAX_VALUE - 9) / 10) {
                return -1;
            }
            version = version * 10 + (c - '0');
        }
        return version;
    }
}
