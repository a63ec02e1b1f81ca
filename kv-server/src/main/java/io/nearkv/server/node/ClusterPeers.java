package io.nearkv.server.node;

import io.nearkv.cluster.ClusterMember;
import io.nearkv.cluster.PeerStores;
import io.nearkv.core.Backoff;
import io.nearkv.core.KvStore;
import io.nearkv.net.client.KvClient;
import io.nearkv.net.server.TlsFiles;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** The other nodes of a cluster over our own protocol, a client for each that was asked once. Thread-safe. */
final class ClusterPeers implements PeerStores {
    private static final int CONNECTIONS = 2;
    /** Less than it takes until another node leads: requests wait for it, and one that goes to a node that hangs is to find the next leader as soon as there is one. */
    private static final Duration CONNECT_TIMEOUT = Duration.ofMillis(500);

    private static final Duration SILENCE_TIMEOUT = Duration.ofMillis(500);
    /** Whether to try again, and where, is for whoever asks to decide: by then another node may lead. */
    private static final int ATTEMPTS = 1;

    /** A node that comes back is needed at once. */
    private static final Backoff BACKOFF = new Backoff(Duration.ofMillis(20), Duration.ofMillis(250));

    private final String token;
    private final String environment;
    private final @Nullable TlsFiles tls;
    private final Map<Key, KvClient> clients = new ConcurrentHashMap<>();

    private record Key(String node, int log) {}

    /**
     * Makes the clients when they are needed.
     *
     * @param token what this node shows the others
     * @param environment what it expects them to serve
     * @param tls the certificate of this node, and the roots of all of them; null without TLS
     */
    ClusterPeers(String token, String environment, @Nullable TlsFiles tls) {
        this.token = token;
        this.environment = environment;
        this.tls = tls;
    }

    @Override
    public KvStore store(ClusterMember member, int log) {
        return clients.computeIfAbsent(new Key(member.id(), log), key -> connect(member, log))
                .store();
    }

    private KvClient connect(ClusterMember member, int log) {
        TlsFiles files = tls;
        var client = KvClient.builder()
                .server((files == null ? "kv://" : "kvs://") + member.peer())
                .token(token)
                .environment(environment)
                .connections(CONNECTIONS)
                .store(log)
                .connectTimeout(CONNECT_TIMEOUT)
                .silenceTimeout(SILENCE_TIMEOUT)
                .maxAttempts(ATTEMPTS)
                .backoff(BACKOFF);
        Path roots = files == null ? null : files.clientRoots();
        if (files != null && roots != null) {
            client.trust(roots).clientCertificate(files.certificateChain(), files.privateKey());
        }
        return client.build();
    }

    @Override
    public void close() {
        clients.values().forEach(KvClient::close);
    }
}
