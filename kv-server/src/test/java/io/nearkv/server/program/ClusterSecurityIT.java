package io.nearkv.server.program;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.ReadOptions;
import io.nearkv.net.client.KvClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A cluster of real processes with certificates: who belongs to it, and who is kept out. */
class ClusterSecurityIT {
    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TempDir
    Path folder;

    private ClusterCertificates own = new ClusterCertificates(Path.of(""), Path.of(""), Path.of(""));

    @BeforeEach
    void makeAnAuthority() throws Exception {
        own = ClusterCertificates.create(folder, "own");
    }

    private Kv connect(ClusterProcesses cluster, String... nodes) throws Exception {
        return cluster.client(nodes)
                .trust(own.roots())
                .clientCertificate(own.certificate(), own.key())
                .build()
                .kv();
    }

    /** Runs a command over TLS with a certificate, asking these nodes. */
    private Program.Result ask(
            ClusterProcesses cluster, ClusterCertificates shown, List<String> nodes, String... command) {
        List<String> args = new ArrayList<>(List.of(command));
        args.addAll(List.of(
                "--server",
                String.join(
                        ",",
                        nodes.stream()
                                .map(node -> cluster.server(node).address())
                                .toList())));
        args.addAll(List.of("--tls-ca", own.roots().toString()));
        args.addAll(List.of(
                "--tls-cert",
                shown.certificate().toString(),
                "--tls-key",
                shown.key().toString()));
        return cluster.ask(args.toArray(String[]::new));
    }

    @Test
    void a_cluster_works_with_certificates_and_takes_in_nobody_who_has_one_of_another_authority() throws Exception {
        ClusterCertificates other = ClusterCertificates.create(folder, "other");
        List<String> nodes = List.of("n1", "n2", "n3");
        try (ClusterProcesses cluster = ClusterProcesses.init(folder, "--partitions", "2", "--copies", "3")) {
            cluster.serving(own.serving(own.roots())).start("n1", "n2", "n3");
            cluster.awaitLeaders();
            for (String node : nodes) {
                assertThat(cluster.server(node).address()).startsWith("kvs://");
                try (Kv kv = connect(cluster, node)) { // One of them leads, the others hand on.
                    kv.namespace("default").put("from-" + node, node);
                    kv.namespace("default").put("last", node);
                    assertThat(kv.namespace("default")
                                    .withReadOptions(ReadOptions.STRONG)
                                    .getString("last"))
                            .contains(node);
                }
            }
            Program.Result get = ask(cluster, own, nodes, "get", "default", "from-n1");
            assertThat(get.out()).as("%s", get).isEqualTo("n1");
            Program.Result client = ask(cluster, other, nodes, "get", "default", "from-n1", "--timeout", "2s");
            assertThat(client.exitCode()).as("%s", client).isEqualTo(6);
            assertThat(client.err()).hasLineCount(1);

            String place = "n4=127.0.0.1:" + ClusterProcesses.ports();
            Program.Result early = ask(cluster, own, nodes, "cluster", "add", place, "--wait", "100ms");
            assertThat(early.exitCode()).as("%s", early).isEqualTo(6);
            // It knows whom to trust; the others do not trust it.
            cluster.serving(other.serving(own.roots())).start("n4");
            Program.Result refused = ask(cluster, own, nodes, "cluster", "add", "n4", "--wait", "2s");
            assertThat(refused.exitCode()).as("%s", refused).isEqualTo(6);
            assertThat(refused.err()).contains("node 'n4' does not answer").hasLineCount(1);
            assertThat(cluster.operations("n4", "/readyz")).contains("not ready");
            assertThat(ask(cluster, own, nodes, "get", "default", "last").out()).isEqualTo("n3");

            cluster.kill("n4");
            cluster.serving(own.serving(own.roots())).start("n4");
            Program.Result added = ask(cluster, own, nodes, "cluster", "add", "n4");
            assertThat(added.exitCode()).as("%s", added).isZero();
            try (Kv kv = connect(cluster, "n4")) {
                assertThat(kv.namespace("default")
                                .withReadOptions(ReadOptions.STRONG)
                                .getString("last"))
                        .contains("n3");
            }
        }
    }

    @Test
    void a_node_of_another_environment_is_refused_at_every_door() throws Exception {
        int port = ClusterProcesses.ports();
        try (ClusterProcesses cluster = ClusterProcesses.init(folder, List.of("n1=127.0.0.1:" + port))) {
            // The same addresses and certificates, but another environment.
            Path staging = folder.resolve("staging");
            Program.Result unused = cluster.done(
                    "cluster",
                    "init",
                    staging.toString(),
                    "--environment",
                    "staging",
                    "--node",
                    "n1=127.0.0.1:" + port,
                    "--node",
                    "n2=127.0.0.1:" + ClusterProcesses.ports());
            Program program = new Program(folder);
            Program.Result join = program.run(
                    "serve",
                    "--cluster",
                    "c/cluster.json",
                    "--node",
                    "n1",
                    "--join",
                    "staging/n1.join",
                    "--data",
                    "c/new");
            assertThat(join.exitCode()).as("%s", join).isEqualTo(4);
            assertThat(join.err())
                    .contains("nearkv: unauthorized: environment_mismatch")
                    .contains("staging")
                    .contains("development");
            assertThat(Files.exists(folder.resolve("c/new/cluster"))).isFalse();

            cluster.serving(own.serving(own.roots())).start("n1");
            cluster.awaitLeaders();
            String token = Files.readString(staging.resolve("admin.token")).strip();
            for (int door : List.of(port, port + 3)) { // For clients, and for other nodes.
                try (Kv kv = KvClient.builder()
                        .server("kvs://127.0.0.1:" + door)
                        .token(token)
                        .trust(own.roots())
                        .clientCertificate(own.certificate(), own.key())
                        .build()
                        .kv()) {
                    KvException refused = catchThrowableOfType(
                            KvException.class, () -> kv.namespace("default").get("key"));
                    assertThat(refused.code()).as("%s", refused).isEqualTo(ErrorCode.UNAUTHORIZED);
                }
            }
            List<String> args = new ArrayList<>(List.of("--cluster", "staging/cluster.json", "--node", "n2"));
            args.addAll(List.of("--join", "staging/n2.join", "--data", "staging/n2"));
            args.addAll(List.of(own.serving(own.roots())));
            try (RunningServer stranger = program.serve(args.toArray(String[]::new))) {
                await().atMost(LIMIT)
                        .untilAsserted(
                                () -> assertThat(ClusterProcesses.text("http://" + stranger.operations() + "/readyz"))
                                        .contains("not ready"));
                try (Kv kv = connect(cluster, "n1")) {
                    kv.namespace("default").put("key", "value");
                    assertThat(kv.namespace("default")
                                    .withReadOptions(ReadOptions.STRONG)
                                    .getString("key"))
                            .contains("value");
                }
                assertThat(ClusterProcesses.text("http://" + stranger.operations() + "/readyz"))
                        .contains("not ready");
            }
        }
    }
}
