package io.nearkv.edge;

import org.jspecify.annotations.Nullable;

/**
 * What a {@link MirrorStore} has done since it was opened, and how far its copy is.
 *
 * @param answers reads and listings answered from the copy
 * @param passedOn reads and listings that upstream was asked for
 * @param staleAnswers answers from the copy that were older than they should be, because nobody upstream answered
 * @param namespaces namespaces that are to be copied
 * @param completeNamespaces of these, those of which everything is here
 * @param fetchedKeys keys whose values upstream was asked for, to copy them
 * @param behindKeys keys that have changed and are not copied yet
 * @param diskBytes bytes on the disk, about
 * @param diskDrops how often the disk was emptied because it was damaged
 * @param feed how it stands with the change feed: connecting, following, lost or refused
 * @param feedFailure why it does not come, or null
 * @param generation counts the gaps of the feed
 * @param position up to where changes have been heard of, or null if the feed has never begun
 * @param feedAgeMillis how long ago there was nothing that had not been heard of; -1 if never
 * @param feedSubscribers how many follow the feed of this mirror out of its memory
 */
public record MirrorStats(
        long answers,
        long passedOn,
        long staleAnswers,
        long namespaces,
        long completeNamespaces,
        long fetchedKeys,
        long behindKeys,
        long diskBytes,
        long diskDrops,
        String feed,
        @Nullable String feedFailure,
        long generation,
        @Nullable String position,
        long feedAgeMillis,
        long feedSubscribers) {}
