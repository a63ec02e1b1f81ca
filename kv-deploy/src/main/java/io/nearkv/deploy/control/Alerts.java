package io.nearkv.deploy.control;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells people at once what they would want to know: in the log, and to whoever asks. Thread-safe. */
final class Alerts {
    private static final Logger log = LoggerFactory.getLogger(Alerts.class);
    private static final int KEPT = 64;

    private final Deque<Alert> last = new ArrayDeque<>();
    private final Map<String, Long> counts = new LinkedHashMap<>();

    void raise(Alert alert) {
        synchronized (this) {
            last.addLast(alert);
            if (last.size() > KEPT) {
                last.removeFirst();
            }
            var unused = counts.merge(alert.kind(), 1L, Long::sum);
        }
        log.atError()
                .addKeyValue("alert", alert.kind())
                .addKeyValue("service", alert.service())
                .addKeyValue("build", alert.build())
                .addKeyValue("phase", alert.phase())
                .addKeyValue("reason", alert.reason())
                .addKeyValue("evidence", alert.evidence())
                .log("alert");
    }

    synchronized List<Alert> last() {
        return new ArrayList<>(last);
    }

    synchronized Map<String, Long> counts() {
        return new LinkedHashMap<>(counts);
    }
}
