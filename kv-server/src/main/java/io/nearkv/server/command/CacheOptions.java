package io.nearkv.server.command;

import io.nearkv.core.Key;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.rocksdb.DiskCache;
import io.nearkv.deploy.model.SafetyLayers;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.node.CacheSettings;
import io.nearkv.server.node.RouteSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Whether the node is a core or an edge, and its cache. */
final class CacheOptions implements SettingDefaults.Settings {
    private static final String CORE = "core";
    private static final String EDGE = "edge";
    private static final String CACHE = "cache";
    private static final String MIRROR = "mirror";
    private static final long MAX_DEFAULT_BYTES = 256L << 20;

    @Option(
            names = "--role",
            order = 20,
            paramLabel = "core|edge",
            defaultValue = CORE,
            description =
                    "core: owns the data. edge: answers reads from its cache, and sends everything else to the node above. "
                            + "Default: ${DEFAULT-VALUE}.")
    private String role = CORE;

    @Option(
            names = "--upstream",
            order = 21,
            paramLabel = "URL",
            description = "The node above an edge, a core or another edge: kv://HOST:PORT, or kvs://HOST:PORT for TLS.")
    private @Nullable String upstream;

    @Option(
            names = "--service-route",
            order = 22,
            paramLabel = "FILE-OR-URL",
            description =
                    "The signed route of the service that this node belongs to: a bundle, as 'nearkv route bundle' makes it, or "
                            + "kv://HOST:PORT of a node to fetch it from. The node keeps it up to date and hands it on. An edge "
                            + "without --upstream sends each request to the build that the route says.")
    private @Nullable String serviceRoute;

    @Option(
            names = "--route-folder",
            order = 22,
            paramLabel = "DIR",
            description = "Where the route is kept. Default: the folder 'route' in the data folder.")
    private @Nullable Path routeFolder;

    @Option(
            names = "--join",
            order = 22,
            paramLabel = "FILE",
            description =
                    "What 'nearkv join create' has printed at the core. Needed at the first start of an edge or of a node of a "
                            + "cluster, and again for another one.")
    private @Nullable Path join;

    @Option(
            names = "--cluster",
            order = 22,
            paramLabel = "FILE",
            description =
                    "The node is one of a cluster: the file that 'nearkv cluster init' has made, the same on all nodes. It says "
                            + "where the node listens, in place of --listen, --http and --ops; --node says which one it is.")
    private @Nullable Path cluster;

    @Option(
            names = "--restore",
            order = 22,
            paramLabel = "DIR",
            description =
                    "With --cluster, after 'nearkv cluster restore': the folder of backups, or a copy of it. Needed at the first "
                            + "start of each node.")
    private @Nullable Path restore;

    @Option(
            names = "--mode",
            order = 22,
            paramLabel = "cache|mirror",
            defaultValue = CACHE,
            description =
                    "cache: an edge keeps what is read. mirror: it holds a full copy of its namespaces on disk, and answers "
                            + "lists from it too. Default: ${DEFAULT-VALUE}.")
    private String mode = CACHE;

    @Option(
            names = "--mirror-namespaces",
            order = 22,
            paramLabel = "ID",
            split = ",",
            description = "The ids of the namespaces that a mirror copies, with commas between. Default: all.")
    private List<String> mirrored = List.of();

    @Option(
            names = "--upstream-ca",
            order = 23,
            paramLabel = "FILE",
            description = "The roots of the certificate of the node above (PEM). Default: those of the Java runtime.")
    private @Nullable Path upstreamRoots;

    @Option(
            names = "--memory-cache-mib",
            order = 24,
            paramLabel = "MIB",
            description =
                    "Memory for entries that are read often, in the heap; 0 for none, on a core. Default: 256, and at most a "
                            + "quarter of the heap.")
    private @Nullable Long memoryMib;

    @Option(
            names = "--disk-cache-mib",
            order = 25,
            paramLabel = "MIB",
            defaultValue = "1024",
            description =
                    "Disk for the cache of an edge, so that it is warm after a restart; 0 for none. Default: ${DEFAULT-VALUE}.")
    private long diskMib;

