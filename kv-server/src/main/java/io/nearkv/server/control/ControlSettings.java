package io.nearkv.server.control;

import static java.util.Objects.requireNonNull;

import io.nearkv.deploy.control.ControlQuotas;
import io.nearkv.deploy.control.DependencyGraph;
import io.nearkv.server.config.DataFolder;
import io.nearkv.server.config.ListenAddress;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a control plane runs. Immutable.
 *
 * @param folder the data folder, with the environment's identity and its private keys
 * @param keys the folder with {@code trust.signed} and {@code route.pem}
 * @param listen where it answers
 * @param nodes the nodes that follow the routes
 * @param lease how long a candidate keeps its share when this is gone
 * @param stagingTrust the trust document of the environment where builds are tested before, or null
 * @param roots the roots of the certificates of {@code kvs://} nodes, or null for the JDK's
 * @param dependencies what needs what
 * @param quotas how much its tenant may use
 * @param alertWebhook where alerts are posted, or null
 * @param alertWebhookSecret the file with the secret that these requests are signed with, or null
 */
public record ControlSettings(
        DataFolder folder,
        Path keys,
        ListenAddress listen,
        List<String> nodes,
        Duration lease,
        @Nullable Path stagingTrust,
        @Nullable Path roots,
        DependencyGraph dependencies,
        ControlQuotas quotas,
        @Nullable URI alertWebhook,
        @Nullable Path alertWebhookSecret) {
    /** Checks that nothing is missing. */
    public ControlSettings {
        requireNonNull(folder, "folder");
        requireNonNull(keys, "keys");
        requireNonNull(listen, "listen");
        requireNonNull(lease, "lease");
        requireNonNull(dependencies, "dependencies");
        requireNonNull(quotas, "quotas");
        if (alertWebhook == null && alertWebhookSecret != null) {
            throw new IllegalArgumentException("a webhook's secret and no webhook (expected: --alert-webhook as well)");
        }
        nodes = List.copyOf(nodes);
    }
}
