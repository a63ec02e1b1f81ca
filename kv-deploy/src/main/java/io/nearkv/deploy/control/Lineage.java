package io.nearkv.deploy.control;

import io.nearkv.deploy.model.Route;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The routes before the present one, the newest first, as far as the next one names them. A node takes a route only if the two have an ancestor in common: one that the node has
 * had, or that the route names which it follows. Immutable.
 *
 * <p>Not simply the last 32: the lease of a candidate is renewed every 20 seconds, and a node that was away for 11 minutes would know none of them. So the newest eight are kept,
 * of the older ones every sixteenth, and always the first of all, which every route has in common with every other of the same origin.
 */
record Lineage(List<Step> steps) {
    private static final int NEWEST = 8;
    private static final int STRIDE = 16;

    /** A route that was in force. */
    record Step(long epoch, long seq, String hash) {
        /** Forward routes have every other number. */
        private boolean isMilestone() {
            return seq / 2 % STRIDE == 0;
        }
    }

    static final Lineage NONE = new Lineage(List.of());

    Lineage {
        steps = List.copyOf(steps);
    }

    /** Returns this lineage after one route more. */
    Lineage plus(Step newest) {
        List<Step> all = new ArrayList<>(steps);
        all.add(0, newest);
        if (all.size() > ControlLimits.MAX_ANCESTORS) {
            int first = all.size() - 1;
            int goes = first - 1;
            for (int i = NEWEST; i < first; i++) {
                if (!all.get(i).isMilestone()) {
                    goes = i;
                }
            }
            all.remove(goes);
        }
        return new Lineage(all);
    }

    /** Returns the lineage of a route that others have had and this control plane has not: what the route itself names, the numbers of which are not known any more. */
    static Lineage ancestorsOf(Route route) {
        return new Lineage(route.ancestors().stream()
                .map(hash -> new Step(route.epoch(), 0, hash))
                .toList());
    }

    List<String> hashes() {
        return steps.stream().map(Step::hash).toList();
    }

    /** Returns a line for each: epoch, seq and hash. */
    String toText() {
        return steps.stream()
                .map(step -> step.epoch + " " + step.seq + " " + step.hash + "\n")
                .collect(Collectors.joining());
    }

    static Lineage parse(String text) {
        List<Step> steps = new ArrayList<>();
        for (String line : text.lines().toList()) {
            String[] parts = line.split(" ", -1);
            steps.add(new Step(Long.parseLong(parts[0]), Long.parseLong(parts[1]), parts[2]));
        }
        return new Lineage(steps);
    }
}
