package io.nearkv.bench.macro;

/** What a load runs against: a store or a peer, through its client. Thread-safe. */
public interface Target extends AutoCloseable {
    /** Returns a new place to send from without waiting, on one of the target's connections. */
    Sender sender(int connection, Completion completion);

    /** Returns a caller for one thread that waits for each answer. */
    BatchCaller caller(int thread);

    /** Ends all connections. */
    @Override
    void close();
}
