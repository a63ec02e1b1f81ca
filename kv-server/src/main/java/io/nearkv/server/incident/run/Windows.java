package io.nearkv.server.incident.run;

import io.nearkv.server.incident.model.Moment;
import io.nearkv.server.incident.model.Window;
import java.util.List;

/**
 * The parts of a replay in which the routes were the same throughout, in whole minutes of the report: each begins when everybody was seen to follow the change before it, and ends
 * a minute before the next one, because what begins just before a change may end behind it. Immutable.
 *
 * @param before until the first request is misrouted
 * @param misrouted while a share of production goes to the wrong build
 * @param impact while all of it does
 * @param converging while most of it is back
 * @param after from a minute after all of it is back
 */
record Windows(Window before, Window misrouted, Window impact, Window converging, Window after) {
    /** Returns those of a replay; of what did not happen, those of the report. */
    static Windows of(List<ScriptEvent> events, int minutes) {
        int back = (int) Math.ceil(end(events, Moment.T6)) + 1;
        return new Windows(
                new Window(0, lastBefore(events, Moment.T3)),
                between(events, Moment.T3, Moment.T4),
                between(events, Moment.T4, Moment.T5),
                between(events, Moment.T5, Moment.T6),
                new Window(Math.min(back, minutes), minutes));
    }

    private static Window between(List<ScriptEvent> events, Moment from, Moment to) {
        int last = lastBefore(events, to);
        return new Window(Math.min((int) Math.ceil(end(events, from)), last), last);
    }

    private static int lastBefore(List<ScriptEvent> events, Moment moment) {
        double minute = events.stream()
                .filter(each -> each.id().equals(moment.name()))
                .mapToDouble(ScriptEvent::minute)
                .findFirst()
                .orElse(moment.minute());
        return Math.max(0, (int) Math.floor(minute) - 1);
    }

    private static double end(List<ScriptEvent> events, Moment moment) {
        return events.stream()
                .filter(each -> each.id().equals(moment.name()))
                .mapToDouble(ScriptEvent::end)
                .max()
                .orElse(moment.minute());
    }
}
