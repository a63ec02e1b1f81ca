package io.nearkv.server.command;

import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.Output;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/**
 * {@code nearkv rehearse}: does once, within this process, what servers and commands will do, so that the JVM can note down which classes that takes; for the launcher. The leadership of the cluster goes
 * round, because a node that comes to lead for the first time has no time to load classes.
 */
@Command(
        name = "rehearse",
        hidden = true,
        description = "Starts a server and a cluster in an empty folder, uses both, and ends. For the launcher.")
final class RehearseCommand extends BaseCommand {
    private static final String HOST = "127.0.0.1";
    /** A node of a cluster has so many ports in a row. */
    private static final int PORTS = 5;

    private static final List<String> NODES = List.of("n1", "n2");

    @Parameters(paramLabel = "FOLDER", description = "Where; an empty folder.")
    private Path folder = Path.of("");

    RehearseCommand(Console console) {
        super(console);
    }

    @Override
    protected ExitCode run() {
        String one = folder.resolve("one").toString();
        serve("--data", one, "--listen", HOST + ":0", "--http", HOST + ":0", "--ops", HOST + ":0")
                .join();
        use("--data", one);

        String cluster = folder.resolve("cluster").toString();
        List<String> init = new ArrayList<>(List.of("cluster", "init", cluster));
        String server = "";
        int port = ThreadLocalRandom.current().nextInt(12_000, 30_000); // Below those of outgoing connections.
        for (String node : NODES) {
            port = freePorts(port);
            String address = HOST + ":" + port;
            port += PORTS;
            init.addAll(List.of("--node", node + "=" + address));
            server = "kv://" + address;
        }
        command(init);
        List<CompletableFuture<Void>> ready = new ArrayList<>();
        for (String node : NODES) {
            ready.add(serve(
                    "--cluster", Path.of(cluster, "cluster.json").toString(),
                    "--node", node,
                    "--join", Path.of(cluster, node + ".join").toString(),
                    "--data", folder.resolve(node).toString()));
        }
        ready.forEach(CompletableFuture::join);
        for (String node : NODES) {
            command(List.of("cluster", "transfer-leader", node, "--data", cluster));
            use("--data", cluster, "--server", server);
        }
        console().out().line("rehearsed");
        return ExitCode.DONE; // The servers stop with the process, and the exit code is theirs.
    }

    private void use(String... where) {
        for (String request : List.of("put default rehearsal done", "get default rehearsal", "list default")) {
            List<String> words = new ArrayList<>(List.of(request.split(" ")));
            Collections.addAll(words, where);
            command(words);
        }
    }

    private void command(List<String> words) {
        int exitCode = CommandRunner.run(words.toArray(String[]::new), within(OutputStream.nullOutputStream()));
        if (exitCode != ExitCode.DONE.number()) {
            throw new CommandException(
                    ExitCode.FAILURE, "failed", "'" + String.join(" ", words) + "' ended with " + exitCode, null);
        }
    }

    /** Nothing of the caller's settings. */
    private Console within(OutputStream out) {
        return new Console(
                InputStream.nullInputStream(), new Output(out), console().err(), false, false, Map.of());
    }

    /** Starts a server; the answer completes when it is ready. */
    private CompletableFuture<Void> serve(String... options) {
        List<String> words = new ArrayList<>(List.of("serve"));
        Collections.addAll(words, options);
        CompletableFuture<Void> ready = new CompletableFuture<>();
        OutputStream out = new OutputStream() {
            @Override
            public void write(int unused) {
                ready.complete(null); // What a server says first is that it is ready.
            }
        };
        Thread thread = new Thread(
                () -> {
                    int exitCode = CommandRunner.run(words.toArray(String[]::new), within(out));
                    ready.completeExceptionally(
                            new CommandException(ExitCode.FAILURE, "failed", "a server ended with " + exitCode, null));
                },
                "nearkv-rehearsal");
        thread.setDaemon(true);
        thread.start();
        return ready;
    }

    /** Returns the first of some free ports in a row, from one on. */
    private static int freePorts(int from) {
        int first = from;
        for (int port = from; port < first + PORTS; port++) {
            try (ServerSocket socket = new ServerSocket()) {
                socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
            } catch (IOException e) {
                first = port + 1;
            }
        }
        return first;
    }
}
