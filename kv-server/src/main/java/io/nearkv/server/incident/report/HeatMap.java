package io.nearkv.server.incident.report;

import io.nearkv.server.incident.measure.ClassResult;
import io.nearkv.server.incident.measure.ProductResult;
import io.nearkv.server.incident.measure.Share;
import io.nearkv.server.incident.model.Moment;
import io.nearkv.server.incident.model.Timeline;
import io.nearkv.server.incident.model.Window;
import io.nearkv.server.incident.run.RunResult;
import java.util.List;

/** The share of failures of each class of users, minute by minute: a row for each. */
final class HeatMap {
    private static final double LEFT = 262;
    private static final double TOP = 24;
    private static final double ROW = 15;
    private static final double PRODUCT_ROW = 19;
    private static final int LONGEST = 46;

    /** From which share on a minute has the colour of this index. */
    private static final double[] STEPS = {0, 0.0001, 0.15, 0.4, 0.7, 0.95};

    private HeatMap() {}

    static String of(RunResult run) {
        Timeline timeline = run.timeline();
        double bottom = TOP;
        for (ProductResult product : run.products()) {
            bottom += PRODUCT_ROW + ROW * product.classes().size();
        }
        Chart chart = new Chart(
                timeline,
                LEFT,
                bottom + 24,
                TOP,
                bottom,
                "Share of failures of each class of users over time, " + run.name(),
                "The impact table below has the numbers");
        chart.axis(TOP, bottom);
        Html svg = chart.svg();
        double y = TOP;
        for (ProductResult product : run.products()) {
            svg.add(
                    "<text class=\"name\" x=\"0\" y=\"{}\">{}</text>",
                    y + PRODUCT_ROW - 5,
                    product.id() + " " + product.name());
            y += PRODUCT_ROW;
            for (ClassResult users : product.classes()) {
                row(chart, users, y, timeline);
                y += ROW;
            }
        }
        for (Moment moment : new Moment[] {Moment.T3, Moment.T4, Moment.T5, Moment.T6}) {
            svg.add(
                    "<line class=\"moment\" x1=\"{}\" x2=\"{}\" y1=\"{}\" y2=\"{}\"/>",
                    chart.x(moment.minute()),
                    chart.x(moment.minute()),
                    TOP - 4,
                    bottom);
            svg.add(
                    "<text class=\"momentname\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                    chart.x(moment.minute()),
                    TOP - 8,
                    moment.name() + " " + moment.utc());
        }
        return chart.toString();
    }

    private static void row(Chart chart, ClassResult users, double y, Timeline timeline) {
        Html svg = chart.svg();
        String name = users.who().name();
        svg.add(
                "<g data-name=\"{}\" data-y=\"{}\" data-h=\"{}\" data-shares=\"{}\"><title>{}</title>",
                name,
                y,
                ROW,
                Chart.shares(List.of(users), timeline),
                name + ": " + new Share(users.failed(), users.requests()) + " failed");
        svg.add(
                "<text class=\"minor\" x=\"12\" y=\"{}\">{}</text>",
                y + ROW - 4,
                name.length() > LONGEST ? name.substring(0, LONGEST - 1) + "…" : name);
        int from = 0;
        int colour = colour(users, 0);
        for (int minute = 1; minute <= timeline.minutes(); minute++) {
            int next = minute == timeline.minutes() ? -2 : colour(users, minute);
            if (next != colour) {
                if (colour >= 0) {
                    svg.add(
                            "<rect class=\"h" + colour + "\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
                            chart.x(from),
                            y + 1,
                            chart.x(minute) - chart.x(from) + 0.2,
                            ROW - 2);
                }
                from = minute;
                colour = next;
            }
        }
        svg.raw("</g>");
    }

    /** Returns the index of the colour of a minute, or -1 where nobody asked. */
    private static int colour(ClassResult users, int minute) {
        Share share = Share.of(List.of(users), new Window(minute, minute + 1));
        if (share.requests() == 0) {
            return -1;
        }
        int colour = 0;
        while (colour + 1 < STEPS.length && share.value() >= STEPS[colour + 1]) {
            colour++;
        }
        return colour;
    }
}
