package io.nearkv.core;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Which changes to follow, and from where.
 *
 * @param namespace the namespace, or null for every namespace of the store (what a tier below follows)
 * @param prefix what the keys begin with; empty for all
 * @param start where to begin
 * @param heartbeat how often a {@link FeedEvent.Heartbeat} comes while the reader has caught up
 */
public record FeedRequest(@Nullable NamespaceId namespace, String prefix, Start start, Duration heartbeat) {
    /** How often a heartbeat comes where nothing else is said. */
    public static final Duration DEFAULT_HEARTBEAT = Duration.ofSeconds(1);

    /** The shortest time between heartbeats. */
    public static final Duration MIN_HEARTBEAT = Duration.ofMillis(10);

    /** Where a feed begins. */
    public sealed interface Start {
        /** With the next change that is committed. */
        record Now() implements Start {}

        /** With the oldest change that is still retained. */
        record Oldest() implements Start {}

        /**
         * With the first change after a position.
         *
         * @param position the position
         */
        record After(Position position) implements Start {
            /** Checks that the position is given. */
            public After {
                requireNonNull(position, "position");
            }
        }
    }

    /** Checks that nothing is missing, and the prefix as {@link Key#prefixUtf8} does. */
    public FeedRequest {
        byte[] unused = Key.prefixUtf8(prefix);
        requireNonNull(start, "start");
        if (heartbeat.compareTo(MIN_HEARTBEAT) < 0 || heartbeat.compareTo(Limits.MAX_TIMEOUT) > 0) {
            throw new IllegalArgumentException(
                    "heartbeat: " + heartbeat + " (expected: " + MIN_HEARTBEAT + " to " + Limits.MAX_TIMEOUT + ")");
        }
    }

    /** Returns a request for all keys of a namespace. */
    public static FeedRequest of(@Nullable NamespaceId namespace, Start start) {
        return new FeedRequest(namespace, "", start, DEFAULT_HEARTBEAT);
    }

    /** Returns a copy with this prefix. */
    public FeedRequest withPrefix(String newPrefix) {
        return new FeedRequest(namespace, newPrefix, start, heartbeat);
    }

    /** Returns a copy with this time between heartbeats. */
    public FeedRequest withHeartbeat(Duration newHeartbeat) {
        return new FeedRequest(namespace, prefix, start, newHeartbeat);
    }
}
