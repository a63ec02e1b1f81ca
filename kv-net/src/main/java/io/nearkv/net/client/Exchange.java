package io.nearkv.net.client;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.net.protocol.FrameReader;
import io.netty.buffer.ByteBuf;
import java.util.concurrent.CompletableFuture;

/**
 * What is said on the wire for one kind of call: how the request is written and how its frames are understood. Those of the hot operations are shared by all their
 * calls and keep everything in the {@link Slot}. All methods run on the event loop of the slot's lane.
 */
abstract class Exchange {
    final Operation operation;

    Exchange(Operation operation) {
        this.operation = operation;
    }

    /** Appends the request to the session's buffer. May be called again for another attempt, if {@link #isRepeatable()}. */
    abstract void send(Slot slot, Session session);

    /**
     * Takes a frame of the slot's id, any but ERROR. Completes the slot with the last one.
     *
     * @throws KvException if the frame makes no sense; the session ends then
     */
    abstract void receive(Slot slot, Session session, ByteBuf in, FrameReader frame);

    /** Returns whether the call changes anything. */
    boolean isWrite() {
        return false;
    }

    /**
     * Returns whether the call may be sent again although an earlier attempt may have been applied. A write may if its condition names a version: once it has
     * happened, that version is gone for ever, so it cannot happen twice. Not so for "if absent" and "if present", which hold again after others have written.
     */
    boolean isIdempotent(Slot slot) {
        return !isWrite();
    }

    /** Returns whether the call can be sent again at all; not so once a user has seen or given a part of a stream. */
    boolean isRepeatable() {
        return true;
    }

    /** Returns whether nobody waits for the answer any more. */
    boolean isGivenUp(Slot slot) {
        CompletableFuture<?> future = slot.future;
        return future == null || future.isDone();
    }

    /** Tells whoever waits that the call has failed. The slot may belong to another call right after. */
    void fail(Slot slot, KvException failure) {
        slot.lane.pool.completeExceptionally(Slot.required(slot.future), failure);
    }

    /** Goes on to send, after the connection had taken enough. For those that asked for it with {@link Session#resumeWhenWritable}. */
    void resume(Slot slot, Session session) {}

    /** Notes that the peer has announced the end of the connection. */
    void onGoAway(Slot slot, Session session) {}

    /** Returns the exception for a frame that does not belong here. */
    static KvException unexpected(FrameReader frame) {
        return new KvException(
                ErrorCode.INTERNAL,
                "the server answered with " + io.nearkv.net.protocol.FrameType.name(frame.type())
                        + ", which does not belong to this request");
    }
}
