package io.nearkv.deploy.control;

import io.nearkv.deploy.store.AuditLog;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The audit log of a control plane. A line that cannot be written stops nothing: a rollback must not wait for the disk of the audit. */
final class ControlAudit implements AutoCloseable {
    /** Who has done what nobody has asked for. */
    static final String SELF = "control plane";

    private static final Logger log = LoggerFactory.getLogger(ControlAudit.class);

    /** Events that are shown to whoever looks at the control plane. */
    private static final int TAIL = 64;

    private final AuditLog audit;
    private final InstantSource clock;
    private final Deque<Map<String, Object>> tail = new ArrayDeque<>();
    private volatile String problem = "";

    ControlAudit(Path file, InstantSource clock) {
        audit = AuditLog.open(file, clock);
        this.clock = clock;
    }

    /** Returns what was written since the start, the last events alone, the newest last. */
    List<Map<String, Object>> tail() {
        synchronized (tail) {
            return List.copyOf(tail);
        }
    }

    void append(String event, Map<String, ?> facts) {
        synchronized (tail) {
            Map<String, Object> entry = new LinkedHashMap<>();
            entry.put("millis", clock.millis());
            entry.put("event", event);
            entry.putAll(facts);
            tail.addLast(entry);
            if (tail.size() > TAIL) {
                tail.removeFirst();
            }
        }
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
