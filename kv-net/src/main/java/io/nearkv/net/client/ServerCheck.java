package io.nearkv.net.client;

import io.nearkv.core.route.BuildTokenCheck;

/**
 * What a server must prove beyond what it states.
 *
 * @param buildToken judges the build token that it shows: null if it is good, else the refusal
 * @param enforced false where even a statement that does not fit is let pass
 */
record ServerCheck(BuildTokenCheck buildToken, boolean enforced) {
    /** Whoever has no keys can only compare what is stated. */
    static final ServerCheck STATED = new ServerCheck(token -> null, true);
}
