package io.nearkv.server.incident.report;

import io.nearkv.server.incident.measure.ClassResult;
import io.nearkv.server.incident.measure.Share;
import io.nearkv.server.incident.model.Mode;
import io.nearkv.server.incident.model.Phase;
import io.nearkv.server.incident.model.Timeline;
import io.nearkv.server.incident.model.Window;
import io.nearkv.server.incident.run.RunResult;
import io.nearkv.server.incident.run.ScriptEvent;
import java.util.List;
import java.util.Locale;

/** The share of the store's requests that failed, minute by minute, with what the operators did above and the report's phases below. */
final class TimelineChart {
    private static final double LEFT = 48;
    private static final double LANE = 20;
    private static final double TOP = 54;
    private static final double BOTTOM = 250;
    private static final double PHASES = BOTTOM + 26;
    private static final double HEIGHT = PHASES + 24;

    private TimelineChart() {}

    static String of(RunResult run) {
        Timeline timeline = run.timeline();
        List<ClassResult> store = run.products().get(0).classes();
        Share whole = Share.of(store, new Window(0, timeline.minutes()));
        Chart chart = new Chart(
                timeline,
                LEFT,
                HEIGHT,
                TOP,
                BOTTOM,
                "Share of requests to the store that failed over time, " + run.name(),
                whole + " in all; the tables below have the numbers");
        Html svg = chart.svg();
        for (int percent = 0; percent <= 100; percent += 25) {
            double y = y(percent / 100.0);
            svg.add(
                    "<line class=\"grid\" x1=\"{}\" x2=\"{}\" y1=\"{}\" y2=\"{}\"/>",
                    chart.left(),
                    chart.right(),
                    y,
                    y);
            svg.add(
                    "<text class=\"minor\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
                    LEFT - 7,
                    y + 4,
                    percent + " %");
        }
        chart.axis(TOP, BOTTOM);
        failures(run, chart, store);
        chart.moments(TOP, BOTTOM);
        if (whole.failed() == 0) {
            svg.add(
                    "<line class=\"calm\" x1=\"{}\" x2=\"{}\" y1=\"{}\" y2=\"{}\"/>",
                    LEFT,
                    chart.right(),
                    BOTTOM,
                    BOTTOM);
            svg.add(
                    "<text class=\"name\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                    (LEFT + chart.right()) / 2,
                    (TOP + BOTTOM) / 2,
                    "0 of " + String.format(Locale.ROOT, "%,d", whole.requests()) + " requests failed");
        }
        events(run, chart);
        phases(chart);
        return chart.toString();
    }

    private static double y(double share) {
        return BOTTOM - (BOTTOM - TOP) * share;
    }

    private static void failures(RunResult run, Chart chart, List<ClassResult> store) {
        Timeline timeline = run.timeline();
        StringBuilder path = new StringBuilder();
        double share = 0;
        for (int tick = 0; tick < timeline.minutes() * ClassResult.TICKS_PER_MINUTE; tick += 5) {
            long requests = 0;
            long failed = 0;
            for (ClassResult each : store) {
                for (int i = tick; i < tick + 5; i++) {
                    requests += each.requestsIn(i);
                    failed += each.failedIn(i);
                }
            }
            // Where nobody asked, it is taken for what it was before.
            share = requests == 0 ? share : (double) failed / requests;
            double from = (double) tick / ClassResult.TICKS_PER_MINUTE;
            path.append(new Html()
                    .add(
                            "L{} {}L{} {}",
                            chart.x(from),
                            y(share),
                            chart.x(from + 5.0 / ClassResult.TICKS_PER_MINUTE),
                            y(share)));
        }
        chart.svg()
                .add(
                        "<path class=\"failing\" data-name=\"Workers KV\" data-shares=\"{}\" d=\"M{} {}",
                        Chart.shares(store, timeline),
                        chart.left(),
                        BOTTOM)
                .raw(path.toString())
                .add("L{} {}Z\"/>", chart.right(), BOTTOM);
    }

    private static void events(RunResult run, Chart chart) {
        Html svg = chart.svg();
        svg.add("<text class=\"minor\" x=\"{}\" y=\"{}\" text-anchor=\"end\">ops</text>", LEFT - 10, LANE + 4);
        svg.add("<line class=\"grid\" x1=\"{}\" x2=\"{}\" y1=\"{}\" y2=\"{}\"/>", LEFT, chart.right(), LANE, LANE);
        for (ScriptEvent event : run.events()) {
            double x = chart.x(event.minute());
            svg.add(
                    "<g><title>{}</title>",
                    run.timeline().utc(event.minute()) + " " + event.action() + ": "
                            + (event.result().accepted() ? "" : event.result().code() + ": ")
                            + event.result().detail());
            if (event.result().accepted()) {
                svg.add("<circle class=\"done\" cx=\"{}\" cy=\"{}\" r=\"4.5\"/></g>", x, LANE);
            } else {
                String kind = run.mode() == Mode.LEGACY ? "lockedout" : "refused";
                svg.add("<path class=\"" + kind + "\" d=\"M{} {}l9 9m0 -9l-9 9\"/></g>", x - 4.5, LANE - 4.5);
            }
        }
    }

    private static void phases(Chart chart) {
        Html svg = chart.svg();
        int number = 0;
        for (Phase phase : Phase.values()) {
            number++;
            double from = chart.x(phase.from().minute());
            double to = chart.x(phase.to().minute());
            svg.add(
                    "<g><title>{}</title><rect class=\"p" + number
                            + "\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"20\" rx=\"2\"/>",
                    phase.label() + ": " + phase.minutes() + " minutes in the report",
                    from,
                    PHASES,
                    to - from - 1);
            if (to - from > 60) {
                svg.add(
                        "<text class=\"minor\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                        (from + to) / 2,
                        PHASES + 14,
                        phase.label() + " " + phase.minutes() + "′");
            }
            svg.raw("</g>");
        }
    }
}
