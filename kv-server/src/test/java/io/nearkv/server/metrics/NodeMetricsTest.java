package io.nearkv.server.metrics;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.cluster.ClusterMember;
import io.nearkv.cluster.ClusterStatus;
import io.nearkv.cluster.ClusterView;
import io.nearkv.core.AccountId;
import io.nearkv.core.KvException;
import io.nearkv.core.identity.Environment;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.identity.NodeAuthority;
import io.nearkv.core.rocksdb.DiskMirror;
import io.nearkv.core.rocksdb.RocksStore;
import io.nearkv.core.rocksdb.RocksStoreOptions;
import io.nearkv.core.rocksdb.RocksStoreStats;
import io.nearkv.core.route.RoutedService.BuildStats;
import io.nearkv.edge.EdgeCache;
import io.nearkv.edge.EdgeStats;
import io.nearkv.edge.MirrorStats;
import io.nearkv.edge.MirrorStore;
import io.nearkv.net.rest.MetricsText;
import io.nearkv.net.server.KvServer;
import io.nearkv.net.server.KvServerOptions;
import io.nearkv.net.server.ServerLimits;
import io.nearkv.net.server.ServerStats;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The metrics of a real store and a real server inside the process of the test. */
class NodeMetricsTest implements MetricSources {
    private static final String TEXT = "text/plain; version=0.0.4; charset=utf-8";

    @TempDir
    private Path folder;

    private @Nullable RocksStore store;
    private @Nullable NodeAuthority authority;
    private @Nullable KvServer server;
    private @Nullable EdgeCache cache;
    private @Nullable MirrorStore mirror;
    private final String build = "b\"1\\\n";

