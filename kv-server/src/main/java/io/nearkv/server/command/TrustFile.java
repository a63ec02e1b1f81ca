package io.nearkv.server.command;

import io.nearkv.deploy.document.DocumentVerifier;
import io.nearkv.deploy.document.Rejected;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.model.Trust;
import io.nearkv.server.cli.CommandException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;

/** A trust document on the local disk. Whoever names the file vouches for it; that its own roots have signed it is checked. */
final class TrustFile {
    private TrustFile() {}

    static Trust read(Path file) throws IOException {
        try {
            SignedDocument document = SignedDocument.parse(Files.readAllBytes(file));
            new DocumentVerifier(InstantSource.system()).verifyTrust(document, null);
            return document.trust();
        } catch (Rejected | IllegalStateException e) {
            throw CommandException.failed("trust", file + ": " + e.getMessage(), e);
        }
    }
}
