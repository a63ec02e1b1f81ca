package io.nearkv.server.command;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.ProgressLine;
import io.nearkv.server.control.ControlAnswer;
import io.nearkv.server.control.ControlClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code nearkv rollout}: a build on its way to all of the traffic. */
final class RolloutCommands {
    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("HH:mm:ss", Locale.ROOT).withZone(ZoneOffset.UTC);
    private static final long LOOK_MILLIS = 500;
    /** A control plane may be started again under a rollout: it goes on, and so does who looks at it. */
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(30);

    private RolloutCommands() {}

    /** A command that can look on until the rollout is over. */
    private abstract static sealed class Looking extends ControlCommand {
        Looking(Console console) {
            super(console);
        }

        /** Prints what happens, a line for each event, until it is over; on a terminal also where it is now. */
        final ExitCode follow(ControlClient client, ServiceId id, int seen) throws InterruptedException {
            int printed = seen;
            long failingSince = 0;
            try (ProgressLine progress = new ProgressLine(output())) {
                while (true) {
                    ControlAnswer rollout;
                    try {
                        rollout = client.get(id, "rollout");
                        failingSince = 0;
                    } catch (KvException e) {
                        long now = System.nanoTime();
                        failingSince = failingSince == 0 ? now : failingSince;
                        if (e.code() != ErrorCode.UNAVAILABLE || now - failingSince > PATIENCE_NANOS) {
                            throw e;
                        }
                        TimeUnit.MILLISECONDS.sleep(LOOK_MILLIS);
                        continue;
                    }
                    List<ControlAnswer> events = rollout.list("events");
                    if (printed < events.size()) {
                        progress.clear();
                    }
                    for (; printed < events.size(); printed++) {
                        line(event(events.get(printed)));
                    }
                    output().out().flush();
                    if (rollout.bool("over")) {
                        return end(rollout);
                    }
                    progress.show(live(rollout), rollout.number("in_step_ms"), Math.max(1, rollout.number("step_ms")));
                    TimeUnit.MILLISECONDS.sleep(LOOK_MILLIS);
                }
            }
        }

        private ExitCode end(ControlAnswer rollout) {
            if (json()) {
                output().out().line(rollout.toString());
            }
            String state = rollout.text("state");
            if (state.equals("complete")) {
                line("COMPLETE  " + rollout.text("build") + " has everything and is in the ledger");
                return ExitCode.DONE;
            }
            throw new CommandException(
                    state.equals("rejected") ? ExitCode.REFUSED : ExitCode.ROLLED_BACK,
                    state,
                    rollout.text("text"),
                    null);
        }
    }

    private static String event(ControlAnswer event) {
        return TIME.format(Instant.ofEpochMilli(event.number("millis"))) + "  "
                + String.format(Locale.ROOT, "%-14s", event.text("state")) + "  " + event.text("text");
    }

    private static String live(ControlAnswer rollout) {
        ControlAnswer impact = rollout.part("impact");
        return rollout.text("state") + " " + (rollout.number("step") + 1) + "/"
                + rollout.list("steps").size()
                + "  " + RouteText.percent(rollout.number("weight")) + " on " + rollout.text("coverage")
                + (rollout.text("hold").equals("none") ? "" : "  HOLD " + rollout.text("hold"))
                + "  e=" + impact.text("e") + "  failed " + impact.number("candidate_failures") + "/"
                + impact.number("candidate_requests") + " vs " + impact.number("base_failures") + "/"
                + impact.number("base_requests") + "  n_eff=" + rollout.number("units") + " ";
    }

    /** {@code nearkv rollout start}. */
    @Command(
            name = "start",
            description = {
                "Walks a build to all of the traffic, step by step, as long as nothing is against it, and takes it back by itself",
                "if it hurts. Before anything moves every check must hold, synthetic requests to each instance must succeed, and",
                "every node must have proved that it takes a way back. Looks on until it is over. Exit code 0: complete; 21: a",
                "check does not hold, nothing has changed; 30: it was rolled back."
            })
    static final class Start extends Looking {
        @Option(
                names = "--build",
                order = 1,
                required = true,
                paramLabel = "BUILD",
                description = "The id of the build.")
        private String build = "";

        @Option(
                names = "--plan",
                order = 2,
                paramLabel = "NAME|FILE",
                defaultValue = "default",
                description =
                        "The steps: default (1, 5, 10, 25, 50 %%, then 99 %% for five minutes), fast (1, 10, 50, 99 %% in half"
                                + " a minute), or a file with a plan in JSON. Default: ${DEFAULT-VALUE}.")
        private String plan = "default";

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
                description = "Why; stands in the audit. Default: nothing.")
        private String reason = "";

        @Option(names = "--detach", order = 5, description = "Do not look on; the control plane goes on by itself.")
        private boolean detach;

        Start(Console console) {
            super(console);
        }

