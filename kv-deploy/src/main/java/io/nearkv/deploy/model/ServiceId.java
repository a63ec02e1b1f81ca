package io.nearkv.deploy.model;

import static java.util.Objects.requireNonNull;

import java.util.regex.Pattern;

/**
 * What one route is for: a service of a tenant in one environment, such as {@code default/kv/production}. Immutable.
 *
 * @param tenant a lower-case letter, then up to 31 lower-case letters, digits and hyphens
 * @param service likewise
 * @param environment likewise
 */
public record ServiceId(String tenant, String service, String environment) {
    /** The tenant of those who have only one. */
    public static final String DEFAULT_TENANT = "default";

    /** The service that nearkv itself is. */
    public static final String DEFAULT_SERVICE = "kv";

    private static final Pattern NAME = Pattern.compile("[a-z][a-z0-9-]{0,31}");

    /** Checks the three names, with {@link IllegalArgumentException}. */
    public ServiceId {
        check("tenant", tenant);
        check("service", service);
        check("environment", environment);
    }

    /** Returns the store itself in an environment, of the default tenant. */
    public static ServiceId of(String environment) {
        return new ServiceId(DEFAULT_TENANT, DEFAULT_SERVICE, environment);
    }

    /**
     * Returns the service of this name.
     *
     * @param text {@code TENANT/SERVICE/ENVIRONMENT}
     * @throws IllegalArgumentException if it has not this form
     */
    public static ServiceId parse(String text) {
        String[] names = text.split("/", -1);
        if (names.length != 3) {
            throw new IllegalArgumentException("service: '" + ModelLimits.visible(text)
                    + "' (expected: TENANT/SERVICE/ENVIRONMENT, such as default/kv/production)");
        }
        return new ServiceId(names[0], names[1], names[2]);
    }

    private static void check(String what, String name) {
        if (!NAME.matcher(requireNonNull(name, what)).matches()) {
            throw new IllegalArgumentException(what + ": '" + ModelLimits.visible(name)
                    + "' (expected: a lower-case letter, then up to 31 lower-case letters, digits and hyphens)");
        }
    }

    /** Returns {@code TENANT/SERVICE/ENVIRONMENT}. */
    @Override
    public String toString() {
        return tenant + "/" + service + "/" + environment;
    }
}
