package io.nearkv.server.incident.measure;

import io.nearkv.server.incident.model.ReplayClock;
import io.nearkv.server.incident.model.UserClass;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** The requests of one class of users, in tenths of a minute of the report. Thread-safe. */
public final class Tally {
    private static final long NEVER = -1;

    private final UserClass who;
    private final ReplayClock clock;
    private final AtomicIntegerArray requests;
    private final AtomicIntegerArray failed;
    private final AtomicLong firstFailure = new AtomicLong(NEVER);
    private final AtomicLong lastFailure = new AtomicLong(NEVER);
    private final Map<String, LongAdder> reasons = new ConcurrentHashMap<>();

    Tally(UserClass who, ReplayClock clock) {
        this.who = who;
        this.clock = clock;
        int ticks = clock.timeline().minutes() * ClassResult.TICKS_PER_MINUTE;
        this.requests = new AtomicIntegerArray(ticks);
        this.failed = new AtomicIntegerArray(ticks);
    }

    /** Returns who they are. */
    public UserClass who() {
        return who;
    }

    /** Returns the time for {@link #record}. */
    public long begin() {
        return clock.nanos();
    }

    /**
     * Counts a request in the minute in which it began.
     *
     * @param begun what {@link #begin} said
     * @param failure why it failed, as a short label, or null if it did not
     */
    public void record(long begun, @Nullable String failure) {
        int tick = (int) Math.floor(clock.timeline().minuteOf(begun) * ClassResult.TICKS_PER_MINUTE);
        if (begun < 0 || tick >= requests.length()) {
            return;
        }
        requests.incrementAndGet(tick);
        if (failure != null) {
            failed.incrementAndGet(tick);
            reasons.computeIfAbsent(failure, each -> new LongAdder()).increment();
            firstFailure.accumulateAndGet(begun, (known, now) -> known == NEVER ? now : Math.min(known, now));
            lastFailure.accumulateAndGet(begun, Math::max);
        }
    }

    long lastFailureNanos() {
        return lastFailure.get();
    }

    ClassResult result() {
        int[] asked = new int[requests.length()];
        int[] lost = new int[asked.length];
        for (int i = 0; i < asked.length; i++) {
            lost[i] = failed.get(i);
            asked[i] = requests.get(i);
        }
        Map<String, Long> why = new TreeMap<>();
        reasons.forEach((reason, count) -> why.put(reason, count.sum()));
        return new ClassResult(who, asked, lost, firstFailure.get(), lastFailure.get(), why);
    }
}
