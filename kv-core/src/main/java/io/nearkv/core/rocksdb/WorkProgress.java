package io.nearkv.core.rocksdb;

/** Told how far a long piece of work has come. Called on the thread that does the work. */
@FunctionalInterface
public interface WorkProgress {
    /** Tells nobody. */
    WorkProgress NONE = (step, done, total) -> {};

    /**
     * Called now and then.
     *
     * @param step what is being done, a few words
     * @param done how much of it is done
     * @param total how much there is, or 0 if that is not known; in the same unit as {@code done}
     */
    void advanced(String step, long done, long total);
}
