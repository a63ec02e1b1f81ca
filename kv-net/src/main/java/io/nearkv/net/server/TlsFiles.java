package io.nearkv.net.server;

import static java.util.Objects.requireNonNull;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Where a server's certificates are, all in PEM. TLS 1.3, and 1.2 with forward secrecy and authenticated encryption only. Immutable.
 *
 * @param certificateChain the server's certificate and what lies between it and its root
 * @param privateKey its key, PKCS#8, not encrypted
 * @param clientRoots the roots by which clients must show a certificate; null to ask for none
 */
public record TlsFiles(
        Path certificateChain, Path privateKey, @Nullable Path clientRoots) {
    /** Checks that nothing is missing. */
    public TlsFiles {
        requireNonNull(certificateChain, "certificateChain");
        requireNonNull(privateKey, "privateKey");
    }
}
