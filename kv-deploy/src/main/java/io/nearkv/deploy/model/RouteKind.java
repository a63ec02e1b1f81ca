package io.nearkv.deploy.model;

/** Why there is a route. */
public enum RouteKind {
    /** What a control plane publishes; its seq is even. */
    FORWARD,
    /** The way back, signed together with the forward route before it and kept until it is needed; its seq is odd. */
    PARACHUTE,
    /** What people have signed in an emergency; a higher epoch, and seq 0. */
    BREAK_GLASS
}
