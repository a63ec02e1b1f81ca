package io.nearkv.deploy.store;

import io.nearkv.deploy.document.Rejected;
import io.nearkv.deploy.model.RejectReason;
import java.time.Duration;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** Counts what was rejected, says how much of it may be written down, and remembers the last. Thread-safe. */
final class Rejections {
    /** So much may be written in a minute; beyond, hostile input would fill the disk. */
    static final int MAX_LINES_PER_MINUTE = 60;

    private static final long MINUTE_NANOS = Duration.ofMinutes(1).toNanos();
    private static final long PROBLEM_NANOS = Duration.ofMinutes(10).toNanos();

    private final LongSupplier nanoTime;
    private final Map<RejectReason, LongAdder> counters = new EnumMap<>(RejectReason.class);
    private long windowStart;
    private int written;
    private long suppressed;
    private long lastNanos;
    private @Nullable String last;

    Rejections(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        for (RejectReason reason : RejectReason.values()) {
            counters.put(reason, new LongAdder());
        }
        this.windowStart = nanoTime.getAsLong();
    }

    /** Counts one. Returns how many were not written down before it, or -1 if this one is not to be either. */
    synchronized long add(Rejected rejected, String from) {
        LongAdder counter = counters.get(rejected.reason());
        if (counter != null) {
            counter.increment();
        }
        long now = nanoTime.getAsLong();
        last = "a document was rejected: " + rejected.reason().label() + ", " + rejected.detail() + " (from " + from
                + ")";
        lastNanos = now;
        if (now - windowStart >= MINUTE_NANOS) {
            windowStart = now;
            written = 0;
        }
        if (written >= MAX_LINES_PER_MINUTE) {
            suppressed++;
            return -1;
        }
        written++;
        long before = suppressed;
        suppressed = 0;
        return before;
    }

    /** Returns the last one for ten minutes, then null. */
    synchronized @Nullable String problem() {
        return last != null && nanoTime.getAsLong() - lastNanos < PROBLEM_NANOS ? last : null;
    }

    /** Returns how many there were, by the label of the reason; without those that were never. */
    Map<String, Long> counts() {
        Map<String, Long> counts = new LinkedHashMap<>();
        counters.forEach((reason, counter) -> {
            if (counter.sum() > 0) {
                counts.put(reason.label(), counter.sum());
            }
        });
        return counts;
    }
}
