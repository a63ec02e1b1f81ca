package io.nearkv.net.server;

import io.nearkv.core.Limits;
import io.netty.channel.EventLoop;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * What the connections of one event loop share. {@link #completed} may be called by any thread; everything else is confined to the loop.
 *
 * <p>Operations that the store finishes on its own threads come back to the loop in batches: they are put on a stack without a lock, the first one on an empty stack wakes
 * the loop, and one task of the loop takes all that is there, lets each append its answer to its connection's buffer, and then writes each buffer once.
 */
final class LoopState {
    private final EventLoop loop;
    private final Set<ServerConnection> connections = new HashSet<>();
    private final List<ServerConnection> dirty = new ArrayList<>();
    private final AtomicReference<@Nullable Operation> completed = new AtomicReference<>();
    private final Runnable drain = this::drain;

    /** The key that is being looked up; a copy, because a view of the receive buffer would be an object per read. */
    private final byte[] keyBytes = new byte[Limits.MAX_KEY_BYTES];

    private final ByteBuffer key = ByteBuffer.wrap(keyBytes);

    private final RequestClock requestClock;

    LoopState(EventLoop loop, Counters counters, long tickMillis) {
        this.loop = loop;
        this.requestClock = new RequestClock(counters);
        // Ends with the loop.
        var unused = loop.scheduleWithFixedDelay(this::tick, tickMillis, tickMillis, TimeUnit.MILLISECONDS);
    }

    EventLoop loop() {
        return loop;
    }

    RequestClock requestClock() {
        return requestClock;
    }

    byte[] keyBytes() {
        return keyBytes;
    }

    /** Returns a view of the first bytes of {@link #keyBytes()}, valid until the next call. */
    ByteBuffer key(int length) {
        return key.limit(length).position(0);
    }

    void add(ServerConnection connection) {
        connections.add(connection);
    }

    void remove(ServerConnection connection) {
        connections.remove(connection);
    }

    /** Returns the connections at this moment. */
    List<ServerConnection> connections() {
        return new ArrayList<>(connections);
    }

    /** Hands an operation over to the loop, where its {@link Operation#proceed} runs soon. The operation makes sure that it is on the stack once only. */
    void completed(Operation operation) {
        Operation head = completed.get();
        while (true) {
            operation.nextCompleted = head;
            if (completed.compareAndSet(head, operation)) {
                break;
            }
            head = completed.get();
        }
        if (head == null) {
            try {
                loop.execute(drain);
            } catch (RejectedExecutionException e) {
                // The loop has ended, and its operations with it: all that is left is to free what the store has just
                // given back, which nobody else does any more.
                drain();
            }
        }
    }

    /** Has the connection's answers written at the end of the present batch. */
    void dirty(ServerConnection connection) {
        dirty.add(connection);
    }

    private void drain() {
        // The stack has the latest on top; the one that has waited longest goes first.
        Operation first = null;
        Operation rest = completed.getAndSet(null);
        while (rest != null) {
            Operation next = rest.nextCompleted;
            rest.nextCompleted = first;
            first = rest;
            rest = next;
        }
        while (first != null) {
            Operation next = first.nextCompleted;
            first.nextCompleted = null;
            first.run();
            first = next;
        }
        flushDirty();
    }

    private void tick() {
        long nowNanos = System.nanoTime();
        for (ServerConnection connection : connections()) {
            connection.tick(nowNanos);
        }
        flushDirty();
    }

    /** Writes what was appended to connections. */
    void flushDirty() {
        // By index: a flush may make a connection dirty again.
        for (int i = 0; i < dirty.size(); i++) {
            dirty.get(i).flushDirty();
        }
        dirty.clear();
    }
}
