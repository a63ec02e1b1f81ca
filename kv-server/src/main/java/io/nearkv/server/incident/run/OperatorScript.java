package io.nearkv.server.incident.run;

import io.nearkv.server.incident.cluster.ListedBuild;
import io.nearkv.server.incident.cluster.Listing;
import io.nearkv.server.incident.cluster.ReplayCluster;
import io.nearkv.server.incident.cluster.StepResult;
import io.nearkv.server.incident.measure.Recorder;
import io.nearkv.server.incident.model.Moment;
import io.nearkv.server.incident.model.ReplayClock;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** What the operators of the report did, minute by minute. Whatever protects, they do the same; only what comes of it differs. Used once, by one thread. */
final class OperatorScript {
    /** Shares in basis points: of the good build at first, of the wrong one when the rollout goes on, of known-good after the first edit. */
    static final int FIRST_SHARE = 100;

    static final int SECOND_SHARE = 1000;
    static final int FIRST_EDIT = 8000;
    static final int ALL = 10_000;

    /** The moments of a short run, in minutes. */
    static final int SHORT_MINUTES = 20;

    private static final int SHORT_START = 1;
    private static final int SHORT_CHOICE = 4;
    private static final int SHORT_ROUTE = 6;
    private static final int SHORT_ROLLBACK = 10;
    private static final int SHORT_EDIT = 16;

    /** The step in which each router leaves the build by itself. */
    static final String WAY_BACK = "F6";

    /** Routers are waited for so long even where the minutes are short. */
    private static final long SHORT_WAY_BACK_MILLIS = 1500;

    private static final int VERIFY_MINUTES = Moment.T7.minute() - Moment.T6.minute();
    private static final String PRODUCTION = "production";

    private final ReplayCluster cluster;
    private final ReplayClock clock;
    private final Recorder recorder;
    private final Consumer<ScriptEvent> listener;
    private final List<ScriptEvent> events = new ArrayList<>();
    private @Nullable ListedBuild listed;

    private interface Step {
        StepResult take() throws InterruptedException;
    }

    OperatorScript(ReplayCluster cluster, Recorder recorder, Consumer<ScriptEvent> listener) {
        this.cluster = cluster;
        this.clock = recorder.clock();
        this.recorder = recorder;
        this.listener = listener;
    }

    /** Plays the whole report; returns when its last minute is over. */
    List<ScriptEvent> playReport() throws InterruptedException {
        at(Moment.T1.minute());
        step("T1", "the good build prod-1.9 gets 1 %", () -> cluster.startRollout(FIRST_SHARE));
        at(Moment.T2.minute());
        chooseFromList();
        at(Moment.T3.minute());
        step("T3", "the rollout goes on: 10 % to the build from the list", () -> cluster.route(listed(), SECOND_SHARE));
        at(Moment.T4.minute());
        step("T4", "rollback by the API", () -> cluster.rollback(listed()));
        at(Moment.T4.minute() + 3);
        step("CI", "the CI's rollback job is started", cluster::ciRollback);
        at(Moment.T4.minute() + 12);
        step("CI", "the CI's rollback job is started again", cluster::ciRollback);
        at(Moment.T5.minute());
        step("T5", "routes edited by hand: known-good gets 80 %", () -> cluster.breakGlass(FIRST_EDIT));
        at(Moment.T6.minute());
        step("T6", "routes edited by hand: known-good gets all", () -> cluster.breakGlass(ALL));
        verify();
        step("B17", "the control plane takes over what was done by hand", cluster::reconcile);
        at(clock.timeline().minutes());
        return events;
    }

    /** Plays what is needed to see one layer hold; returns when its last minute is over. */
    List<ScriptEvent> playShort() throws InterruptedException {
        at(SHORT_START);
        step("T1", "the good build prod-1.9 gets 1 %", () -> cluster.startRollout(FIRST_SHARE));
        at(SHORT_CHOICE);
        chooseFromList();
        at(SHORT_ROUTE);
        step("T3", "10 % to the build from the list", () -> cluster.route(listed(), SECOND_SHARE));
        if (events.get(events.size() - 1).result().reached() > 0) {
            double left = (SHORT_ROLLBACK - clock.minute()) * clock.timeline().minuteNanos() / 1e6;
            step(
                    WAY_BACK,
                    "each router goes back by itself",
                    () -> cluster.awaitWayBack(Math.max(SHORT_WAY_BACK_MILLIS, (long) left)));
        }
        at(SHORT_ROLLBACK);
        step("T4", "rollback by the API", () -> cluster.rollback(listed()));
        at(SHORT_EDIT);
        step("T6", "routes edited by hand: known-good gets all", () -> cluster.breakGlass(ALL));
        at(clock.timeline().minutes());
        return events;
    }

    private void at(double minute) throws InterruptedException {
        if (!clock.await(minute)) {
            throw new InterruptedException("the replay was stopped");
        }
    }

    /** The report's automation took what the list said, and so does this: the newest that is there, of whatever environment. */
    private void chooseFromList() throws InterruptedException {
        Listing[] seen = new Listing[1];
        step("T2", "the builds of production are listed", () -> {
            long begun = clock.nanos();
            Listing listing = cluster.listBuilds();
            long millis = (clock.nanos() - begun) / 1_000_000;
            seen[0] = listing;
            String found = listing.builds().size() + " builds, of them of another environment: "
                    + listing.builds().stream()
                            .filter(each -> !each.environment().equals(PRODUCTION))
                            .count();
            return listing.alarm().isEmpty()
                    ? StepResult.done(found + "; nobody notices", millis, 0, 0)
                    : StepResult.refused("LIST_POLLUTED", found + "; " + listing.alarm(), millis);
        });
        listed = seen[0].builds().stream()
                .filter(each -> !each.environment().equals(PRODUCTION))
                .findFirst()
                .orElseThrow(() ->
                        new IllegalStateException("the list has no foreign build: the bug of the report is not in"));
        step("T2", "the automation takes " + listed.id() + " from the list", () -> cluster.choose(listed()));
    }

    private ListedBuild listed() {
        if (listed == null) {
            throw new IllegalStateException("nothing was listed yet");
        }
        return listed;
    }

    private void step(String id, String action, Step step) throws InterruptedException {
        double minute = clock.minute();
        StepResult result = step.take();
        add(new ScriptEvent(id, minute, clock.minute(), action, result));
    }

    private void add(ScriptEvent event) {
        events.add(event);
        listener.accept(event);
    }

    /** Closes the incident when nothing has failed for two minutes. */
    private void verify() throws InterruptedException {
        double since = clock.minute();
        while (clock.minute() < clock.timeline().minutes()) {
            double calm = Math.max(since, clock.timeline().minuteOf(recorder.lastFailureNanos()));
            double left = calm + VERIFY_MINUTES - clock.minute();
            if (left <= 0) {
                add(new ScriptEvent(
                        "T7",
                        clock.minute(),
                        clock.minute(),
                        "nothing has failed for two minutes",
                        StepResult.done("the incident is closed", 0, 0, 0)));
                return;
            }
            at(clock.minute() + Math.min(left, 0.1));
        }
    }
}
