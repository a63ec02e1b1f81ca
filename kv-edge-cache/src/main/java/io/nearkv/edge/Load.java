package io.nearkv.edge;

import io.nearkv.core.GetResult;
import io.nearkv.core.Position;
import io.nearkv.core.ValueReader;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** A read upstream that is under way, for everybody who waits for this key. */
final class Load {
    final CacheKey key;
    /** What the cache knew when the load began, which its result may replace whatever it is; null for nothing. */
    final @Nullable Entry before;
    /** What it comes to. Completed after the result is installed. */
    final CompletableFuture<Outcome> outcome = new CompletableFuture<>();
    /** The oldest version that may be installed: a change that was heard of meanwhile. Written under the key's place in the {@link EntryTable}. */
    volatile long minVersion;
    /** What it asks for; null if it has all there is, as one from the engine behind the cache. */
    private final @Nullable Demand demand;
    /** Something older than should be, for those who would rather have it than nothing. */
    volatile @Nullable Entry fallback;

    Load(CacheKey key, @Nullable Entry before) {
        this(key, before, null);
    }

    Load(CacheKey key, @Nullable Entry before, @Nullable Demand demand) {
        this.key = key;
        this.before = before;
        this.demand = demand;
        this.fallback = before;
    }

    /** Returns whether a change was heard of since it began: then it may come back with what was before. */
    boolean isRaced() {
        return minVersion > 0;
    }

    /** Returns whether what this load comes to will do for who would else begin the other, later one. */
    boolean serves(Load later) {
        Demand wanted = later.demand;
        Demand asked = demand;
        return !isRaced() && (wanted == null || asked == null || wanted.isMetBy(asked));
    }

    /**
     * What a load asks for, or its reader.
     *
     * @param generation of the feed: of one before a gap, nobody knows what it has missed
     * @param sinceNanos when, by the ticker; the answer is of that moment or later, but for the age that is asked for
     * @param ageNanos how old the copy of a cache above may be
     * @param bounded whether that is all
     * @param after which changes it must have, if it is not bounded; null for none
     * @param read which changes the reader wants it to have; null for none
     */
    record Demand(
            long generation,
            long sinceNanos,
            long ageNanos,
            boolean bounded,
            @Nullable Position after,
            @Nullable Position read) {
        /** Returns whether the answer to an earlier question meets this one: who has written since then, or wants something newer, must not be given it. */
        boolean isMetBy(Demand asked) {
            if (asked.generation != generation
                    || asked.ageNanos > ageNanos
                    || sinceNanos - asked.sinceNanos > ageNanos
                    || (bounded && !asked.bounded)) {
                return false;
            }
            Position has = asked.after;
            return read == null || (has != null && has.covers(read));
        }
    }

    /** What a load comes to: the answer; or a value that is too large to be kept, as a reader for the one who takes it first. */
    static final class Outcome {
        private final @Nullable GetResult result;
        private final AtomicReference<@Nullable ValueReader> reader;
        private final long vouchedNanos;

        private Outcome(@Nullable GetResult result, @Nullable ValueReader reader, long vouchedNanos) {
            this.result = result;
            this.vouchedNanos = vouchedNanos;
            this.reader = new AtomicReference<>(reader);
        }

        static Outcome of(GetResult result, long vouchedNanos) {
            return new Outcome(result, null, vouchedNanos);
        }

        static Outcome large(ValueReader reader, long vouchedNanos) {
            return new Outcome(null, reader, vouchedNanos);
        }

        /** Returns when, by the ticker, the owner of the data had this for certain. */
        long vouchedNanos() {
            return vouchedNanos;
        }

        /** Returns the answer, or null for a value that is too large. */
        @Nullable
        GetResult result() {
            return result;
        }

        /** Returns the reader of a large value to the first who asks, who then closes it. */
        @Nullable
        ValueReader takeReader() {
            return reader.getAndSet(null);
        }
    }
}
