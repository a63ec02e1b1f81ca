package io.nearkv.core;

import static java.util.Objects.requireNonNull;

import org.jspecify.annotations.Nullable;

/** What a change feed brings, in the order of the commits, each change once. Immutable. */
public sealed interface FeedEvent {
    /**
     * One committed change.
     *
     * @param position where a reader that has seen this change goes on
     * @param version the version of the change; grows from change to change of a partition by the number of partitions, so that a reader of everything can see gaps
     * @param namespace the namespace
     * @param key the key, or null for {@link Kind#NAMESPACE_DELETED}
     * @param kind what happened
     * @param endsCommit whether this is the last change of its commit: the changes of an atomic batch come one after the other, and only the last one has this
     */
    record Change(
            Position position,
            long version,
            NamespaceId namespace,
            @Nullable Key key,
            Kind kind,
            boolean endsCommit) implements FeedEvent {
        /** Checks that nothing is missing. */
        public Change {
            requireNonNull(position, "position");
            requireNonNull(namespace, "namespace");
            requireNonNull(kind, "kind");
            if ((key == null) != (kind == Kind.NAMESPACE_DELETED)) {
                throw new IllegalArgumentException("key: " + key + " with " + kind);
            }
        }
    }

    /**
     * The reader has seen every change up to this position that it asked for, and there are no others. Comes once when the reader has caught up, and then at the requested
     * interval, also between changes, as long as it has: so the last heartbeat says how old what the reader knows may be.
     *
     * @param position where the reader goes on
     */
    record Heartbeat(Position position) implements FeedEvent {
        /** Checks that the position is given. */
        public Heartbeat {
            requireNonNull(position, "position");
        }
    }

    /**
     * The position asked for is older than what is retained, or of another history: changes are missing, and the reader must start over from a listing.
     * The last event of its feed.
     *
     * @param oldest the oldest position from which a feed can go on
     */
    record TooOld(Position oldest) implements FeedEvent {
        /** Checks that the position is given. */
        public TooOld {
            requireNonNull(oldest, "oldest");
        }
    }

    /** What happened to a key; the ordinals are frozen, because they are on disk and on the wire. */
    enum Kind {
        /** It was written. */
        PUT,
        /** It was deleted (or a delete found nothing to delete). */
        DELETE,
        /** Its time was over and the store removed it. Reads have not seen it since its expiration, however late this comes. */
        EXPIRE,
        /** Its namespace was deleted with all keys. */
        NAMESPACE_DELETED
    }
}
