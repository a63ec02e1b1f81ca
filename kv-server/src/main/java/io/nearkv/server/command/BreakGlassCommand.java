package io.nearkv.server.command;

import io.nearkv.deploy.control.Coverage;
import io.nearkv.deploy.control.DocumentPush.Target;
import io.nearkv.deploy.control.NodeReport;
import io.nearkv.deploy.document.DocumentSigner;
import io.nearkv.deploy.document.Rejected;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.environment.BreakGlass;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteEntry;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.JsonLine;
import io.nearkv.server.cli.PlainText;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code nearkv breakglass route}. */
@Command(
        name = "route",
        description = {
            "Sends all traffic of an environment to one build of the ledger, with the keys of people and nothing else alive:",
            "for when the way back is not the one that is wanted, or the control plane's key cannot be used. It can lead to",
            "builds of the ledger alone, can be taken for an hour at most, and freezes rollouts until 'nearkv reconcile'.",
            "In an environment of class production it takes the keys of two people."
        })
final class BreakGlassCommand extends BaseCommand {
    private static final String LEDGER = "ledger:";

    @Mixin
    private final ServiceOptions service = new ServiceOptions();

    @Mixin
    private final LocalRouteOptions local = new LocalRouteOptions();

    @Mixin
    private final PushOptions push = new PushOptions();

    @Option(
            names = "--to",
            order = 1,
            required = true,
            paramLabel = "ledger:N",
            description = "The build: its number in the ledger (see: nearkv ledger show).")
    private String target = "";

    @Option(
            names = "--key",
            order = 2,
            required = true,
            paramLabel = "FILE",
            description = "The break-glass key of one person (PEM); once for each person.")
    private List<Path> keys = List.of();

    @Option(
            names = "--reason",
            order = 3,
            required = true,
            paramLabel = "TEXT",
            description = "Why; every node notes it.")
    private String reason = "";

    @Option(
            names = "--ttl",
            order = 4,
            paramLabel = "TIME",
            defaultValue = "1h",
            description = "How long nodes take it, at most 1h. What has taken it keeps it. Default: ${DEFAULT-VALUE}.")
    private Duration lifetime = Duration.ofHours(1);

    @Option(
            names = "--out",
            order = 5,
            paramLabel = "FILE",
            description = "Write the signed document to this file too, for nodes that cannot be reached: put it into "
                    + "'routes.d' of their route folder.")
    private @Nullable Path out;

    @Option(
            names = "--audit",
            order = 634,
            paramLabel = "FILE",
            description = "Where to note what was done. Default: operator.log in the folder, or beside the bundle.")
    private @Nullable Path audit;

    @Option(names = "--json", order = 610, description = "Print one JSON object.")
    private boolean json;

    BreakGlassCommand(Console console) {
        super(console);
    }

    @Override
    protected ExitCode run() throws IOException, InterruptedException {
        ServiceId id = service.id();
        long number = ledgerNumber(target);
        LocalRoute route = local.read(console()).of(id);
        List<DocumentSigner> people = keys.stream().map(DocumentSigner::read).toList();
        List<Target> targets = route.targets(push.nodes());
        Coverage asked = push.ask(id, targets);
        long epoch = asked.nodes().stream().mapToLong(NodeReport::epoch).max().orElse(0);
        byte[] document = make(route, epoch, number, people, reason, lifetime);
        if (out != null) {
            Files.write(out, document);
        }
        Coverage coverage = push.push(console(), id, document, targets);
        SignedDocument signed = parse(document);
        Route made = signed.route();
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("service", id.toString());
        facts.put("after", signed.hash());
        facts.put("epoch", made.epoch());
        facts.put("target", made.baseline().id());
        facts.put("ledger", number);
        facts.put("keys", people.stream().map(DocumentSigner::keyId).toList());
        facts.put("reason", reason);
        facts.put("coverage", coverage.summary());
        OperatorAudit.append(console(), route, audit, "break_glass", facts);
        print(made, coverage, number);
        PushOptions.requireComplete(coverage, "see above why not");
        return ExitCode.DONE;
    }

    private void print(Route made, Coverage coverage, long number) {
        RouteEntry entry = made.baseline();
        if (json) {
            console()
                    .out()
                    .line(PushOptions.describe(
                                    new JsonLine()
                                            .text("service", made.service().toString())
                                            .text("target", entry.id())
                                            .number("ledger", number)
                                            .number("epoch", made.epoch())
                                            .number("seq", made.seq())
                                            .number("not_after", made.notAfter()),
                                    coverage)
                            .toString());
            return;
        }
        console()
                .out()
                .line(PlainText.visible("epoch " + made.epoch() + " seq " + made.seq() + " accepted "
                        + coverage.holding()
                        + "/" + coverage.total() + " in " + coverage.elapsed().toMillis() + " ms, target " + entry.id()
                        + " " + entry.version() + " (ledger #" + number + ")"));
        console()
                .out()
                .line("rollouts FROZEN; it can be taken for " + lifetime.toMinutes()
                        + " min; when all is well run: nearkv reconcile --environment "
                        + made.service().environment());
        PushOptions.printMissing(console(), coverage);
    }

    static byte[] make(
            LocalRoute route, long epoch, long number, List<DocumentSigner> people, String reason, Duration lifetime) {
        try {
            return BreakGlass.create(route.kept(), epoch, number, people, reason, lifetime, InstantSource.system());
        } catch (IllegalArgumentException e) {
            throw CommandException.usage(String.valueOf(e.getMessage()));
        }
    }

    private static SignedDocument parse(byte[] own) {
        try {
            return SignedDocument.parse(own);
        } catch (Rejected e) {
            throw new IllegalStateException("a document that was just made", e);
        }
    }

    static long ledgerNumber(String text) {
        try {
            if (text.startsWith(LEDGER)) {
                return Long.parseLong(text.substring(LEDGER.length()));
            }
        } catch (NumberFormatException e) {
            throw CommandException.usage("--to: '" + PlainText.visible(text) + "' (expected: ledger:N)");
        }
        throw CommandException.usage("--to: '" + PlainText.visible(text) + "' (expected: ledger:N)");
    }
}
