package io.nearkv.deploy.control;

/**
 * Something that people want to know at once. Immutable.
 *
 * @param millis when, since 1970
 * @param kind such as {@code rolled_back} or {@code hold}
 * @param service whose: tenant, service and environment
 * @param build which build it is about, empty for none
 * @param phase of its rollout, such as {@code step 2}
 * @param reason a code, such as {@code errors} or {@code common_mode}
 * @param evidence what was seen, in a line
 */
public record Alert(
        long millis, String kind, String service, String build, String phase, String reason, String evidence) {}
