package io.nearkv.server.incident.report;

import io.nearkv.server.incident.measure.ProductResult;
import io.nearkv.server.incident.model.Timeline;
import io.nearkv.server.incident.model.Window;
import io.nearkv.server.incident.product.WaitingRoom;
import io.nearkv.server.incident.run.RunResult;
import java.util.List;
import java.util.StringJoiner;
import java.util.stream.Collectors;

/** What became of the visitors of the waiting room: who was queued, and who was let in because nobody knew better. */
final class QueueChart {
    private static final double LEFT = 48;
    private static final double TOP = 24;
    private static final double BOTTOM = 150;

    private QueueChart() {}

    static String of(RunResult run) {
        Timeline timeline = run.timeline();
        ProductResult room = run.products().stream()
                .filter(each -> each.id().equals("D10"))
                .findFirst()
                .orElseThrow();
        List<Long> queued = counts(room, WaitingRoom.QUEUED, timeline);
        List<Long> unchecked = counts(room, WaitingRoom.ADMITTED_OPEN, timeline);
        Chart chart = new Chart(
                timeline,
                LEFT,
                BOTTOM + 24,
                TOP,
                BOTTOM,
                "Visitors of the waiting room over time, " + run.name(),
                "Queued: " + sum(queued) + ", let in unchecked: " + sum(unchecked));
        Html svg = chart.svg();
        for (int percent = 0; percent <= 100; percent += 50) {
            double y = BOTTOM - (BOTTOM - TOP) * percent / 100;
            svg.add("<line class=\"grid\" x1=\"{}\" x2=\"{}\" y1=\"{}\" y2=\"{}\"/>", LEFT, chart.right(), y, y);
            svg.add(
                    "<text class=\"minor\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
                    LEFT - 7,
                    y + 4,
                    percent + " %");
        }
        chart.axis(TOP, BOTTOM);
        bars(chart, room, queued, "queued", "queued", timeline);
        bars(chart, room, unchecked, "unchecked", "let in unchecked", timeline);
        chart.moments(TOP, BOTTOM);
        return chart.toString();
    }

    private static void bars(
            Chart chart, ProductResult room, List<Long> counts, String style, String name, Timeline timeline) {
        StringJoiner values = new StringJoiner(",");
        Html bars = new Html();
        for (int minute = 0; minute < timeline.minutes(); minute++) {
            long came = room.classes().get(0).requests(new Window(minute, minute + 1));
            double share = came == 0 ? 0 : Math.min(1, (double) counts.get(minute) / came);
            values.add(Chart.number(share * 100));
            if (share > 0) {
                double height = (BOTTOM - TOP) * share;
                bars.add(
                        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
                        chart.x(minute) + 0.5,
                        BOTTOM - height,
                        chart.x(1) - chart.x(0) - 1,
                        height);
            }
        }
        chart.svg()
                .add(
                        "<g class=\"{}\" data-name=\"{}\" data-unit=\" % of the visitors\" data-shares=\"{}\">",
                        style, name, values)
                .raw(bars.toString())
                .raw("</g>");
    }

    private static List<Long> counts(ProductResult room, String name, Timeline timeline) {
        List<Long> counts = room.series().get(name);
        return counts != null
                ? counts
                : java.util.stream.Stream.generate(() -> 0L)
                        .limit(timeline.minutes())
                        .collect(Collectors.toList());
    }

    private static long sum(List<Long> counts) {
        return counts.stream().mapToLong(Long::longValue).sum();
    }
}
