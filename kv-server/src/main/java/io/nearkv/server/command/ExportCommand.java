package io.nearkv.server.command;

import io.nearkv.core.Kv;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.transfer.ExportOptions;
import io.nearkv.core.transfer.JsonLines;
import io.nearkv.core.transfer.TransferCounts;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.ProgressLine;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code nearkv export}. */
@Command(
        name = "export",
        description = {
            "Writes a namespace as JSON lines: keys, values, metadata and expirations. The last line tells that the file is",
            "whole, and 'nearkv import' refuses one without it. Not a snapshot: what is written meanwhile may or may not be in it."
        })
final class ExportCommand extends ClientCommand {
    @Parameters(index = "0", paramLabel = "NAMESPACE", description = "The namespace, by title or id.")
    private String namespace = "";

    @Parameters(
            index = "1",
            paramLabel = "FILE-OR-FOLDER",
            description =
                    "The file, which appears, or is replaced, when it is complete; a folder, in which the file is called "
                            + "by the namespace's id; or - for standard output.")
    private String target = "";

    @Option(names = "--prefix", paramLabel = "PREFIX", description = "Only keys that begin with this.")
    private String prefix = "";

    ExportCommand(Console console) {
        super(console);
    }

    @Override
    void check() {
        ExportOptions unused = ExportOptions.DEFAULT.withPrefix(prefix);
    }

    @Override
    ExitCode run(Kv kv) throws IOException {
        KvNamespace from = namespace(kv, namespace);
        if (target.equals("-")) {
            TransferCounts unused = export(from, new StandardOutput());
            return ExitCode.DONE;
        }
        Path file = Path.of(target);
        if (Files.isDirectory(file)) {
            file = file.resolve(from.info().id() + ".jsonl");
        }
        Path part = PartFile.beside(file);
        try {
            TransferCounts counts;
            try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(part), 1 << 20)) {
                counts = export(from, out);
            }
            Files.move(part, file, StandardCopyOption.REPLACE_EXISTING);
            console().out().line("exported " + counts.entries() + " entries, " + counts.bytes() + " bytes to " + file);
        } finally {
            Files.deleteIfExists(part);
        }
        return ExitCode.DONE;
    }

    private TransferCounts export(KvNamespace from, OutputStream out) throws IOException {
        try (ProgressLine progress = new ProgressLine(console())) {
            return JsonLines.export(
                    from,
                    out,
                    ExportOptions.DEFAULT
                            .withPrefix(prefix)
                            .withProgress(counts -> progress.show("entries", counts.entries(), 0)));
        }
    }

    private final class StandardOutput extends OutputStream {
        @Override
        public void write(int b) {
            write(new byte[] {(byte) b}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) {
            console().out().bytes(ByteBuffer.wrap(bytes, offset, length));
        }
    }
}
