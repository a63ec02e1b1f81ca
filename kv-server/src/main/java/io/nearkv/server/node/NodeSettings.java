package io.nearkv.server.node;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.identity.Environment;
import io.nearkv.core.rocksdb.RocksStoreOptions;
import io.nearkv.net.server.ServerLimits;
import io.nearkv.net.server.TlsFiles;
import io.nearkv.server.config.DataFolder;
import io.nearkv.server.config.ListenAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a node is started with. Immutable.
 *
 * @param folder the data folder, which need not be there
 * @param environment the environment to serve, or null for that of the folder
 * @param listen where to listen
 * @param http where to answer the REST API, or null for nowhere
 * @param corsOrigins the origins whose pages may use it from a browser, {@code *} for all
 * @param operations where to answer for health and metrics, or null for nowhere
 * @param name what the node calls itself, or null for the name of its host
 * @param buildToken the file of the node's build token, or null for the folder's own
 * @param backups where backups go
 * @param drainTimeout how long a drain waits for requests in flight
 * @param threads threads for connections, or null for one a processor
 * @param spin whether these wait without sleep while there is traffic
 * @param limits what clients may take
 * @param tls certificates, or null for none
 * @param cache the cache of the node
 * @param routes the route that the node follows, or null for none
 * @param engine sets what the engine is to do differently from its defaults
 * @param program how the program calls itself, such as {@code nearkv 0.1.0}
 * @param version the version of the program
 * @param build the id of this build, for the build token that a first start makes
 */
public record NodeSettings(
        DataFolder folder,
        @Nullable Environment environment,
        ListenAddress listen,
        @Nullable ListenAddress http,
        List<String> corsOrigins,
        @Nullable ListenAddress operations,
        @Nullable String name,
        @Nullable Path buildToken,
        Path backups,
        Duration drainTimeout,
        @Nullable Integer threads,
        boolean spin,
        ServerLimits limits,
        @Nullable TlsFiles tls,
        CacheSettings cache,
        @Nullable RouteSettings routes,
        Consumer<RocksStoreOptions.Builder> engine,
        String program,
        String version,
        String build) {
    /** Checks that nothing is missing, and makes the list read-only. */
    public NodeSettings {
        requireNonNull(folder, "folder");
        requireNonNull(listen, "listen");
        corsOrigins = List.copyOf(corsOrigins);
        requireNonNull(backups, "backups");
        requireNonNull(drainTimeout, "drainTimeout");
        requireNonNull(limits, "limits");
        requireNonNull(cache, "cache");
        requireNonNull(engine, "engine");
        requireNonNull(program, "program");
        requireNonNull(version, "version");
        requireNonNull(build, "build");
    }
}
