package io.nearkv.server.command;

import io.nearkv.deploy.model.ServiceId;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.control.ControlClient;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code nearkv reconcile}. */
@Command(
        name = "reconcile",
        description = {
            "Has the control plane take over what the nodes follow and it has not published: after a break-glass its route goes",
            "on under the control plane's own key, and rollouts are possible again; a control plane whose store was lost takes",
            "in the newest route. Look at why it came to that first."
        })
final class ReconcileCommand extends ControlCommand {
    @Option(
            names = "--reason",
            order = 1,
            paramLabel = "TEXT",
            defaultValue = "",
            description = "Why; stands in the route and in the audit. Default: nothing.")
    private String reason = "";

    ReconcileCommand(Console console) {
        super(console);
    }

    @Override
    ExitCode run(ControlClient client, ServiceId id) throws InterruptedException {
        return RouteCommands.printChange(this, client.post(id, "reconcile", Map.of("reason", reason)));
    }
}
