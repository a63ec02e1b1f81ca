package io.nearkv.server.incident.report;

import io.nearkv.server.incident.cluster.AuditedFile;
import io.nearkv.server.incident.cluster.Evidence;
import io.nearkv.server.incident.cluster.StepResult;
import io.nearkv.server.incident.measure.Check;
import io.nearkv.server.incident.measure.ClassResult;
import io.nearkv.server.incident.measure.ProductResult;
import io.nearkv.server.incident.measure.Share;
import io.nearkv.server.incident.model.Layer;
import io.nearkv.server.incident.model.Mode;
import io.nearkv.server.incident.model.Tenant;
import io.nearkv.server.incident.run.RunResult;
import io.nearkv.server.incident.run.ScriptEvent;
import java.util.List;
import java.util.Locale;

/** The tables of an HTML report; those of an object are of replays of the whole report, side by side. */
final class Tables {
    private final List<RunResult> runs;
    private final Html html = new Html();

    Tables(List<RunResult> runs) {
        this.runs = runs;
    }

    static String verdict(boolean passed) {
        return passed ? "<span class=\"verdict\">PASS</span>" : "<span class=\"verdict fail\">FAIL</span>";
    }

    private static String number(long count) {
        return String.format(Locale.ROOT, "%,d", count);
    }

    private void heads(String... of) {
        for (RunResult run : runs) {
            for (int i = 0; i < of.length; i++) {
                html.add(
                        "<th scope=\"col\" class=\"n" + (i == 0 ? " split" : "") + "\">{}</th>",
                        run.mode().label() + " " + of[i]);
            }
        }
    }

    /** Returns how many columns a run has: without protections it is also said when they failed. */
    private static int columns(RunResult run) {
        return run.mode() == Mode.LEGACY ? 5 : 3;
    }

    /** The report's impact table, its words beside what was measured. */
    String impact() {
        html.raw(
                "<h2>The impact table</h2><p>What the report says, and what the replay measured. <em>In the impact</em> is the time from "
                        + "19:54 to 20:15, when all of production was routed to the wrong build.</p><div class=\"scroll\"><table "
                        + "class=\"impact\"><thead><tr><th scope=\"col\" rowspan=\"2\">Users</th><th scope=\"col\" rowspan=\"2\">When it "
                        + "fails, they see</th>");
        int columns = 0;
        for (RunResult run : runs) {
            html.add(
                    "<th scope=\"colgroup\" class=\"split\" colspan=\"{}\">{}</th>",
                    columns(run),
                    run.mode() == Mode.LEGACY ? "Without protections" : "With protections");
            columns += columns(run);
        }
        html.raw("</tr><tr>");
        for (RunResult run : runs) {
            html.raw("<th scope=\"col\" class=\"n split\">Requests</th><th scope=\"col\" class=\"n\">Failed</th>");
            if (run.mode() == Mode.LEGACY) {
                html.raw(
                        "<th scope=\"col\" class=\"n\">In the impact</th><th scope=\"col\" class=\"n\">First to last</th>");
            }
            html.raw("<th scope=\"col\"><span class=\"unseen\">Verdict</span></th>");
        }
        html.raw("</tr></thead>");
        for (int p = 0; p < runs.get(0).products().size(); p++) {
            ProductResult first = runs.get(0).products().get(p);
            html.add(
                    "<tbody><tr class=\"product\"><th scope=\"rowgroup\" colspan=\"2\">{} {} <span>needs KV for: {}</span></th>"
                            + "<td class=\"report split\" colspan=\"{}\"><q>{}</q></td></tr>",
                    first.id(),
                    first.name(),
                    first.dependsOn(),
                    columns,
                    first.report());
            for (int c = 0; c < first.classes().size(); c++) {
                users(p, c);
            }
            for (RunResult run : runs) {
                beyond(run, p, columns);
            }
            html.raw("</tbody>");
        }
        return html.raw("</table></div>").toString();
    }

    /** What a product had to show beside the failures of its users. */
    private void beyond(RunResult run, int product, int columns) {
        ProductResult result = run.products().get(product);
        List<Check> checks = result.checks();
        for (Check check : checks.subList(result.classes().size(), checks.size())) {
            html.add(
                    "<tr class=\"users\"><th scope=\"row\" colspan=\"2\" class=\"soft\">{}: {}</th><td class=\"split\" colspan=\"{}\">"
                            + "{} <span class=\"soft\">(must be: {})</span> ",
                    run.mode().label(),
                    check.title(),
                    columns,
                    check.measured(),
                    check.expected());
            html.raw(verdict(check.passed())).raw("</td></tr>");
        }
    }

