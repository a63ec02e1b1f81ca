package io.nearkv.server.command;

import io.nearkv.deploy.control.ControlQuotas;
import io.nearkv.deploy.control.DependencyGraph;
import io.nearkv.deploy.control.RefusedException;
import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.DataFolderOption;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.config.DataFolder;
import io.nearkv.server.config.ListenAddress;
import io.nearkv.server.control.ControlFolder;
import io.nearkv.server.control.ControlProcess;
import io.nearkv.server.control.ControlSettings;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code nearkv control serve}. */
@Command(
        name = "serve",
        description = {
            "Runs the control plane of an environment until it is told to stop (SIGTERM or Ctrl-C). It keeps builds, routes and",
            "the ledger in a store of its own in the data folder, and needs nothing of what it deploys. Traffic, rollback and",
            "break-glass do not need it. When it is ready it prints one line:",
            "  nearkv control ready http://HOST:PORT service=TENANT/SERVICE/ENVIRONMENT route=EPOCH.SEQ",
            "route= is missing while there is none. Whoever asks it shows an administrator's token."
        })
final class ControlServeCommand extends BaseCommand {
    private static final String LISTEN = "127.0.0.1:7410";

    @Mixin
    private final DataFolderOption data = new DataFolderOption();

    @Option(
            names = "--listen",
            order = 1,
            paramLabel = "HOST:PORT",
            defaultValue = LISTEN,
            description =
                    "Where to answer over HTTP, without TLS: keep it on loopback, or behind a proxy with TLS. Port 0 "
                            + "for one that is free. Default: ${DEFAULT-VALUE}.")
    private ListenAddress listen = ListenAddress.parse(LISTEN);

    @Option(
            names = "--node",
            order = 2,
            paramLabel = "URL",
            split = ",",
            description =
                    "The nodes that follow the routes beside the instances of the builds, kv://HOST:PORT: routers and "
                            + "edges. Coverage counts them. Several with commas between.")
    private List<String> nodes = List.of();

    @Option(
            names = "--keys",
            order = 3,
            paramLabel = "DIR",
            description =
                    "The folder with trust.signed and route.pem, as 'nearkv env create' has made it. Default: the folder "
                            + "'deploy' in the data folder.")
    private @Nullable Path keys;

    @Option(
            names = "--lease",
            order = 4,
            paramLabel = "TIME",
            defaultValue = "60s",
            description =
                    "How long a candidate keeps a share of less than everything when this control plane is gone, 3s to "
                            + "24h; renewed every third of it. Default: ${DEFAULT-VALUE}.")
    private Duration lease = Duration.ofSeconds(60);

    @Option(
            names = "--staging-trust",
            order = 5,
            paramLabel = "FILE",
            description =
                    "The trust.signed of the environment where builds are tested before: evidence must then be signed "
                            + "there. Default: evidence is believed by what it says.")
    private @Nullable Path stagingTrust;

    @Option(
            names = "--depends",
            order = 6,
            paramLabel = "NAME=NEEDED,NEEDED",
            description =
                    "What needs what, such as control-plane=dns or ci=access; may be given many times. A chain from "
                            + "control-plane to data-plane stops the start (exit code 21).")
    private List<String> depends = new ArrayList<>();

    @Option(
            names = "--tls-ca",
            order = 7,
            paramLabel = "FILE",
            description = "The roots of the certificates of kvs:// nodes (PEM). Default: those of the Java runtime.")
    private @Nullable Path roots;

    @Option(
            names = "--alert-webhook",
            order = 8,
            paramLabel = "URL",
            description =
                    "Where each alert is posted as JSON, http:// or https://; tried again for about three minutes. "
                            + "Redirects are not followed. Default: alerts are in the log, in /metrics and on the page.")
    private @Nullable URI alertWebhook;

    @Option(
            names = "--alert-webhook-secret-file",
            order = 9,
            paramLabel = "FILE",
            description =
                    "A file with a secret of at least 16 bytes that these requests are signed with (HMAC-SHA256, header "
                            + "KV-Signature). Default: no signature.")
    private @Nullable Path alertWebhookSecret;

    @Option(
            names = "--quota-rollouts",
            order = 10,
            paramLabel = "N",
            defaultValue = "60",
            description = "Rollouts that may be begun in a minute, refused ones among them. Default: ${DEFAULT-VALUE}.")
    private int rolloutsPerMinute = 60;

    @Option(
            names = "--quota-probes",
            order = 11,
            paramLabel = "N",
            defaultValue = "20000",
            description = "Synthetic requests for rollouts, and instances asked for lists of builds, in a minute. "
                    + "Default: ${DEFAULT-VALUE}.")
    private int probesPerMinute = 20_000;

    @Option(
            names = "--quota-documents",
            order = 12,
            paramLabel = "N",
            defaultValue = "300",
            description = "Builds, build tokens, routes and entries of the ledger that may be made in a minute. What "
                    + "leads back to known-good is never counted. Default: ${DEFAULT-VALUE}.")
    private int documentsPerMinute = 300;

    @Option(
            names = "--log-level",
            order = 400,
            paramLabel = "LEVEL",
            defaultValue = "info",
            description = "error, warn, info, debug or trace. Default: ${DEFAULT-VALUE}; debug with --verbose.")
    private String logLevel = "info";

    @Option(
            names = "--log-format",
            order = 401,
            paramLabel = "FORMAT",
            defaultValue = "auto",
            description =
                    "text, json (one object a line), or auto: text on a terminal, JSON otherwise. Logs go to standard "
                            + "error. Default: ${DEFAULT-VALUE}.")
    private String logFormat = "auto";

    ControlServeCommand(Console console) {
        super(console);
    }

    @Override
    protected ExitCode run() throws IOException, InterruptedException {
        LogOptions.setUp(console(), verbose() ? "debug" : logLevel, logFormat);
        DataFolder folder = data.usableFolder(console());
        ControlProcess process;
        try {
            process = ControlProcess.start(
                    new ControlSettings(
                            folder,
                            keys == null ? new ControlFolder(folder).keys() : keys,
                            listen,
                            nodes,
                            lease,
                            stagingTrust,
                            roots,
                            DependencyGraph.parse(depends),
                            new ControlQuotas(rolloutsPerMinute, probesPerMinute, documentsPerMinute),
                            alertWebhook,
                            alertWebhookSecret),
                    InstantSource.system());
        } catch (IllegalArgumentException e) {
            throw CommandException.usage(String.valueOf(e.getMessage()));
        } catch (RefusedException e) {
            throw new CommandException(ExitCode.REFUSED, "refused", String.valueOf(e.getMessage()), e);
        }
        // As with 'nearkv serve': the JVM would end with 143 after a SIGTERM that was obeyed.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> closeAndHalt(process), "nearkv-drain"));
        String route = process.route();
        console()
                .out()
                .line("nearkv control ready " + process.url() + " service=" + process.service()
                        + (route == null ? "" : " route=" + route));
        console().out().flush();
        new CountDownLatch(1).await(); // Until the process is told to end.
        return ExitCode.DONE;
    }

    private void closeAndHalt(ControlProcess process) {
        int exitCode = ExitCode.DONE.number();
        try {
            process.close();
        } catch (RuntimeException e) {
            exitCode = Failures.report(e, console().err(), verbose()).number();
        }
        Runtime.getRuntime().halt(exitCode);
    }
}
