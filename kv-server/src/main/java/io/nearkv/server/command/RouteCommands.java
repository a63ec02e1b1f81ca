package io.nearkv.server.command;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.deploy.document.Documents;
import io.nearkv.deploy.document.Rejected;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.document.StoredDocuments;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteEntry;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.deploy.model.Trust;
import io.nearkv.net.client.KvTransport;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.JsonLine;
import io.nearkv.server.control.ControlAnswer;
import io.nearkv.server.control.ControlClient;
import io.nearkv.server.control.NodeTransports;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code nearkv route}: which build gets which share. */
final class RouteCommands {
    private static final Duration NODE_TIMEOUT = Duration.ofSeconds(5);

    private RouteCommands() {}

    /** Returns the trust document that a control plane works by. */
    static Trust trustOf(ControlClient client, ServiceId id) throws InterruptedException {
        try {
            byte[] bundle = client.get(id, "bundle").bytes("bundle").toByteArray();
            return SignedDocument.parse(Documents.readBundle(bundle).get(0)).trust();
        } catch (Rejected | IllegalStateException e) {
            throw new KvException(
                    ErrorCode.INTERNAL, "the control plane's bundle cannot be used: " + e.getMessage(), e);
        }
    }

    /** {@code nearkv route show}. */
    @Command(
            name = "show",
            description = {
                "Shows the route in force: builds, shares, known-good builds, and which nodes follow it. Asks the control plane;",
                "with --node one node, with --folder or --bundle the local disk, which work while the control plane is dead."
            })
    static final class Show extends ControlCommand {
        @Option(
                names = "--node",
                order = 1,
                paramLabel = "URL",
                description = "Ask this node, kv://HOST:PORT, what it follows.")
        private @Nullable String node;

        @Option(
                names = "--folder",
                order = 2,
                paramLabel = "DIR",
                description = "Look into the route folder of a node.")
        private @Nullable Path folder;

        @Option(names = "--bundle", order = 3, paramLabel = "FILE", description = "Look into a bundle.")
        private @Nullable Path bundle;

        Show(Console console) {
            super(console);
        }

        @Override
        protected ExitCode run() throws Exception {
            long named =
                    Stream.of(node, folder, bundle).filter(Objects::nonNull).count();
            if (named > 1) {
                throw CommandException.usage("--node, --folder and --bundle exclude each other");
            }
            if (node != null) {
                return ofNode(node);
            }
            if (folder != null) {
                return ofDisk(LocalRoute.ofFolder(folder));
            }
            if (bundle != null) {
                return ofDisk(LocalRoute.ofBundle(bundle));
            }
            return super.run();
        }

        private ExitCode ofNode(String endpoint) {
            DocumentVerdict verdict;
            try (KvTransport transport = NodeTransports.open(service(), null, null)) {
                verdict = transport.offer(endpoint, new byte[0], NODE_TIMEOUT);
            } catch (IllegalArgumentException e) {
                throw CommandException.usage("--node: " + e.getMessage());
            }
            if (verdict.hash().isEmpty()) {
                throw new KvException(
                        ErrorCode.NOT_FOUND,
                        endpoint + (verdict.detail().isEmpty() ? ": follows no route yet" : ": " + verdict.detail()));
            }
            if (json()) {
                console()
                        .out()
                        .line(new JsonLine()
                                .text("endpoint", endpoint)
                                .text("node", verdict.node())
                                .number("epoch", verdict.epoch())
                                .number("seq", verdict.seq())
                                .text("hash", verdict.hash())
                                .text("active", verdict.active())
                                .toString());
            } else {
                line(endpoint + " (" + verdict.node() + ")  epoch " + verdict.epoch() + " seq " + verdict.seq() + "  "
                        + verdict.active());
            }
            return ExitCode.DONE;
        }

