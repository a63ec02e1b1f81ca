package io.nearkv.deploy.control;

/**
 * How much of a quota is left. Immutable.
 *
 * @param name {@code rollouts}, {@code probes} or {@code documents}
 * @param limit how many a minute
 * @param left how many are left now; below zero if one request was larger than what was left
 * @param refused how many requests were refused since the start
 */
public record QuotaUse(String name, long limit, double left, long refused) {}
