package io.nearkv.edge;

import io.nearkv.core.GetResult;
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
    /** The oldest version that may be installed: a change that was heard of meanwhile. Guarded by the key's place in the {@link EntryTable}. */
    long minVersion;
    /** Something older than should be, for those who would rather have it than nothing. */
    volatile @Nullable Entry fallback;

    Load(CacheKey key, @Nullable Entry before) {
        this.key = key;
        this.before = before;
        this.fallback = before;
    }

    /** What a load comes to: the answer; or a value that is too large to be kept, as a reader for the one who takes it first. */
    static final class Outcome {
        private final @Nullable GetResult result;
        private final AtomicReference<@Nullable ValueReader> reader;

        private Outcome(@Nullable GetResult result, @Nullable ValueReader reader) {
            this.result = result;
            this.reader = new AtomicReference<>(reader);
        }

        static Outcome of(GetResult result) {
            return new Outcome(result, null);
        }

        static Outcome large(ValueReader reader) {
            return new Outcome(null, reader);
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
