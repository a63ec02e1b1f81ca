package io.nearkv.server.incident.report;

import io.nearkv.server.incident.cluster.AuditedFile;
import io.nearkv.server.incident.cluster.StepResult;
import io.nearkv.server.incident.measure.Check;
import io.nearkv.server.incident.measure.ClassResult;
import io.nearkv.server.incident.measure.ProductResult;
import io.nearkv.server.incident.measure.Share;
import io.nearkv.server.incident.model.Tenant;
import io.nearkv.server.incident.model.Timeline;
import io.nearkv.server.incident.run.PhaseResult;
import io.nearkv.server.incident.run.ReplayResult;
import io.nearkv.server.incident.run.RunResult;
import io.nearkv.server.incident.run.ScriptEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/** A replay as tables of text. */
public final class TextReport {
    private TextReport() {}

    /** Hands the report on line by line. */
    public static void write(ReplayResult result, Consumer<String> out) {
        for (RunResult run : result.runs()) {
            write(run, out);
        }
        if (!result.drills().isEmpty()) {
            out.accept("== drills");
            checks(result.drills(), out);
            out.accept("");
        }
        out.accept("Ours, because the report does not say it:");
        Assumptions.ALL.forEach(each -> out.accept("  - " + each));
        out.accept("");
        long failed = result.runs().stream()
                        .flatMap(run -> run.allChecks().stream())
                        .filter(each -> !each.passed())
                        .count()
                + result.drills().stream().filter(each -> !each.passed()).count();
        for (RunResult run : result.runs()) {
            out.accept(verdict(run.passed()) + "  " + run.name()
                    + String.format(Locale.ROOT, ": %,d requests, %,d failed", run.requests(), run.failed()));
        }
        out.accept(result.passed() ? "PASS  all matches" : "FAIL  " + failed + " do not match");
    }

    private static void write(RunResult run, Consumer<String> out) {
        Timeline timeline = run.timeline();
        out.accept("== " + run.name() + ", one minute of the report in " + timeline.minuteMillis() + " ms");
        run.processes().forEach(each -> out.accept("   " + each));
        out.accept("");
        for (ScriptEvent event : run.events()) {
            StepResult step = event.result();
            out.accept("   " + timeline.utc(event.minute()) + "  " + pad(event.id(), 4) + event.action() + ": "
                    + (step.accepted() ? "" : step.code() + ": ") + step.detail());
        }
        out.accept("");
        products(run, out);
        tenants(run, out);
        if (!run.phases().isEmpty()) {
            Table phases = new Table("PHASE", "REPORT", "REPLAY");
            for (PhaseResult each : run.phases()) {
                phases.row(
                        each.phase().label(),
                        each.phase().minutes() + " min",
                        each.minutes() < 0 ? "-" : String.format(Locale.ROOT, "%.1f min", each.minutes()));
            }
            phases.write(out);
        }
        checks(run.checks(), out);
        for (AuditedFile each : run.audit()) {
            if (!each.intact()) {
                out.accept("audit log of " + each.process() + ": " + each.detail());
            }
        }
        out.accept("");
    }

    private static void products(RunResult run, Consumer<String> out) {
        Table table = new Table("", "USERS", "REQUESTS", "FAILED", "IN IMPACT", "FIRST", "LAST", "");
        for (ProductResult product : run.products()) {
            table.row(product.id(), product.name() + " (needs KV for: " + product.dependsOn() + ")");
            table.row("", "  report: " + product.report());
            for (int i = 0; i < product.classes().size(); i++) {
                ClassResult users = product.classes().get(i);
                table.row(
                        "",
                        "  " + users.who().name(),
                        number(users.requests()),
                        number(users.failed()),
                        run.layer() == null
                                ? Share.of(List.of(users), run.impact()).percent()
                                : "",
                        time(run, users.firstFailureNanos()),
                        time(run, users.lastFailureNanos()),
                        verdict(product.checks().get(i).passed()));
            }
            for (Check check : product.checks()
                    .subList(product.classes().size(), product.checks().size())) {
                table.row(
                        "",
                        "  " + check.title() + ": " + check.measured() + ", must be " + check.expected(),
                        "",
                        "",
                        "",
                        "",
                        "",
                        verdict(check.passed()));
            }
        }
        table.write(out);
    }

    private static void tenants(RunResult run, Consumer<String> out) {
        Table table = new Table("TENANT", "REQUESTS", "FAILED");
        for (Tenant tenant : Tenant.values()) {
            List<ClassResult> theirs = run.products().stream()
                    .flatMap(product -> product.classes().stream())
                    .filter(each -> each.who().tenant() == tenant)
                    .toList();
            table.row(
                    tenant.label(),
                    number(theirs.stream().mapToLong(ClassResult::requests).sum()),
                    number(theirs.stream().mapToLong(ClassResult::failed).sum()));
        }
        table.write(out);
    }

    private static void checks(List<Check> checks, Consumer<String> out) {
        Table table = new Table("", "CHECK", "EXPECTED", "MEASURED", "");
        for (Check check : checks) {
            table.row(check.id(), check.title(), check.expected(), check.measured(), verdict(check.passed()));
        }
        table.write(out);
    }

    private static String time(RunResult run, long nanos) {
        return nanos < 0 ? "-" : run.timeline().utc(run.timeline().minuteOf(nanos));
    }

    private static String number(long count) {
        return String.format(Locale.ROOT, "%,d", count);
    }

    static String verdict(boolean passed) {
        return passed ? "PASS" : "FAIL";
    }

    private static String pad(String text, int width) {
        return text + " ".repeat(Math.max(0, width - text.length()));
    }

    /** Columns as wide as their widest cell; a row of fewer cells lets its last one run over the others. */
    private static final class Table {
        private final List<String[]> rows = new ArrayList<>();
        private final int columns;

        Table(String... heads) {
            columns = heads.length;
            rows.add(heads);
        }

        void row(String... cells) {
            rows.add(cells);
        }

        void write(Consumer<String> out) {
            int[] widths = new int[columns];
            for (String[] row : rows) {
                for (int i = 0; i < row.length; i++) {
                    boolean runsOver = i == row.length - 1 && row.length < columns;
                    boolean wide = columns > 5 && row.length == columns && row[2].isEmpty();
                    if (!runsOver && !wide) {
                        widths[i] = Math.max(widths[i], row[i].length());
                    }
                }
            }
            for (String[] row : rows) {
                StringBuilder line = new StringBuilder();
                int wanted = 0;
                for (int i = 0; i < row.length; i++) {
                    if (!row[i].isEmpty() || i == 0) {
                        line.append(" ".repeat(Math.max(i == 0 ? 0 : 2, wanted - line.length())));
                        line.append(row[i]);
                    }
                    wanted += widths[i] + 2;
                }
                out.accept(line.toString().stripTrailing());
            }
            out.accept("");
        }
    }
}
