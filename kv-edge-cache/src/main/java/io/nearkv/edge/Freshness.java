package io.nearkv.edge;

import io.nearkv.core.GetResult;
import io.nearkv.core.Position;
import io.nearkv.core.ReadOptions;
import java.time.Duration;
import java.time.InstantSource;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Whether what the cache knows of a key may answer a read: the rules of {@link EdgeCache} in one place. Stateless beside the settings; what is known of the feed comes with the
 * call. Thread-safe.
 */
final class Freshness {
    /** Clock and ticker. */
    static final class Time {
        private final InstantSource clock;
        private final LongSupplier ticker;
        private volatile boolean ticking;
        private volatile long tickNanos;

        Time(InstantSource clock, LongSupplier ticker) {
            this.clock = clock;
            this.ticker = ticker;
        }

        long millis() {
            return clock.millis();
        }

        long nanos() {
            return ticker.getAsLong();
        }

        /** Notes what time it is. Once it was called, {@link #recentNanos} is as old as the last call. */
        void tick() {
            tickNanos = nanos();
            ticking = true;
        }

        /** Returns what time it was lately: a look at the real clock takes as long as all else that a hit does. */
        long recentNanos() {
            return ticking ? tickNanos : nanos();
        }
    }

    /** What is known of the feed at one moment. */
    interface Feed {
        /** Counts the gaps: what was vouched for in an earlier generation may have changed unseen. 0 before the feed has first begun. */
        long generation();

        /** Returns the position up to which every change has been taken in, or null before the feed has first begun. */
        @Nullable
        Position position();

        /** Returns a position that loads have to ask for: of the change that is being taken in, or the last one. Never behind {@link #position}. */
        default @Nullable Position heard() {
            return position();
        }

        /** Returns when that position was the latest there was, by the ticker; far in the past if never. */
        long currentNanos();
    }

    private record Moment(@Nullable Position position, long currentNanos, long generation) implements Feed {}

    /** Returns what is known of the feed now, for an entry that is read somewhere else after this. */
    static Feed momentOf(Feed feed) {
        // The generation last: after a gap it is the one that has not seen what the position stands for.
        return new Moment(feed.position(), feed.currentNanos(), feed.generation());
    }

    private final long ttlNanos;
    private final long staleNanos;
    private final boolean coherent;

    Freshness(EdgeOptions options) {
        this.ttlNanos = nanos(options.cacheTtl);
        this.staleNanos = nanos(options.staleIfError);
        this.coherent = options.coherent;
    }

    static long nanos(Duration duration) {
        try {
            return duration.toNanos();
        } catch (ArithmeticException forever) {
            return Long.MAX_VALUE;
        }
    }

    /** Returns how old a copy may be for this read. */
    long ttlNanos(ReadOptions read) {
        Duration own = read.cacheTtl();
        return own == null ? ttlNanos : nanos(own);
    }

    private long staleNanos(ReadOptions read) {
        Duration own = read.staleIfError();
        return own == null ? staleNanos : nanos(own);
    }

    /** Returns whether an entry, which is live and has not expired, may answer this read without asking upstream. */
    boolean mayAnswer(Entry entry, long ageNanos, ReadOptions read, Feed feed, long nowNanos) {
        if (coherent) {
            return true; // Every change comes through this cache before anybody is told of it.
        }
        boolean suspect = isSuspect(entry, feed);
        switch (read.consistency()) {
            case EVENTUAL -> {
                return !suspect && ageNanos <= ttlNanos(read);
            }
            case BOUNDED -> {
                long bound = nanos(read.maxStaleness());
                // Vouched for so lately; or in step with a feed that was so lately at the end. In this order: a change
                // that
                // the feed has brought by then has ended the entry, and a gap its generation.
                return ageNanos < bound
                        || (ageNanos <= ttlNanos(read)
                                && nowNanos - feed.currentNanos() < bound
                                && isTracked(entry, feed)
                                && entry.isLive());
            }
            case SESSION -> {
                Position after = read.after();
                Position position = feed.position();
                // The entry was found before the position was read, and may have been ended by a change up to there.
                return after != null
                        && position != null
                        && position.covers(after)
                        && isTracked(entry, feed)
                        && ageNanos <= ttlNanos(read)
                        && (!(entry.result instanceof GetResult.Missing missing)
                                || tellsPartition(missing.asOf(), position))
                        && entry.isLive();
            }
            default -> {
                return false; // STRONG: the owner of the data answers.
            }
        }
    }

    /** Returns whether it is known of which partition an answer "not there" is, so that a session can be told how far this tier is in it. */
    static boolean tellsPartition(long asOf, Position position) {
        return asOf > 0 || position.versions().size() == 1;
    }

    /** Returns whether a full copy may answer this read, which has taken in every change up to the feed's position. What was checked first may only grow: read the copy after this. */
    boolean mayCopyAnswer(ReadOptions read, Feed feed, long nowNanos) {
        if (feed.generation() <= 0) {
            return false;
        }
        long age = nowNanos - feed.currentNanos();
        return switch (read.consistency()) {
            case EVENTUAL -> age <= ttlNanos(read);
            case BOUNDED -> age < nanos(read.maxStaleness());
            case SESSION -> {
                Position after = read.after();
                Position position = feed.position();
                yield after != null && position != null && age <= ttlNanos(read) && position.covers(after);
            }
            case STRONG -> false;
        };
    }

    /** Returns whether a full copy of this age may answer this read when nobody upstream does. */
    boolean mayCopyAnswerStale(ReadOptions read, long ageNanos) {
        long stale = staleNanos(read);
        long limit = ttlNanos(read) + stale;
        return read.consistency() == ReadOptions.Consistency.EVENTUAL && stale > 0 && (limit < 0 || ageNanos <= limit);
    }

    /** Returns whether changes of the entry may have been missed. */
    static boolean isSuspect(Entry entry, Feed feed) {
        return entry.generation() != feed.generation();
    }

    private static boolean isTracked(Entry entry, Feed feed) {
        return feed.generation() > 0 && !isSuspect(entry, feed);
    }

    /** Returns whether an entry may answer this read when nobody upstream does. Who asks for more than some copy is told the truth: an error. */
    boolean mayAnswerStale(Entry entry, ReadOptions read) {
        if (read.consistency() != ReadOptions.Consistency.EVENTUAL || entry.isExpired()) {
            return false;
        }
        long stale = staleNanos(read);
        long limit = ttlNanos(read) + stale;
        return stale > 0 && (limit < 0 || entry.ageNanos() <= limit);
    }

    /** Returns whether the read takes something old where nobody can be asked. */
    boolean takesStale(ReadOptions read) {
        return staleNanos(read) > 0;
    }

    /** Returns whether an entry should be asked for again now, before it gets too old, because somebody reads it. */
    boolean isDueForRefresh(long ageNanos, ReadOptions read) {
        long ttl = ttlNanos(read);
        return !coherent && ageNanos > ttl - ttl / 4 && ttl >= MIN_REFRESHED_NANOS;
    }

    /** What is to live shorter than this is not refreshed ahead: one would do nothing else. */
    private static final long MIN_REFRESHED_NANOS = 1_000_000_000;
}
