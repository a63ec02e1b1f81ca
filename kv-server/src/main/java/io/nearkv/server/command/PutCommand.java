package io.nearkv.server.command;

import io.nearkv.core.Condition;
import io.nearkv.core.Key;
import io.nearkv.core.Kv;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.Limits;
import io.nearkv.core.Metadata;
import io.nearkv.core.PutOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteResult;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.JsonLine;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code nearkv put}. */
@Command(
        name = "put",
        description = {
            "Sets the value of a key, with metadata and expiration as one unit, and prints the version that it got.",
            "The value is an argument, a file (--file) or standard input (-); at most 25 MiB. When the command returns,",
            "the value is on the server's disk. Exit code 5 if a condition does not hold."
        })
final class PutCommand extends ClientCommand {
    @Mixin
    private final KeyParameters at = new KeyParameters();

    @Parameters(
            index = "2",
            arity = "0..1",
            paramLabel = "VALUE",
            description = "The value, or - for standard input. One that begins with - comes after --.")
    private @Nullable String value;

    @Option(names = "--file", paramLabel = "FILE", description = "A file with the value.")
    private @Nullable Path file;

    @Option(
            names = "--ttl",
            paramLabel = "TIME",
            description = "How long the entry lives from now on: seconds, or with a unit such as 15m, 12h, 7d.")
    private @Nullable Duration ttl;

    @Option(
            names = "--expires-at",
            paramLabel = "TIME",
            description = "When the entry expires: seconds since the epoch, or such as 2030-01-01T00:00:00Z.")
    private @Nullable Instant expiresAt;

    @Option(
            names = "--metadata",
            paramLabel = "JSON",
            description = "JSON to keep beside the value, at most 1,024 bytes; comes with every get and list.")
    private @Nullable String metadata;

    @Option(names = "--if-absent", description = "Only if the key is not there.")
    private boolean ifAbsent;

    @Option(names = "--if-version", paramLabel = "VERSION", description = "Only if the entry has this version.")
    private @Nullable Long ifVersion;

    @Option(names = "--json", description = "Print the version as a JSON object.")
    private boolean json;

    PutCommand(Console console) {
        super(console);
    }

    @Override
    void check() {
        if ((value == null) == (file == null)) {
            throw CommandException.usage("expected: either a VALUE (or - for standard input) or --file FILE");
        }
        if (ttl != null && expiresAt != null) {
            throw CommandException.usage("--ttl and --expires-at exclude each other");
        }
        if (ifAbsent && ifVersion != null) {
            throw CommandException.usage("--if-absent and --if-version exclude each other");
        }
        if (file != null && Files.isDirectory(file)) {
            throw CommandException.failed("io", file + ": is a folder ('nearkv import' takes folders)", null);
        }
        Key unusedKey = Key.of(at.key());
        PutOptions unusedOptions = options();
    }

    private PutOptions options() {
        PutOptions options = PutOptions.DEFAULT;
        if (metadata != null) {
            options = options.withMetadata(Metadata.ofJson(metadata));
        }
        if (ttl != null) {
            options = options.withTtl(ttl);
        }
        if (expiresAt != null) {
            options = options.withExpiration(expiresAt);
        }
        if (ifAbsent) {
            options = options.withCondition(Condition.IF_ABSENT);
        }
        if (ifVersion != null) {
            options = options.withCondition(Conditions.ifVersion(ifVersion));
        }
        return options;
    }

    @Override
    ExitCode run(Kv kv) throws IOException {
        long version = write(namespace(kv, at.namespace())).orThrow();
        console()
                .out()
                .line(
                        json
                                ? new JsonLine()
                                        .text("key", at.key())
                                        .number("version", version)
                                        .toString()
                                : "version " + version);
        return ExitCode.DONE;
    }

    private WriteResult write(KvNamespace namespace) throws IOException {
        PutOptions options = options();
        if (file != null) {
            long size = Files.size(file);
            if (size > Limits.MAX_VALUE_BYTES) {
                Value.checkLength(size); // Before 25 MiB of it have travelled.
            }
            try (InputStream in = Files.newInputStream(file)) {
                return namespace.put(at.key(), in, options);
            }
        }
        if ("-".equals(value)) {
            return namespace.put(at.key(), console().in(), options);
        }
        return namespace.put(at.key(), Value.of(value == null ? "" : value), options);
    }
}
