package io.nearkv.server.incident.run;

import static java.util.Objects.requireNonNull;

import io.nearkv.server.incident.cluster.AuditedFile;
import io.nearkv.server.incident.cluster.Evidence;
import io.nearkv.server.incident.measure.Check;
import io.nearkv.server.incident.measure.ProductResult;
import io.nearkv.server.incident.model.Layer;
import io.nearkv.server.incident.model.Mode;
import io.nearkv.server.incident.model.Timeline;
import io.nearkv.server.incident.model.Window;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One replay, and what it has shown. Immutable.
 *
 * @param mode what it was to show
 * @param layer the first layer that was on, where one was to hold alone; else null
 * @param timeline its time
 * @param impact the minutes in which all of production was routed to the wrong build, or was to be
 * @param processes what ran, one line each
 * @param events what the operators did
 * @param phases how long each took; empty where the report's script was not played
 * @param products what became of the products
 * @param checks what was compared beside the products
 * @param evidence what the machines have counted
 * @param audit their audit logs
 */
public record RunResult(
        Mode mode,
        @Nullable Layer layer,
        Timeline timeline,
        Window impact,
        List<String> processes,
        List<ScriptEvent> events,
        List<PhaseResult> phases,
        List<ProductResult> products,
        List<Check> checks,
        Evidence evidence,
        List<AuditedFile> audit) {
    /** Checks that nothing is missing, and makes the lists read-only. */
    public RunResult {
        requireNonNull(mode, "mode");
        requireNonNull(timeline, "timeline");
        requireNonNull(impact, "impact");
        processes = List.copyOf(processes);
        events = List.copyOf(events);
        phases = List.copyOf(phases);
        products = List.copyOf(products);
        checks = List.copyOf(checks);
        requireNonNull(evidence, "evidence");
        audit = List.copyOf(audit);
    }

    /** Returns what it is called, such as {@code legacy} or {@code each-layer: handshake}. */
    public String name() {
        return layer == null ? mode.label() : mode.label() + ": " + layer.label();
    }

    /** Returns everything that was compared. */
    public List<Check> allChecks() {
        List<Check> all = new ArrayList<>(checks);
        products.forEach(product -> all.addAll(product.checks()));
        return all;
    }

    /** Returns whether all is as it must be. */
    public boolean passed() {
        return allChecks().stream().allMatch(Check::passed);
    }

    /** Returns how many requests there were. */
    public long requests() {
        return products.stream()
                .flatMap(product -> product.classes().stream())
                .mapToLong(each -> each.requests())
                .sum();
    }

    /** Returns how many of them have failed. */
    public long failed() {
        return products.stream()
                .flatMap(product -> product.classes().stream())
                .mapToLong(each -> each.failed())
                .sum();
    }
}
