package io.nearkv.server.command;

import io.nearkv.deploy.model.ServiceId;
import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.PlainText;
import io.nearkv.server.control.ControlAnswer;
import io.nearkv.server.control.ControlClient;
import java.io.IOException;
import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A command that asks the control plane of one environment. */
abstract class ControlCommand extends BaseCommand {
    @Mixin
    private final ServiceOptions service = new ServiceOptions();

    @Mixin
    private final ControlOptions control = new ControlOptions();

    @Option(names = "--json", order = 610, description = "Print the answer as one JSON object.")
    private boolean json;

    ControlCommand(Console console) {
        super(console);
    }

    /** Checks what can be checked without the control plane. */
    void check() throws IOException {}

    /** Does the work. */
    abstract ExitCode run(ControlClient client, ServiceId id) throws Exception;

    final boolean json() {
        return json;
    }

    final ControlOptions control() {
        return control;
    }

    final ServiceId service() {
        return service.id();
    }

    final Console output() {
        return console();
    }

    final void line(String text) {
        console().out().line(PlainText.visible(text));
    }

    @Override
    protected ExitCode run() throws Exception {
        ServiceId id = service.id();
        check();
        try {
            return run(control.resolve(console(), id), id);
        } catch (ControlClient.Refused e) {
            throw refused(e);
        }
    }

    /** Prints what stands in the way, one line for each check, and returns the failure. */
    private CommandException refused(ControlClient.Refused refusal) {
        ControlAnswer error = refusal.error();
        List<ControlAnswer> findings = error.list("findings");
        if (json) {
            console().out().line(error.toString());
        } else {
            String head = "REFUSED  ";
            for (ControlAnswer finding : findings) {
                line(head + finding.text("check") + " " + finding.text("code") + "  " + finding.text("found"));
                line("         " + "→ " + finding.text("advice"));
                head = "         ";
            }
            line(head + error.text("unchanged"));
        }
        String codes = findings.stream()
                .map(finding -> finding.text("code"))
                .distinct()
                .collect(Collectors.joining(", "));
        return new CommandException(ExitCode.REFUSED, "refused", codes + "; " + error.text("unchanged"), null);
    }
}
