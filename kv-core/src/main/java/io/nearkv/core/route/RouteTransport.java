package io.nearkv.core.route;

import io.nearkv.core.KvException;
import java.time.Duration;
import java.util.List;

/** How the routed tier reaches nodes: implemented by the network's client. Thread-safe. */
public interface RouteTransport {
    /** Returns the environment that the token of this transport is for. */
    String environment();

    /** Begins to connect; returns at once. */
    RouteLink connect(LinkRequest request);

    /**
     * Offers a document to one node, over a connection of its own that needs no token. Blocks.
     *
     * @param endpoint {@code kv://HOST:PORT} or {@code kvs://HOST:PORT}
     * @param document the document; empty to ask for the node's status alone
     * @throws KvException {@code unavailable} if the node cannot be reached in time
     */
    DocumentVerdict offer(String endpoint, byte[] document, Duration timeout);

    /**
     * Returns the documents that a node has in force. Blocks. Needs the token of the transport.
     *
     * @throws KvException {@code unavailable} if the node cannot be reached in time, {@code unauthorized} if it refuses the token
     */
    List<byte[]> documents(String endpoint, Duration timeout);
}
