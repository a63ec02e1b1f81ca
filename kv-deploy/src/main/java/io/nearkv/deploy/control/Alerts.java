package io.nearkv.deploy.control;

import java.security.SecureRandom;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells people at once what they would want to know: in the log, to whoever listens, and to whoever asks. Thread-safe. */
final class Alerts {
    private static final Logger log = LoggerFactory.getLogger(Alerts.class);
    private static final int KEPT = 64;

    private final Consumer<Alert> listener;
    /** Of this process: ids of one that ran before must not come again. */
    private final String prefix;

    private final Deque<Alert> last = new ArrayDeque<>();
    private final Map<String, Long> counts = new LinkedHashMap<>();

    private long raised;

    Alerts(Consumer<Alert> listener, SecureRandom random) {
        this.listener = listener;
        byte[] drawn = new byte[8];
        random.nextBytes(drawn);
        this.prefix = HexFormat.of().formatHex(drawn);
    }

    void raise(Alert unnumbered) {
        Alert alert;
        synchronized (this) {
            raised++;
            alert = unnumbered.withId(prefix + "-" + raised);
            last.addLast(alert);
            if (last.size() > KEPT) {
                last.removeFirst();
            }
            var unused = counts.merge(alert.kind(), 1L, Long::sum);
        }
        log.atError()
                .addKeyValue("alert", alert.kind())
                .addKeyValue("id", alert.id())
                .addKeyValue("service", alert.service())
                .addKeyValue("build", alert.build())
                .addKeyValue("phase", alert.phase())
                .addKeyValue("reason", alert.reason())
                .addKeyValue("evidence", alert.evidence())
                .log("alert");
        listener.accept(alert);
    }

    synchronized List<Alert> last() {
        return new ArrayList<>(last);
    }

    synchronized Map<String, Long> counts() {
        return new LinkedHashMap<>(counts);
    }
}
