package io.nearkv.net.rest;

import java.time.Duration;

/**
 * How long each step of a connection to {@link OperationsServer} may take, in all: bytes that arrive in between prolong none of them. Immutable.
 *
 * @param head from the connection, or from the first byte of a later request, to the end of the request
 * @param idle from an answer to the first byte of the next request
 * @param answer from the request to the last byte of its answer
 * @param linger from the last byte before a close to the end of the connection
 */
record OperationsTimeouts(Duration head, Duration idle, Duration answer, Duration linger) {
    /** A collector that asks once a minute keeps its connection. */
    static final OperationsTimeouts DEFAULT = new OperationsTimeouts(
            Duration.ofSeconds(5), Duration.ofSeconds(75), Duration.ofSeconds(15), Duration.ofSeconds(1));
}
