package io.nearkv.server.command;

import io.nearkv.core.KvException;
import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.deploy.control.Coverage;
import io.nearkv.deploy.control.NodeReport;
import io.nearkv.deploy.document.DocumentSigner;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.model.LedgerEntry;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteKind;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.JsonLine;
import io.nearkv.server.cli.PlainText;
import io.nearkv.server.config.LogSetup;
import io.nearkv.server.control.ControlAnswer;
import io.nearkv.server.control.ControlClient;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code nearkv drill}: proves that a way back is open, and changes nothing. */
final class DrillCommands {
    private DrillCommands() {}

    private abstract static sealed class Drill extends BaseCommand {
        @Mixin
        private final ServiceOptions service = new ServiceOptions();

        @Mixin
        private final LocalRouteOptions local = new LocalRouteOptions();

        @Mixin
        private final PushOptions push = new PushOptions();

        @Option(names = "--json", order = 610, description = "One JSON object on a line for each thing that was tried.")
        private boolean json;

        private final List<String> failures = new ArrayList<>();

        Drill(Console console) {
            super(console);
        }

        /** Tries what is special to the drill. */
        abstract void tryOut(LocalRoute route, Coverage asked) throws IOException;

        @Override
        protected final ExitCode run() throws IOException, InterruptedException {
            // What the copy says of itself, such as that it has taken the way back, would only frighten.
            LogSetup.want(LogSetup.Format.TEXT, verbose() ? "debug" : "error");
            ServiceId id = service.id();
            LocalRoute route = local.read(console()).of(id);
            String signatures = route.signatureProblem();
            told(
                    signatures.isEmpty(),
                    "signatures",
                    signatures.isEmpty()
                            ? "trust (serial " + route.trust().serial() + ", "
                                    + route.trust().environmentClass().label() + "), route and ledger verify"
                            : signatures);
            Coverage asked = push.ask(id, route.targets(push.nodes()));
            for (NodeReport node : asked.nodes()) {
                boolean answers = node.settled();
                told(answers, "node", node.endpoint() + (answers ? " answers" + follows(node) : " " + node.detail()));
            }
            if (asked.total() == 0) {
                told(
                        false,
                        "nodes",
                        "nobody would follow: the route names no node, and none of its instances follows one; name nodes with"
                                + " --node");
            }
            tryOut(route, asked);
            if (failures.isEmpty()) {
                told(true, "drill", "the way is open; nothing was changed");
                return ExitCode.DONE;
            }
            throw new CommandException(
                    ExitCode.REFUSED,
                    "drill",
                    failures.size() + " things would stop it: " + String.join("; ", failures),
                    null);
        }

        private static String follows(NodeReport node) {
            return switch (node.state()) {
                case HOLDS -> ", follows epoch " + node.epoch() + " seq " + node.seq();
                default -> ", follows no route by its own settings";
            };
        }

        final void told(boolean good, String what, String text) {
            if (!good) {
                failures.add(text);
            }
            if (json) {
                console()
                        .out()
                        .line(new JsonLine()
                                .text("what", what)
                                .bool("good", good)
                                .text("detail", text)
                                .toString());
            } else {
                console().out().line(PlainText.visible((good ? "ok    " : "FAIL  ") + text));
            }
        }
    }

    /** {@code nearkv drill rollback}. */
    @Command(
            name = "rollback",
            description = {
                "Proves that 'nearkv rollback' would work now, and changes nothing: the signatures are good, every node and",
                "instance answers, and a copy of the local state takes the way back. Exit code 21 and a line for each thing that",
                "would stop it."
            })
    static final class Rollback extends Drill {
        Rollback(Console console) {
            super(console);
        }

