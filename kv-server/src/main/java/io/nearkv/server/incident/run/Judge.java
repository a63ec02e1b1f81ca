package io.nearkv.server.incident.run;

import io.nearkv.server.incident.cluster.AuditedFile;
import io.nearkv.server.incident.cluster.Evidence;
import io.nearkv.server.incident.cluster.StepResult;
import io.nearkv.server.incident.measure.Check;
import io.nearkv.server.incident.measure.ClassResult;
import io.nearkv.server.incident.measure.Share;
import io.nearkv.server.incident.model.Effect;
import io.nearkv.server.incident.model.Layer;
import io.nearkv.server.incident.model.Mode;
import io.nearkv.server.incident.model.Moment;
import io.nearkv.server.incident.model.Timeline;
import io.nearkv.server.incident.model.Window;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Compares what was measured with what must be. */
final class Judge {
    /** Not 1: a request that began before the change of the routes may end behind it. */
    private static final double ALL = 0.99;

    private static final long BREAK_GLASS_MILLIS = 1000;
    private static final long WAY_BACK_MILLIS = 2000;
    private static final double DEVIATIONS = 3.5;
    private static final String SHARE = "share of requests that fail";

    private final Timeline timeline;
    private final List<ScriptEvent> events;
    private final Windows windows;
    private final Findings findings;
    private final List<Check> checks = new ArrayList<>();

    Judge(Timeline timeline, List<ScriptEvent> events, Windows windows, Findings findings) {
        this.timeline = timeline;
        this.events = events;
        this.windows = windows;
        this.findings = findings;
    }

    /** Returns whether a class of users got what the mode promises. */
    static Check ofUsers(Mode mode, Windows windows, ClassResult users) {
        String id = users.who().product();
        String name = users.who().name();
        if (mode != Mode.LEGACY || users.who().effect() != Effect.FAILS) {
            Share whole = new Share(users.failed(), users.requests());
            return new Check(id, name, "0 failed", whole.toString(), whole.failed() == 0 && whole.requests() > 0);
        }
        Share impact = Share.of(List.of(users), windows.impact());
        Share before = Share.of(List.of(users), windows.before());
        Share after = Share.of(List.of(users), windows.after());
        boolean passed = impact.isWithin(ALL, 1) && before.failed() == 0 && after.failed() == 0;
        return new Check(
                id,
                name,
                "100 % in the impact, none before " + Moment.T3.utc() + ", none after it",
                impact
                        + (before.failed() == 0 ? "" : ", before: " + before)
                        + (after.failed() == 0 ? "" : ", after: " + after),
                passed);
    }

    /** Returns the rows of the timeline with all protections off. */
    List<Check> legacy() {
        StepResult start = result("T1");
        add(
                "T1",
                "a good build gets a small share",
                "done, nothing fails",
                said(start),
                start.accepted()
                        && findings.store(new Window(0, Moment.T2.minute())).failed() == 0);
        add(
                "T2",
                "the build from the list",
                "accepted",
                said(last("T2")),
                last("T2").accepted());
        about("T3", findings.byKey(windows.misrouted()), 0.10, 0.03);
        Share impact = findings.store(windows.impact());
        add("T4", SHARE, "about 100 %", impact.toString(), impact.isWithin(ALL, 1));
        about("T5", findings.byKey(windows.converging()), 0.20, 0.05);
        double calm = Math.max(0, findings.lastFailure() - findings.minuteOf(Moment.T6));
        double within = timeline.toleranceMinutes();
        add("T6", "minutes from the second edit to the last failure", atMost(within), number(calm), calm <= within);
        add("T7", "impact", minutes(37), number(findings.impactMinutes()), fits(findings.impactMinutes(), 37));
        span("T7", "from the first misrouted request to the end", Moment.T3);
        span("T7", "from the wrong build in the list to the end", Moment.T2);
        span("T7", "from the start of the rollout to the end", Moment.T1);
        phases();
        for (ScriptEvent attempt : attemptsOfCi()) {
            add(
                    "B18",
                    attempt.action(),
                    "locked out",
                    said(attempt.result()),
                    !attempt.result().accepted());
        }
        return checks;
    }

