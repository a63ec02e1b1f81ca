package io.nearkv.deploy.model;

import static java.util.Objects.requireNonNull;

import java.util.List;

/**
 * What was published as a build. Immutable.
 *
 * @param build the build
 * @param version for people, such as {@code 1.9.0}
 * @param publishedAt seconds since 1970
 * @param readsFrom the oldest data format that it reads
 * @param readsTo the newest one
 * @param writes the one that it writes
 * @param endpoints where its instances listen
 * @param provenance who has built it from what, for people
 * @param stagingEvidence the SHA-256 of the artefact's manifest in staging that was tested in hex, empty for none
 */
public record Manifest(
        BuildRef build,
        String version,
        long publishedAt,
        int readsFrom,
        int readsTo,
        int writes,
        List<String> endpoints,
        String provenance,
        String stagingEvidence) {
    /** Checks the ranges, with {@link IllegalArgumentException}. */
    public Manifest {
        requireNonNull(build, "build");
        ModelLimits.text("version", version);
        ModelLimits.time("published", publishedAt);
        ModelLimits.range("reads from", readsFrom, 0, Integer.MAX_VALUE);
        ModelLimits.range("reads to", readsTo, readsFrom, Integer.MAX_VALUE);
        ModelLimits.range("writes", writes, 0, Integer.MAX_VALUE);
        endpoints = ModelLimits.endpoints("endpoints", endpoints, ModelLimits.MAX_ENDPOINTS);
        ModelLimits.text("provenance", provenance);
        if (!stagingEvidence.isEmpty()) {
            ModelLimits.hexHash("staging evidence", stagingEvidence);
        }
    }
}