    private void users(int product, int index) {
        ClassResult first = runs.get(0).products().get(product).classes().get(index);
        String symptom = first.who().symptom();
        html.add(
                "<tr class=\"users\"><th scope=\"row\">{}</th><td class=\"soft\">{}</td>",
                first.who().name(),
                symptom.isEmpty() ? "–" : symptom);
        for (RunResult run : runs) {
            ProductResult result = run.products().get(product);
            ClassResult users = result.classes().get(index);
            Share impact = Share.of(List.of(users), run.impact());
            html.add("<td class=\"n split\">{}</td>", number(users.requests()));
            String style = users.failed() > 0 ? "n bad" : "n";
            html.add("<td class=\"" + style + "\">{}</td>", number(users.failed()));
            if (run.mode() == Mode.LEGACY) {
                html.add("<td class=\"" + style + "\">{}</td>", impact.percent());
                html.add("<td class=\"n\">{}</td>", span(run, users));
            }
            html.raw("<td>").raw(verdict(result.checks().get(index).passed())).raw("</td>");
        }
        html.raw("</tr>");
    }

    private static String span(RunResult run, ClassResult users) {
        if (users.failed() == 0) {
            return "–";
        }
        return run.timeline().utc(run.timeline().minuteOf(users.firstFailureNanos())) + "–"
                + run.timeline().utc(run.timeline().minuteOf(users.lastFailureNanos()));
    }

    /** What the operators did, and what came of it. */
    String script() {
        html.raw("<h2>What the operators did</h2><p>The same script, step by step; only what comes of it differs.</p>"
                + "<div class=\"scroll\"><table><thead><tr><th scope=\"col\"></th><th scope=\"col\">Step</th>");
        for (RunResult run : runs) {
            html.add("<th scope=\"col\" class=\"split\">{}</th>", run.mode().label());
        }
        html.raw("</tr></thead><tbody>");
        int steps = runs.stream().mapToInt(run -> run.events().size()).min().orElse(0);
        for (int i = 0; i < steps; i++) {
            ScriptEvent first = runs.get(0).events().get(i);
            html.add(
                    "<tr><th scope=\"row\" class=\"when\">{} {}</th><td>{}</td>",
                    runs.get(0).timeline().utc(first.minute()),
                    first.id(),
                    first.action());
            for (RunResult run : runs) {
                StepResult step = run.events().get(i).result();
                html.raw("<td class=\"split\">");
                if (!step.accepted()) {
                    html.add(
                            "<span class=\"" + (run.mode() == Mode.LEGACY ? "bad" : "") + "\"><b>{}</b></span> ",
                            step.code());
                }
                html.add("{}", step.detail());
                if (step.routers() > 0) {
                    html.add(
                            " <span class=\"soft\">({} of {} routers, {} ms)</span>",
                            step.reached(),
                            step.routers(),
                            step.millis());
                }
                html.raw("</td>");
            }
            html.raw("</tr>");
        }
        return html.raw("</tbody></table></div>").toString();
    }

    /** Requests and failures of each tenant. */
    String tenants() {
        html.raw("<h2>By tenant</h2><div class=\"scroll\"><table><thead><tr><th scope=\"col\">Tenant</th>");
        heads("requests", "failed");
        html.raw("</tr></thead><tbody>");
        for (Tenant tenant : Tenant.values()) {
            html.add("<tr><th scope=\"row\">{}</th>", tenant.label());
            for (RunResult run : runs) {
                List<ClassResult> theirs = run.products().stream()
                        .flatMap(product -> product.classes().stream())
                        .filter(each -> each.who().tenant() == tenant)
                        .toList();
                long failed = theirs.stream().mapToLong(ClassResult::failed).sum();
                html.add(
                        "<td class=\"n split\">{}</td><td class=\"n" + (failed > 0 ? " bad" : "") + "\">{}</td>",
                        number(theirs.stream().mapToLong(ClassResult::requests).sum()),
                        number(failed));
            }
            html.raw("</tr>");
        }
        return html.raw("</tbody></table></div>").toString();
    }