    /** Returns the rows of the timeline with all protections on. */
    List<Check> guarded() {
        StepResult start = result("T1");
        add("T1", "a good build gets a small share", "done", said(start), start.accepted());
        add("T2", "the list", "an alarm", said(result("T2")), !result("T2").accepted());
        add(
                "T2",
                "the build from the list",
                "refused",
                said(last("T2")),
                !last("T2").accepted());
        add(
                "T3",
                "the rollout with it",
                "refused",
                said(result("T3")),
                !result("T3").accepted());
        nobodyFails("T2", "requests that fail until the rollout goes on", Moment.T2.minute(), Moment.T3.minute());
        nobodyFails("T3", "requests that fail until the rollback", Moment.T3.minute(), Moment.T4.minute());
        nobodyFails("T4", "requests that fail until the first edit", Moment.T4.minute(), Moment.T5.minute());
        StepResult rollback = result("T4");
        add(
                "T4",
                "rollback by the API",
                "done, to known-good",
                said(rollback),
                rollback.accepted() && everywhere(rollback));
        for (ScriptEvent attempt : attemptsOfCi()) {
            add(
                    "B18",
                    attempt.action(),
                    "not locked out",
                    said(attempt.result()),
                    attempt.result().accepted());
        }
        for (String edit : List.of("T5", "T6")) {
            StepResult result = result(edit);
            add(
                    edit,
                    "break-glass",
                    "everywhere in at most " + BREAK_GLASS_MILLIS + " ms",
                    said(result),
                    result.accepted() && everywhere(result) && result.millis() <= BREAK_GLASS_MILLIS);
        }
        StepResult reconciled = result("B17");
        add("B17", "the control plane takes over", "done", said(reconciled), reconciled.accepted());
        add(
                "T7",
                "impact",
                "0 minutes",
                number(findings.impactMinutes()),
                findings.impactMinutes() == 0 && findings.lastFailure() < 0);
        return checks;
    }

    /** Returns whether a layer has held, and it and no other. */
    List<Check> layer(Layer layer, Evidence evidence) {
        StepResult choice = last("T2");
        StepResult route = result("T3");
        switch (layer) {
            case PRE_CHECKS -> {
                add("F3", "the build from the list", "refused", said(choice), !choice.accepted());
                add("F3", "the route to it", "refused", said(route), !route.accepted());
            }
            case ACCEPTANCE -> {
                add("F5", "the build from the list", "let pass", said(choice), choice.accepted());
                add(
                        "F5",
                        "routers that take the route to it",
                        "0",
                        Integer.toString(route.reached()),
                        route.reached() == 0);
                count("F5", "routes that routers have refused", evidence.foreignDocumentsRefused());
            }
            case HANDSHAKE -> {
                add("F5", "the route to it", "taken by all routers", said(route), everywhere(route));
                count("F5", "links that routers have refused", evidence.linksRefused());
                add(
                        "F5",
                        "requests that were given to the build",
                        "0",
                        Long.toString(evidence.buildRequests()),
                        evidence.buildRequests() == 0);
                wayBack();
            }
            case FALLBACK -> {
                add("F5", "the route to it", "taken by all routers", said(route), everywhere(route));
                count("F5", "requests for it that a known-good build has answered", evidence.answeredInstead());
                wayBack();
            }
        }
        // From the start: a short run has hardly a request between its T2 and its T3.
        nobodyFails("T2", "requests that fail until the rollout goes on", 0, minuteOf("T3"));
        nobodyFails("T3", "requests that fail until the rollback", minuteOf("T3"), minuteOf("T4"));
        nobodyFails("T4", "requests that fail until the edit", minuteOf("T4"), minuteOf("T6"));
        return checks;
    }

    private void wayBack() {
        StepResult back = result(OperatorScript.WAY_BACK);
        add(
                OperatorScript.WAY_BACK,
                "routers that go back by themselves",
                "all, within " + WAY_BACK_MILLIS + " ms",
                said(back),
                back.accepted() && everywhere(back) && back.millis() <= WAY_BACK_MILLIS);
    }

    /** Adds that the audit logs hold. */
    static Check audit(List<AuditedFile> audit) {
        long intact = audit.stream().filter(AuditedFile::intact).count();
        long records = audit.stream().mapToLong(AuditedFile::records).sum();
        return new Check(
                "audit",
                "audit logs verified",
                "all intact",
                intact + " of " + audit.size() + " intact, " + records + " records",
                !audit.isEmpty() && intact == audit.size() && records > 0);
    }

