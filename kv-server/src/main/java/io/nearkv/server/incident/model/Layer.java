package io.nearkv.server.incident.model;

/** What stands between a build of the wrong environment and a user, from the front. */
public enum Layer {
    /** The control plane compares the environment of what it is told to route to. */
    PRE_CHECKS("pre-checks", "the control plane refuses a build of another environment"),
    /** Every edge and client judges the signed route before it takes it. */
    ACCEPTANCE("route acceptance", "each edge refuses a route that names a build of another environment"),
    /** Every link checks what the other end proves before anything is sent. */
    HANDSHAKE("handshake", "each link checks the build's credential before any request"),
    /** What is refused by a build is answered by a known-good one. */
    FALLBACK("local fallback", "what a build refuses, a known-good one answers within the same call");

    private final String label;
    private final String text;

    Layer(String label, String text) {
        this.label = label;
        this.text = text;
    }

    /** Returns the name for people. */
    public String label() {
        return label;
    }

    /** Returns what it does. */
    public String text() {
        return text;
    }
}
