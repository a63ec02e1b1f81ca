package io.nearkv.server.incident.model;

import java.util.Locale;

/** What a replay shows. */
public enum Mode {
    /** All protections off: the incident as it was. */
    LEGACY,
    /** The same script with all of them on. */
    PROTECTED,
    /** They are switched off one by one from the front. */
    EACH_LAYER;

    /** Returns the name on the command line, such as {@code each-layer}. */
    public String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
