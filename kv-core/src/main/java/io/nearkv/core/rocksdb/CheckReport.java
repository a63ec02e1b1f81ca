package io.nearkv.core.rocksdb;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What {@link StoreCheck} found. Immutable.
 *
 * @param problems what is wrong, one line each; empty if the folder is clean
 * @param counts how much of what there is, by a name for people, in the order to show it
 */
public record CheckReport(List<String> problems, Map<String, Long> counts) {
    /** Makes both read-only. */
    public CheckReport {
        problems = List.copyOf(problems);
        counts = Collections.unmodifiableMap(new LinkedHashMap<>(counts));
    }

    /** Returns whether nothing is wrong. */
    public boolean clean() {
        return problems.isEmpty();
    }
}
