package io.nearkv.core.route;

import io.nearkv.core.KvException;
import java.nio.file.Path;
import java.time.InstantSource;
import org.jspecify.annotations.Nullable;

/** Opens routed services: implemented by kv-deploy, found with {@link java.util.ServiceLoader}, because the network's client does not know it. */
public interface ServiceRouting {
    /**
     * What is needed for it.
     *
     * @param source a file with the trust and the route, as {@code nearkv route bundle} makes it; or {@code kv://HOST:PORT} of a node to fetch the route from, with the trust in
     *     the folder already
     * @param folder where documents are kept, made if it is missing; null for a folder beside the file, of its name with {@code .state} behind it
     * @param process what this process calls itself, for the audit
     * @param clock the time of day
     */
    record Setup(String source, @Nullable Path folder, String process, InstantSource clock) {}

    /**
     * Opens the service. What is on the disk serves at once; no network is needed for it.
     *
     * @throws KvException if there is neither a good document on the disk nor one at the source
     */
    RoutedService open(Setup setup, RouteTransport transport);
}
