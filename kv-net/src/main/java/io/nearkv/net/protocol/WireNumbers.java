package io.nearkv.net.protocol;

import io.nearkv.core.Condition;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.Origin;
import io.nearkv.core.ReadOptions.Consistency;
import io.nearkv.core.WriteOptions.Durability;
import org.jspecify.annotations.Nullable;

/** The frozen numbers of the contract's enums. Written out, so that no change of an enum changes what is on the wire. Stateless. */
final class WireNumbers {
    static final int EVENTUAL = 0;
    static final int FSYNC = 0;
    static final int BUFFERED = 1;

    private WireNumbers() {}

    static int of(Consistency consistency) {
        return switch (consistency) {
            case EVENTUAL -> EVENTUAL;
            case BOUNDED -> 1;
            case SESSION -> 2;
            case STRONG -> 3;
        };
    }

    static @Nullable Consistency consistency(int number) {
        return switch (number) {
            case EVENTUAL -> Consistency.EVENTUAL;
            case 1 -> Consistency.BOUNDED;
            case 2 -> Consistency.SESSION;
            case 3 -> Consistency.STRONG;
            default -> null;
        };
    }

    static int of(Origin.Source source) {
        return switch (source) {
            case OWNER -> 0;
            case MEMORY -> 1;
            case DISK -> 2;
            case UPSTREAM -> 3;
            case STALE, SUBSTITUTE -> 4; // A substitute is made by a client, and nothing that travels.
        };
    }

    /** A source that is not known here is one of a cache. */
    static Origin.Source source(int number) {
        return switch (number) {
            case 0 -> Origin.Source.OWNER;
            case 2 -> Origin.Source.DISK;
            case 3 -> Origin.Source.UPSTREAM;
            case 4 -> Origin.Source.STALE;
            default -> Origin.Source.MEMORY;
        };
    }

    static int of(Condition.Kind kind) {
        return switch (kind) {
            case NONE -> 0;
            case ABSENT -> 1;
            case PRESENT -> 2;
            case VERSION_IS -> 3;
        };
    }

    static Condition.@Nullable Kind condition(int number) {
        return switch (number) {
            case 0 -> Condition.Kind.NONE;
            case 1 -> Condition.Kind.ABSENT;
            case 2 -> Condition.Kind.PRESENT;
            case 3 -> Condition.Kind.VERSION_IS;
            default -> null;
        };
    }

    static int of(Durability durability) {
        return switch (durability) {
            case FSYNC -> FSYNC;
            case BUFFERED -> BUFFERED;
        };
    }

    static int of(FeedEvent.Kind kind) {
        return switch (kind) {
            case PUT -> 0;
            case DELETE -> 1;
            case EXPIRE -> 2;
            case NAMESPACE_DELETED -> 3;
        };
    }

    static FeedEvent.@Nullable Kind change(int number) {
        return switch (number) {
            case 0 -> FeedEvent.Kind.PUT;
            case 1 -> FeedEvent.Kind.DELETE;
            case 2 -> FeedEvent.Kind.EXPIRE;
            case 3 -> FeedEvent.Kind.NAMESPACE_DELETED;
            default -> null;
        };
    }
}
