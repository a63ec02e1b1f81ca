package io.nearkv.deploy.routing;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A route as requests see it: replaced as a whole, so that no request sees half of one. Immutable; the targets in it live on. */
final class RouteTable {
    private final Slots slots;
    /** By rising slots; the last one is the baseline and reaches the end. */
    private final Target[] targets;

    private final int[] ends;
    private final List<Target> knownGood;
    private final boolean fallback;

    /**
     * Creates a table.
     *
     * @param ends the first slot that belongs to a target no more
     * @param knownGood where to go instead, the first choice first
     * @param fallback whether a target that cannot be used is passed over
     */
    RouteTable(Slots slots, List<Target> targets, int[] ends, List<Target> knownGood, boolean fallback) {
        this.slots = slots;
        this.targets = targets.toArray(Target[]::new);
        this.ends = ends.clone();
        this.knownGood = List.copyOf(knownGood);
        this.fallback = fallback;
    }

    Slots slots() {
        return slots;
    }

    /** Returns whether a call of this slot that goes to this target says something about the build which the route gives the slot to. */
    boolean isShareOf(int slot, Target target) {
        return of(slot) == target;
    }

    private Target of(int slot) {
        int i = 0;
        while (slot >= ends[i] && i < ends.length - 1) {
            i++;
        }
        return targets[i];
    }

    /** Returns the target of a slot: the one that the route says, or a known-good one while that one cannot be used. */
    Target choose(int slot) {
        Target said = of(slot);
        if (!fallback || said.isUsable()) {
            return said;
        }
        Target instead = instead(said);
        if (instead == null) {
            return said;
        }
        said.diverted();
        return instead;
    }

    /** Returns a known-good target that can be used, another than this one; or null if there is none. */
    @Nullable
    Target instead(Target of) {
        if (!fallback) {
            return null;
        }
        for (Target good : knownGood) {
            if (good != of && good.isUsable()) {
                return good;
            }
        }
        Target baseline = targets[targets.length - 1];
        return baseline != of && baseline.isUsable() ? baseline : null;
    }

    /** Returns the target of a build, or null if the route does not name it. */
    @Nullable
    Target find(String build) {
        for (Target target : all()) {
            if (target.build.equals(build)) {
                return target;
            }
        }
        return null;
    }

    /** Returns every target, each once. */
    Set<Target> all() {
        Set<Target> all = new LinkedHashSet<>(List.of(targets));
        all.addAll(knownGood);
        return all;
    }

    /** Returns the targets that the route gives a share, in the order of their slots. */
    List<Target> weighted() {
        return List.of(targets);
    }

    /** Returns the share of a target in basis points. */
    int weightOf(Target target) {
        int weight = 0;
        for (int i = 0; i < targets.length; i++) {
            if (targets[i] == target) {
                weight += ends[i] - (i == 0 ? 0 : ends[i - 1]);
            }
        }
        return weight;
    }

    boolean isKnownGood(Target target) {
        return knownGood.contains(target);
    }

    /** Returns the builds and shares, for messages. */
    @Override
    public String toString() {
        List<String> parts = new ArrayList<>();
        for (Target target : targets) {
            parts.add(target + "=" + weightOf(target));
        }
        return String.join(" ", parts);
    }
}
