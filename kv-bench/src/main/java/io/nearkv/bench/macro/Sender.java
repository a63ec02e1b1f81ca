package io.nearkv.bench.macro;

/** One place in a load from which one operation at a time is sent. Confined to whoever holds the place at the moment. */
public interface Sender {
    /**
     * Sends an operation. Its completion is called once, on this thread before the method returns or on another at any time. Throws nothing that can happen to a
     * correct program.
     */
    void send(OperationKind kind, int keyIndex);
}
