package io.nearkv.net.server;

import io.nearkv.core.DirectReader;
import io.nearkv.core.KvStore;
import io.nearkv.core.identity.Authority;
import org.jspecify.annotations.Nullable;

/** What all connections of a server share. Thread-safe. */
final class ServerContext {
    private final KvServerOptions options;
    private final KvStore store;
    private final @Nullable DirectReader directReader;
    private final Authority authority;
    private final Counters counters = new Counters();
    private final Peers peers;
    private final GoodTokens goodTokens = new GoodTokens();

    ServerContext(KvServerOptions options, KvStore store, Authority authority) {
        this.options = options;
        this.store = store;
        this.directReader = store.directReader();
        this.authority = authority;
        this.peers = new Peers(options.limits());
    }

    KvServerOptions options() {
        return options;
    }

    ServerLimits limits() {
        return options.limits();
    }

    KvStore store() {
        return store;
    }

    @Nullable
    DirectReader directReader() {
        return directReader;
    }

    Authority authority() {
        return authority;
    }

    Counters counters() {
        return counters;
    }

    Peers peers() {
        return peers;
    }

    GoodTokens goodTokens() {
        return goodTokens;
    }
}
