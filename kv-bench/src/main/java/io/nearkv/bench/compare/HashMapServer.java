package io.nearkv.bench.compare;

import io.nearkv.bench.macro.HashMapStore;
import io.nearkv.core.AccountId;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.identity.Environment;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.identity.NodeAuthority;
import io.nearkv.net.server.KvServer;
import io.nearkv.net.server.KvServerOptions;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.TimeUnit;

/** Our server as it is, with its guards and counters, over a hash map in place of the engine. */
final class HashMapServer {
    /** Slots for somewhat more than the standard number of keys. */
    private static final int EXPECTED_ENTRIES = 1 << 20;

    private HashMapServer() {}

    /**
     * Serves on a free port of the loopback interface until standard input ends; prints the line that {@code nearkv serve} prints.
     *
     * @param args a new folder for keys and tokens, and for how many microseconds the event loops spin
     */
    public static void main(String[] args) throws Exception {
        InstantSource clock = InstantSource.system();
        SecureRandom random = new SecureRandom();
        IdentityDirectory identity = IdentityDirectory.initialize(
                Path.of(args[0]), new Environment("development"), AccountId.random(random), "bench", clock);
        HashMapStore store = new HashMapStore(identity.account(), NamespaceId.random(random), EXPECTED_ENTRIES, clock);
        try (NodeAuthority authority = NodeAuthority.open(identity.environment(), identity.files(), null, clock)) {
            authority.startWatching();
            KvServerOptions options = KvServerOptions.listeningOn(
                            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                    .withSpin(Duration.ofNanos(TimeUnit.MICROSECONDS.toNanos(Long.parseLong(args[1]))));
            try (KvServer server = KvServer.start(store, authority, options)) {
                System.out.println(
                        "nearkv ready kv://127.0.0.1:" + server.address().getPort() + " environment="
                                + identity.environment() + " account=" + identity.account() + " build=bench");
                while (System.in.read() >= 0) {
                    // Nothing is said here; the end is the signal.
                }
            }
        }
    }
}
