package io.nearkv.server.incident.measure;

import static java.util.Objects.requireNonNull;

import io.nearkv.server.incident.model.UserClass;
import io.nearkv.server.incident.model.Window;
import java.util.Map;

/** What one class of users asked for and got. Immutable. */
public final class ClassResult {
    /** How finely requests are counted. */
    public static final int TICKS_PER_MINUTE = 10;

    private final UserClass who;
    private final int[] requests;
    private final int[] failed;
    private final long firstFailureNanos;
    private final long lastFailureNanos;
    private final Map<String, Long> reasons;

    /** Takes the arrays over: requests and failures by tick. Times are nanoseconds since the start, negative for never. */
    ClassResult(
            UserClass who,
            int[] requests,
            int[] failed,
            long firstFailureNanos,
            long lastFailureNanos,
            Map<String, Long> reasons) {
        this.who = requireNonNull(who, "who");
        this.requests = requests;
        this.failed = failed;
        this.firstFailureNanos = firstFailureNanos;
        this.lastFailureNanos = lastFailureNanos;
        this.reasons = Map.copyOf(reasons);
    }

    /** Returns who they are. */
    public UserClass who() {
        return who;
    }

    /** Returns how many minutes were counted. */
    public int minutes() {
        return requests.length / TICKS_PER_MINUTE;
    }

    /** Returns how many requests began in a tick. */
    public int requestsIn(int tick) {
        return requests[tick];
    }

    /** Returns how many of the requests that began in a tick have failed. */
    public int failedIn(int tick) {
        return failed[tick];
    }

    /** Returns how many requests began in a window. */
    public long requests(Window window) {
        return sum(requests, window);
    }

    /** Returns how many of the requests that began in a window have failed. */
    public long failed(Window window) {
        return sum(failed, window);
    }

    /** Returns how many requests there were. */
    public long requests() {
        return requests(whole());
    }

    /** Returns how many of all requests have failed. */
    public long failed() {
        return failed(whole());
    }

    /** Returns when the first request failed, in nanoseconds since the start; negative for never. */
    public long firstFailureNanos() {
        return firstFailureNanos;
    }

    /** Returns when the last request failed, in nanoseconds since the start; negative for never. */
    public long lastFailureNanos() {
        return lastFailureNanos;
    }

    /** Returns why requests failed, and how many. */
    public Map<String, Long> reasons() {
        return reasons;
    }

    private Window whole() {
        return new Window(0, minutes());
    }

    private static long sum(int[] counts, Window window) {
        long sum = 0;
        int end = Math.min(counts.length, window.to() * TICKS_PER_MINUTE);
        for (int i = window.from() * TICKS_PER_MINUTE; i < end; i++) {
            sum += counts[i];
        }
        return sum;
    }
}
