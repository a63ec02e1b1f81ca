package io.nearkv.server.command;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.deploy.document.DocumentSigner;
import io.nearkv.deploy.environment.EnvironmentKeys;
import io.nearkv.deploy.model.Trust;
import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.DataFolderOption;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.PlainText;
import io.nearkv.server.control.ControlFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code nearkv env trust}. */
@Command(
        name = "trust",
        description = {
            "Signs the next trust of the environment, with its keys as they are now in the data folder: after 'nearkv key",
            "rotate', or with another route key. Takes two of the root keys; bring them for this, and take them away again.",
            "Then start the control plane anew: it hands the trust to all nodes."
        })
final class EnvTrustCommand extends BaseCommand {
    private static final String DEFAULT_OVERLAP = "7d";

    @Mixin
    private final DataFolderOption data = new DataFolderOption();

    @Option(
            names = "--root",
            order = 1,
            required = true,
            paramLabel = "FILE",
            description = "A root key (PEM); twice, with different ones.")
    private List<Path> roots = List.of();

    @Option(
            names = "--trust",
            order = 2,
            paramLabel = "FILE",
            description = "The present trust, which is replaced. Default: deploy/trust.signed in the data folder.")
    private @Nullable Path trust;

    @Option(
            names = "--new-route-key",
            order = 3,
            paramLabel = "FILE",
            description =
                    "Make another route key and write it to this file, which must not exist; give it to the control plane "
                            + "as route.pem.")
    private @Nullable Path newRouteKey;

    @Option(
            names = "--overlap",
            order = 4,
            paramLabel = "TIME",
            defaultValue = DEFAULT_OVERLAP,
            description = "With --new-route-key: how long the former one still verifies; 0 if others know it. Default: "
                    + "${DEFAULT-VALUE}.")
    private Duration overlap = Duration.ofDays(7);

    EnvTrustCommand(Console console) {
        super(console);
    }

    @Override
    protected ExitCode run() throws IOException {
        ControlFolder folder = new ControlFolder(data.usableFolder(console()));
        Path file = trust == null ? folder.keys().resolve("trust.signed") : trust;
        Trust present = TrustFile.read(file);
        List<DocumentSigner> signers = roots.stream().map(DocumentSigner::read).toList();
        if (signers.stream().map(DocumentSigner::keyId).distinct().count() < present.rootThreshold()
                || !signers.stream().allMatch(root -> present.rootsById().containsKey(root.keyId()))) {
            throw CommandException.usage("--root: " + signers.size() + " keys (expected: " + present.rootThreshold()
                    + " different root keys of this environment)");
        }
        byte[] next;
        try {
            Path dataFolder = folder.data().path();
            next = newRouteKey == null
                    ? EnvironmentKeys.nextTrust(
                            present,
                            IdentityDirectory.open(dataFolder, InstantSource.system())
                                    .keyset(),
                            Map.of(),
                            signers)
                    : EnvironmentKeys.rotateRouteKey(
                            dataFolder, present, signers, requireNonNull(newRouteKey), overlap, InstantSource.system());
        } catch (IllegalArgumentException e) {
            throw CommandException.usage(String.valueOf(e.getMessage()));
        }
        Path part = PartFile.beside(file);
        try {
            Files.write(part, next);
            Files.move(part, file, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(part);
        }
        console()
                .out()
                .line(PlainText.visible(present.service() + "  trust serial " + (present.serial() + 1) + "  " + file));
        return ExitCode.DONE;
    }
}
