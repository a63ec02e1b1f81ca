package io.nearkv.server.command;

import io.nearkv.core.rocksdb.CheckReport;
import io.nearkv.core.rocksdb.StoreAdoption;
import io.nearkv.core.rocksdb.StoreCheck;
import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.JsonLine;
import io.nearkv.server.cli.PlainText;
import io.nearkv.server.cli.ProgressLine;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.InstantSource;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code nearkv check}. */
@Command(
        name = "check",
        description = {
            "Verifies a stopped data folder and changes nothing in it: the checksum of every file, every record, and what the",
            "records say about each other. Prints what is wrong, one line each with the name of the file or the entry, then",
            "what it has counted. Exit code 1 if anything is wrong."
        })
final class CheckCommand extends BaseCommand {
    @Parameters(paramLabel = "DIR", description = "The data folder.")
    private Path folder = Path.of("");

    @Option(
            names = "--accept-loss",
            description =
                    "First make a folder usable again whose log lost acknowledged writes: what comes after the damage is "
                            + "given up, and a new history begins. Only where there is no backup.")
    private boolean acceptLoss;

    @Option(names = "--json", description = "As one JSON object.")
    private boolean json;

    CheckCommand(Console console) {
        super(console);
    }

    @Override
    protected ExitCode run() throws IOException {
        if (acceptLoss) {
            long version = StoreAdoption.acceptLoss(folder, InstantSource.system(), new SecureRandom());
            console().err().println("nearkv: the data ends at version " + version + " now; a new history begins");
        }
        CheckReport report;
        try (ProgressLine progress = new ProgressLine(console())) {
            report = StoreCheck.run(folder, InstantSource.system(), progress::show);
        }
        if (json) {
            console().out().line(describe(report));
        } else {
            report.problems().forEach(problem -> console().out().line(PlainText.visible(problem)));
            for (Map.Entry<String, Long> count : report.counts().entrySet()) {
                console().out().line(count.getKey() + ": " + count.getValue());
            }
            if (report.clean()) {
                console().out().line("clean");
            }
        }
        if (!report.clean()) {
            throw CommandException.failed(
                    "not_clean", report.problems().size() + " problems in '" + folder + "'", null);
        }
        return ExitCode.DONE;
    }

    private static String describe(CheckReport report) {
        JsonLine counts = new JsonLine();
        report.counts().forEach(counts::number);
        StringBuilder problems = new StringBuilder("[");
        for (String problem : report.problems()) {
            String object = new JsonLine().text("problem", problem).toString();
            problems.append(problems.length() > 1 ? "," : "").append(object);
        }
        return new JsonLine()
                .bool("clean", report.clean())
                .json("problems", problems.append(']').toString())
                .json("counts", counts.toString())
                .toString();
    }
}
