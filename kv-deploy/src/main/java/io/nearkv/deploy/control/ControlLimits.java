package io.nearkv.deploy.control;

import java.time.Duration;

/** The limits of the control plane. */
public final class ControlLimits {
    /** Most instances of one build: they stand in the route, up to four times, and the way back must fit into {@link #MAX_PARACHUTE_BYTES}. */
    public static final int MAX_ENDPOINTS = 32;
    /** Most nodes that one control plane names in its routes. */
    public static final int MAX_NODES = 128;
    /** Longest text for people: a version, a reason, where a build comes from. */
    public static final int MAX_TEXT_CHARS = 256;
    /** Most builds that are kept; retired ones count. */
    public static final int MAX_BUILDS = 1_000;
    /** Most routes that are kept for the record. */
    public static final int MAX_HISTORY = 256;
    /** Known-good builds that a route names: the one to go back to, and two in case it is sick itself. */
    public static final int MAX_KNOWN_GOOD = 3;
    /** Most rollouts that are kept for the record. */
    public static final int MAX_ROLLOUTS = 64;
    /** Routes before it that a route names, so that a node which has missed some knows it for a successor; its parachute names one more. */
    public static final int MAX_ANCESTORS = 31;
    /** Largest parachute: a rollback shows no token, and a node takes 16 KiB then, with the head of the frame. */
    public static final int MAX_PARACHUTE_BYTES = 16 * 1024 - 64;
    /** Shortest lease of a candidate: three renewals must fit in, each of which may take a second. */
    public static final Duration MIN_LEASE = Duration.ofSeconds(3);
    /** Longest lease of a candidate. */
    public static final Duration MAX_LEASE = Duration.ofHours(24);

    private ControlLimits() {}
}
