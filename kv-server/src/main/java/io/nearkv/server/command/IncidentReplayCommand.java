package io.nearkv.server.command;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.incident.model.Mode;
import io.nearkv.server.incident.model.Timeline;
import io.nearkv.server.incident.process.ChildJvm;
import io.nearkv.server.incident.process.ProcessClusters;
import io.nearkv.server.incident.report.HtmlReport;
import io.nearkv.server.incident.report.JsonReport;
import io.nearkv.server.incident.report.TextReport;
import io.nearkv.server.incident.run.Replay;
import io.nearkv.server.incident.run.ReplayResult;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.InstantSource;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code nearkv incident replay}. */
@Command(
        name = "replay",
        description = {
            "Replays the incident of 30 October 2023 with real processes on the loopback, and compares with the report:",
            "  legacy      all protections off: the timeline and the impact table of the report, 37 minutes of impact",
            "  protected   the same script with all of them on: nobody notices anything",
            "  each-layer  the layers are switched off one by one from the front, and each next one has to hold alone;",
            "              then a rollback with store, access service and control plane dead",
            "Exit code 0 only if everything matches, else 1. Each mode takes about two minutes."
        })
final class IncidentReplayCommand extends BaseCommand {
    private static final String EVERYTHING = "all";
    private static final int SETTLE_MILLIS = 1000;
    private static final int MIN_MINUTE_MILLIS = 50;

    @Option(
            names = "--mode",
            paramLabel = "MODE",
            description = "legacy, protected, each-layer, or all. May be given more than once. Default: all.")
    private List<String> modes = List.of(EVERYTHING);

    @Option(
            names = "--minute",
            paramLabel = "MS",
            defaultValue = "1000",
            description = "How many milliseconds a minute of the report takes, 50 to 60000. Default: ${DEFAULT-VALUE}.")
    private int minute = Timeline.DEFAULT_MINUTE_MILLIS;

    @Option(
            names = "--load",
            paramLabel = "FACTOR",
            defaultValue = "1",
            description = "How much the users ask for; 1 is about 2,000 requests a second. 0.1 to 20. Default: 1.")
    private double load = 1;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "What chance and ports are drawn from. Default: ${DEFAULT-VALUE}.")
    private long seed = 1;

    @Option(names = "--json", description = "Print one JSON object; see docs/incident.md.")
    private boolean json;

    @Option(
            names = "--report",
            paramLabel = "FILE",
            description = "Also write the report as one HTML file that needs nothing else.")
    private @Nullable Path report;

    @Option(
            names = "--work",
            paramLabel = "DIR",
            description =
                    "Where the processes keep their data and logs; must be new, and stays. Default: a temporary folder that "
                            + "is removed if all matches.")
    private @Nullable Path work;

    IncidentReplayCommand(Console console) {
        super(console);
    }

    @Override
    protected ExitCode run() throws IOException, InterruptedException {
        Set<Mode> wanted = modes();
        if (minute < MIN_MINUTE_MILLIS || minute > 60_000) {
            throw CommandException.usage("--minute: " + minute + " (expected: " + MIN_MINUTE_MILLIS + " to 60000)");
        }
        Replay.Settings settings;
        try {
            settings = new Replay.Settings(minute, SETTLE_MILLIS, load, seed, Version.program());
        } catch (IllegalArgumentException e) {
            throw CommandException.usage("--" + e.getMessage());
        }
        Path given = work;
        if (given != null && Files.exists(given)) {
            throw CommandException.usage("--work: '" + given + "' is there already (expected: a new folder)");
        }
        Path folder = given == null ? Files.createTempDirectory("nearkv-incident-") : Files.createDirectories(given);
        Replay replay = new Replay(
                new ProcessClusters(ChildJvm.ofThisProcess(), folder, seed, InstantSource.system()),
                settings,
                line -> console().err().println(line),
                InstantSource.system(),
                System::nanoTime);
        ReplayResult result = replay.run(wanted);
        if (json) {
            console().out().line(JsonReport.of(result));
        } else {
            TextReport.write(result, line -> console().out().line(line));
        }
        if (report != null) {
            Files.write(report, HtmlReport.of(result).getBytes(UTF_8));
        }
        if (given == null && result.passed()) {
            remove(folder);
        } else {
            console().err().println("data and logs of the processes: " + folder);
        }
        return result.passed() ? ExitCode.DONE : ExitCode.FAILURE;
    }

    private Set<Mode> modes() {
        Set<Mode> wanted = EnumSet.noneOf(Mode.class);
        for (String name : modes) {
            if (name.equals(EVERYTHING)) {
                return EnumSet.allOf(Mode.class);
            }
            wanted.add(List.of(Mode.values()).stream()
                    .filter(mode -> mode.label().equals(name))
                    .findFirst()
                    .orElseThrow(() -> CommandException.usage(
                            "--mode: '" + name + "' (expected: legacy, protected, each-layer or all)")));
        }
        return wanted;
    }

    private static void remove(Path folder) throws IOException {
        Path unused = Files.walkFileTree(folder, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path emptied, @Nullable IOException e) throws IOException {
                Files.delete(emptied);
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