    @Option(
            names = "--cache-ttl",
            order = 26,
            paramLabel = "TIME",
            defaultValue = "60s",
            description =
                    "How old a copy at an edge may be where a read says nothing. A change takes it away within milliseconds as "
                            + "long as the node above can be reached; this is the bound for when it cannot. Default: ${DEFAULT-VALUE}.")
    private Duration cacheTtl = Duration.ZERO;

    @Option(
            names = "--stale-if-error",
            order = 27,
            paramLabel = "TIME",
            defaultValue = "1h",
            description =
                    "How much older, marked as stale, while the node above does not answer. Default: ${DEFAULT-VALUE}.")
    private Duration staleIfError = Duration.ZERO;

    /** Returns the file of the cluster that the node belongs to, or null. */
    @Nullable
    Path cluster() {
        return cluster;
    }

    CacheSettings settings() {
        boolean edge = role.equals(EDGE);
        if (!edge && !role.equals(CORE)) {
            throw CommandException.usage("--role: '" + Key.display(role) + "' (expected: core or edge)");
        }
        String above = upstream;
        if (edge && above == null && serviceRoute == null) {
            throw CommandException.usage(
                    "--role edge needs --upstream, the address of the node above, or --service-route");
        }
        if (!edge && above != null) {
            throw CommandException.usage("--upstream is for an edge (expected: with --role edge)");
        }
        if (routeFolder != null && serviceRoute == null) {
            throw CommandException.usage("--route-folder needs --service-route");
        }
        if (!edge && cluster == null && join != null) {
            throw CommandException.usage(
                    "--join is for an edge or a node of a cluster (expected: with --role edge or --cluster)");
        }
        if (edge && cluster != null) {
            throw CommandException.usage("--cluster is for a core (expected: without --role edge)");
        }
        if (cluster == null && restore != null) {
            throw CommandException.usage("--restore is for a node of a cluster (expected: with --cluster)");
        }
        boolean mirror = mode.equals(MIRROR);
        if (!mirror && !mode.equals(CACHE)) {
            throw CommandException.usage("--mode: '" + Key.display(mode) + "' (expected: cache or mirror)");
        }
        if (mirror && !edge) {
            throw CommandException.usage("--mode mirror is for an edge (expected: with --role edge)");
        }
        if (!mirror && !mirrored.isEmpty()) {
            throw CommandException.usage("--mirror-namespaces is for a mirror (expected: with --mode mirror)");
        }
        Set<NamespaceId> namespaces = new HashSet<>();
        for (String id : mirrored) {
            if (!NamespaceId.isWellFormed(id)) {
                throw CommandException.usage(
                        "--mirror-namespaces: '" + Key.display(id) + "' (expected: ids of 32 hex digits)");
            }
            namespaces.add(NamespaceId.parse(id));
        }
        long memory = memoryMib == null
                ? Math.min(MAX_DEFAULT_BYTES, Runtime.getRuntime().maxMemory() / 4)
                : EngineOptions.bytes(memoryMib);
        if (edge && memory == 0 && (above != null || mirror)) {
            throw CommandException.usage(
                    "--memory-cache-mib: 0 (expected: 1 or more, on an edge with a node above it)");
        }
        long disk = EngineOptions.bytes(diskMib);
        if (disk != 0 && disk < DiskCache.MIN_BYTES) {
            throw CommandException.usage(
                    "--disk-cache-mib: " + diskMib + " (expected: 0, or " + (DiskCache.MIN_BYTES >> 20) + " and more)");
        }
        if (cacheTtl.isNegative() || staleIfError.isNegative()) {
            throw CommandException.usage("--cache-ttl and --stale-if-error: (expected: zero or more)");
        }
        return new CacheSettings(
                memory,
                edge
                        ? new CacheSettings.Edge(
                                above, join, upstreamRoots, disk, cacheTtl, staleIfError, mirror, namespaces)
                        : null,
                cluster == null ? null : new CacheSettings.Cluster(cluster, join, restore));
    }

    /** Returns the route that the node follows, or null for none. */
    @Nullable
    RouteSettings routes(Path dataFolder, SafetyLayers layers) {
        return serviceRoute == null
                ? null
                : new RouteSettings(
                        serviceRoute, routeFolder == null ? dataFolder.resolve("route") : routeFolder, layers);
    }
}
