package io.nearkv.net.client;

import io.nearkv.core.NamespaceId;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The place of one call in the table of its {@link Lane}, used again for call after call, so that a call makes no object but its future and its answer.
 *
 * <p>Whoever acquires a slot fills it and hands it to the lane; from then on it belongs to the lane's event loop, until the loop releases it.
 */
final class Slot {
    /** What the event loop knows about a slot. */
    enum State {
        /** In the table's list of free slots, or being filled. */
        FREE,
        /** Handed over and not written to any connection in this attempt. */
        WAITING,
        /** Written; the peer owes the last frame of its id. */
        SENT,
        /** Written and given up (timed out or cancelled); the peer still owes the last frame, and the id is not used again before that. */
        ABANDONED,
        /** Between two attempts. */
        DELAYED
    }

    /** A deadline that never comes; also what a stream has that lives as long as its user wants. */
    static final long NO_DEADLINE = Long.MAX_VALUE;

    final int index;
    final Lane lane;

    /** The next slot of whichever list this one is in: free, handed over, or waiting. */
    @Nullable
    Slot next;

    // What is called; written by the caller before the slot is handed over.
    @Nullable
    Exchange exchange;

    @Nullable
    CompletableFuture<?> future;

    @Nullable
    NamespaceId namespace;
    /** Key or mutation; what exactly is the exchange's business. */
    @Nullable
    Object argument;

    @Nullable
    Object options;
    /** On the scale of {@link System#nanoTime()}. */
    long deadlineNanos;
    /** Bytes that count against the bound of pending bytes. */
    long pendingBytes;

    // How far it is; the event loop's.
    State state = State.FREE;
    /** The attempt under way, from 1. */
    int attempt;
    /** Whether an earlier attempt may have been applied. */
    boolean outcomeUnknown;

    /** Whether this is a stream that lasts as long as its user wants. */
    boolean longLived;

    int correlationId;
    private int generation;

    @Nullable
    Session session;
    /** What a stream has collected or has still to send. */
    @Nullable
    Object progress;

    Slot(Lane lane, int index) {
        this.lane = lane;
        this.index = index;
    }

    /**
     * Returns the id of the next attempt. The low half finds the slot. The high half differs from attempt to attempt, so that a peer that answers an id twice, which it must
     * not, is noticed rather than believed.
     */
    int nextCorrelationId() {
        generation = (generation + 1) & 0xffff;
        correlationId = generation << 16 | (index + 1);
        return correlationId;
    }

    Exchange exchange() {
        return required(exchange);
    }

    NamespaceId namespace() {
        return required(namespace);
    }

    /** Returns what the slot must hold while it is in use. */
    static <T> T required(@Nullable T part) {
        if (part == null) {
            throw new AssertionError("a slot in use lacks a part of its call");
        }
        return part;
    }

    /** Takes over the call of another slot, which then is released. */
    void take(Slot from) {
        exchange = from.exchange;
        future = from.future;
        namespace = from.namespace;
        argument = from.argument;
        options = from.options;
        deadlineNanos = from.deadlineNanos;
        pendingBytes = from.pendingBytes;
        attempt = from.attempt;
        outcomeUnknown = from.outcomeUnknown;
        if (future instanceof CallFuture<?> call) {
            call.bind(this);
        }
    }

    /** Lets go of everything that the call held. */
    void clear() {
        exchange = null;
        future = null;
        namespace = null;
        argument = null;
        options = null;
        session = null;
        progress = null;
        next = null;
        pendingBytes = 0;
        attempt = 0;
        outcomeUnknown = false;
        longLived = false;
        correlationId = 0;
        state = State.FREE;
    }
}
