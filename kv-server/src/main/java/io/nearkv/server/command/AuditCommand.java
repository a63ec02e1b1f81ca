package io.nearkv.server.command;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.deploy.store.AuditLog;
import io.nearkv.deploy.store.AuditReport;
import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.JsonLine;
import io.nearkv.server.cli.PlainText;
import io.nearkv.server.config.DataFolder;
import io.nearkv.server.control.ControlFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code nearkv audit verify}. */
@Command(
        name = "verify",
        description = {
            "Checks that every record of an audit log follows upon the one before it: nothing was changed, taken out or put in",
            "between. Whoever has noted the head elsewhere can also tell that nothing was cut off at the end. The log may be",
            "in use. Exit code 1 names the first thing that is wrong."
        })
final class AuditCommand extends BaseCommand {
    @Parameters(
            index = "0",
            paramLabel = "FILE-OR-FOLDER",
            description = "An audit log, or a folder with one: a route folder, a control plane's, or a data folder.")
    private Path path = Path.of("");

    @Option(names = "--json", description = "One JSON object on a line for each log.")
    private boolean json;

    AuditCommand(Console console) {
        super(console);
    }

    @Override
    protected ExitCode run() {
        int broken = 0;
        for (Path file : files()) {
            AuditReport report = AuditLog.verify(file);
            if (json) {
                console()
                        .out()
                        .line(new JsonLine()
                                .text("file", file.toString())
                                .bool("intact", report.intact())
                                .number("records", report.records())
                                .number("first", report.first())
                                .text("head", report.head())
                                .text("problem", report.intact() ? null : report.problem())
                                .toString());
            } else if (report.intact()) {
                console()
                        .out()
                        .line(PlainText.visible(file + ": intact, " + report.records() + " records"
                                + (report.first() > 1 ? " from number " + report.first() : "")
                                + (report.head().isEmpty() ? "" : ", head " + report.head())));
            } else {
                console().out().line(PlainText.visible(file + ": NOT INTACT: " + report.problem()));
            }
            broken += report.intact() ? 0 : 1;
        }
        if (broken > 0) {
            throw CommandException.failed(
                    "not_intact", broken + " audit logs are not as they were written; see above", null);
        }
        return ExitCode.DONE;
    }

    private List<Path> files() {
        if (!Files.isDirectory(path)) {
            return List.of(path);
        }
        List<Path> found = new ArrayList<>();
        for (Path folder : List.of(path, path.resolve("route"), new ControlFolder(new DataFolder(path)).state())) {
            for (String name : List.of("audit.log", "operator.log")) {
                if (Files.exists(folder.resolve(name))) {
                    found.add(folder.resolve(name));
                }
            }
        }
        if (found.isEmpty()) {
            throw new KvException(ErrorCode.NOT_FOUND, "there is no audit log in '" + path + "'");
        }
        return found;
    }
}
