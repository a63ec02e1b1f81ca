package io.nearkv.bench.compare;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the client process of one side needs to know; sent to it as JSON.
 *
 * @param client which client
 * @param host where the server listens
 * @param port where the server listens
 * @param serverPids the processes of the server
 * @param account nearkv: the account, or null
 * @param token nearkv: the token, or null
 * @param connections connections of the client
 * @param spinMicros nearkv: microseconds for which the client's event loop looks for more work
 * @param buffered nearkv: whether writes are acknowledged before they are synced
 * @param strong nearkv: whether reads see every write that was acknowledged before
 * @param withNames Redis: whether the names go into a sorted set too
 * @param keys how many keys
 * @param valueBytes bytes of each value
 */
record WorkerSetup(
        Client client,
        String host,
        int port,
        List<Long> serverPids,
        @Nullable String account,
        @Nullable String token,
        int connections,
        int spinMicros,
        boolean buffered,
        boolean strong,
        boolean withNames,
        int keys,
        int valueBytes) {
    /** The clients that take part. */
    enum Client {
        /** Our client. */
        NEARKV,
        /** Jedis. */
        JEDIS,
        /** lettuce. */
        LETTUCE,
        /** etcd through gRPC. */
        ETCD,
        /** A bare Netty client. */
        ECHO
    }
}
