package io.nearkv.net.client;

import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The future of a call, whose cancellation gives up the answer on the wire too. Its one field costs nothing: objects are padded to 8 bytes, and {@link CompletableFuture}
 * leaves just this room.
 */
final class CallFuture<T> extends CompletableFuture<T> {
    /**
     * Where the call is. The slot may have gone on to another call, which its event loop notices; so a stale read costs a cancellation on the wire at worst, and the field
     * needs no fence.
     */
    private @Nullable Slot slot;

    void bind(Slot newSlot) {
        slot = newSlot;
    }

    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
        boolean cancelled = super.cancel(mayInterruptIfRunning);
        Slot current = slot;
        if (cancelled && current != null) {
            current.lane.giveUp(current, this);
        }
        return cancelled;
    }

    /** Futures derived from this one are plain ones: cancelling them gives up their own result only. */
    @Override
    public <U> CompletableFuture<U> newIncompleteFuture() {
        return new CompletableFuture<>();
    }
}
