package io.nearkv.net.transport;

import io.netty.channel.SelectStrategy;
import io.netty.channel.SelectStrategyFactory;
import io.netty.util.IntSupplier;

/**
 * Lets an event loop look for events without pause for a while after the last one, and block only then. Waking a blocked thread costs more than everything else that a lone
 * request needs. One per loop, confined to its thread.
 */
final class SpinStrategy implements SelectStrategy {
    private final long spinNanos;
    private long lastEventNanos;
    private boolean blocked;

    /** Makes one strategy per loop. */
    record Factory(long spinNanos) implements SelectStrategyFactory {
        @Override
        public SelectStrategy newSelectStrategy() {
            return new SpinStrategy(spinNanos);
        }
    }

    SpinStrategy(long spinNanos) {
        this.spinNanos = spinNanos;
    }

    @Override
    public int calculateStrategy(IntSupplier selectNow, boolean hasTasks) throws Exception {
        if (spinNanos <= 0) {
            return hasTasks ? selectNow.get() : SELECT;
        }
        if (blocked) {
            // The loop has come back from blocking: there was an event.
            blocked = false;
            lastEventNanos = System.nanoTime();
        }
        int events = selectNow.get();
        if (events > 0) {
            lastEventNanos = System.nanoTime();
            return events;
        }
        if (hasTasks || System.nanoTime() - lastEventNanos < spinNanos) {
            // No events, but do not block: the loop runs its tasks, if any, and asks again.
            Thread.onSpinWait();
            return 0;
        }
        blocked = true;
        return SELECT;
    }
}
