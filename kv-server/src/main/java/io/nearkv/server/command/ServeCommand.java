package io.nearkv.server.command;

import io.nearkv.cluster.ClusterMember;
import io.nearkv.core.rocksdb.RocksStoreOptions;
import io.nearkv.deploy.model.SafetyLayers;
import io.nearkv.net.server.TlsFiles;
import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.config.DataFolder;
import io.nearkv.server.config.ListenAddress;
import io.nearkv.server.node.ClusterDocument;
import io.nearkv.server.node.Node;
import io.nearkv.server.node.NodeSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code nearkv serve}. */
@Command(
        name = "serve",
        description = {
            "Serves a data folder until it is told to stop (SIGTERM or Ctrl-C), and then drains.",
            "The first start in a folder makes the environment with its keys, an administrator's token and the namespace",
            "'default'. When the server is ready it prints one line:",
            "  nearkv ready kv://HOST:PORT environment=NAME account=ID build=ID http=HOST:PORT ops=HOST:PORT route=EPOCH.SEQ",
            "http= is missing with --http off, ops= with --ops off, route= without --service-route; later versions may put",
            "more fields behind these.",
            "Every option can also be given as an environment variable (--cache-mib is NEARKV_CACHE_MIB) or in the file that",
            "--config names, in this order of precedence."
        })
final class ServeCommand extends BaseCommand {
    @Mixin
    private final ServeOptions options = new ServeOptions();

    @Mixin
    private final CacheOptions cache = new CacheOptions();

    @Mixin
    private final EngineOptions engine = new EngineOptions();

    @Mixin
    private final BoundsOptions bounds = new BoundsOptions();

    @Option(
            names = "--config",
            order = 500,
            paramLabel = "FILE",
            description = "A Java properties file with the names of these options as keys. Default: NEARKV_CONFIG.")
    private @Nullable Path unusedConfig; // Read before the others, because it gives their defaults.

    private final SafetyLayers layers;

    ServeCommand(Console console) {
        this(console, SafetyLayers.ALL);
    }

    /** For the replay of the incident alone. */
    ServeCommand(Console console, SafetyLayers layers) {
        super(console);
        this.layers = layers;
    }

    @Override
    protected ExitCode run() throws IOException, InterruptedException {
        LogOptions.setUp(console(), verbose() ? "debug" : options.logLevel(), options.logFormat());
        NodeSettings settings = settings();
        Node node;
        try {
            node = Node.start(settings, InstantSource.system());
        } catch (IllegalArgumentException e) {
            throw CommandException.usage(String.valueOf(e.getMessage())); // Of certificates that cannot be used.
        }
        // The hook ends the process itself, because the JVM would end it with 143 after a SIGTERM that was obeyed.
        Thread drain = new Thread(() -> drainAndHalt(node), "nearkv-drain");
        Runtime.getRuntime().addShutdownHook(drain);
        // Scripts read this line: fields may be added at its end, never changed.
        String http = node.httpAddress();
        String operations = node.operationsAddress();
        console()
                .out()
                .line("nearkv ready " + node.address() + " environment=" + node.environment() + " account="
                        + node.account() + " build=" + node.build()
                        + (http == null ? "" : " http=" + http)
                        + (operations == null ? "" : " ops=" + operations)
                        + (node.route() == null ? "" : " route=" + node.route()));
        console().out().flush();
        if (node.firstStart()) {
            console().out().line("Try next: " + command("put default hello world"));
            console().out().line("and then: " + command("get default hello"));
            console().out().flush();
        }
        new CountDownLatch(1).await(); // Until the process is told to end.
        return ExitCode.DONE;
    }

    private void drainAndHalt(Node node) {
        int exitCode = ExitCode.DONE.number();
        try {
            node.stop();
        } catch (RuntimeException e) {
            exitCode = Failures.report(e, console().err(), verbose()).number();
        }
        Runtime.getRuntime().halt(exitCode);
    }

    private NodeSettings settings() {
        Path certificate = options.tlsCertificate();
        Path key = options.tlsKey();
        if ((certificate == null) != (key == null) || (certificate == null && options.tlsClientRoots() != null)) {
            throw CommandException.usage("--tls-cert and --tls-key go together, and --tls-client-ca needs them");
        }
        try {
            engine.applyTo(RocksStoreOptions.builder()); // To find a mistake before anything is done.
            Path cluster = cache.cluster();
            ListenAddress listen = options.listen();
            ListenAddress http = options.http();
            ListenAddress operations = options.operations();
            if (cluster != null) {
                ClusterDocument document = ClusterDocument.read(cluster);
                ClusterMember member = document.member(options.node());
                listen = ListenAddress.parse(member.client());
                http = document.place(member).http();
                operations = document.place(member).ops();
            }
            return new NodeSettings(
                    options.folder(),
                    options.environment(),
                    listen,
                    http,
                    options.corsOrigins(),
                    operations,
                    options.node(),
                    options.buildToken(),
                    options.backups(),
                    options.drainTimeout(),
                    options.threads(),
                    options.spin(),
                    bounds.limits(),
                    certificate == null || key == null
                            ? null
                            : new TlsFiles(certificate, key, options.tlsClientRoots()),
                    cache.settings(),
                    cache.routes(options.folder().path(), layers),
                    engine::applyTo,
                    Version.program(),
                    Version.number(),
                    Version.build());
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw CommandException.usage(String.valueOf(e.getMessage()));
        }
    }

    /** Returns a command that is true as printed: with the data folder where it is not the default. */
    private String command(String rest) {
        String folder = options.folder().path().toString();
        if (folder.equals(DataFolder.DEFAULT)) {
            return "./nearkv " + rest;
        }
        boolean plain = folder.chars().allMatch(c -> Character.isLetterOrDigit(c) || "/._-".indexOf(c) >= 0);
        return "./nearkv " + rest + " --data " + (plain ? folder : "'" + folder.replace("'", "'\\''") + "'");
    }
}