        private ExitCode ofDisk(LocalRoute local) {
            Route route = local.of(service()).routeOrThrow();
            String kind = route.kind().name().toLowerCase(Locale.ROOT).replace('_', '-');
            if (json()) {
                console()
                        .out()
                        .line(new JsonLine()
                                .text("service", route.service().toString())
                                .text("kind", kind)
                                .number("epoch", route.epoch())
                                .number("seq", route.seq())
                                .text("hash", Documents.hash(route))
                                .text("active", route.summary())
                                .text("way_back", wayBack(local.kept()))
                                .toString());
                return ExitCode.DONE;
            }
            line(route.service() + "  epoch " + route.epoch() + " seq " + route.seq() + "  " + kind
                    + (route.reason().isEmpty() ? "" : "  " + route.reason()));
            TextTable table = new TextTable("BUILD", "SHARE", "VERSION", "LEDGER", "ENDPOINTS");
            route.entries().forEach(entry -> row(table, entry, RouteText.percent(entry.weight())));
            route.knownGood().forEach(entry -> row(table, entry, "known-good"));
            table.print(console());
            line("nodes: " + (route.nodes().isEmpty() ? "none" : String.join(" ", route.nodes())));
            String back = wayBack(local.kept());
            line(back == null ? "it brings no way back" : "way back: " + back);
            return ExitCode.DONE;
        }

        private static @Nullable String wayBack(StoredDocuments kept) {
            SignedDocument active = kept.active();
            SignedDocument back = active == null ? null : active.parachute();
            return back == null
                    ? null
                    : "seq " + back.route().seq() + " to "
                            + back.route().baseline().id();
        }

        private static void row(TextTable table, RouteEntry entry, String share) {
            table.row(
                    entry.id(),
                    share,
                    entry.version(),
                    entry.ledgerNumber() == 0 ? "-" : "#" + entry.ledgerNumber(),
                    String.join(" ", entry.endpoints()));
        }

        @Override
        ExitCode run(ControlClient client, ServiceId id) throws InterruptedException {
            ControlAnswer status = client.get(id, "");
            if (json()) {
                console().out().line(status.toString());
                return ExitCode.DONE;
            }
            print(this, status);
            return ExitCode.DONE;
        }
    }

    /** Prints how an environment stands. */
    static void print(ControlCommand command, ControlAnswer status) {
        ControlAnswer route = status.object("route");
        if (route == null) {
            command.line(status.text("service") + "  no route yet");
            status.texts("problems").forEach(problem -> command.line("PROBLEM  " + problem));
            return;
        }
        long lease = route.number("lease_seconds");
        command.line(status.text("service") + "  " + RouteText.version(route) + "  rollout " + route.text("rollout")
                + " step " + route.number("step")
                + (lease == 0 ? "" : "  lease " + lease + " s")
                + (route.text("reason").isEmpty() ? "" : "  " + route.text("reason")));
        TextTable table = new TextTable("BUILD", "SHARE", "VERSION", "LEDGER", "ENDPOINTS");
        for (ControlAnswer entry : route.list("entries")) {
            row(table, entry, RouteText.percent(entry.number("weight")));
        }
        for (ControlAnswer entry : route.list("known_good")) {
            row(table, entry, "known-good");
        }
        table.print(command.output());
        RouteText.printCoverage(command.output(), status.part("coverage"));
        status.texts("problems").forEach(problem -> command.line("PROBLEM  " + problem));
    }

    private static void row(TextTable table, ControlAnswer entry, String share) {
        long ledger = entry.number("ledger");
        table.row(
                entry.text("build"),
                share,
                entry.text("version"),
                ledger == 0 ? "-" : "#" + ledger,
                String.join(" ", entry.texts("endpoints")));
    }

    /** Prints a change, and fails where not all follow yet. */
    static ExitCode printChange(ControlCommand command, ControlAnswer answer) {
        ControlAnswer route = answer.part("route");
        ControlAnswer coverage = answer.part("coverage");
        if (command.json()) {
            command.output().out().line(answer.toString());
        } else {
            command.line(RouteText.version(route) + "  " + RouteText.shares(route));
            RouteText.printCoverage(command.output(), coverage);
        }
        if (!coverage.bool("complete")) {
            throw new CommandException(
                    ExitCode.UNAVAILABLE,
                    "incomplete",
                    "it is published, and " + coverage.number("holding") + " of " + coverage.number("total")
                            + " follow so far; the control plane goes on (see: nearkv route show)",
                    null);
        }
        return ExitCode.DONE;
    }

