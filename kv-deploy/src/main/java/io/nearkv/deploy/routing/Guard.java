package io.nearkv.deploy.routing;

import io.nearkv.deploy.analysis.DetectorSettings;
import io.nearkv.deploy.analysis.Impact;
import io.nearkv.deploy.analysis.ImpactDetector;
import io.nearkv.deploy.analysis.Sample;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteEntry;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The test that one process makes with its own traffic, so that a build which hurts is left here even while nobody else can be asked. One call after the other. */
final class Guard {
    /** The other half of what may go wrong by accident is the control plane's, with everybody's traffic. */
    private static final double SHARE_OF_NODES = 0.5;

    private static final String HERE = "";

    private final Function<String, @Nullable Outcomes> outcomes;
    private String rollout = "";
    private ImpactDetector detector = new ImpactDetector(DetectorSettings.DEFAULT);
    private final Sample[] candidateBefore = new Sample[ImpactDetector.KINDS];
    private final Sample[] baseBefore = new Sample[ImpactDetector.KINDS];

    /** Creates the guard over what is counted by build. */
    Guard(Function<String, @Nullable Outcomes> outcomes) {
        this.outcomes = outcomes;
    }

    /** Looks at what has happened since the last time; returns what is to be thought of the candidate, or null if there is none. */
    @Nullable
    Impact look(Route route, double seconds) {
        RouteEntry first = route.entries().get(0);
        Outcomes candidate = outcomes.apply(first.id());
        Outcomes base = outcomes.apply(route.baseline().id());
        if (route.entries().size() != 2 || route.rolloutId().isEmpty() || candidate == null || base == null) {
            rollout = "";
            return null;
        }
        boolean begins = !route.rolloutId().equals(rollout);
        if (begins) {
            rollout = route.rolloutId();
            detector = new ImpactDetector(DetectorSettings.DEFAULT.withShareOfAlpha(
                    SHARE_OF_NODES / Math.max(1, route.nodes().size())));
        }
        for (int kind = 0; kind < ImpactDetector.KINDS; kind++) {
            Sample candidateNow = candidate.total(kind);
            Sample baseNow = base.total(kind);
            if (!begins) {
                detector.add(HERE, kind, candidateNow.since(candidateBefore[kind]), baseNow.since(baseBefore[kind]));
            }
            candidateBefore[kind] = candidateNow;
            baseBefore[kind] = baseNow;
        }
        return begins ? null : detector.judge(seconds);
    }
}
