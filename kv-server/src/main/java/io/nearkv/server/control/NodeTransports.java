package io.nearkv.server.control;

import io.nearkv.deploy.model.ServiceId;
import io.nearkv.net.client.KvClient;
import io.nearkv.net.client.KvClientBuilder;
import io.nearkv.net.client.KvTransport;
import io.nearkv.server.cli.CommandException;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** How a control plane, and a command when there is none, reaches nodes. */
public final class NodeTransports {
    /** Shown where nothing is asked for: offers and questions about the route need no token. */
    private static final String NO_TOKEN = "e30.e30.e30";

    private NodeTransports() {}

    /**
     * Opens a transport, which the caller closes. Connects to nobody yet.
     *
     * @param token what it shows where a token is asked for, or null for nothing
     * @param roots the certificates that {@code kvs://} nodes must be under (PEM), or null for the JDK's
     */
    public static KvTransport open(ServiceId service, @Nullable String token, @Nullable Path roots) {
        KvClientBuilder builder = KvClient.builder()
                .name("nearkv-control")
                .environment(service.environment())
                .connectTimeout(Duration.ofSeconds(2));
        try {
            if (roots != null) {
                builder.trust(roots);
            }
            return KvTransport.of(builder.token(token == null ? NO_TOKEN : token));
        } catch (IllegalArgumentException e) {
            throw CommandException.usage(String.valueOf(e.getMessage()));
        }
    }
}
