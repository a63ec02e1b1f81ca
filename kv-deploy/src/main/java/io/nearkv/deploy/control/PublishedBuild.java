package io.nearkv.deploy.control;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.Value;
import io.nearkv.deploy.model.Manifest;

/**
 * A new build. Its text form leaves the token out. Immutable.
 *
 * @param manifest what it is
 * @param document its signed manifest: the evidence with which it can be promoted
 * @param buildToken what its instances start with; kept nowhere
 */
public record PublishedBuild(Manifest manifest, Value document, String buildToken) {
    /** Checks that nothing is missing. */
    public PublishedBuild {
        requireNonNull(manifest, "manifest");
        requireNonNull(document, "document");
        requireNonNull(buildToken, "buildToken");
    }

    /** Returns the id of the build. */
    public String id() {
        return manifest.build().id();
    }

    @Override
    public String toString() {
        return "PublishedBuild[" + id() + "]";
    }
}
