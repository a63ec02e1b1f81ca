package io.nearkv.server.incident.report;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.nearkv.server.incident.measure.Check;
import io.nearkv.server.incident.model.Mode;
import io.nearkv.server.incident.model.Phase;
import io.nearkv.server.incident.run.PhaseResult;
import io.nearkv.server.incident.run.ReplayResult;
import io.nearkv.server.incident.run.RunResult;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/** A replay as one HTML file that needs nothing else: charts are drawings inside it, and every number of a chart is also in a table. */
public final class HtmlReport {
    private final ReplayResult result;
    private final List<RunResult> whole;
    private final List<RunResult> layers;
    private final Html page = new Html();

    private HtmlReport(ReplayResult result) {
        this.result = result;
        this.whole = result.runs().stream().filter(run -> run.layer() == null).toList();
        this.layers = result.runs().stream().filter(run -> run.layer() != null).toList();
    }

    /** Returns the file. */
    public static String of(ReplayResult result) {
        return new HtmlReport(result).build();
    }

    private String build() {
        page.raw("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                + "<title>The incident of 30 October 2023, replayed</title><style>");
        page.raw(resource("report.css"))
                .raw("</style></head><body><a class=\"skip\" href=\"#timeline\">To the charts</a>");
        head();
        page.raw("<main>");
        if (!whole.isEmpty()) {
            timeline();
            heatMaps();
            page.raw(new Tables(whole).impact());
            phases();
            queue();
            page.raw(new Tables(whole).script());
            page.raw(new Tables(whole).tenants());
        }
        if (!layers.isEmpty()) {
            page.raw(Tables.layers(layers));
        }
        if (!result.drills().isEmpty()) {
            page.raw(
                    "<h2>With everything else dead</h2><p>A build of another environment at the store's own door, and a rollback "
                            + "when store, access service and control plane are gone.</p>");
            page.raw(Tables.checks(result.drills()));
        }
        compared();
        page.raw(Tables.audit(result.runs()));
        remarks();
        page.raw("</main>");
        page.add(
                "<footer>Made by {} at {}. One file, nothing is loaded from elsewhere.</footer>",
                result.program(),
                result.at());
        page.raw("<div id=\"readout\" aria-hidden=\"true\"></div><script>")
                .raw(resource("report.js"))
                .raw("</script></body></html>\n");
        return page.toString();
    }

    private void head() {
        page.raw("<header class=\"top\"><h1>The incident of 30 October 2023, replayed</h1>");
        page.raw(
                "<p class=\"soft\">A deployment tool listed the builds of two environments together and pointed production at one of "
                        + "staging, which was not authorised to answer: every get, put, delete and list got a 401. The rollback could not run, "
                        + "because its secrets lay behind a login that itself read from the store. Here the same script runs against real "
                        + "processes, ");
        page.add(
                "one minute of the report in {}.</p>",
                result.runs().isEmpty()
                        ? "no time"
                        : millis(result.runs().get(0).timeline().minuteMillis()));
        page.raw("<div class=\"cards\">");
        card(result.passed(), result.passed(), result.passed() ? "PASS" : "FAIL", verdictText());
        for (RunResult run : whole) {
            double impact = impact(run);
            card(
                    impact < 0.05,
                    run.passed(),
                    impact < 0.05 ? "0 minutes" : String.format(Locale.ROOT, "%.1f minutes", impact),
                    "of impact " + (run.mode() == Mode.LEGACY ? "without protections" : "with protections") + ": "
                            + String.format(Locale.ROOT, "%,d of %,d requests failed", run.failed(), run.requests()));
        }
        if (!layers.isEmpty()) {
            long held = layers.stream().filter(RunResult::passed).count();
            long failed = layers.stream().mapToLong(RunResult::failed).sum();
            card(
                    held == layers.size(),
                    held == layers.size(),
                    held + " of " + layers.size(),
                    "layers hold alone, with " + failed + " failed requests");
        }
        page.raw("</div></header>");
    }

    private String verdictText() {
        long all =
                result.runs().stream().mapToLong(run -> run.allChecks().size()).sum()
                        + result.drills().size();
        long good = result.runs().stream()
                        .flatMap(run -> run.allChecks().stream())
                        .filter(Check::passed)
                        .count()
                + result.drills().stream().filter(Check::passed).count();
        return good + " of " + all + " comparisons match";
    }

    private static double impact(RunResult run) {
        List<Phase> counted = List.of(Phase.LOCKED_OUT, Phase.CONVERGE, Phase.VERIFY);
        return run.phases().stream()
                .filter(each -> counted.contains(each.phase()) && each.minutes() > 0)
                .mapToDouble(PhaseResult::minutes)
                .sum();
    }

    private void card(boolean harmless, boolean passed, String figure, String label) {
        page.add(
                "<div class=\"card" + (harmless ? "" : " harm")
                        + "\"><div class=\"figure\">{}</div><div class=\"label\">{}</div>",
                figure,
                label);
        page.raw(Tables.verdict(passed)).raw("</div>");
    }

    private static String millis(int millis) {
        return millis == 1000 ? "one second" : millis + " ms";
    }

    private void pair(Function<RunResult, String> chart, String caption) {
        page.raw("<div class=\"pair\">");
        for (RunResult run : whole) {
            page.add("<figure><h3>{}</h3>", run.mode() == Mode.LEGACY ? "Without protections" : "With protections");
            page.raw(chart.apply(run)).add("<figcaption>{}</figcaption></figure>", caption);
        }
        page.raw("</div>");
    }

    private void timeline() {
        page.raw(
                "<h2 id=\"timeline\">The timeline</h2><p>How many of the requests to the store failed, by client and over HTTP. The "
                        + "lines T1 to T7 are the report's moments; the band below has its phases.</p>");
        page.raw("<ul class=\"legend\"><li>○ done</li><li><b class=\"bad\">✕</b> locked out</li>"
                + "<li><b class=\"well\">✕</b> refused by a protection</li>"
                + "<li>T1 18:58 rollout starts</li><li>T2 19:29 wrong build in the list</li><li>T3 19:40 a share goes to it</li>"
                + "<li>T4 19:54 rollback goes wrong</li><li>T5 20:15 first edit by hand</li><li>T6 20:29 second edit</li>"
                + "<li>T7 20:31 closed</li></ul>");
        pair(TimelineChart::of, "Failed share of all operations on the store, in half minutes.");
    }

    private void heatMaps() {
        page.raw(
                "<h2>Who was hit, minute by minute</h2><p>A row for each class of users of each product. What has a copy of its own, or "
                        + "needs nothing of the store, stays pale.</p>");
        page.raw("<ul class=\"legend\"><li><i style=\"background:var(--h0)\"></i>none failed</li>"
                + "<li><i style=\"background:var(--h1)\"></i>under 15 %</li><li><i style=\"background:var(--h2)\"></i>15 to 40 %</li>"
                + "<li><i style=\"background:var(--h3)\"></i>40 to 70 %</li><li><i style=\"background:var(--h4)\"></i>70 to 95 %</li>"
                + "<li><i style=\"background:var(--h5)\"></i>all</li><li><i></i>nobody asked</li></ul>");
        pair(HeatMap::of, "Point at a row for its numbers.");
    }

    private void queue() {
        page.raw(
                "<h2>The waiting room</h2><p>It fails open: without its configuration everybody is let in. When that is back, more are "
                        + "inside than may be, and for a while everybody is queued.</p>");
        page.raw("<ul class=\"legend\"><li><i style=\"background:var(--mark)\"></i>queued</li>"
                + "<li><i style=\"background:var(--open)\"></i>let in unchecked</li></ul>");
        pair(QueueChart::of, "Share of the visitors of each minute.");
    }

    private void phases() {
        List<RunResult> timed = whole.stream()
                .filter(run -> run.phases().stream().anyMatch(each -> each.minutes() >= 0))
                .toList();
        if (timed.isEmpty()) {
            return;
        }
        page.raw(
                "<h2>How long it took</h2><div class=\"scroll\"><table class=\"bars\"><thead><tr><th scope=\"col\">Phase</th>"
                        + "<th scope=\"col\" class=\"n\">Report</th><th scope=\"col\"><span class=\"soft\">report above, replay below</span></th>");
        timed.forEach(run ->
                page.add("<th scope=\"col\" class=\"n\">{}</th>", run.mode().label()));
        page.raw("</tr></thead><tbody>");
        for (Phase phase : Phase.values()) {
            page.add(
                    "<tr><th scope=\"row\">{} <span class=\"soft\">{} to {}</span></th><td class=\"n\">{} min</td><td>",
                    phase.label(),
                    phase.from().utc(),
                    phase.to().utc(),
                    phase.minutes());
            bar(phase.minutes(), " report");
            for (RunResult run : timed) {
                bar(Math.max(0, minutes(run, phase)), "");
            }
            page.raw("</td>");
            for (RunResult run : timed) {
                double minutes = minutes(run, phase);
                page.add(
                        "<td class=\"n\">{}</td>",
                        minutes < 0 ? "did not happen" : String.format(Locale.ROOT, "%.1f min", minutes));
            }
            page.raw("</tr>");
        }
        page.raw("</tbody></table></div>");
    }

    private static double minutes(RunResult run, Phase phase) {
        return run.phases().stream()
                .filter(each -> each.phase() == phase)
                .mapToDouble(PhaseResult::minutes)
                .findFirst()
                .orElse(-1);
    }

    private void bar(double minutes, String style) {
        page.add("<div class=\"bar" + style + "\" style=\"width:{}%\"></div>", minutes / 22 * 100);
    }

    private void compared() {
        page.raw("<h2>What was compared</h2>");
        for (RunResult run : result.runs()) {
            page.add("<details" + (run.passed() ? "" : " open") + "><summary>{} ", run.name());
            page.raw(Tables.verdict(run.passed())).raw("</summary>");
            page.raw(Tables.checks(run.allChecks())).raw("</details>");
        }
    }

    private void remarks() {
        page.raw("<h2>Ours, because the report does not say it</h2><ul>");
        Assumptions.ALL.forEach(each -> page.add("<li>{}</li>", each));
        page.raw("</ul>");
        for (RunResult run : whole) {
            page.add("<details><summary>What ran: {}</summary><ul>", run.mode().label());
            run.processes().forEach(each -> page.add("<li>{}</li>", each));
            page.raw("</ul></details>");
        }
    }

    private static String resource(String name) {
        try (InputStream in = HtmlReport.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException(name + " is not in the program");
            }
            return new String(in.readAllBytes(), UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
