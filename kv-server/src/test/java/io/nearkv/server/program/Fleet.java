package io.nearkv.server.program;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.KvStore;
import io.nearkv.deploy.document.DocumentSigner;
import io.nearkv.deploy.document.Documents;
import io.nearkv.deploy.environment.EnvironmentKeys;
import io.nearkv.deploy.model.BuildRef;
import io.nearkv.deploy.model.Bytes;
import io.nearkv.deploy.model.EnvironmentClass;
import io.nearkv.deploy.model.Ledger;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteEntry;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.net.client.KvClient;
import io.nearkv.net.client.KvTransport;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;

/** A core, the builds before it, and the routers before those, each a process; and the keys that the documents of the service are signed with. */
final class Fleet implements AutoCloseable {
    static final ServiceId SERVICE = ServiceId.parse("default/kv/production");

    final Program program;
    final Path folder;
    final RunningServer core;
    final EnvironmentKeys.Created keys;
    private final DocumentSigner routeKey;
    private final Deque<RunningServer> running = new ArrayDeque<>();
    private final List<String> ancestors = new ArrayList<>();
    private long seq;

    /** A build and one instance of it. */
    record Build(BuildRef ref, RunningServer server, Path data, RouteEntry entry) {}

    Fleet(Path folder) {
        this.folder = folder;
        this.program = new Program(folder);
        this.core = program.serve("--environment", "production");
        running.push(core);
        this.keys = EnvironmentKeys.create(
                folder.resolve("data"),
                folder.resolve("keys"),
                SERVICE,
                EnvironmentClass.PRODUCTION,
                List.of("alice", "bob"),
                InstantSource.system());
        this.routeKey = DocumentSigner.read(keys.routeKey());
    }

    String adminToken() {
        return read(folder.resolve("data/admin.token")).strip();
    }

    static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Makes a join file for a node. */
    Path join(String name, String build) {
        Program.Result made = program.call("join", "create", name, "--for-build", build);
        assertThat(made.exitCode()).as("%s", made).isZero();
        return write(name + ".join", made.outBytes());
    }

    Path write(String name, byte[] content) {
        try {
            return Files.write(folder.resolve(name), content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Starts a build before the core. */
    Build build(String version) {
        BuildRef ref = BuildRef.create(SERVICE, "0".repeat(64), new SecureRandom());
        RunningServer server = serve(
                "--role",
                "edge",
                "--upstream",
                core.address(),
                "--join",
                join("build-" + version, ref.id()).toString(),
                "--data",
                "build-" + version,
                "--node",
                "build-" + version);
        return new Build(
                ref,
                server,
                folder.resolve("build-" + version),
                new RouteEntry(ref, 0, List.of(server.address()), version, 0));
    }

    /** Starts a node that sends its requests by route. */
    RunningServer router(String name, Path bundle, String... more) {
        List<String> args = new ArrayList<>(List.of(
                "--role",
                "edge",
                "--service-route",
                bundle.toString(),
                "--memory-cache-mib",
                "0",
                "--join",
                join(name, "router").toString(),
                "--data",
                name,
                "--node",
                name));
        args.addAll(Arrays.asList(more));
        return serve(args.toArray(String[]::new));
    }

    RunningServer serve(String... args) {
        RunningServer server = program.serve(args);
        running.push(server);
        return server;
    }

    /** Returns the next forward route, with its way back. */
    byte[] route(List<RouteEntry> entries, List<RouteEntry> knownGood, Duration lease) {
        seq += 2;
        Route forward = Route.builder(SERVICE)
                .version(1, seq)
                .rollout("rollout-" + seq, 1)
                .entries(entries)
                .knownGood(knownGood)
                .salt(Bytes.of(new byte[] {1, 2, 3}))
                .ancestors(ancestors)
                .lease(lease)
                .createdAt(InstantSource.system().millis() / 1000)
                .build();
        Route back = Documents.parachuteOf(forward, "the way back");
        ancestors.add(0, Documents.hash(forward));
        return Documents.route(forward, routeKey, back);
    }

    byte[] route(List<RouteEntry> entries, List<RouteEntry> knownGood) {
        return route(entries, knownGood, Duration.ZERO);
    }

    byte[] ledger(List<RouteEntry> knownGood) {
        Ledger ledger = new Ledger(SERVICE, List.of());
        for (RouteEntry entry : knownGood) {
            ledger = ledger.plus(entry, InstantSource.system().millis() / 1000, "ran well");
        }
        return Documents.ledger(ledger, routeKey);
    }

    /** Writes a bundle of the trust and these documents. */
    Path bundle(String name, byte[]... documents) {
        List<byte[]> all = new ArrayList<>();
        try {
            all.add(Files.readAllBytes(keys.trust()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        all.addAll(Arrays.asList(documents));
        return write(name, Documents.bundle(all));
    }

    /** Returns what an operator's machine reaches nodes with: no token of any use. */
    KvTransport transport() {
        return KvTransport.of(KvClient.builder().token(adminToken()));
    }

    static KvStore store(KvClient client) {
        return client.store();
    }

    @Override
    public void close() {
        while (!running.isEmpty()) {
            running.pop().close();
        }
    }
}
