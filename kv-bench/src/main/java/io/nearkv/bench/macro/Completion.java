package io.nearkv.bench.macro;

/** Where a target reports what became of an operation: exactly one call for each one sent, on any thread. */
public interface Completion {
    /** The key was not there. */
    int MISS = -1;
    /** The answer is not what it must be: another length, another number of names. */
    int WRONG = -2;

    /** Takes an answer: the number of value bytes that came back (of names, for a list), {@link #MISS} or {@link #WRONG}. */
    void answered(int outcome);

    /** Takes a failure. */
    void failed(Throwable failure);
}
