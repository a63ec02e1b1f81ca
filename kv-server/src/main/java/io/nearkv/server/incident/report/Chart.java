package io.nearkv.server.incident.report;

import io.nearkv.server.incident.measure.ClassResult;
import io.nearkv.server.incident.measure.Share;
import io.nearkv.server.incident.model.Moment;
import io.nearkv.server.incident.model.Timeline;
import io.nearkv.server.incident.model.Window;
import java.util.List;
import java.util.Locale;
import java.util.StringJoiner;

/** What all charts of a report share: minutes from left to right, the moments of the report as lines. Coordinates are those of the drawing. */
final class Chart {
    static final double WIDTH = 860;

    private static final int TICK_MINUTES = 10;
    /** 19:00, the first full hour, is two minutes after the start. */
    private static final int FIRST_TICK = 2;

    private final Timeline timeline;
    private final double left;
    private final double right;
    private final Html svg = new Html();

    /** Begins a drawing of this height; {@code left} is where the minutes begin. */
    Chart(Timeline timeline, double left, double height, double top, double bottom, String title, String description) {
        this.timeline = timeline;
        this.left = left;
        this.right = WIDTH - 14;
        svg.add(
                "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\" data-left=\"{}\" data-width=\"{}\""
                        + " data-minutes=\"{}\" data-top=\"{}\" data-bottom=\"{}\">",
                WIDTH,
                height,
                title + ". " + description,
                left,
                right - left,
                timeline.minutes(),
                top,
                bottom);
    }

    Html svg() {
        return svg;
    }

    double x(double minute) {
        return left + (right - left) * minute / timeline.minutes();
    }

    double left() {
        return left;
    }

    double right() {
        return right;
    }

    /** Draws the time of day below. */
    void axis(double top, double bottom) {
        for (int minute = FIRST_TICK; minute < timeline.minutes(); minute += TICK_MINUTES) {
            svg.add(
                    "<line class=\"grid\" x1=\"{}\" x2=\"{}\" y1=\"{}\" y2=\"{}\"/>",
                    x(minute),
                    x(minute),
                    top,
                    bottom);
            svg.add(
                    "<text class=\"minor\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                    x(minute),
                    bottom + 15,
                    timeline.utc(minute));
        }
        svg.add("<line class=\"axis\" x1=\"{}\" x2=\"{}\" y1=\"{}\" y2=\"{}\"/>", left, right, bottom, bottom);
    }

    /** Draws the report's moments, with their names above. */
    void moments(double top, double bottom) {
        for (Moment moment : Moment.values()) {
            double x = x(moment.minute());
            svg.add(
                    "<g><title>{}</title><line class=\"moment\" x1=\"{}\" x2=\"{}\" y1=\"{}\" y2=\"{}\"/>",
                    moment.name() + " " + moment.utc() + ": " + moment.text(),
                    x,
                    x,
                    top,
                    bottom);
            // The last two are only two minutes apart.
            String anchor =
                    moment == Moment.T6 ? "end" : moment == Moment.T7 || moment == Moment.T1 ? "start" : "middle";
            svg.add(
                    "<text class=\"momentname\" x=\"{}\" y=\"{}\" text-anchor=\"{}\">{}</text></g>",
                    moment == Moment.T6 ? x + 4 : moment == Moment.T7 ? x - 3 : x,
                    top - 5,
                    anchor,
                    moment.name());
        }
    }

    @Override
    public String toString() {
        return svg + "</svg>";
    }

    /** Returns the share of failures of each minute in percent, an empty text where nobody asked, with commas between them. */
    static String shares(List<ClassResult> classes, Timeline timeline) {
        StringJoiner shares = new StringJoiner(",");
        for (int minute = 0; minute < timeline.minutes(); minute++) {
            Share share = Share.of(classes, new Window(minute, minute + 1));
            shares.add(share.requests() == 0 ? "" : number(share.value() * 100));
        }
        return shares.toString();
    }

    static String number(double value) {
        return value == Math.rint(value) ? Long.toString(Math.round(value)) : String.format(Locale.ROOT, "%.1f", value);
    }
}
