package io.nearkv.server.node;

import static java.util.Objects.requireNonNull;

import io.nearkv.deploy.model.SafetyLayers;
import java.nio.file.Path;

/**
 * The route that a node follows. Immutable.
 *
 * @param source a bundle file, or {@code kv://HOST:PORT} of a node to fetch the route from
 * @param folder where documents are kept
 * @param layers what is made sure of; all of it, but in the replay of the incident
 */
public record RouteSettings(String source, Path folder, SafetyLayers layers) {
    /** Checks that nothing is missing. */
    public RouteSettings {
        requireNonNull(source, "source");
        requireNonNull(folder, "folder");
        requireNonNull(layers, "layers");
    }
}
