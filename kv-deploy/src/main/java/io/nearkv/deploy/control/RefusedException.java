package io.nearkv.deploy.control;

import static java.util.Objects.requireNonNull;

import java.io.Serial;
import java.util.List;
import java.util.stream.Collectors;

/** What was asked for is refused, and nothing was changed. Carries no stack trace: it is an answer. */
public final class RefusedException extends Exception {
    @Serial
    private static final long serialVersionUID = 1;

    // Records are serializable only if they say so, and nobody serializes this.
    private final transient List<Finding> findings;
    private final String unchanged;

    RefusedException(List<Finding> findings, String unchanged) {
        super(findings.stream().map(Finding::toString).collect(Collectors.joining(" | ")), null, false, false);
        this.findings = List.copyOf(findings);
        this.unchanged = requireNonNull(unchanged, "unchanged");
    }

    RefusedException(Finding finding, String unchanged) {
        this(List.of(finding), unchanged);
    }

    /** Returns the checks that did not hold, at least one. */
    public List<Finding> findings() {
        return findings;
    }

    /** Returns what goes on being in force, such as {@code active route epoch 3 seq 118 (p7k3mq… 100 %)}. */
    public String unchanged() {
        return unchanged;
    }
}
