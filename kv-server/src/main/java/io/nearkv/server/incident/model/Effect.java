package io.nearkv.server.incident.model;

/** What the report says of a class of users while the impact lasts. */
public enum Effect {
    /** All that they asked for failed. */
    FAILS,
    /** Nothing failed. */
    UNAFFECTED,
    /** Nothing failed, and what should have been controlled was not. */
    FAILS_OPEN
}
