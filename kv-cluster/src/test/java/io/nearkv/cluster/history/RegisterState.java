package io.nearkv.cluster.history;

import io.nearkv.cluster.history.Operation.Condition;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The register of one key, as far as it is known. Values are numbers here. Immutable.
 *
 * @param value the value, or {@link #NOTHING}
 * @param version its version, {@link #FREE} if that was never told, 0 where nothing is there
 * @param floor the least that the largest version so far can be: the next one is larger. Where the version is free, it is the least that this one can be
 * @param excluded versions above the floor that a free version is known not to be, because a condition on it failed
 */
record RegisterState(int value, long version, long floor, List<Long> excluded) {
    static final int NOTHING = -1;
    static final long FREE = Operation.NOT_TOLD;
    static final RegisterState EMPTY = new RegisterState(NOTHING, 0, 0, List.of());

    boolean absent() {
        return value == NOTHING;
    }

    /** Returns whether the entry is the same, whatever versions may come next. */
    boolean sameEntry(RegisterState other) {
        return value == other.value && version == other.version && excluded.equals(other.excluded);
    }

    @Nullable
    RegisterState found(int found, long told) {
        return value == found ? withVersion(told) : null;
    }

    @Nullable
    RegisterState foundNothing() {
        return absent() ? this : null;
    }

    @Nullable
    RegisterState put(Condition condition, int written, long told) {
        RegisterState before = holding(condition);
        if (before == null) {
            return null;
        }
        if (told == FREE) {
            return new RegisterState(written, FREE, before.floor + 1, List.of());
        }
        return told > before.floor ? new RegisterState(written, told, told, List.of()) : null;
    }

    @Nullable
    RegisterState delete(Condition condition, long told) {
        RegisterState before = holding(condition);
        if (before == null) {
            return null;
        }
        // Of a delete that told no version it is not known that it took one.
        long after = told == FREE ? before.floor : told;
        return told == FREE || told > before.floor ? new RegisterState(NOTHING, 0, after, List.of()) : null;
    }

    /** Returns the state in which the condition does not hold. */
    @Nullable
    RegisterState failing(Condition condition, long toldCurrent) {
        RegisterState state = this;
        if (toldCurrent == 0) {
            state = foundNothing();
        } else if (toldCurrent != FREE) {
            state = absent() ? null : withVersion(toldCurrent);
        }
        if (state == null) {
            return null;
        }
        boolean fails = switch (condition.kind()) {
            case NONE -> false;
            case ABSENT -> !state.absent();
            case PRESENT -> state.absent();
            case VERSION_IS -> state.version != condition.version();
        };
        if (!fails) {
            return null;
        }
        return condition.kind() == Condition.Kind.VERSION_IS && state.version == FREE
                ? state.without(condition.version())
                : state;
    }

    private @Nullable RegisterState holding(Condition condition) {
        return switch (condition.kind()) {
            case NONE -> this;
            case ABSENT -> absent() ? this : null;
            case PRESENT -> absent() ? null : this;
            case VERSION_IS -> absent() ? null : withVersion(condition.version());
        };
    }

    private @Nullable RegisterState withVersion(long told) {
        if (told == FREE || told == version) {
            return this;
        }
        if (version != FREE || told < floor || excluded.contains(told)) {
            return null;
        }
        return new RegisterState(value, told, told, List.of());
    }

    private RegisterState without(long notThis) {
        if (notThis < floor || excluded.contains(notThis)) {
            return this;
        }
        List<Long> more = new ArrayList<>(excluded);
        more.add(notThis);
        more.sort(null);
        long newFloor = floor;
        while (!more.isEmpty() && more.get(0) == newFloor) {
            more.remove(0);
            newFloor++;
        }
        return new RegisterState(value, version, newFloor, List.copyOf(more));
    }
}
