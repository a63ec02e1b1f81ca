package io.nearkv.server.incident.cluster;

import static java.util.Objects.requireNonNull;

/**
 * The audit log of one process, verified.
 *
 * @param process whose it is
 * @param records how many records it has
 * @param intact whether the chain holds from the first to the last
 * @param detail what is wrong with it, or what its last record says
 */
public record AuditedFile(String process, long records, boolean intact, String detail) {
    /** Checks that nothing is missing. */
    public AuditedFile {
        requireNonNull(process, "process");
        requireNonNull(detail, "detail");
    }
}
