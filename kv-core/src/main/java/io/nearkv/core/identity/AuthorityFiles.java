package io.nearkv.core.identity;

import static java.util.Objects.requireNonNull;

import java.nio.file.Path;

/**
 * Where a node finds what it needs to verify. None of these files is a secret that could sign anything. Immutable.
 *
 * @param keyset the environment's public keys
 * @param revocations the signed list of revoked tokens; the file may be missing, which is reported
 * @param buildToken the token of the build that runs; the file may be missing, and then the node refuses every operation
 */
public record AuthorityFiles(Path keyset, Path revocations, Path buildToken) {
    /** Checks that nothing is missing. */
    public AuthorityFiles {
        requireNonNull(keyset, "keyset");
        requireNonNull(revocations, "revocations");
        requireNonNull(buildToken, "buildToken");
    }

    /** Returns the same with the build token elsewhere: releases bring their own. */
    public AuthorityFiles withBuildToken(Path file) {
        return new AuthorityFiles(keyset, revocations, file);
    }
}
