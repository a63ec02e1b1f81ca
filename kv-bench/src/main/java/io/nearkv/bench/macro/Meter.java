package io.nearkv.bench.macro;

import io.nearkv.core.KvException;
import java.util.EnumMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/** What one thread saw of a load. Written by that thread alone; read by others once it has stopped. */
final class Meter {
    /** An hour: longer than any answer may take. */
    private static final long MAX_NANOS = 3_600_000_000_000L;

    /** Answers inside the window of measurement. */
    private final Map<OperationKind, Histogram> latencies = new EnumMap<>(OperationKind.class);

    private final Map<String, Long> errors = new TreeMap<>();
    private long answersInAll;
    private long misses;
    private long wrong;
    private long valueBytes;

    /** Takes an answer; the latency counts only where it is in the window. */
    void answered(OperationKind kind, int outcome, long latencyNanos, boolean inWindow) {
        answersInAll++;
        if (outcome >= 0) {
            if (inWindow) {
                valueBytes += outcome;
            }
        } else if (outcome == Completion.MISS) {
            misses++;
        } else {
            wrong++;
        }
        if (inWindow) {
            latency(kind, latencyNanos);
        }
    }

    /** Records a latency that lies in the window. */
    void latency(OperationKind kind, long nanos) {
        Histogram histogram = latencies.get(kind);
        if (histogram == null) {
            histogram = new Histogram(MAX_NANOS, 3);
            latencies.put(kind, histogram);
        }
        histogram.recordValue(Math.max(0, Math.min(nanos, MAX_NANOS)));
    }

    /** Takes failures; they count whenever they happen. */
    void failed(Throwable failure, int count) {
        errors.merge(nameOf(failure), (long) count, Long::sum);
    }

    static String nameOf(Throwable failure) {
        Throwable inner = failure;
        while ((inner instanceof CompletionException || inner instanceof ExecutionException)
                && inner.getCause() != null) {
            inner = inner.getCause();
        }
        return inner instanceof KvException known
                ? known.code().label()
                : inner.getClass().getSimpleName();
    }

    /** Returns what was recorded for a kind, or null if nothing was. */
    @Nullable
    Histogram latencies(OperationKind kind) {
        return latencies.get(kind);
    }

    Map<String, Long> errors() {
        return errors;
    }

    long answersInAll() {
        return answersInAll;
    }

    long misses() {
        return misses;
    }

    long wrong() {
        return wrong;
    }

    long valueBytes() {
        return valueBytes;
    }
}
