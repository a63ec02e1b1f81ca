package io.nearkv.core;

/** What became of a write. A condition that did not hold is an answer, not an error. Immutable. */
public sealed interface WriteResult {
    /**
     * The write happened.
     *
     * @param version the number of the commit, larger than that of every earlier write of the partition. A delete has one too, whether or not the key was there.
     */
    record Applied(long version) implements WriteResult {}

    /**
     * The condition did not hold, and nothing was changed.
     *
     * @param currentVersion the version of the entry that is there, or 0 if there is none
     */
    record ConditionFailed(long currentVersion) implements WriteResult {}

    /** Returns whether the write happened. */
    default boolean applied() {
        return this instanceof Applied;
    }

    /**
     * Returns the version of the commit, for callers to whom a failed condition is a failure.
     *
     * @throws KvException {@link ErrorCode#PRECONDITION_FAILED} if the condition did not hold
     */
    default long orThrow() {
        if (this instanceof Applied applied) {
            return applied.version();
        }
        throw conditionFailed(((ConditionFailed) this).currentVersion());
    }

    /** Returns the exception form of a failed condition. */
    static KvException conditionFailed(long currentVersion) {
        return new KvException(
                ErrorCode.PRECONDITION_FAILED,
                currentVersion == 0
                        ? "condition failed: the key is absent"
                        : "condition failed: the entry has version " + currentVersion);
    }
}