    /** What each layer did when those before it were off. */
    static String layers(List<RunResult> runs) {
        Html html = new Html();
        html.raw(
                "<h2>Each layer alone</h2><p>The layers are switched off one by one from the front, and each next one has to hold by "
                        + "itself: the build of staging is put in the way of 10 %, then of all of production.</p><div class=\"scroll\"><table>"
                        + "<thead><tr><th scope=\"col\">First layer that is on</th><th scope=\"col\">What it does</th>"
                        + "<th scope=\"col\">Off before it</th><th scope=\"col\">What it was seen to do</th>"
                        + "<th scope=\"col\" class=\"n\">Requests</th><th scope=\"col\" class=\"n\">Failed</th><th scope=\"col\"></th></tr>"
                        + "</thead><tbody>");
        for (RunResult run : runs) {
            Layer layer = run.layer();
            if (layer == null) {
                continue;
            }
            html.add(
                    "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"soft\">{}</td><td>{}</td><td class=\"n\">{}</td>"
                            + "<td class=\"n" + (run.failed() > 0 ? " bad" : "") + "\">{}</td><td class=\"n\">",
                    layer.label(),
                    layer.text(),
                    before(layer),
                    seen(layer, run),
                    number(run.requests()),
                    number(run.failed()));
            html.raw(verdict(run.passed())).raw("</td></tr>");
        }
        return html.raw("</tbody></table></div>").toString();
    }

    private static String before(Layer layer) {
        StringBuilder names = new StringBuilder();
        for (Layer each : Layer.values()) {
            if (each.compareTo(layer) < 0) {
                names.append(names.isEmpty() ? "" : ", ").append(each.label());
            }
        }
        return names.isEmpty() ? "nothing" : names.toString();
    }

    private static String seen(Layer layer, RunResult run) {
        Evidence evidence = run.evidence();
        return switch (layer) {
            case PRE_CHECKS ->
                run.events().stream().filter(each -> !each.result().accepted()).count() + " steps refused";
            case ACCEPTANCE -> number(evidence.foreignDocumentsRefused()) + " routes refused by routers";
            case HANDSHAKE ->
                number(evidence.linksRefused()) + " links refused, " + number(evidence.buildRequests())
                        + " requests given to the build";
            case FALLBACK ->
                number(evidence.answeredInstead()) + " requests for the build answered by a known-good one";
        };
    }

    /** What was compared. */
    static String checks(List<Check> checks) {
        Html html = new Html();
        html.raw(
                "<div class=\"scroll\"><table><thead><tr><th scope=\"col\"></th><th scope=\"col\">What</th>"
                        + "<th scope=\"col\">Must be</th><th scope=\"col\">Was</th><th scope=\"col\"></th></tr></thead><tbody>");
        for (Check check : checks) {
            html.add(
                    "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"soft\">{}</td><td>{}</td><td class=\"n\">",
                    check.id(),
                    check.title(),
                    check.expected(),
                    check.measured());
            html.raw(verdict(check.passed())).raw("</td></tr>");
        }
        return html.raw("</tbody></table></div>").toString();
    }

    /** Whether the chains of the audit logs hold. */
    static String audit(List<RunResult> runs) {
        Html html = new Html();
        html.raw(
                "<h2>The audit logs</h2><p>Each process that follows routes keeps a log whose records are chained by their hashes. All "
                        + "were verified from the first record to the last.</p><div class=\"scroll\"><table><thead><tr>"
                        + "<th scope=\"col\">Replay</th><th scope=\"col\">Process</th><th scope=\"col\" class=\"n\">Records</th>"
                        + "<th scope=\"col\">Last</th><th scope=\"col\"></th></tr></thead><tbody>");
        for (RunResult run : runs) {
            for (AuditedFile file : run.audit()) {
                html.add(
                        "<tr><td>{}</td><th scope=\"row\">{}</th><td class=\"n\">{}</td><td>{}</td><td class=\"n\">",
                        run.name(),
                        file.process(),
                        number(file.records()),
                        file.detail());
                html.raw(
                                file.intact()
                                        ? "<span class=\"verdict\">INTACT</span>"
                                        : "<span class=\"verdict fail\">BROKEN</span>")
                        .raw("</td></tr>");
            }
        }
        return html.raw("</tbody></table></div>").toString();
    }
}
