package io.nearkv.server.command;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.core.transfer.AssetFolder;
import io.nearkv.core.transfer.AssetOptions;
import io.nearkv.core.transfer.AssetReport;
import io.nearkv.core.transfer.ImportOptions;
import io.nearkv.core.transfer.ImportSummary;
import io.nearkv.core.transfer.JsonLines;
import io.nearkv.core.transfer.TransferCounts;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.JsonLine;
import io.nearkv.server.cli.PlainText;
import io.nearkv.server.cli.ProgressLine;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code nearkv import}. */
@Command(
        name = "import",
        description = {
            "Brings entries into a namespace, which is created if no namespace has this title.",
            "From a file: the JSON lines that 'nearkv export' writes (- for standard input). From a folder: every file below it",
            "as a static asset, with its path as the key and its content type and size as metadata.",
            "Files of a folder that cannot be imported are named, and the others are imported; the exit code is then 1."
        })
final class ImportCommand extends ClientCommand {
    @Parameters(index = "0", paramLabel = "NAMESPACE", description = "The namespace, by title or id.")
    private String namespace = "";

    @Parameters(index = "1", paramLabel = "FILE-OR-FOLDER", description = "What to import.")
    private String source = "";

    @Option(names = "--prefix", paramLabel = "PREFIX", description = "With a folder: put this before each path.")
    private String prefix = "";

    @Option(names = "--only-absent", description = "With a file: leave keys alone that are there already.")
    private boolean onlyAbsent;

    @Option(
            names = "--allow-partial",
            description =
                    "With a file: take it although its last line, which tells that it is whole, is missing or does not fit.")
    private boolean allowPartial;

    @Option(names = "--json", description = "Print the counts as a JSON object.")
    private boolean json;

    ImportCommand(Console console) {
        super(console);
    }

    @Override
    void check() throws IOException {
        if (!source.equals("-") && Files.notExists(Path.of(source))) {
            throw new NoSuchFileException(source);
        }
        boolean folder = isFolder();
        if (folder ? onlyAbsent || allowPartial : !prefix.isEmpty()) {
            throw CommandException.usage(
                    folder ? "--only-absent and --allow-partial are for files" : "--prefix is for folders");
        }
        AssetOptions unused = AssetOptions.DEFAULT.withKeyPrefix(prefix);
    }

    private boolean isFolder() {
        return !source.equals("-") && Files.isDirectory(Path.of(source));
    }

    @Override
    ExitCode run(Kv kv) throws IOException {
        KvNamespace target = namespace(kv, namespace);
        createIfMissing(kv);
        return isFolder() ? importFolder(target) : importFile(target);
    }

    private void createIfMissing(Kv kv) {
        if (kv.namespaces().find(namespace).isPresent()) {
            return;
        }
        if (NamespaceId.isWellFormed(namespace)) {
            throw new KvException(ErrorCode.NOT_FOUND, "namespace '" + Key.display(namespace) + "' does not exist");
        }
        NamespaceInfo created = kv.namespaces().findOrCreate(namespace);
        console()
                .err()
                .println("nearkv: created namespace '" + PlainText.visible(namespace) + "' (" + created.id() + ")");
    }

    private ExitCode importFolder(KvNamespace target) throws IOException {
        AssetReport report;
        try (ProgressLine progress = new ProgressLine(console())) {
            report = AssetFolder.importInto(
                    target,
                    Path.of(source),
                    AssetOptions.DEFAULT.withKeyPrefix(prefix).withProgress(counts -> show(progress, counts)));
        }
        for (AssetReport.Problem problem : report.problems()) {
            console()
                    .err()
                    .println("nearkv: not imported: " + PlainText.visible(problem.path() + ": " + problem.reason()));
        }
        TransferCounts counts = report.counts();
        print("files", counts.entries(), counts.bytes(), "not_imported", report.problemCount());
        if (!report.complete()) {
            throw CommandException.failed(
                    "incomplete", report.problemCount() + " files or folders were not imported", null);
        }
        return ExitCode.DONE;
    }

    private ExitCode importFile(KvNamespace target) throws IOException {
        ImportSummary summary;
        try (ProgressLine progress = new ProgressLine(console());
                InputStream in = open()) {
            summary = JsonLines.importInto(
                    target,
                    in,
                    ImportOptions.DEFAULT
                            .withOnlyAbsent(onlyAbsent)
                            .withRequireEnd(!allowPartial)
                            .withProgress(counts -> show(progress, counts)));
        }
        print("entries", summary.entries(), summary.bytes(), "left_out", summary.present() + summary.expired());
        return ExitCode.DONE;
    }

    private InputStream open() throws IOException {
        return source.equals("-")
                ? console().in()
                : new BufferedInputStream(Files.newInputStream(Path.of(source)), 1 << 20);
    }

    private static void show(ProgressLine progress, TransferCounts counts) {
        progress.show("entries", counts.entries(), 0);
    }

    private void print(String what, long count, long bytes, String rest, long restCount) {
        console()
                .out()
                .line(
                        json
                                ? new JsonLine()
                                        .number(what, count)
                                        .number("bytes", bytes)
                                        .number(rest, restCount)
                                        .toString()
                                : "imported " + count + " " + what + ", " + bytes + " bytes"
                                        + (restCount == 0 ? "" : "; " + restCount + " " + rest.replace('_', ' ')));
    }
}
