package io.nearkv.server.metrics;

import static java.util.Objects.requireNonNull;

import io.nearkv.cluster.ClusterStatus;
import io.nearkv.core.Value;
import io.nearkv.core.rocksdb.RocksStoreStats;
import io.nearkv.edge.EdgeStats;
import io.nearkv.edge.MirrorStats;
import io.nearkv.net.rest.MetricsText;
import io.nearkv.net.server.ServerStats;
import io.prometheus.metrics.config.EscapingScheme;
import io.prometheus.metrics.expositionformats.ExpositionFormatWriter;
import io.prometheus.metrics.expositionformats.OpenMetricsTextFormatWriter;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.jspecify.annotations.Nullable;

/**
 * All metrics of a node, in Prometheus' text format 0.0.4, or as OpenMetrics for whoever asks for it. Nothing is kept between two scrapes: the parts count for themselves, and are asked
 * when somebody wants to know. Thread-safe.
 */
public final class NodeMetrics implements MetricsText {
    private final MetricSources sources;
    private final ProcessMetrics process = new ProcessMetrics();

    /** Reads from these sources. */
    public NodeMetrics(MetricSources sources) {
        this.sources = requireNonNull(sources, "sources");
    }

    @Override
    public Page write(@Nullable String accept) {
        // Made here and not before: a process that nobody asks does not load them.
        ExpositionFormatWriter writer = OpenMetricsTextFormatWriter.create();
        if (accept == null || !writer.accepts(accept)) {
            writer = PrometheusTextFormatWriter.create();
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream(64 * 1024);
        try {
            // All names are plain, so that there is nothing to escape.
            writer.write(out, snapshots(), EscapingScheme.UNDERSCORE_ESCAPING);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new Page(writer.getContentType(), Value.wrap(out.toByteArray()));
    }

    private MetricSnapshots snapshots() {
        MetricPage page = new MetricPage();
        BuildInfo build = sources.build();
        page.info(
                "nearkv_build",
                "Who this process is.",
                Labels.of(
                        "environment", build.environment(),
                        "build", build.build(),
                        "node", build.node(),
                        "version", build.version()));
        page.gauge(
                "nearkv_node_ready",
                "Whether the node may be sent traffic, as /readyz says.",
                sources.isReady() ? 1 : 0);
        ServerStats server = sources.server();
        if (server != null) {
            NetMetrics.add(page, server, sources.limits());
        }
        RocksStoreStats engine = sources.engine();
        if (engine != null) {
            EngineMetrics.add(page, engine);
            RocksDbMetrics.add(page, engine.rocksDb());
        }
        EdgeStats cache = sources.cache();
        if (cache != null) {
            CacheMetrics.add(page, cache);
        }
        MirrorStats mirror = sources.mirror();
        if (mirror != null) {
            CacheMetrics.add(page, mirror);
        }
        ClusterStatus cluster = sources.cluster();
        if (cluster != null) {
            ClusterMetrics.add(page, cluster);
        }
        RouteStats routes = sources.routes();
        if (routes != null) {
            RouteMetrics.add(page, routes);
        }
        process.add(page);
        return page.build();
    }
}
