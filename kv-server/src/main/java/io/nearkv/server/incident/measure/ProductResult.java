package io.nearkv.server.incident.measure;

import static java.util.Objects.requireNonNull;

import java.util.List;
import java.util.Map;

/**
 * What became of one product. Immutable.
 *
 * @param id such as {@code D4}
 * @param name such as {@code Access}
 * @param dependsOn what it needs the store for
 * @param report what the report says
 * @param classes its users
 * @param series what it has counted beside requests, minute by minute
 * @param checks what was compared
 */
public record ProductResult(
        String id,
        String name,
        String dependsOn,
        String report,
        List<ClassResult> classes,
        Map<String, List<Long>> series,
        List<Check> checks) {
    /** Checks that nothing is missing, and makes the lists read-only. */
    public ProductResult {
        requireNonNull(id, "id");
        requireNonNull(name, "name");
        requireNonNull(dependsOn, "dependsOn");
        requireNonNull(report, "report");
        classes = List.copyOf(classes);
        series = Map.copyOf(series);
        checks = List.copyOf(checks);
    }

    /** Returns whether all is as expected. */
    public boolean passed() {
        return checks.stream().allMatch(Check::passed);
    }
}
