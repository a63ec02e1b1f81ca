package io.nearkv.server.node;

import io.nearkv.cluster.ClusterMember;
import io.nearkv.cluster.PeerStores;
import io.nearkv.core.Backoff;
import io.nearkv.core.KvStore;
import io.nearkv.net.client.KvClient;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** The other nodes of a cluster over our own protocol, a client for each that was asked once. Thread-safe. */
final class ClusterPeers implements PeerStores {
    private static final int CONNECTIONS = 2;
    /** A node that comes back is needed at once. */
    private static final Backoff BACKOFF = new Backoff(Duration.ofMillis(20), Duration.ofMillis(250));

    private final String token;
    private final String environment;
    private final boolean secure;
    private final @Nullable Path roots;
    private final Map<String, KvClient> clients = new ConcurrentHashMap<>();

    /**
     * Makes the clients when they are needed.
     *
     * @param token what this node shows the others
     * @param environment what it expects them to serve
     * @param secure whether they are reached over TLS
     * @param roots the roots of their certificates (PEM), or null for those of the JVM
     */
    ClusterPeers(String token, String environment, boolean secure, @Nullable Path roots) {
        this.token = token;
        this.environment = environment;
        this.secure = secure;
        this.roots = roots;
    }

    @Override
    public KvStore store(ClusterMember member) {
        return clients.computeIfAbsent(member.id(), id -> connect(member)).store();
    }

    private KvClient connect(ClusterMember member) {
        var client = KvClient.builder()
                .server((secure ? "kvs://" : "kv://") + member.peer())
                .token(token)
                .environment(environment)
                .connections(CONNECTIONS)
                .backoff(BACKOFF);
        if (roots != null) {
            client.trust(roots);
        }
        return client.build();
    }

    @Override
    public void close() {
        clients.values().forEach(KvClient::close);
    }
}
