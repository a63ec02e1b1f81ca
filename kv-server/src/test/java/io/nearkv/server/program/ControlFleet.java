package io.nearkv.server.program;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** An environment as an operator makes it, by commands alone: keys, a core, a control plane, builds and routers, each a process. */
final class ControlFleet implements AutoCloseable {
    private static final Pattern READY = Pattern.compile("nearkv control ready (http://\\S+) service=(\\S+)(?: .*)?");
    private static final Pattern BUILD = Pattern.compile("(?s)build ([a-z2-7]{13})  .*");

    final Program program;
    final Path folder;
    final RunningServer core;
    private final Deque<AutoCloseable> running = new ArrayDeque<>();
    private final List<String> routers = new ArrayList<>();
    private @Nullable Process control;

    ControlFleet(Path folder) {
        this.folder = folder;
        this.program = new Program(folder);
        done("env", "create", "production", "--operator", "alice,bob");
        this.core = program.serve("--environment", "production");
        running.push(core);
    }

    /** Runs a command that must succeed. */
    Program.Result done(String... args) {
        Program.Result result = program.call(args);
        assertThat(result.exitCode()).as("%s: %s", List.of(args), result).isZero();
        return result;
    }

    /** Runs a command that asks about production. */
    Program.Result production(String... args) {
        List<String> all = new ArrayList<>(Arrays.asList(args));
        all.addAll(List.of("--environment", "production"));
        return program.call(all.toArray(String[]::new));
    }

    Program.Result productionDone(String... args) {
        Program.Result result = production(args);
        assertThat(result.exitCode()).as("%s: %s", List.of(args), result).isZero();
        return result;
    }

    /** Starts the control plane for the routers that there are. */
    void startControl(String... more) {
        List<String> args = new ArrayList<>(
                List.of("control", "serve", "--data", "data", "--listen", "127.0.0.1:0", "--log-format", "json"));
        if (!routers.isEmpty()) {
            args.addAll(List.of("--node", String.join(",", routers)));
        }
        args.addAll(Arrays.asList(more));
        try {
            Process process = program.start(args.toArray(String[]::new));
            control = process;
            running.push(() -> process.destroyForcibly().waitFor());
            BufferedReader out = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8));
            String line = out.readLine();
            if (line == null || !READY.matcher(line).matches()) {
                throw new AssertionError("the control plane did not become ready: " + line + " "
                        + new String(process.getErrorStream().readAllBytes(), UTF_8));
            }
            drain(process);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void drain(Process process) {
        var unused = Program.drain(process.getErrorStream());
    }

    /** Has the control plane know the routers that there are, and waits until its routes name them. */
    void restartControl(String... more) {
        killControl();
        startControl(more);
        await().atMost(Duration.ofSeconds(30))
                .untilAsserted(() -> assertThat(productionDone(
                                        "route",
                                        "show",
                                        "--folder",
                                        folder.resolve("router-1/route").toString())
                                .out())
                        .contains("nodes: " + String.join(" ", routers) + "\n"));
    }

    /** Kills the control plane, and returns when it is gone. */
    void killControl() {
        Process process = requireNonNull(control);
        try {
            process.destroyForcibly();
            assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    /** A build with one instance. */
    record Build(String id, String endpoint) {}

    static int freePort() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Publishes a build that does not run. */
    Build publish(String version) {
        String endpoint = "kv://127.0.0.1:" + freePort();
        Path artifact = write("artifact-" + version, ("nearkv " + version).getBytes(UTF_8));
        Program.Result published = productionDone(
                "build",
                "publish",
                "--artifact",
                artifact.toString(),
                "--build-version",
                version,
                "--endpoint",
                endpoint,
                "--out",
                folder.resolve("manifest-" + version).toString());
        Matcher matcher = BUILD.matcher(published.out());
        assertThat(matcher.matches()).as(published.out()).isTrue();
        return new Build(matcher.group(1), endpoint);
    }

    /** Publishes a build and starts its instance before the core. */
    Build build(String version) {
        Build build = publish(version);
        run(build, "build-" + version);
        return build;
    }

    RunningServer run(Build build, String name) {
        return serve(
                "--role",
                "edge",
                "--upstream",
                core.address(),
                "--listen",
                build.endpoint().substring("kv://".length()),
                "--join",
                join(name, build.id()).toString(),
                "--data",
                name,
                "--node",
                name);
    }

    /** A build that has everything and is in the ledger. */
    Build knownGood(String version) {
        Build build = build(version);
        productionDone("route", "set", build.id(), "--weight", "100%");
        productionDone("ledger", "add", build.id(), "--why", "did well");
        return build;
    }

    /** Starts a node that sends its requests by route. */
    RunningServer router(String name) {
        Path bundle = folder.resolve("production.bundle");
        productionDone("route", "bundle", "--out", bundle.toString());
        RunningServer router = serve(
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
                name);
        routers.add(router.address());
        return router;
    }

    private Path join(String name, String build) {
        return write(
                name + ".join",
                done("join", "create", name, "--for-build", build).outBytes());
    }

    private RunningServer serve(String... args) {
        RunningServer server = program.serve(args);
        running.push(server);
        return server;
    }

    Path write(String name, byte[] content) {
        try {
            return Files.write(folder.resolve(name), content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    String adminToken() {
        return Fleet.read(folder.resolve("data/admin.token")).strip();
    }

    @Override
    public void close() throws Exception {
        while (!running.isEmpty()) {
            running.pop().close();
        }
    }
}
