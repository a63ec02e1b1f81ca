package io.nearkv.deploy.model;

/** How much is at stake in an environment. */
public enum EnvironmentClass {
    /** Where builds are tried. A break-glass takes one person. */
    STAGING,
    /** What users live by. A break-glass takes at least two people. */
    PRODUCTION;

    /** Returns the name in files and on the command line, such as {@code production}. */
    public String label() {
        return this == STAGING ? "staging" : "production";
    }
}
