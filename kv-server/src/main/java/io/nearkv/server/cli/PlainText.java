package io.nearkv.server.cli;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;

/** How keys, times and durations look on the command line. */
public final class PlainText {
    private PlainText() {}

    /** Returns a text that takes one line and cannot steer a terminal: control characters become escapes. {@code --json} shows it exactly. */
    public static String visible(String text) {
        StringBuilder line = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isISOControl(c) || c == '\u2028' || c == '\u2029') {
                line.append(String.format("\\u%04x", (int) c));
            } else {
                line.append(c);
            }
        }
        return line.toString();
    }

    /** Returns a duration written as seconds ({@code 90}) or with a unit ({@code 500ms}, {@code 90s}, {@code 15m}, {@code 12h}, {@code 7d}). */
    public static Duration parseDuration(String text) {
        int digits = 0;
        while (digits < text.length() && text.charAt(digits) >= '0' && text.charAt(digits) <= '9') {
            digits++;
        }
        try {
            long count = Long.parseLong(text.substring(0, digits));
            return switch (text.substring(digits)) {
                case "", "s" -> Duration.ofSeconds(count);
                case "ms" -> Duration.ofMillis(count);
                case "m" -> Duration.ofMinutes(count);
                case "h" -> Duration.ofHours(count);
                case "d" -> Duration.ofDays(count);
                default -> throw malformedDuration(text, null);
            };
        } catch (NumberFormatException | ArithmeticException e) {
            throw malformedDuration(text, e);
        }
    }

    private static KvException malformedDuration(String text, @org.jspecify.annotations.Nullable Throwable cause) {
        return new KvException(
                ErrorCode.INVALID_REQUEST,
                "duration '" + visible(text) + "' (expected: seconds, or a number with one of ms, s, m, h, d)",
                cause);
    }

    /** Returns a time written as seconds since the epoch or as ISO 8601 ({@code 2030-01-01T00:00:00Z}). */
    public static Instant parseTime(String text) {
        try {
            return !text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9')
                    ? Instant.ofEpochSecond(Long.parseLong(text))
                    : Instant.parse(text);
        } catch (DateTimeException | NumberFormatException e) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "time '" + visible(text)
                            + "' (expected: seconds since the epoch, or ISO 8601 such as 2030-01-01T00:00:00Z)",
                    e);
        }
    }
}