    /** {@code nearkv route set}. */
    @Command(
            name = "set",
            description = {
                "Gives a build a share of the traffic, after checks; the rest stays where it is. A share of less than everything",
                "is leased: if the control plane dies, it goes back by itself. 0%% takes it away again. Exit code 21 if a check",
                "does not hold: each is named with what was found and what to do, and nothing was changed."
            })
    static final class SetWeight extends ControlCommand {
        @Parameters(index = "0", paramLabel = "BUILD", description = "The id of the build.")
        private String build = "";

        @Option(
                names = "--weight",
                order = 1,
                required = true,
                paramLabel = "SHARE",
                description = "Its share: 0%% to 100%% in steps of 0.01%%, or basis points without the sign.")
        private String weight = "";

        @Option(
                names = "--lease",
                order = 2,
                paramLabel = "TIME",
                description =
                        "How long it keeps the share when the control plane is gone, 3s to 24h. Default: the control "
                                + "plane's own, 60s where nothing else was said.")
        private @Nullable Duration lease;

        @Option(
                names = "--min-ready",
                order = 3,
                paramLabel = "N",
                defaultValue = "0",
                description = "How many of its instances must run and prove that they are this build. Default: all.")
        private int minReady;

        @Option(
                names = "--reason",
                order = 4,
                paramLabel = "TEXT",
                defaultValue = "",
                description = "Why; stands in the route and in the audit. Default: nothing.")
        private String reason = "";

        SetWeight(Console console) {
            super(console);
        }

        @Override
        void check() {
            int unused = RouteText.parseWeight(weight);
        }

        @Override
        ExitCode run(ControlClient client, ServiceId id) throws InterruptedException {
            Map<String, Object> body = new LinkedHashMap<>();
            body.put("build", build);
            body.put("weight", RouteText.parseWeight(weight));
            body.put("min_ready", minReady);
            body.put("reason", reason);
            if (lease != null) {
                body.put("lease_seconds", lease.toSeconds());
            }
            return printChange(this, client.post(id, "route", body));
        }
    }

    /** {@code nearkv route bundle}. */
    @Command(
            name = "bundle",
            description = {
                "Writes trust, ledger and route into one file: what nodes and clients start with (--service-route), and what a",
                "rollback and a break-glass need. Asks the control plane, or takes them from the route folder of a node."
            })
    static final class Bundle extends ControlCommand {
        @Option(
                names = "--out",
                order = 1,
                required = true,
                paramLabel = "FILE",
                description = "The file; it appears, or is replaced, when it is complete.")
        private @Nullable Path out;

        @Option(
                names = "--folder",
                order = 2,
                paramLabel = "DIR",
                description = "Take it from the route folder of a node.")
        private @Nullable Path folder;

        Bundle(Console console) {
            super(console);
        }

        @Override
        protected ExitCode run() throws Exception {
            if (folder == null) {
                return super.run();
            }
            StoredDocuments kept = LocalRoute.ofFolder(folder).of(service()).kept();
            List<byte[]> documents = new ArrayList<>();
            for (SignedDocument document : new SignedDocument[] {kept.trust(), kept.ledger(), kept.active()}) {
                if (document != null) {
                    documents.add(document.toArray());
                }
            }
            return write(Documents.bundle(documents));
        }

        @Override
        ExitCode run(ControlClient client, ServiceId id) throws IOException, InterruptedException {
            return write(client.get(id, "bundle").bytes("bundle").toByteArray());
        }

        private ExitCode write(byte[] bundle) throws IOException {
            Path file = requireNonNull(out, "out");
            Path part = PartFile.beside(file);
            try {
                Files.write(part, bundle);
                Files.move(part, file, StandardCopyOption.REPLACE_EXISTING);
            } finally {
                Files.deleteIfExists(part);
            }
            line("wrote " + file + ", " + bundle.length + " bytes");
            return ExitCode.DONE;
        }
    }
}
