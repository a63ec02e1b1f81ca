package io.nearkv.deploy.control;

import static java.util.Objects.requireNonNull;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What needs what, as operators declare it: who must run so that the control plane runs. It is asked one thing, at the start: whether the control plane needs the store
 * that it deploys, be it over many others. Immutable.
 */
public final class DependencyGraph {
    /** The name of the control plane in declarations. */
    public static final String CONTROL_PLANE = "control-plane";

    /** The name of the store that is deployed: its nodes and its namespaces. */
    public static final String DATA_PLANE = "data-plane";

    /** Nothing declared: as this program is made, the control plane needs nobody. */
    public static final DependencyGraph NONE = new DependencyGraph(Map.of());

    private final Map<String, List<String>> needs;

    private DependencyGraph(Map<String, List<String>> needs) {
        this.needs = Map.copyOf(needs);
    }

    /**
     * Reads declarations of the form {@code NAME=NEEDED,NEEDED}; one name may be declared more than once.
     *
     * @throws IllegalArgumentException if one has another form
     */
    public static DependencyGraph parse(List<String> declarations) {
        Map<String, List<String>> needs = new LinkedHashMap<>();
        for (String declaration : declarations) {
            int sign = declaration.indexOf('=');
            List<String> needed = sign < 1
                    ? List.of()
                    : List.of(declaration.substring(sign + 1).split(",", -1));
            if (needed.isEmpty() || needed.contains("")) {
                throw new IllegalArgumentException("dependency: '" + declaration + "' (expected: NAME=NEEDED,NEEDED)");
            }
            needs.computeIfAbsent(declaration.substring(0, sign), name -> new ArrayList<>())
                    .addAll(needed);
        }
        return new DependencyGraph(needs);
    }

    /** Returns the shortest way from the control plane to what it deploys, both included, or null if there is none. */
    public @Nullable List<String> cycle() {
        Map<String, String> cameFrom = new HashMap<>();
        Deque<String> open = new ArrayDeque<>(List.of(CONTROL_PLANE));
        while (!open.isEmpty()) {
            String at = open.remove();
            if (at.equals(DATA_PLANE)) {
                return wayTo(at, cameFrom);
            }
            for (String needed : needs.getOrDefault(at, List.of())) {
                if (!needed.equals(CONTROL_PLANE) && cameFrom.putIfAbsent(needed, at) == null) {
                    open.add(needed);
                }
            }
        }
        return null;
    }

    private static List<String> wayTo(String end, Map<String, String> cameFrom) {
        Deque<String> way = new ArrayDeque<>();
        for (String at = end; !at.equals(CONTROL_PLANE); at = requireNonNull(cameFrom.get(at))) {
            way.addFirst(at);
        }
        way.addFirst(CONTROL_PLANE);
        return List.copyOf(way);
    }
}
