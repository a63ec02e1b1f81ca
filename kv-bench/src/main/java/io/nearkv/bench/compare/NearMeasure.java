package io.nearkv.bench.compare;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/** What is measured of a {@link NearCache}. Not thread-safe. */
final class NearMeasure {
    /** Gets between two looks at the clock. */
    static final int BATCH = 1024;

    /** Who only looks keeps the caches' own threads from their work. */
    private static final long LOOK_EVERY_NANOS = 20_000;

    private final long giveUpNanos;

    NearMeasure(long giveUpNanos) {
        this.giveUpNanos = giveUpNanos;
    }

    /**
     * What some threads came to that did nothing but get.
     *
     * @param nanosPerGet of one thread, the mean
     * @param wrong wrong answers
     */
    record Turn(double nanosPerGet, long wrong) {}

    private record Part(long gets, long nanos, long wrong) {}

    /**
     * Gets for a while.
     *
     * @param sequences which keys, for each thread; a power of two of them, at least {@link #BATCH}
     * @param from where to begin in them, in batches
     */
    static Turn gets(NearCache.Gets cache, int[][] sequences, int from, long nanos) throws InterruptedException {
        ExecutorService threads = Executors.newFixedThreadPool(sequences.length);
        try {
            long until = System.nanoTime() + nanos;
            List<Callable<Part>> loops = new ArrayList<>();
            for (int[] sequence : sequences) {
                loops.add(() -> loop(cache, sequence, from, until));
            }
            long gets = 0;
            long spent = 0;
            long wrong = 0;
            for (Future<Part> each : threads.invokeAll(loops)) {
                Part part = each.get();
                gets += part.gets;
                spent += part.nanos;
                wrong += part.wrong;
            }
            return new Turn(spent / (double) gets, wrong);
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        } finally {
            threads.shutdown();
        }
    }

    private static Part loop(NearCache.Gets cache, int[] sequence, int from, long until) {
        long begin = System.nanoTime();
        long now = begin;
        long gets = 0;
        long wrong = 0;
        for (int at = from; now - until < 0 || gets == 0; at++) {
            wrong += cache.wrong(sequence, (at * BATCH) & (sequence.length - 1), BATCH);
            gets += BATCH;
            now = System.nanoTime();
        }
        return new Part(gets, now - begin, wrong);
    }

    /** Gets every key, and returns how many values are not what they must be. */
    static long verify(NearCache cache, byte[][] expected) {
        long wrong = 0;
        for (int i = 0; i < expected.length; i++) {
            if (!Arrays.equals(cache.get(i), expected[i])) {
                wrong++;
            }
        }
        return wrong;
    }

    /** How long it took until writes were acknowledged, and until the cache showed them, in nanoseconds; and how many it never showed, or showed as something else. */
    static final class Visibility {
        final Histogram acknowledged = new Histogram(TimeUnit.MINUTES.toNanos(10), 3);
        final Histogram seenFromSending = new Histogram(TimeUnit.MINUTES.toNanos(10), 3);
        final Histogram seenFromAcknowledgement = new Histogram(TimeUnit.MINUTES.toNanos(10), 3);
        long wrong;
    }

    /** Writes one key that the cache holds, past it, and gets it until the new value comes. */
    void write(NearCache cache, int index, byte[] value, Visibility into) {
        byte[] before = cache.get(index);
        long sent = System.nanoTime();
        cache.write(index, value);
        long acknowledged = System.nanoTime();
        byte[] shown = cache.get(index);
        long now = System.nanoTime();
        while (isStill(before, shown) && now - acknowledged < giveUpNanos) {
            LockSupport.parkNanos(LOOK_EVERY_NANOS);
            shown = cache.get(index);
            now = System.nanoTime();
        }
        if (!Arrays.equals(value, shown)) {
            into.wrong++;
            return;
        }
        into.acknowledged.recordValue(acknowledged - sent);
        into.seenFromSending.recordValue(now - sent);
        into.seenFromAcknowledgement.recordValue(now - acknowledged);
    }

    private static boolean isStill(byte @Nullable [] before, byte @Nullable [] shown) {
        return before != null && Arrays.equals(before, shown);
    }
}
