package io.nearkv.core;

/** What became of an atomic batch. Immutable. */
public sealed interface BatchResult {
    /**
     * Every mutation of the batch happened, at once. Their versions follow one another in the order of the batch, at the same distance: 1, or the number of partitions.
     *
     * @param firstVersion the version of the first mutation
     * @param lastVersion the version of the last mutation
     */
    record Applied(long firstVersion, long lastVersion) implements BatchResult {
        /**
         * Returns the version of a mutation.
         *
         * @param index which, counted from 0
         * @param size how many the batch had
         */
        public long version(int index, int size) {
            return size == 1 ? firstVersion : firstVersion + index * ((lastVersion - firstVersion) / (size - 1));
        }
    }

    /**
     * A condition did not hold, and nothing was changed. Conditions see the state before the batch together with the earlier mutations of the batch.
     *
     * @param index which mutation, counted from 0
     * @param currentVersion the version of the entry that is there, or 0 if there is none or an earlier mutation of the batch deleted it
     */
    record ConditionFailed(int index, long currentVersion) implements BatchResult {}

    /** Returns whether the batch happened. */
    default boolean applied() {
        return this instanceof Applied;
    }

    /**
     * Returns the version of the last mutation.
     *
     * @throws KvException {@link ErrorCode#PRECONDITION_FAILED} if a condition did not hold
     */
    default long orThrow() {
        if (this instanceof Applied applied) {
            return applied.lastVersion();
        }
        ConditionFailed failed = (ConditionFailed) this;
        throw new KvException(
                ErrorCode.PRECONDITION_FAILED,
                "condition of operation " + failed.index() + " failed: "
                        + (failed.currentVersion() == 0
                                ? "the key is absent"
                                : "the entry has version " + failed.currentVersion()));
    }
}
