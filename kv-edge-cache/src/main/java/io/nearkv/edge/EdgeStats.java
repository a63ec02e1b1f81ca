package io.nearkv.edge;

import org.jspecify.annotations.Nullable;

/**
 * What an {@link EdgeCache} has done since it was opened, and what it holds.
 *
 * @param memoryHits reads answered from memory
 * @param diskHits reads answered from the disk
 * @param misses reads for which upstream had to be asked
 * @param coalesced reads that joined one which was under way already
 * @param loads questions to upstream
 * @param refreshes of these, those ahead of time, for an entry that is read often
 * @param staleAnswers answers that were older than they should be, because nobody upstream answered
 * @param refused reads that were refused because upstream does not answer, or too many ask already
 * @param changes changes that the feed has brought
 * @param invalidations entries that a change took away
 * @param revalidated entries that upstream has vouched for after a gap
 * @param evictions entries that had to go for others
 * @param listHits pages of listings from memory
 * @param listMisses pages of listings from upstream
 * @param entries entries in memory, about
 * @param memoryBytes bytes that they take, about
 * @param maxMemoryBytes bytes that they may take
 * @param diskBytes bytes on the disk, 0 without one
 * @param diskDrops how often the disk was emptied, because it was damaged or too slow
 * @param loadsUnderWay questions that upstream has not answered yet
 * @param maxLoads how many there may be
 * @param upstreamAnswers whether upstream has answered lately
 * @param feed how it stands with the change feed: connecting, following, lost or refused; coherent where there is none
 * @param feedFailure why it does not come, or null
 * @param generation counts the gaps of the feed
 * @param position up to where changes have been taken in, or null if the feed has never begun
 * @param feedAgeMillis how long ago there was nothing that had not been taken in; -1 if never
 * @param feedSubscribers how many follow the feed of this cache out of its memory; others are served by upstream
 */
public record EdgeStats(
        long memoryHits,
        long diskHits,
        long misses,
        long coalesced,
        long loads,
        long refreshes,
        long staleAnswers,
        long refused,
        long changes,
        long invalidations,
        long revalidated,
        long evictions,
        long listHits,
        long listMisses,
        long entries,
        long memoryBytes,
        long maxMemoryBytes,
        long diskBytes,
        long diskDrops,
        long loadsUnderWay,
        long maxLoads,
        boolean upstreamAnswers,
        String feed,
        @Nullable String feedFailure,
        long generation,
        @Nullable String position,
        long feedAgeMillis,
        long feedSubscribers) {}
