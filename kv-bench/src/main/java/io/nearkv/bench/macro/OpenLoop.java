package io.nearkv.bench.macro;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/**
 * Operations that arrive at a fixed rate. Each counts from the moment at which it should have been sent, whether or not the target, or this loop, was ready then: a target that
 * stalls for a second is charged for every operation that fell due in that second, and not for one.
 *
 * <p>At most so many operations are out at a time; beyond that, those that fall due wait here and still count from their moment. One thread runs the loop.
 */
final class OpenLoop {
    private final Recording recording;
    private final KeyChooser.Walk walk;
    private final long startNanos;
    private final long ratePerSecond;
    private final ArrayBlockingQueue<Place> idle;
    private final Histogram sendLagNanos = new Histogram(3_600_000_000_000L, 3);
    private final int places;

    /** Waits for moments to come. */
    @FunctionalInterface
    interface Pacer {
        /** Returns at this moment of the recording's clock or a little later, at once if it has passed. */
        void awaitNanos(long moment) throws InterruptedException;
    }

    private final class Place implements Completion {
        private final Sender sender;
        private OperationKind kind = OperationKind.GET;
        private long dueNanos;

        Place(Target target, int connection) {
            this.sender = target.sender(connection, this);
        }

        @Override
        public void answered(int outcome) {
            recording.meter().answered(kind, outcome, recording.now() - dueNanos, recording.inWindow(dueNanos));
            idle.add(this);
        }

        @Override
        public void failed(Throwable failure) {
            recording.meter().failed(failure, 1);
            idle.add(this);
        }
    }

    OpenLoop(
            Recording recording,
            KeyChooser.Walk walk,
            Target target,
            int connections,
            int places,
            long ratePerSecond,
            long startNanos) {
        this.recording = recording;
        this.walk = walk;
        this.startNanos = startNanos;
        this.ratePerSecond = ratePerSecond;
        this.places = places;
        this.idle = new ArrayBlockingQueue<>(places);
        for (int i = 0; i < places; i++) {
            idle.add(new Place(target, i % connections));
        }
    }

    /**
     * Sends everything that falls due, then waits for the answers. Returns how many operations were not answered, those never sent because the target was too slow
     * included.
     */
    long run(Pacer pacer, long drainNanos) throws InterruptedException {
        long sent = 0;
        while (true) {
            long due = startNanos + sent * 1_000_000_000L / ratePerSecond;
            if (due - recording.until() >= 0) {
                break;
            }
            pacer.awaitNanos(due);
            Place place = idle.poll();
            if (place == null) {
                place = idle.poll(drainNanos, TimeUnit.NANOSECONDS);
            }
            if (place == null || recording.now() - recording.until() > drainNanos) {
                long lengthNanos = recording.until() - startNanos;
                return lengthNanos * ratePerSecond / 1_000_000_000L - sent + places - idle.size();
            }
            place.dueNanos = due;
            place.kind = walk.nextKind();
            int key = walk.nextKey();
            if (key == KeyChooser.EXHAUSTED) {
                idle.add(place);
                recording.endAt(due);
                break;
            }
            if (recording.inWindow(due)) {
                sendLagNanos.recordValue(Math.max(0, recording.now() - due));
            }
            place.sender.send(place.kind, key);
            sent++;
        }
        // Every place that comes back brings what its thread has written.
        int back = 0;
        while (back < places && idle.poll(drainNanos, TimeUnit.NANOSECONDS) != null) {
            back++;
        }
        return (long) places - back;
    }

    /** Returns by how much operations were sent later than they fell due, in nanoseconds: the part of the latency that is this loop's or the full places'. */
    Histogram sendLagNanos() {
        return sendLagNanos;
    }
}
