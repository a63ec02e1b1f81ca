package io.nearkv.deploy.control;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.Key;
import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;

/**
 * A build that is to be known. Immutable.
 *
 * @param digest the SHA-256 of the artefact in hex
 * @param version for people, such as {@code 1.9.0}
 * @param endpoints where its instances listen or will listen, {@code kv://HOST:PORT}; 1 to {@link ControlLimits#MAX_ENDPOINTS}
 * @param readsFrom the oldest data format that it reads, at least 1
 * @param readsTo the newest data format that it reads
 * @param writes the data format that it writes, one that it reads
 * @param provenance who built it from what, for people
 * @param tokenLifetime how long the build token is good
 */
public record PublishRequest(
        String digest,
        String version,
        List<String> endpoints,
        int readsFrom,
        int readsTo,
        int writes,
        String provenance,
        Duration tokenLifetime) {
    private static final Pattern DIGEST = Pattern.compile("[0-9a-f]{64}");
    private static final Pattern VERSION = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._+-]{0,63}");

    /** Checks the ranges. */
    public PublishRequest {
        requireNonNull(tokenLifetime, "tokenLifetime");
        checkDigest(digest);
        if (!VERSION.matcher(version).matches()) {
            throw new IllegalArgumentException("version: '" + Key.display(version)
                    + "' (expected: a letter or digit, then up to 63 letters, digits and . _ + -)");
        }
        endpoints = Endpoints.checked("endpoints", endpoints, ControlLimits.MAX_ENDPOINTS);
        if (endpoints.isEmpty()) {
            throw new IllegalArgumentException("endpoints: none (expected: at least one)");
        }
        if (readsFrom < 1 || readsTo < readsFrom || writes < readsFrom || writes > readsTo) {
            throw new IllegalArgumentException("data formats: reads " + readsFrom + " to " + readsTo + ", writes "
                    + writes + " (expected: 1 or more, and writing one that it reads)");
        }
        Endpoints.text("provenance", provenance);
    }

    static void checkDigest(String digest) {
        if (!DIGEST.matcher(digest).matches()) {
            throw new IllegalArgumentException(
                    "digest: '" + Key.display(digest) + "' (expected: 64 hex digits, a SHA-256)");
        }
    }
}
