package io.nearkv.server.incident.cluster;

import io.nearkv.server.incident.model.Layer;
import java.util.EnumSet;
import java.util.Set;

/**
 * How a cluster is to be.
 *
 * @param layers the protections that are on
 */
public record ClusterPlan(Set<Layer> layers) {
    /** Makes the set read-only. */
    public ClusterPlan {
        layers = Set.copyOf(layers);
    }

    /** Returns the one with everything on. */
    public static ClusterPlan guarded() {
        return new ClusterPlan(EnumSet.allOf(Layer.class));
    }

    /** Returns the one with everything off. */
    public static ClusterPlan legacy() {
        return new ClusterPlan(Set.of());
    }

    /** Returns the one whose first layers are off, up to this one, which is on with all behind it. */
    public static ClusterPlan from(Layer first) {
        Set<Layer> on = EnumSet.noneOf(Layer.class);
        for (Layer layer : Layer.values()) {
            if (layer.compareTo(first) >= 0) {
                on.add(layer);
            }
        }
        return new ClusterPlan(on);
    }

    /** Returns whether a layer is on. */
    public boolean has(Layer layer) {
        return layers.contains(layer);
    }
}
