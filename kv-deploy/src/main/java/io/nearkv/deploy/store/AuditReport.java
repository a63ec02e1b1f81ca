package io.nearkv.deploy.store;

/**
 * What the check of an audit log has found. Immutable.
 *
 * @param records how many records were read and follow upon each other
 * @param first the number of the first of them; higher than 1 where older files were deleted
 * @param head the SHA-256 of the last record in hex: whoever has noted it elsewhere can tell that nothing was cut off since; empty without a record
 * @param problem what is wrong, empty if all is well
 */
public record AuditReport(long records, long first, String head, String problem) {
    /** Returns whether every record follows upon the one before it. */
    public boolean intact() {
        return problem.isEmpty();
    }
}
