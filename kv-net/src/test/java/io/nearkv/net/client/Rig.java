package io.nearkv.net.client;

import io.nearkv.core.KvStore;
import java.io.IOException;
import java.time.Duration;
import java.util.function.UnaryOperator;

/** A client that is connected to a scripted server. */
final class Rig implements AutoCloseable {
    final ScriptedServer server;
    final KvClient client;
    final KvStore store;

    Rig(ScriptedServer.Script script, UnaryOperator<KvClientBuilder> options) {
        this(new ScriptedServer(script), options);
    }

    Rig(ScriptedServer server, UnaryOperator<KvClientBuilder> options) {
        this.server = server;
        this.client = options.apply(ClientFixture.client(server.address())).build();
        this.store = client.store();
        try {
            client.awaitReady(Duration.ofSeconds(20));
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() throws IOException {
        client.close();
        server.close();
    }
}
