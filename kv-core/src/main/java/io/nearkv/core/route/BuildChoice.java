package io.nearkv.core.route;

import io.nearkv.core.KvStore;

/** A tier behind which several builds stand, one of which a tester may ask for by its id. Thread-safe. */
public interface BuildChoice {
    /**
     * Returns the tier as one build of the route in force has it: what it refuses nobody else answers, and what it does counts for no comparison of builds. Closing it closes nothing.
     *
     * @param build its id
     * @param caller who asks for it, for the audit
     * @throws io.nearkv.core.KvException {@code not_found} if the route in force does not name it; {@code invalid_request} if this tier sends no requests by route
     */
    KvStore ofBuild(String build, String caller);
}
