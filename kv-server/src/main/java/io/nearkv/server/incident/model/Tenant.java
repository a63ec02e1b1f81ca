package io.nearkv.server.incident.model;

/** Who is on the store: one table each, and nothing crosses. */
public enum Tenant {
    /** The teams that run the service. */
    INTERNAL("internal"),
    /** A customer whose programs use the client. */
    CUSTOMER_A("customer-a"),
    /** A customer whose programs use the HTTP API too. */
    CUSTOMER_B("customer-b");

    private final String label;

    Tenant(String label) {
        this.label = label;
    }

    /** Returns the name of the account. */
    public String label() {
        return label;
    }
}