    private void phases() {
        // A phase begins and ends with a step, and a step takes what it takes on this machine.
        double slack = timeline.toleranceMinutes()
                + events.stream()
                        .filter(each -> List.of("T3", "T4", "T5", "T6").contains(each.id()))
                        .mapToDouble(each -> each.end() - each.minute())
                        .max()
                        .orElse(0);
        for (PhaseResult each : findings.phases()) {
            add(
                    "phase",
                    each.phase().label(),
                    minutes(each.phase().minutes(), slack),
                    number(each.minutes()),
                    Math.abs(each.minutes() - each.phase().minutes()) <= slack);
        }
    }

    private void span(String id, String title, Moment from) {
        int wanted = Moment.T7.minute() - from.minute();
        double measured = findings.minuteOf(Moment.T7) - findings.minuteOf(from);
        add(id, title, minutes(wanted), number(measured), fits(measured, wanted));
    }

    /** Returns the minute in which a step began, the last one of the run if it did not happen. */
    private double minuteOf(String id) {
        return events.stream()
                .filter(each -> each.id().equals(id))
                .mapToDouble(ScriptEvent::minute)
                .findFirst()
                .orElse(timeline.minutes());
    }

    /** From one step to the next nobody who asks the store may fail once, and somebody must have asked. */
    private void nobodyFails(String id, String title, double from, double to) {
        Share share = findings.store(new Window((int) Math.min(from, to), (int) Math.ceil(to)));
        add(id, title, "0", share.toString(), share.failed() == 0 && share.requests() > 0);
    }

    /** A share of the keys, and so of the requests: as exactly as so few of them can tell. */
    private void about(String id, Share share, double wanted, double tolerance) {
        double deviation = share.requests() == 0 ? 0 : Math.sqrt(wanted * (1 - wanted) / share.requests());
        double off = Math.max(tolerance, DEVIATIONS * deviation);
        add(
                id,
                SHARE,
                String.format(Locale.ROOT, "%.0f ± %.0f %%", wanted * 100, off * 100),
                share.toString(),
                share.isWithin(wanted - off, wanted + off) && share.failed() > 0);
    }

    private void count(String id, String title, long count) {
        add(id, title, "> 0", Long.toString(count), count > 0);
    }

    private boolean fits(double measured, double wanted) {
        return Math.abs(measured - wanted) <= timeline.toleranceMinutes();
    }

    private String minutes(double wanted) {
        return minutes(wanted, timeline.toleranceMinutes());
    }

    private static String minutes(double wanted, double tolerance) {
        return String.format(Locale.ROOT, "%.0f ± %.1f minutes", wanted, tolerance);
    }

    private static String atMost(double minutes) {
        return String.format(Locale.ROOT, "at most %.0f", Math.ceil(minutes));
    }

    private static String number(double minutes) {
        return minutes < 0 ? "-" : String.format(Locale.ROOT, "%.1f", minutes);
    }

    private static boolean everywhere(StepResult result) {
        return result.routers() > 0 && result.reached() == result.routers();
    }

    private static String said(StepResult result) {
        return (result.accepted() ? "" : result.code() + ": ")
                + result.detail()
                + (result.routers() == 0
                        ? ""
                        : " (" + result.reached() + "/" + result.routers() + " routers, " + result.millis() + " ms)");
    }

    private List<ScriptEvent> attemptsOfCi() {
        return events.stream().filter(each -> each.id().equals("CI")).toList();
    }

    private StepResult result(String id) {
        return events.stream()
                .filter(each -> each.id().equals(id))
                .map(ScriptEvent::result)
                .findFirst()
                .orElse(StepResult.refused("MISSING", "it did not happen", 0));
    }

    private StepResult last(String id) {
        return events.stream()
                .filter(each -> each.id().equals(id))
                .map(ScriptEvent::result)
                .reduce(StepResult.refused("MISSING", "it did not happen", 0), (before, later) -> later);
    }

    private void add(String id, String title, String expected, String measured, boolean passed) {
        checks.add(new Check(id, title, expected, measured, passed));
    }
}