        @Override
        void tryOut(LocalRoute local, Coverage asked) throws IOException {
            Route route = local.routeOrThrow();
            SignedDocument active = local.kept().active();
            SignedDocument back = active == null ? null : active.parachute();
            if (route.kind() != RouteKind.FORWARD) {
                told(true, "way back", "it is taken already: epoch " + route.epoch() + " seq " + route.seq());
                return;
            }
            if (back == null) {
                told(
                        false,
                        "way back",
                        "the route (epoch " + route.epoch() + " seq " + route.seq()
                                + ") brings none; a break-glass can go back");
                return;
            }
            Route way = back.route();
            DocumentVerdict verdict = local.onCopy(copy -> copy.pull("drill", "nothing; a drill"));
            told(
                    verdict.holds(),
                    "dry run",
                    verdict.holds()
                            ? "a copy of '" + local.path() + "' takes seq " + way.seq() + ": "
                                    + way.baseline().id() + " " + way.baseline().version() + " gets everything"
                            : "a copy of '" + local.path() + "' does not take the way back: " + verdict.reason() + " "
                                    + verdict.detail());
            for (NodeReport node : asked.nodes()) {
                if (node.state() == NodeReport.State.HOLDS && node.epoch() == route.epoch() && node.seq() > way.seq()) {
                    told(
                            false,
                            "node",
                            node.endpoint() + " follows seq " + node.seq() + ", newer than the way back here (seq "
                                    + way.seq() + "): take its folder, or a new bundle");
                }
            }
        }
    }

    /** {@code nearkv drill breakglass}. */
    @Command(
            name = "breakglass",
            description = {
                "Proves that 'nearkv breakglass route' would work now, and changes nothing: every node answers, and a copy of",
                "the local state takes a document that the given keys sign for the newest build of the ledger. The document is",
                "thrown away. Exit code 21 and a line for each thing that would stop it."
            })
    static final class BreakGlass extends Drill {
        @Option(
                names = "--key",
                order = 2,
                required = true,
                paramLabel = "FILE",
                description = "The break-glass key of one person (PEM); once for each person.")
        private List<Path> keys = List.of();

        BreakGlass(Console console) {
            super(console);
        }

        @Override
        void tryOut(LocalRoute local, Coverage asked) throws IOException {
            LedgerEntry last = local.ledger().last();
            if (last == null) {
                told(false, "ledger", "the ledger is empty: there is nothing that a break-glass could lead to");
                return;
            }
            told(
                    true,
                    "ledger",
                    "the newest of " + local.ledger().entries().size() + " known-good builds is "
                            + last.build().id() + " " + last.build().version() + " (ledger #" + last.number() + ")");
            byte[] document;
            try {
                List<DocumentSigner> people =
                        keys.stream().map(DocumentSigner::read).toList();
                long epoch = asked.nodes().stream()
                        .mapToLong(NodeReport::epoch)
                        .max()
                        .orElse(0);
                document = BreakGlassCommand.make(local, epoch, last.number(), people, "drill", Duration.ofMinutes(1));
            } catch (KvException e) {
                told(false, "keys", String.valueOf(e.getMessage()));
                return;
            }
            DocumentVerdict verdict = local.onCopy(copy -> copy.offer(document, "drill"));
            told(
                    verdict.holds(),
                    "dry run",
                    verdict.holds()
                            ? keys.size() + " keys sign it, and a copy of '" + local.path() + "' takes it"
                            : "a copy of '" + local.path() + "' does not take it: " + verdict.reason() + " "
                                    + verdict.detail());
        }
    }

    /** {@code nearkv drill note}. */
    @Command(
            name = "note",
            description = {
                "Tells the control plane that 'nearkv drill breakglass' was done and went well: the keys are with people, so that it",
                "cannot know by itself. It warns before a rollout where this was not said within 30 days."
            })
    static final class Note extends ControlCommand {
        Note(Console console) {
            super(console);
        }

        @Override
        ExitCode run(ControlClient client, ServiceId id) throws InterruptedException {
            ControlAnswer answer = client.post(id, "drills", Map.of());
            if (json()) {
                output().out().line(answer.toString());
            } else {
                line("noted");
            }
            return ExitCode.DONE;
        }
    }
}
