package io.nearkv.server.incident.model;

import static java.util.Objects.requireNonNull;

/**
 * Users of one product that the incident treats alike. Immutable.
 *
 * @param product the product's id, such as {@code D4}
 * @param name what they do, such as {@code new login}
 * @param tenant whose data they work on
 * @param effect what the report says of them
 * @param symptom what they see when it fails, such as {@code HTTP 500}
 */
public record UserClass(String product, String name, Tenant tenant, Effect effect, String symptom) {
    /** Checks that nothing is missing. */
    public UserClass {
        requireNonNull(product, "product");
        requireNonNull(name, "name");
        requireNonNull(tenant, "tenant");
        requireNonNull(effect, "effect");
        requireNonNull(symptom, "symptom");
    }
}
