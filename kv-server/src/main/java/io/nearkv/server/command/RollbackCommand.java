package io.nearkv.server.command;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.deploy.control.Coverage;
import io.nearkv.deploy.control.NodeReport;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteEntry;
import io.nearkv.deploy.model.RouteKind;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.JsonLine;
import io.nearkv.server.cli.PlainText;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code nearkv rollback}. */
@Command(
        name = "rollback",
        description = {
            "Takes an environment back to its known-good build, with nothing else alive: no store, no control plane, no token.",
            "The way back was signed with the route, and lies beside it on the disk of every node; this command offers it to",
            "all nodes and instances, again and again until each has it. Exit code 0 means that all have; 6, that some did not",
            "answer in time (do it again); 1, that some have refused. A control plane that lives notices and goes along."
        })
final class RollbackCommand extends BaseCommand {
    @Mixin
    private final ServiceOptions service = new ServiceOptions();

    @Mixin
    private final LocalRouteOptions local = new LocalRouteOptions();

    @Mixin
    private final PushOptions push = new PushOptions();

    @Option(
            names = "--reason",
            order = 1,
            paramLabel = "TEXT",
            defaultValue = "",
            description = "Why; stands in the operator's log. Default: nothing.")
    private String reason = "";

    @Option(
            names = "--audit",
            order = 634,
            paramLabel = "FILE",
            description = "Where to note what was done. Default: operator.log in the folder, or beside the bundle.")
    private @Nullable Path audit;

    @Option(names = "--json", order = 610, description = "Print one JSON object.")
    private boolean json;

    RollbackCommand(Console console) {
        super(console);
    }

    @Override
    protected ExitCode run() throws InterruptedException {
        ServiceId id = service.id();
        LocalRoute route = local.read(console()).of(id);
        SignedDocument back = wayBack(route);
        Route way = back.route();
        RouteEntry target = way.baseline();
        if (!json) {
            print("using " + route.path() + ": epoch " + way.epoch() + " seq " + way.seq() + ", way back to "
                    + described(target));
            console().out().flush();
        }
        Coverage coverage = push.push(console(), id, back.toArray(), route.targets(push.nodes()));
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("service", id.toString());
        facts.put("after", back.hash());
        facts.put("epoch", way.epoch());
        facts.put("seq", way.seq());
        facts.put("target", target.id());
        facts.put("reason", reason);
        facts.put("coverage", coverage.summary());
        OperatorAudit.append(console(), route, audit, "rollback", facts);
        if (json) {
            console()
                    .out()
                    .line(PushOptions.describe(
                                    new JsonLine()
                                            .text("service", id.toString())
                                            .text("target", target.id())
                                            .text("version", target.version())
                                            .number("ledger", target.ledgerNumber())
                                            .number("epoch", way.epoch())
                                            .number("seq", way.seq()),
                                    coverage)
                            .toString());
        } else {
            print("pulled " + coverage.holding() + "/" + coverage.total() + " in "
                    + coverage.elapsed().toMillis() + " ms, target " + described(target));
            PushOptions.printMissing(console(), coverage);
        }
        PushOptions.requireComplete(coverage, explain(coverage, way));
        return ExitCode.DONE;
    }

    private static SignedDocument wayBack(LocalRoute local) {
        Route route = local.routeOrThrow();
        SignedDocument active = requireNonNull(local.kept().active());
        if (route.kind() == RouteKind.BREAK_GLASS) {
            throw new KvException(
                    ErrorCode.PRECONDITION_FAILED,
                    "a break-glass is in force (epoch " + route.epoch()
                            + "), which leads to known-good already; reconcile it, or make another");
        }
        if (route.kind() == RouteKind.PARACHUTE) {
            return active; // It was pulled here; the others may not have it yet.
        }
        SignedDocument back = active.parachute();
        if (back == null) {
            throw new KvException(
                    ErrorCode.NOT_FOUND,
                    "the route in '" + local.path() + "' (epoch " + route.epoch() + " seq " + route.seq()
                            + ") brings no way back; use 'nearkv breakglass route' with the keys of "
                            + local.trust().breakGlassThreshold() + " people");
        }
        return back;
    }

    private static String explain(Coverage coverage, Route way) {
        boolean newer =
                coverage.missing().stream().map(NodeReport::reason).anyMatch(reason -> reason.equals("not_newer"));
        return newer
                ? "some follow a newer route than the one whose way back this is (epoch " + way.epoch() + " seq "
                        + way.seq()
                        + "): run it from the folder of one of them, or use the control plane or a break-glass"
                : "see above why not";
    }

    private static String described(RouteEntry target) {
        return target.id() + " " + target.version()
                + (target.ledgerNumber() == 0 ? "" : " (ledger #" + target.ledgerNumber() + ")");
    }

    private void print(String text) {
        console().out().line(PlainText.visible(text));
    }
}
