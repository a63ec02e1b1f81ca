package io.nearkv.server.command;

import io.nearkv.core.Key;
import io.nearkv.core.Kv;
import io.nearkv.core.Limits;
import io.nearkv.core.Metadata;
import io.nearkv.core.ValueInputStream;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.JsonLine;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Base64;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code nearkv get}. */
@Command(
        name = "get",
        description = {
            "Writes the value of a key to standard output, byte for byte.",
            "Exit code 3 and a message on standard error if the key is absent."
        })
final class GetCommand extends ClientCommand {
    @Mixin
    private final KeyParameters at = new KeyParameters();

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FILE",
            description = "Write the value to this file; it appears, or is replaced, when it is complete.")
    private @Nullable Path output;

    @Option(
            names = "--json",
            description = "Print one JSON object: key, version, expiration and metadata if there are any, bytes, and "
                    + "the value as 'value' if it is UTF-8 text, else as 'base64'.")
    private boolean json;

    GetCommand(Console console) {
        super(console);
    }

    @Override
    void check() {
        if (json && output != null) {
            throw CommandException.usage("--json and --output exclude each other");
        }
        Key unused = Key.of(at.key());
    }

    @Override
    ExitCode run(Kv kv) throws IOException {
        try (ValueInputStream value =
                namespace(kv, at.namespace()).openStream(at.key()).orElseThrow(this::absent)) {
            if (json) {
                console().out().line(describe(value));
            } else if (output != null) {
                writeTo(output, value);
            } else {
                print(value);
            }
        }
        return ExitCode.DONE;
    }

    private CommandException absent() {
        return new CommandException(
                ExitCode.ABSENT,
                "absent",
                "key '" + Key.display(at.key()) + "' is not in namespace '" + Key.display(at.namespace()) + "'",
                null);
    }

    private String describe(ValueInputStream value) throws IOException {
        byte[] bytes = value.readAllBytes();
        Metadata metadata = value.metadata();
        JsonLine line = new JsonLine().text("key", at.key()).number("version", value.version());
        if (value.expiresAt() != 0) {
            line.number("expiration", value.expiresAt());
        }
        line.json("metadata", metadata == null ? null : metadata.json()).number("bytes", bytes.length);
        try {
            // A new decoder reports malformed input instead of replacing it.
            return line.text(
                            "value",
                            StandardCharsets.UTF_8
                                    .newDecoder()
                                    .decode(ByteBuffer.wrap(bytes))
                                    .toString())
                    .toString();
        } catch (CharacterCodingException e) {
            return line.text("base64", Base64.getEncoder().encodeToString(bytes))
                    .toString();
        }
    }

    private void print(ValueInputStream value) throws IOException {
        byte[] piece = new byte[Limits.CHUNK_BYTES];
        byte last = '\n';
        for (int count = value.read(piece); count >= 0; count = value.read(piece)) {
            console().out().bytes(ByteBuffer.wrap(piece, 0, count));
            last = piece[count - 1];
        }
        if (console().outIsTerminal() && last != '\n') {
            console().out().line(""); // For the eye alone: the prompt begins a line.
        }
    }

    private static void writeTo(Path file, InputStream value) throws IOException {
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            try (OutputStream out = Files.newOutputStream(file)) { // A device or a named pipe: nothing to replace.
                long unused = value.transferTo(out);
            }
            return;
        }
        Path part = PartFile.beside(file);
        try {
            try (OutputStream out = Files.newOutputStream(part)) {
                long unused = value.transferTo(out);
            }
            Files.move(part, file, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(part);
        }
    }
}
