package io.nearkv.bench.macro;

/** Sends a batch of operations and waits for all answers; confined to one thread. */
public interface BatchCaller extends AutoCloseable {
    /**
     * Sends operations and waits.
     *
     * @param kinds what to do
     * @param keyIndexes with which keys
     * @param count how many of both arrays count
     * @param outcomes receives what {@link Completion#answered} would
     * @throws Exception if any operation failed: then all of the batch count as failed
     */
    void call(OperationKind[] kinds, int[] keyIndexes, int count, int[] outcomes) throws Exception;

    @Override
    default void close() {}
}
