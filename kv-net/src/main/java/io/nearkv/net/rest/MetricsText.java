package io.nearkv.net.rest;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.Value;
import org.jspecify.annotations.Nullable;

/** Writes down all metrics of the process, in one of the formats that its reader understands. Thread-safe; may take some time. */
@FunctionalInterface
public interface MetricsText {
    /**
     * One exposition. Immutable.
     *
     * @param contentType the value of the header {@code Content-Type}
     * @param text the metrics
     */
    record Page(String contentType, Value text) {
        /** Checks that nothing is missing. */
        public Page {
            requireNonNull(contentType, "contentType");
            requireNonNull(text, "text");
        }
    }

    /**
     * Returns the metrics as they are now.
     *
     * @param accept the header {@code Accept} of the request, or null
     */
    Page write(@Nullable String accept);
}
