package io.nearkv.deploy.model;

/**
 * Which of the layers are on that each alone would have stopped the incident. They are all on, always; the replay of the incident switches them off one by one, in code, to show
 * that the next one holds alone. No setting does.
 *
 * @param preChecks the control plane checks before it publishes
 * @param acceptance whoever takes a route checks the builds in it, the way back, and its new instances
 * @param handshake whoever connects to an instance checks whose build it is
 * @param fallback a refusal of a build is answered by a known-good one
 */
public record SafetyLayers(boolean preChecks, boolean acceptance, boolean handshake, boolean fallback) {
    /** All of them. */
    public static final SafetyLayers ALL = new SafetyLayers(true, true, true, true);
}
