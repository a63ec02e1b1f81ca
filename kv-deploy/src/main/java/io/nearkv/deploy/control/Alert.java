package io.nearkv.deploy.control;

/**
 * Something that people want to know at once. Immutable.
 *
 * @param id of this alert and no other: whoever is told twice can drop the second; empty until it is raised
 * @param millis when, since 1970
 * @param kind such as {@code rolled_back} or {@code hold}
 * @param service whose: tenant, service and environment
 * @param build which build it is about, empty for none
 * @param phase of its rollout, such as {@code step 2}
 * @param reason a code, such as {@code errors} or {@code common_mode}
 * @param evidence what was seen, in a line
 */
public record Alert(
        String id,
        long millis,
        String kind,
        String service,
        String build,
        String phase,
        String reason,
        String evidence) {
    Alert withId(String value) {
        return new Alert(value, millis, kind, service, build, phase, reason, evidence);
    }
}