    @BeforeEach
    void start() {
        InstantSource clock = InstantSource.system();
        RocksStore opened = RocksStore.open(
                folder, RocksStoreOptions.builder().environment("production").build());
        store = opened;
        AccountId account = opened.admin().accounts().join().get(0).id();
        IdentityDirectory identity =
                IdentityDirectory.initialize(folder, new Environment("production"), account, "b1", clock);
        NodeAuthority guard = NodeAuthority.open(identity.environment(), identity.files(), null, clock);
        authority = guard;
        // An edge has both and no engine; here one process shows all that there is.
        MirrorStore copies = MirrorStore.ofAll(opened, DiskMirror.open(folder.resolve("mirror"), "production"));
        mirror = copies;
        cache = EdgeCache.over(copies);
        server = KvServer.start(
                opened,
                guard,
                KvServerOptions.listeningOn(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                        .withEventLoopThreads(1));
    }

    @AfterEach
    void stop() {
        requireNonNull(server).close();
        requireNonNull(authority).close();
        requireNonNull(cache).close(); // And the mirror with it.
        requireNonNull(store).close();
    }

    @Override
    public BuildInfo build() {
        return new BuildInfo("production", build, "node-1", "1.2.3");
    }

    @Override
    public boolean isReady() {
        return true;
    }

    @Override
    public @Nullable ServerStats server() {
        return server == null ? null : server.stats();
    }

    @Override
    public ServerLimits limits() {
        return ServerLimits.DEFAULT;
    }

    @Override
    public @Nullable RocksStoreStats engine() {
        return store == null ? null : store.stats();
    }

    @Override
    public @Nullable EdgeStats cache() {
        return cache == null ? null : cache.stats();
    }

    @Override
    public @Nullable MirrorStats mirror() {
        return mirror == null ? null : mirror.stats();
    }

    @Override
    public ClusterStatus cluster() {
        return new ClusterStatus(
                "n1",
                1,
                1,
                5_000_000,
                4,
                2,
                List.of(
                        new ClusterStatus.Log(
                                new ClusterView.Part(
                                        ClusterView.State.MEMBER,
                                        List.of(new ClusterView.Member(
                                                new ClusterMember("n2", "h:1", "h:2", "h:3"), "abcdefgh", 118)),
                                        "n1",
                                        3,
                                        119),
                                120,
                                100,
                                7,
                                80,
                                2,
                                60,
                                2500,
                                1),
                        new ClusterStatus.Log(
                                new ClusterView.Part(ClusterView.State.MEMBER, List.of(), "n2", 5, 218),
                                219,
                                -1,
                                0,
                                180,
                                0,
                                40,
                                1500,
                                0)));
    }

    @Override
    public RouteStats routes() {
        return new RouteStats(
                3,
                118,
                false,
                7,
                Map.of("not_newer", 2L),
                1,
                List.of(new BuildStats("p7k3mq2vd9xab", 10_000, true, false, 5, 1, 1, 2)));
    }

    private Exposition scrape() {
        MetricsText.Page page = new NodeMetrics(this).write(null);
        assertThat(page.contentType()).isEqualTo(TEXT);
        return Exposition.parse(page.text().asString());
    }

    @Test
    void every_line_is_valid_and_no_sample_comes_twice() {
        Exposition exposition = scrape();

        assertThat(exposition.types()).hasSizeGreaterThan(60);
        assertThat(exposition.samples()).hasSizeGreaterThan(300);
        assertThat(exposition.types().keySet())
                .allMatch(name -> name.startsWith("nearkv_") || name.startsWith("jvm_") || name.startsWith("process_"));
        exposition
                .types()
                .forEach((name, type) ->
                        assertThat(name.endsWith("_total")).as(name).isEqualTo(type.equals("counter")));
    }

    @Test
    void the_process_says_who_it_is_whatever_is_in_a_name() {
        assertThat(scrape().samples())
                .containsEntry(
                        "nearkv_build_info{build=\"b\\\"1\\\\\\n\",environment=\"production\",node=\"node-1\",version=\"1.2.3\"}",
                        1.0);
    }

    @Test
    void each_bound_stands_beside_what_it_bounds() {
        Exposition exposition = scrape();
        Set<String> limits = exposition.types().keySet().stream()
                .filter(name -> name.matches(".*_limit(_bytes)?"))
                .collect(Collectors.toCollection(TreeSet::new));

        assertThat(limits).hasSizeGreaterThanOrEqualTo(20);
        for (String limit : limits) {
            assertThat(exposition.value(limit)).as(limit).isPositive();
            String used =
                    limit.replace("_limit", "").replace("_per_connection", "").replace("_per_peer", "");
            if (!Set.of(
                            // These bound what is not worth a gauge: bytes of one upload, answers to one peer.
                            "nearkv_net_stream_window_bytes",
                            "nearkv_net_write_buffer_bytes",
                            // A rate, whose use is a counter.
                            "nearkv_net_hellos_failed_per_minute")
                    .contains(used)) {
                assertThat(exposition.types()).as(limit).containsEntry(used, "gauge");
            }
        }
        assertThat(exposition.value("nearkv_net_connections_limit")).isEqualTo(ServerLimits.DEFAULT.maxConnections());
    }

    @Test
    void every_operation_has_its_counters_and_a_whole_histogram_from_the_start() {
        Exposition exposition = scrape();

        Set<String> operations = exposition.labelValues("nearkv_net_ops_total", "op");
        assertThat(operations)
                .contains("hello", "get", "put", "delete", "upload", "list", "watch")
                .hasSize(12);
        for (String op : operations) {
            for (String outcome : new String[] {"ok", "unauthorized", "unavailable"}) {
                assertThat(exposition.value("nearkv_net_ops_total{op=\"" + op + "\",outcome=\"" + outcome + "\"}"))
                        .isZero();
            }
        }
        assertThat(exposition.labelValues("nearkv_net_op_duration_seconds_bucket", "op"))
                .isEqualTo(operations);
        assertThat(exposition.labelValues("nearkv_net_op_duration_seconds_bucket", "le"))
                .hasSize(23)
                .contains("1.0E-6", "2.5E-6", "1.0", "10.0", "+Inf");
    }

    @Test
    void rocksdb_and_the_process_are_there() throws IOException {
        Exposition exposition = scrape();

        assertThat(exposition.labelValues("nearkv_core_rocksdb_table_files", "level"))
                .containsExactlyInAnyOrder("0", "1", "2", "3", "4", "5", "6");
        assertThat(exposition.value("nearkv_core_open")).isOne();
        assertThat(exposition.value("nearkv_core_rocksdb_memtable_bytes")).isPositive();
        assertThat(exposition.value("nearkv_core_disk_free_bytes"))
                .isBetween(1.0, (double) Files.getFileStore(folder).getTotalSpace());
        assertThat(exposition.value("jvm_memory_used_bytes{area=\"heap\"}")).isPositive();
        assertThat(exposition.value("process_open_fds")).isPositive();
        assertThat(exposition.value("process_cpu_seconds_total")).isPositive();
        assertThat(exposition.value("jvm_threads_current")).isPositive();
    }

    @Test
    void a_process_that_is_still_starting_has_metrics_too() {
        NodeMetrics metrics = new NodeMetrics(new MetricSources() {
            @Override
            public BuildInfo build() {
                return new BuildInfo("unknown", "unknown", "n", "v");
            }

            @Override
            public boolean isReady() {
                return false;
            }

            @Override
            public @Nullable ServerStats server() {
                return null;
            }

            @Override
            public ServerLimits limits() {
                return ServerLimits.DEFAULT;
            }

            @Override
            public @Nullable RocksStoreStats engine() {
                return null;
            }

            @Override
            public @Nullable EdgeStats cache() {
                return null;
            }

            @Override
            public @Nullable MirrorStats mirror() {
                return null;
            }

            @Override
            public @Nullable ClusterStatus cluster() {
                return null;
            }

            @Override
            public @Nullable RouteStats routes() {
                return null;
            }
        });

        Exposition exposition = Exposition.parse(metrics.write("*/*").text().asString());

        assertThat(exposition.value("nearkv_node_ready")).isZero();
        assertThat(exposition.types()).containsKey("jvm_memory_used_bytes").doesNotContainKey("nearkv_core_open");
    }

    @Test
    void the_leader_of_a_log_says_how_far_each_member_is_behind() {
        assertThat(scrape().samples())
                .containsEntry("nearkv_cluster_member_lag_entries{member=\"n2\",partition=\"0\"}", 2.0)
                .containsEntry("nearkv_cluster_partition_term{partition=\"1\"}", 5.0)
                .noneSatisfy((sample, value) -> assertThat(sample).matches(".*lag_entries.*partition=\"1\".*"));
    }

    @Test
    void a_node_says_how_many_connections_its_log_has_and_has_refused() {
        assertThat(scrape().samples())
                .containsEntry("nearkv_cluster_log_connections", 4.0)
                .containsEntry("nearkv_cluster_log_connections_refused_total", 2.0);
    }

    @Test
    void who_asks_for_openmetrics_gets_it() {
        MetricsText.Page page = new NodeMetrics(this)
                .write("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1");

        assertThat(page.contentType()).startsWith("application/openmetrics-text; version=1.0.0");
        assertThat(page.text().asString()).endsWith("# EOF\n").contains("# TYPE nearkv_build info\n");
    }

    @Test
    void a_store_that_is_closed_fails_nothing() {
        requireNonNull(store).close();

        assertThat(scrape().value("nearkv_core_open")).isZero();
        assertThat(requireNonNull(store).writeRefusal()).isInstanceOf(KvException.class);
    }

    /** The table in docs/operations.md has each metric, and no other. */
    @Test
    void the_documentation_has_each_metric() throws IOException {
        String document = Files.readString(Path.of("../docs/operations.md"));
        String table = document.substring(document.indexOf("## Health and metrics"), document.indexOf("## Durability"));
        Set<String> documented = Pattern.compile("`((?:nearkv|jvm|process)_[a-z_]+)")
                .matcher(table)
                .results()
                .map(found -> found.group(1))
                .collect(Collectors.toCollection(TreeSet::new));

        assertThat(documented)
                .containsExactlyElementsOf(new TreeSet<>(scrape().types().keySet()));
    }
}
