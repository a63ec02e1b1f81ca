package io.nearkv.bench.macro;

import java.util.Arrays;

/** A thread of the application that sends a batch, one operation or more, and waits for all of the answers before the next. */
final class WaitingThread implements Runnable {
    private final Recording recording;
    private final KeyChooser.Walk walk;
    private final Target target;
    private final int thread;
    private final int batch;

    WaitingThread(Recording recording, KeyChooser.Walk walk, Target target, int thread, int batch) {
        this.recording = recording;
        this.walk = walk;
        this.target = target;
        this.thread = thread;
        this.batch = batch;
    }

    @Override
    public void run() {
        try (BatchCaller caller = target.caller(thread)) {
            OperationKind[] kinds = new OperationKind[batch];
            int[] keys = new int[batch];
            int[] outcomes = new int[batch];
            Meter meter = recording.meter();
            long sent = recording.now();
            while (!recording.over(sent)) {
                int count = 0;
                while (count < batch) {
                    kinds[count] = walk.nextKind();
                    keys[count] = walk.nextKey();
                    if (keys[count] == KeyChooser.EXHAUSTED) {
                        recording.endAt(sent);
                        break;
                    }
                    count++;
                }
                Throwable failure = null;
                if (count > 0) {
                    try {
                        Arrays.fill(outcomes, Completion.WRONG);
                        caller.call(kinds, keys, count, outcomes);
                    } catch (Exception e) {
                        failure = e;
                    }
                }
                long now = recording.now();
                if (failure != null) {
                    meter.failed(failure, count);
                } else {
                    for (int i = 0; i < count; i++) {
                        meter.answered(kinds[i], outcomes[i], now - sent, recording.inWindow(now));
                    }
                }
                sent = now;
            }
        } finally {
            recording.stopped();
        }
    }
}
