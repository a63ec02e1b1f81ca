package io.nearkv.net.rest;

import io.netty.channel.EventLoop;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** What the HTTP connections of one event loop share: one clock for all of them. Confined to the loop. */
final class RestLoop {
    private final EventLoop loop;
    private final Set<RestConnection> connections = new HashSet<>();

    RestLoop(EventLoop loop, long tickMillis) {
        this.loop = loop;
        // Ends with the loop.
        var unused = loop.scheduleWithFixedDelay(this::tick, tickMillis, tickMillis, TimeUnit.MILLISECONDS);
    }

    EventLoop loop() {
        return loop;
    }

    void add(RestConnection connection) {
        connections.add(connection);
    }

    void remove(RestConnection connection) {
        connections.remove(connection);
    }

    /** Returns the connections at this moment. */
    List<RestConnection> connections() {
        return new ArrayList<>(connections);
    }

    private void tick() {
        long nowNanos = System.nanoTime();
        for (RestConnection connection : connections()) {
            connection.tick(nowNanos);
        }
    }
}
