package io.nearkv.bench.macro;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * One operation in flight, for ever: when it completes, the next one is sent from the thread that completed it.
 *
 * <p>A completion may come while {@link Sender#send} still runs, on this thread or another. If it went on by itself, the stack would grow with every such answer; so whoever comes
 * second goes on. The states are SENDING, then RETURNED (the answer is still to come, and its thread goes on) or COMPLETED (the answer came first, and the thread that sends goes
 * on). The hand-over is atomic, and with it everything that the place owns.
 */
final class ClosedLoopPlace implements Completion {
    private static final int SENDING = 0;
    private static final int RETURNED = 1;
    private static final int COMPLETED = 2;

    private final Recording recording;
    private final KeyChooser.Walk walk;
    private final Sender sender;
    private final AtomicInteger state = new AtomicInteger();
    private OperationKind kind = OperationKind.GET;
    private long sentNanos;

    ClosedLoopPlace(Recording recording, KeyChooser.Walk walk, Target target, int connection) {
        this.recording = recording;
        this.walk = walk;
        this.sender = target.sender(connection, this);
    }

    /** Sends the first operation; returns when the place waits for an answer, or has stopped. */
    void start() {
        sentNanos = recording.now();
        goOn();
    }

    private void goOn() {
        do {
            if (recording.over(sentNanos)) {
                recording.stopped();
                return;
            }
            kind = walk.nextKind();
            int key = walk.nextKey();
            if (key == KeyChooser.EXHAUSTED) {
                recording.endAt(sentNanos);
                recording.stopped();
                return;
            }
            state.set(SENDING);
            sender.send(kind, key);
        } while (!state.compareAndSet(SENDING, RETURNED));
    }

    @Override
    public void answered(int outcome) {
        long now = recording.now();
        recording.meter().answered(kind, outcome, now - sentNanos, recording.inWindow(now));
        completed(now);
    }

    @Override
    public void failed(Throwable failure) {
        recording.meter().failed(failure, 1);
        completed(recording.now());
    }

    private void completed(long now) {
        // The end of one operation is the beginning of the next: one look at the clock for both.
        sentNanos = now;
        if (!state.compareAndSet(SENDING, COMPLETED)) {
            goOn();
        }
    }
}
