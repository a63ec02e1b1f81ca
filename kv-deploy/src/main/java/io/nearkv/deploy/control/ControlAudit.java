package io.nearkv.deploy.control;

import io.nearkv.deploy.store.AuditLog;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The audit log of a control plane. A line that cannot be written stops nothing: a rollback must not wait for the disk of the audit. */
final class ControlAudit implements AutoCloseable {
    /** Who has done what nobody has asked for. */
    static final String SELF = "control plane";

    private static final Logger log = LoggerFactory.getLogger(ControlAudit.class);

    private final AuditLog audit;
    private volatile String problem = "";

    ControlAudit(Path file, InstantSource clock) {
        audit = AuditLog.open(file, clock);
    }

    void append(String event, Map<String, ?> facts) {
        try {
            audit.append(event, facts);
            problem = "";
        } catch (RuntimeException e) {
            problem = "the audit log cannot be written: " + e.getMessage();
            log.atError().addKeyValue("event", event).setCause(e).log("the audit log cannot be written");
        }
    }

    /** Returns what is wrong, or an empty text. */
    String problem() {
        return problem;
    }

    @Override
    public void close() {
        audit.close();
    }
}
