package io.nearkv.server.incident.run;

import io.nearkv.server.incident.measure.ClassResult;
import io.nearkv.server.incident.measure.Share;
import io.nearkv.server.incident.model.Moment;
import io.nearkv.server.incident.model.Phase;
import io.nearkv.server.incident.model.Timeline;
import io.nearkv.server.incident.model.Window;
import java.util.ArrayList;
import java.util.List;

/** What was measured of the report's timeline, in minutes of the report; negative for what did not happen. */
final class Findings {
    private static final double MAJORITY = 0.5;

    private final Timeline timeline;
    private final List<ScriptEvent> events;
    private final List<ClassResult> store;
    private final List<ClassResult> everybody;

    /**
     * Creates them.
     *
     * @param store the users of the store itself
     * @param everybody all users
     */
    Findings(Timeline timeline, List<ScriptEvent> events, List<ClassResult> store, List<ClassResult> everybody) {
        this.timeline = timeline;
        this.events = events;
        this.store = store;
        this.everybody = everybody;
    }

    double minuteOf(Moment moment) {
        return events.stream()
                .filter(each -> each.id().equals(moment.name()))
                .mapToDouble(ScriptEvent::minute)
                .findFirst()
                .orElse(-1);
    }

    /** Returns the share of the store's users whose requests go by one key, and therefore fail as the routes are weighted. */
    Share byKey(Window window) {
        List<ClassResult> single = store.stream()
                .filter(each -> !each.who().name().contains("many"))
                .filter(each -> !each.who().name().contains("list"))
                .toList();
        return Share.of(single, window);
    }

    Share store(Window window) {
        return Share.of(store, window);
    }

    double firstFailure() {
        long nanos = everybody.stream()
                .mapToLong(ClassResult::firstFailureNanos)
                .filter(each -> each >= 0)
                .min()
                .orElse(-1);
        return nanos < 0 ? -1 : timeline.minuteOf(nanos);
    }

    double lastFailure() {
        long nanos = everybody.stream()
                .mapToLong(ClassResult::lastFailureNanos)
                .max()
                .orElse(-1);
        return nanos < 0 ? -1 : timeline.minuteOf(nanos);
    }

    /** Returns when most of the store's users began to fail. */
    double impactStart() {
        int ticks = timeline.minutes() * ClassResult.TICKS_PER_MINUTE;
        for (int tick = 0; tick < ticks; tick++) {
            long requests = 0;
            long failed = 0;
            for (ClassResult each : store) {
                requests += each.requestsIn(tick);
                failed += each.failedIn(tick);
            }
            // Later than the rollback was begun: in a short tick before it, chance might make a majority.
            boolean later = tick + 1 > minuteOf(Moment.T4) * ClassResult.TICKS_PER_MINUTE;
            if (later && requests > 0 && failed >= MAJORITY * requests) {
                return Math.max((double) tick / ClassResult.TICKS_PER_MINUTE, minuteOf(Moment.T4));
            }
        }
        return -1;
    }

    /** Returns how long the impact was, from the failure at scale until the incident was closed; 0 if nothing failed at scale. */
    double impactMinutes() {
        double start = impactStart();
        double end = minuteOf(Moment.T7);
        return start < 0 ? 0 : end < 0 ? Double.POSITIVE_INFINITY : end - start;
    }

    List<PhaseResult> phases() {
        double first = firstFailure();
        double impact = impactStart();
        double chosen = minuteOf(Moment.T2);
        double edited = minuteOf(Moment.T5);
        double last = lastFailure();
        double closed = minuteOf(Moment.T7);
        List<PhaseResult> phases = new ArrayList<>();
        for (Phase phase : Phase.values()) {
            double minutes = switch (phase) {
                case UNDETECTED -> span(chosen, first);
                case DECIDE -> span(first, minuteOf(Moment.T4));
                case LOCKED_OUT -> span(impact, edited);
                case CONVERGE -> impact < 0 ? -1 : span(edited, last);
                case VERIFY -> impact < 0 ? -1 : span(last, closed);
            };
            phases.add(new PhaseResult(phase, minutes));
        }
        return phases;
    }

    private static double span(double from, double to) {
        return from < 0 || to < from ? -1 : to - from;
    }
}