        @Override
        ExitCode run(ControlClient client, ServiceId id) throws IOException, InterruptedException {
            Map<String, Object> body = new LinkedHashMap<>();
            body.put("build", build);
            body.put("plan", planText());
            body.put("min_ready", minReady);
            body.put("reason", reason);
            ControlAnswer started = client.post(id, "rollouts", body);
            if (json() && detach) {
                output().out().line(started.toString());
            }
            if (json()) {
                return detach ? ExitCode.DONE : follow(client, id, Integer.MAX_VALUE);
            }
            line("rollout " + started.text("id") + "  " + build + " " + started.text("version") + "  all checks hold");
            for (ControlAnswer warning : started.list("warnings")) {
                line("WARNING  " + warning.text("check") + " " + warning.text("code") + "  " + warning.text("found"));
                line("         → " + warning.text("advice"));
            }
            int number = 1;
            for (ControlAnswer step : started.list("steps")) {
                long parts = step.number("detectable_bp");
                line("step " + number++ + "  " + RouteText.percent(step.number("weight")) + "  "
                        + step.number("seconds") + " s, " + step.number("units") + " units   can detect: "
                        + (parts >= 10_000 ? "nothing at this traffic" : "+" + RouteText.percent(parts) + " failures"));
            }
            return detach ? ExitCode.DONE : follow(client, id, 0);
        }

        private String planText() throws IOException {
            if (plan.equals("default") || plan.equals("fast")) {
                return plan;
            }
            try {
                return Files.readString(Path.of(plan));
            } catch (NoSuchFileException e) {
                throw new CommandException(
                        ExitCode.USAGE,
                        "usage",
                        "--plan: '" + plan + "' (expected: default, fast, or a file that is there)",
                        e);
            }
        }
    }

    /** {@code nearkv rollout status}. */
    @Command(
            name = "status",
            description =
                    "Shows the rollout that was begun last: where it is, why, and what the builds have done beside each other.")
    static final class Status extends Looking {
        @Option(
                names = "--follow",
                order = 1,
                description = "Look on until it is over; exit code as of 'rollout start'.")
        private boolean follow;

        Status(Console console) {
            super(console);
        }

        @Override
        ExitCode run(ControlClient client, ServiceId id) throws InterruptedException {
            ControlAnswer rollout = client.get(id, "rollout");
            if (json() && !follow) {
                output().out().line(rollout.toString());
                return ExitCode.DONE;
            }
            if (!json()) {
                line(rollout.text("id") + "  " + rollout.text("build") + " " + rollout.text("version") + "  plan "
                        + rollout.text("plan") + "  by " + rollout.text("actor"));
                rollout.list("events").forEach(event -> line(event(event)));
                line(live(rollout).strip());
            }
            return follow
                    ? follow(
                            client,
                            id,
                            json() ? Integer.MAX_VALUE : rollout.list("events").size())
                    : ExitCode.DONE;
        }
    }

    /** {@code nearkv rollout hold}, {@code resume} and {@code abort}. */
    private abstract static sealed class Telling extends ControlCommand {
        private final String verb;

        Telling(Console console, String verb) {
            super(console);
            this.verb = verb;
        }

        @Override
        final ExitCode run(ControlClient client, ServiceId id) throws InterruptedException {
            ControlAnswer rollout = client.post(id, "rollouts/" + verb, Map.of());
            if (json()) {
                output().out().line(rollout.toString());
            } else {
                line(rollout.text("id") + "  " + rollout.text("state") + "  hold " + rollout.text("hold") + "  "
                        + rollout.text("text"));
            }
            return ExitCode.DONE;
        }
    }

    /** {@code nearkv rollout hold}. */
    @Command(
            name = "hold",
            description =
                    "Keeps the build at the share that it has. The way back stays open, and is taken if it hurts.")
    static final class Hold extends Telling {
        Hold(Console console) {
            super(console, "hold");
        }
    }

    /** {@code nearkv rollout resume}. */
    @Command(name = "resume", description = "Goes on with a rollout that is held.")
    static final class Resume extends Telling {
        Resume(Console console) {
            super(console, "resume");
        }
    }

    /** {@code nearkv rollout abort}. */
    @Command(name = "abort", description = "Ends the rollout and gives everything back to known-good.")
    static final class Abort extends Telling {
        Abort(Console console) {
            super(console, "abort");
        }
    }

    /** {@code nearkv rollout list}. */
    @Command(name = "list", description = "Lists the rollouts that are kept, the oldest first.")
    static final class ListAll extends ControlCommand {
        ListAll(Console console) {
            super(console);
        }

        @Override
        ExitCode run(ControlClient client, ServiceId id) throws InterruptedException {
            ControlAnswer answer = client.get(id, "rollouts");
            if (json()) {
                output().out().line(answer.toString());
                return ExitCode.DONE;
            }
            TextTable table = new TextTable("ROLLOUT", "STARTED", "BUILD", "VERSION", "STATE", "WHY");
            for (ControlAnswer rollout : answer.list("rollouts")) {
                table.row(
                        rollout.text("id"),
                        Instant.ofEpochMilli(rollout.number("started")).toString(),
                        rollout.text("build"),
                        rollout.text("version"),
                        rollout.text("state"),
                        rollout.text("text"));
            }
            table.print(output());
            return ExitCode.DONE;
        }
    }
}
