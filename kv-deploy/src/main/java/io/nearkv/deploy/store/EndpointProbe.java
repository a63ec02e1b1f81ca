package io.nearkv.deploy.store;

import io.nearkv.deploy.model.RouteEntry;
import org.jspecify.annotations.Nullable;

/** Tries a new instance before a route that has it is taken: connects, and checks whose build it is. Blocks, within a time of its own. Thread-safe. */
@FunctionalInterface
public interface EndpointProbe {
    /**
     * Tries one instance.
     *
     * @param entry the build that it must be of
     * @param endpoint where it listens
     * @return null if it is good, else one line that says why it is not
     */
    @Nullable
    String refusal(RouteEntry entry, String endpoint);
}
