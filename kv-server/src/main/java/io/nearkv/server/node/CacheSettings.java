package io.nearkv.server.node;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.NamespaceId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The cache of a node: before the engine on a core node, before the node above on an edge. Immutable.
 *
 * @param memoryBytes about how much of the heap it may take; 0 for no cache, on a core node
 * @param edge what makes the node an edge, or null on a core node
 * @param cluster what makes the node one of a cluster, or null
 */
public record CacheSettings(
        long memoryBytes, @Nullable Edge edge, @Nullable Cluster cluster) {
    /**
     * What makes a node one of a cluster.
     *
     * @param document the file that all nodes share, as 'nearkv cluster init' makes it
     * @param join the join file of the node, or null if the data folder has one unpacked already
     * @param backups the folder with the backup that the cluster begins with, or null
     */
    public record Cluster(
            Path document, @Nullable Path join, @Nullable Path backups) {
        /** Checks that nothing is missing. */
        public Cluster {
            requireNonNull(document, "document");
        }
    }

    /**
     * What makes a node an edge.
     *
     * @param upstream the node above, {@code kv://HOST:PORT} or {@code kvs://HOST:PORT}; null where the route says for each request which node that is
     * @param join the join file, or null if the data folder has one unpacked already
     * @param upstreamRoots the roots of the certificate of the node above (PEM), or null for those of the JVM
     * @param diskBytes about how much disk it may take; 0 for none
     * @param cacheTtl how old a copy may be where a read says nothing
     * @param staleIfError how much older while the node above does not answer
     * @param mirror whether it holds a full copy on its disk, in place of what was read
     * @param mirrored the namespaces that it copies; empty for all
     */
    public record Edge(
            @Nullable String upstream,
            @Nullable Path join,
            @Nullable Path upstreamRoots,
            long diskBytes,
            Duration cacheTtl,
            Duration staleIfError,
            boolean mirror,
            Set<NamespaceId> mirrored) {
        /** Checks that nothing is missing, and makes the set read-only. */
        public Edge {
            requireNonNull(cacheTtl, "cacheTtl");
            requireNonNull(staleIfError, "staleIfError");
            mirrored = Set.copyOf(mirrored);
        }
    }
}
