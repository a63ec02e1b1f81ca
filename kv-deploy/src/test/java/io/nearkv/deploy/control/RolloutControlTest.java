package io.nearkv.deploy.control;

import static io.nearkv.deploy.control.ControlRig.EDGES;
import static io.nearkv.deploy.control.ControlRig.EDGE_1;
import static io.nearkv.deploy.control.ControlRig.EDGE_2;
import static io.nearkv.deploy.control.ControlRig.wish;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.nearkv.core.Kv;
import io.nearkv.deploy.analysis.LatencyBins;
import io.nearkv.deploy.analysis.Sample;
import io.nearkv.deploy.model.Bytes;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteEntry;
import io.nearkv.deploy.report.BuildOutcome;
import io.nearkv.deploy.report.OutcomeReport;
import io.nearkv.deploy.rollout.Facts;
import io.nearkv.deploy.rollout.Hold;
import io.nearkv.deploy.rollout.Rollout;
import io.nearkv.deploy.rollout.RolloutPlan;
import io.nearkv.deploy.rollout.RolloutState;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rollouts on a real control plane with real stores of routes; the traffic is told by the nodes. */
class RolloutControlTest {
    private static final RolloutPlan PLAN = new RolloutPlan(
            "test",
            List.of(
                    new RolloutPlan.Step(100, Duration.ofSeconds(2), 5),
                    new RolloutPlan.Step(1_000, Duration.ofSeconds(2), 20)),
            new RolloutPlan.Step(9_900, Duration.ofSeconds(3), 5),
            100,
            8,
            Duration.ZERO);

    @TempDir
    private Path folder;

    private ControlRig rig;
    private ControlPlane plane;
    private final Map<String, Map<String, long[]>> counts = new HashMap<>();
    /** How often the builds fail, by id; what is not here never does. */
    private final Map<String, Double> failing = new HashMap<>();

    private int requestsPerSecond = 1_000;
    private String unusable = "";
    private boolean awaitsProbes = true;
    /** A node that tells of failures of the candidate that did not happen. */
    private String liar = "";

    @BeforeEach
    void prepare() {
        rig = new ControlRig(folder);
        plane = rig.start();
        for (String edge : EDGES) {
            counts.put(edge, new HashMap<>());
            rig.fleet.at(edge).reportWith(() -> report(edge).encode());
        }
    }

    @AfterEach
    void close() {
        rig.close();
    }

    private OutcomeReport report(String edge) {
        List<BuildOutcome> builds = new ArrayList<>();
        Route active = rig.fleet.at(edge).active();
        if (active != null) {
            for (RouteEntry entry : active.entries()) {
                long[] count = requireNonNull(counts.get(edge)).getOrDefault(entry.id(), new long[2]);
                boolean lies = edge.equals(liar) && entry.weight() < 10_000 / 2;
                long failures = lies ? count[0] - count[0] / 2 : count[1];
                long[] bins = new long[LatencyBins.COUNT];
                bins[40] = count[0] - failures;
                builds.add(new BuildOutcome(
                        entry.id(),
                        List.of(Sample.NONE, Sample.of(failures, bins)),
                        Bytes.NONE,
                        0,
                        0,
                        !entry.id().equals(unusable)));
            }
        }
        return new OutcomeReport(
                edge.hashCode(),
                rig.millis.get(),
                rig.fleet.at(edge).pulledBecause(),
                rig.fleet.at(edge).pulledUpon(),
                builds);
    }

    /** A second goes by, in which every node sends requests by its route; then the control plane has a round. */
    private void second() throws Exception {
        for (String edge : EDGES) {
            Route active = rig.fleet.at(edge).active();
            if (active != null) {
                for (RouteEntry entry : active.entries()) {
                    long[] count = requireNonNull(counts.get(edge)).computeIfAbsent(entry.id(), id -> new long[2]);
                    long requests = (long) requestsPerSecond * entry.weight() / 10_000;
                    count[0] += requests;
                    count[1] += Math.round(requests * failing.getOrDefault(entry.id(), 0.0));
                }
            }
        }
        rig.nanos.addAndGet(1_000_000_000L);
        rig.millis.addAndGet(1_000);
        plane.tick();
        if (awaitsProbes) {
            assertThat(plane.awaitProbes(Duration.ofSeconds(20))).isTrue();
        }
    }

    private Rollout rollout() {
        return requireNonNull(plane.rolloutStatus()).rollout();
    }

    private void start(PublishedBuild build) throws Exception {
        second();
        second();
        List<Finding> unused = plane.startRollout(new StartRequest(build.id(), PLAN, 0, "a test", "alice"));
    }

    private void until(RolloutState state, int atMost) throws Exception {
        for (int i = 0; i < atMost && rollout().state() != state; i++) {
            second();
        }
        assertThat(rollout().state()).as("%s", rollout().events()).isEqualTo(state);
    }

    @Test
    void a_healthy_build_gets_everything_and_is_known_to_be_good() throws Exception {
        PublishedBuild old = rig.knownGood("1.8.2");
        PublishedBuild next = rig.running("1.9.0");
        start(next);
        List<Integer> weights = new ArrayList<>();
        for (int i = 0; i < 40 && !rollout().state().isTerminal(); i++) {
            second();
            int weight = rig.followed(EDGE_1).entries().get(0).build().id().equals(next.id())
                    ? rig.followed(EDGE_1).entries().get(0).weight()
                    : 0;
            if (weights.isEmpty() || weights.get(weights.size() - 1) != weight) {
                weights.add(weight);
            }
        }
        assertThat(rollout().state()).as("%s", rollout().events()).isEqualTo(RolloutState.COMPLETE);
        assertThat(weights).containsExactly(0, 100, 1_000, 9_900, 10_000);
        assertThat(plane.status().ledger().last()).isNotNull();
        assertThat(requireNonNull(plane.status().ledger().last()).build().id()).isEqualTo(next.id());
        assertThat(rig.followed(EDGE_2).knownGood()).extracting(RouteEntry::id).contains(old.id());
        assertThat(requireNonNull(plane.rolloutStatus()).probes()).isPositive();
        assertThat(plane.alerts()).isEmpty();
    }

    @Test
    void many_failures_before_it_is_known_to_be_good_hold_it_and_blame_nobody_while_the_probes_tell_nothing()
            throws Exception {
        PublishedBuild unused = rig.knownGood("1.8.2");
        PublishedBuild next = rig.running("1.9.0");
        start(next);
        until(RolloutState.FINISH, 40);
        failing.put(next.id(), 0.06);
        for (int i = 0; i < 20; i++) {
            second();
        }
        assertThat(rollout().state()).as("%s", rollout().events()).isEqualTo(RolloutState.FINISH);
        assertThat(rollout().hold()).isEqualTo(Hold.ABSOLUTE);
        assertThat(rollout().text()).contains("6.00 % of all requests fail lately");
        assertThat(rig.followed(EDGE_1).summary()).isEqualTo(next.id() + "=10000");
        assertThat(requireNonNull(plane.status().ledger().last()).build().id())
                .as("it is not known to be good")
                .isNotEqualTo(next.id());
        assertThat(plane.alerts())
                .filteredOn(alert -> alert.reason().equals("absolute"))
                .hasSize(1);
        failing.clear();
        until(RolloutState.COMPLETE, 60);
    }

    @Test
    void a_build_that_fails_with_everything_and_fails_its_probes_goes_back_before_it_is_known_to_be_good()
            throws Exception {
        PublishedBuild old = rig.knownGood("1.8.2");
        PublishedBuild next = rig.running("1.9.0");
        start(next);
        until(RolloutState.FINISH, 40);
        failing.put(next.id(), 1.0);
        rig.fleet.sicken(next.manifest().endpoints().get(0));
        until(RolloutState.ROLLED_BACK, 15);
        assertThat(rollout().text()).contains("does not answer its probes").contains("known-good " + old.id());
        assertThat(rig.followed(EDGE_1).summary()).isEqualTo(old.id() + "=10000");
        assertThat(plane.status().ledger().entries()).hasSize(1);
    }

    @Test
    void a_build_that_turns_bad_after_it_was_complete_goes_back_and_is_not_the_newest_known_good_any_more()
            throws Exception {
        PublishedBuild old = rig.knownGood("1.8.2");
        PublishedBuild next = rig.running("1.9.0");
        start(next);
        until(RolloutState.COMPLETE, 40);
        failing.put(next.id(), 1.0);
        rig.fleet.sicken(next.manifest().endpoints().get(0));
        second();
        assertThat(plane.alerts()).singleElement().satisfies(alert -> {
            assertThat(alert.kind()).isEqualTo("absolute");
            assertThat(alert.phase()).isEqualTo("complete");
            assertThat(alert.build()).isEqualTo(next.id());
            assertThat(alert.evidence()).contains("of all requests fail lately; both builds are being probed");
        });
        until(RolloutState.ROLLED_BACK, 15);
        for (String edge : EDGES) {
            assertThat(rig.followed(edge).summary()).isEqualTo(old.id() + "=10000");
            assertThat(rig.followed(edge).knownGood().get(0).id()).isEqualTo(old.id());
        }
        assertThat(plane.status().ledger().entries())
                .extracting(entry -> entry.build().id())
                .containsExactly(old.id(), next.id(), old.id());
        assertThat(plane.alerts()).extracting(Alert::kind).containsExactly("absolute", "rolling_back");
        assertThat(plane.alerts().get(1).reason()).isEqualTo("errors");
    }

    @Test
    void a_crash_on_the_way_back_from_a_complete_build_loses_nothing() throws Exception {
        PublishedBuild old = rig.knownGood("1.8.2");
        PublishedBuild next = rig.running("1.9.0");
        start(next);
        until(RolloutState.COMPLETE, 40);
        plane.close();
        plane = rig.start(rig.openStore(), options -> options);
        second();
        failing.put(next.id(), 1.0);
        rig.fleet.sicken(next.manifest().endpoints().get(0));
        until(RolloutState.ROLLING_BACK, 15);
        plane.close();
        plane = rig.start(rig.openStore(), options -> options);
        until(RolloutState.ROLLED_BACK, 5);
        assertThat(rig.followed(EDGE_2).summary()).isEqualTo(old.id() + "=10000");
        assertThat(requireNonNull(plane.status().ledger().last()).build().id()).isEqualTo(old.id());
    }

    @Test
    void where_known_good_fails_its_probes_too_a_complete_build_stays_and_people_are_told_once() throws Exception {
        PublishedBuild old = rig.knownGood("1.8.2");
        PublishedBuild next = rig.running("1.9.0");
        start(next);
        until(RolloutState.COMPLETE, 40);
        failing.put(next.id(), 1.0);
        rig.fleet.sicken(next.manifest().endpoints().get(0));
        rig.fleet.sicken(old.manifest().endpoints().get(0));
        for (int i = 0; i < 30; i++) {
            second();
        }
        assertThat(rollout().state()).isEqualTo(RolloutState.COMPLETE);
        assertThat(rig.followed(EDGE_1).summary()).isEqualTo(next.id() + "=10000");
        assertThat(plane.alerts()).extracting(Alert::kind).containsExactly("absolute");
    }

    @Test
    void long_after_a_build_was_complete_people_are_told_and_nothing_is_moved() throws Exception {
        PublishedBuild unused = rig.knownGood("1.8.2");
        PublishedBuild next = rig.running("1.9.0");
        start(next);
        until(RolloutState.COMPLETE, 40);
        rig.millis.addAndGet(Duration.ofHours(2).toMillis());
        failing.put(next.id(), 1.0);
        rig.fleet.sicken(next.manifest().endpoints().get(0));
        for (int i = 0; i < 15; i++) {
            second();
        }
        assertThat(rollout().state()).isEqualTo(RolloutState.COMPLETE);
        assertThat(rig.followed(EDGE_1).summary()).isEqualTo(next.id() + "=10000");
        assertThat(plane.alerts()).extracting(Alert::kind).containsExactly("absolute", "absolute");
        assertThat(plane.alerts().get(1).evidence()).contains("does not answer its probes");
        RouteChange back = plane.rollback("the alarm", "alice");
        assertThat(back.coverage().complete()).isTrue();
        assertThat(rig.followed(EDGE_1).summary()).doesNotContain(next.id());
    }

    @Test
    void commands_do_not_wait_for_the_probes_of_a_build_that_hangs() throws Exception {
        PublishedBuild old = rig.knownGood("1.8.2");
        PublishedBuild next = rig.running("1.9.0");
        CountDownLatch hangs = new CountDownLatch(1);
        CountDownLatch probing = new CountDownLatch(1);
        CountDownLatch interrupted = new CountDownLatch(1);
        rig.fleet.duringHandshake = () -> {
            if (Thread.currentThread().getName().equals("nearkv-probe")) {
                probing.countDown();
                try {
                    hangs.await();
                } catch (InterruptedException e) {
                    interrupted.countDown();
                    Thread.currentThread().interrupt();
                }
            }
        };
        awaitsProbes = false;
        start(next);
        for (int i = 0; i < 20 && rollout().state() != RolloutState.PROBE; i++) {
            second();
        }
        second();
        assertThat(probing.await(20, TimeUnit.SECONDS)).isTrue();
        second(); // The rounds go on as well: leases are renewed, and nodes are listened to.

        long before = System.nanoTime();
        Rollout held = plane.commandRollout(Facts.Command.HOLD, "alice");
        Rollout resumed = plane.commandRollout(Facts.Command.RESUME, "alice");
        Rollout aborted = plane.commandRollout(Facts.Command.ABORT, "alice");
        assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(1));

        assertThat(held.hold()).isEqualTo(Hold.OPERATOR);
        assertThat(resumed.hold()).isEqualTo(Hold.NONE);
        assertThat(resumed.state()).isEqualTo(RolloutState.PROBE);
        assertThat(aborted.state()).isEqualTo(RolloutState.REJECTED);
        assertThat(interrupted.await(20, TimeUnit.SECONDS)).isTrue();
        second();
        assertThat(rig.followed(EDGE_1).summary()).isEqualTo(old.id() + "=10000");
        assertThat(rollout().state()).isEqualTo(RolloutState.REJECTED);
    }

    @Test
    void no_share_is_given_after_an_abort_that_came_while_it_was_being_checked() throws Exception {
        PublishedBuild old = rig.knownGood("1.8.2");
        PublishedBuild next = rig.running("1.9.0");
        start(next);
        until(RolloutState.PROBE, 10);
        // Into the checks before the first share is published.
        AtomicReference<RolloutState> answered = new AtomicReference<>();
        rig.fleet.duringHandshake = () -> {
            try {
                if (rollout().state() == RolloutState.STEP && answered.get() == null) {
                    answered.set(
                            plane.commandRollout(Facts.Command.ABORT, "alice").state());
                }
            } catch (RefusedException | InterruptedException e) {
                throw new AssertionError(e);
            }
        };
        for (int i = 0; i < 10 && !rollout().state().isTerminal(); i++) {
            second();
            assertThat(rig.followed(EDGE_1).summary()).isEqualTo(old.id() + "=10000");
        }
        assertThat(answered.get()).isEqualTo(RolloutState.ROLLING_BACK);
        assertThat(rollout().state()).isEqualTo(RolloutState.ROLLED_BACK);
    }

    @Test
    void a_build_that_hurts_is_taken_back_everywhere_and_people_are_told() throws Exception {
        PublishedBuild old = rig.knownGood("1.8.2");
        PublishedBuild next = rig.running("1.9.0");
        failing.put(next.id(), 0.3);
        start(next);
        until(RolloutState.ROLLED_BACK, 20);
        for (String edge : EDGES) {
            assertThat(rig.followed(edge).summary()).isEqualTo(old.id() + "=10000");
        }
        assertThat(plane.alerts()).anySatisfy(alert -> {
            assertThat(alert.kind()).isEqualTo("rolling_back");
            assertThat(alert.build()).isEqualTo(next.id());
            assertThat(alert.reason()).isEqualTo("errors");
            assertThat(alert.evidence()).contains("error test e=");
        });
        assertThat(plane.listRollouts()).hasSize(1);
    }

    @Test
    void a_build_that_no_node_can_use_is_taken_back() throws Exception {
        PublishedBuild unused = rig.knownGood("1.8.2");
        PublishedBuild next = rig.running("1.9.0");
        start(next);
        until(RolloutState.STEP, 10);
        unusable = next.id();
        second();
        assertThat(rollout().state()).isEqualTo(RolloutState.STEP);
        until(RolloutState.ROLLED_BACK, 8);
        assertThat(rollout().text()).contains("2 nodes cannot use it");
    }

    @Test
    void where_known_good_fails_as_well_it_holds_and_blames_nobody() throws Exception {
        PublishedBuild old = rig.knownGood("1.8.2");
        PublishedBuild next = rig.running("1.9.0");
        start(next);
        until(RolloutState.STEP, 10);
        failing.put(old.id(), 0.5);
        failing.put(next.id(), 0.5);
        for (int i = 0; i < 10; i++) {
            second();
        }
        assertThat(rollout().hold()).isEqualTo(Hold.COMMON_MODE);
        failing.clear();
        until(RolloutState.COMPLETE, 80);
    }

    @Test
    void too_little_traffic_holds_and_more_of_it_goes_on() throws Exception {
        PublishedBuild unused = rig.knownGood("1.8.2");
        PublishedBuild next = rig.running("1.9.0");
        requestsPerSecond = 50; // None of them is the candidate's at 1 %.
        start(next);
        until(RolloutState.STEP, 10);
        for (int i = 0; i < 5; i++) {
            second();
        }
        assertThat(rollout().hold()).isEqualTo(Hold.INCONCLUSIVE);
        assertThat(rollout().weight()).isEqualTo(100);
        requestsPerSecond = 5_000;
        until(RolloutState.COMPLETE, 40);
    }

    @Test
    void a_crash_at_any_point_loses_nothing_and_it_goes_on() throws Exception {
        PublishedBuild unused = rig.knownGood("1.8.2");
        PublishedBuild next = rig.running("1.9.0");
        start(next);
        for (int i = 0; i < 60 && !rollout().state().isTerminal(); i++) {
            second();
            if (i % 2 == 1) {
                plane.close();
                Kv kv = rig.openStore();
                plane = rig.start(kv, options -> options);
            }
        }
        // A round in a step needs to see two reports and the time of the step, which a crash begins anew: it may not
        // get far, but it never forgets.
        assertThat(rollout().build()).isEqualTo(next.id());
        until(RolloutState.COMPLETE, 60);
    }

    @Test
    void while_one_is_under_way_nothing_else_begins_and_no_share_is_set_by_hand() throws Exception {
        PublishedBuild unused = rig.knownGood("1.8.2");
        PublishedBuild next = rig.running("1.9.0");
        PublishedBuild other = rig.running("1.10.0");
        start(next);
        until(RolloutState.STEP, 10);
        RefusedException second = catchThrowableOfType(
                RefusedException.class, () -> plane.startRollout(new StartRequest(other.id(), PLAN, 0, "", "bob")));
        RefusedException byHand =
                catchThrowableOfType(RefusedException.class, () -> plane.setWeight(wish(next, 5_000)));
        assertThat(second.findings()).extracting(Finding::code).contains("BUSY");
        assertThat(byHand.findings()).extracting(Finding::code).containsExactly("BUSY");
    }

    @Test
    void a_rollback_by_hand_comes_before_everything() throws Exception {
        PublishedBuild old = rig.knownGood("1.8.2");
        PublishedBuild next = rig.running("1.9.0");
        start(next);
        until(RolloutState.STEP, 10);
        RouteChange back = plane.rollback("INC-7", "alice");
        assertThat(back.coverage().complete()).isTrue();
        second();
        assertThat(rollout().state()).isEqualTo(RolloutState.ROLLED_BACK);
        assertThat(rollout().text()).contains("INC-7");
        second();
        assertThat(rig.followed(EDGE_1).summary()).isEqualTo(old.id() + "=10000");
    }

    @Test
    void an_operator_holds_resumes_and_aborts() throws Exception {
        PublishedBuild old = rig.knownGood("1.8.2");
        PublishedBuild next = rig.running("1.9.0");
        start(next);
        until(RolloutState.STEP, 10);
        assertThat(plane.commandRollout(Facts.Command.HOLD, "bob").hold()).isEqualTo(Hold.OPERATOR);
        for (int i = 0; i < 10; i++) {
            second();
        }
        assertThat(rollout().step()).isZero();
        assertThat(plane.commandRollout(Facts.Command.RESUME, "bob").hold()).isEqualTo(Hold.NONE);
        second();
        Rollout aborted = plane.commandRollout(Facts.Command.ABORT, "bob");
        assertThat(aborted.state()).isEqualTo(RolloutState.ROLLING_BACK);
        assertThat(rig.followed(EDGE_1).summary()).as("at once").isEqualTo(old.id() + "=10000");
        until(RolloutState.ROLLED_BACK, 3);
        assertThat(catchThrowableOfType(RefusedException.class, () -> plane.commandRollout(Facts.Command.HOLD, "bob")))
                .isNotNull();
    }

    @Test
    void a_break_glass_freezes_it_and_it_never_comes_back_by_itself() throws Exception {
        PublishedBuild unused = rig.knownGood("1.8.2");
        PublishedBuild next = rig.running("1.9.0");
        start(next);
        until(RolloutState.STEP, 10);
        byte[] breakGlass = rig.breakGlass(1);
        EDGES.forEach(edge -> {
            var unusedToo = rig.fleet.at(edge).offer(breakGlass, "test");
        });
        second();
        second();
        assertThat(rollout().state()).isEqualTo(RolloutState.FROZEN);
        RouteChange reconciled = plane.reconcile("looked at", "alice");
        assertThat(reconciled.coverage().complete()).isTrue();
        second();
        assertThat(rollout().state()).isEqualTo(RolloutState.ROLLED_BACK);
    }

    @Test
    void all_nodes_that_go_back_by_their_own_traffic_are_followed() throws Exception {
        PublishedBuild old = rig.knownGood("1.8.2");
        PublishedBuild next = rig.running("1.9.0");
        start(next);
        until(RolloutState.STEP, 10);
        for (String edge : EDGES) {
            var unused = rig.fleet.at(edge).pull("impact_latency", "e=4e3");
        }
        second();
        second();
        assertThat(rollout().state()).isEqualTo(RolloutState.ROLLED_BACK);
        assertThat(rig.followed(EDGE_1).summary()).isEqualTo(old.id() + "=10000");
        assertThat(rollout().text()).contains("impact_latency: e=4e3");
        assertThat(plane.alerts()).anySatisfy(alert -> {
            assertThat(alert.kind()).isEqualTo("rolled_back");
            assertThat(alert.reason()).isEqualTo("latency");
        });
    }

    @Test
    void one_node_that_goes_back_by_its_own_traffic_moves_nobody_else() throws Exception {
        PublishedBuild unused = rig.knownGood("1.8.2");
        PublishedBuild next = rig.running("1.9.0");
        start(next);
        until(RolloutState.STEP, 10);
        var unusedToo = rig.fleet.at(EDGE_1).pull("impact_errors", "e=4e3");
        second();
        second();
        assertThat(rollout().hold()).isEqualTo(Hold.NODE_PULLED);
        assertThat(rig.followed(EDGE_2).entries().get(0).id()).isEqualTo(next.id());
        assertThat(plane.alerts()).extracting(Alert::kind).contains("node_pulled", "hold");
        for (int i = 0; i < 70; i++) {
            second();
        }
        assertThat(rollout().hold()).as("it waits for a person").isEqualTo(Hold.NODE_PULLED);
        assertThat(plane.commandRollout(Facts.Command.RESUME, "alice").hold()).isEqualTo(Hold.NONE);
        assertThat(rig.followed(EDGE_1).entries().get(0).id()).isEqualTo(next.id());
        until(RolloutState.COMPLETE, 40);
    }

    @Test
    void a_node_that_tells_of_failures_which_nobody_else_sees_moves_nobody() throws Exception {
        PublishedBuild unused = rig.knownGood("1.8.2");
        PublishedBuild next = rig.running("1.9.0");
        requestsPerSecond = 5_000;
        start(next);
        until(RolloutState.STEP, 10);
        liar = EDGE_1;
        for (int i = 0; i < 20; i++) {
            second();
        }
        assertThat(rollout().hold()).as("%s", rollout().events()).isEqualTo(Hold.NODE_PULLED);
        assertThat(rollout().text()).startsWith(EDGE_1 + " alone sees failures");
        assertThat(rollout().step()).isZero();
        assertThat(rig.followed(EDGE_2).entries().get(0).id()).isEqualTo(next.id());
        assertThat(plane.alerts()).extracting(Alert::reason).contains("node_pulled");
        assertThat(plane.commandRollout(Facts.Command.ABORT, "bob").state()).isEqualTo(RolloutState.ROLLING_BACK);
    }

    @Test
    void of_two_that_begin_at_once_exactly_one_does_a_hundred_times() throws Exception {
        PublishedBuild unused = rig.knownGood("1.8.2");
        List<PublishedBuild> builds = List.of(rig.running("1.9.0"), rig.running("1.10.0"));
        second();
        second();
        ExecutorService operators = Executors.newFixedThreadPool(2);
        try {
            for (int i = 0; i < 100; i++) {
                rig.nanos.addAndGet(2_000_000_000L); // Two starts are two seconds of the tenant's quota.
                CyclicBarrier together = new CyclicBarrier(2);
                List<Future<String>> said = new ArrayList<>();
                for (PublishedBuild build : builds) {
                    said.add(operators.submit(() -> {
                        together.await(10, TimeUnit.SECONDS);
                        try {
                            List<Finding> warnings =
                                    plane.startRollout(new StartRequest(build.id(), PLAN, 0, "a race", "alice"));
                            assertThat(warnings).isNotNull();
                            return build.id();
                        } catch (RefusedException e) {
                            assertThat(e.findings()).extracting(Finding::code).contains("BUSY");
                            return "BUSY";
                        }
                    }));
                }
                List<String> answers = List.of(
                        said.get(0).get(30, TimeUnit.SECONDS), said.get(1).get(30, TimeUnit.SECONDS));
                assertThat(answers).as("round %d", i).containsOnlyOnce("BUSY");
                assertThat(answers).as("round %d", i).contains(rollout().build());
                assertThat(plane.commandRollout(Facts.Command.ABORT, "bob").state())
                        .isEqualTo(RolloutState.REJECTED);
            }
        } finally {
            operators.shutdownNow();
        }
    }

    @Test
    void what_everybody_would_go_back_to_is_not_retired_during_the_bake() throws Exception {
        PublishedBuild old = rig.knownGood("1.8.2");
        PublishedBuild next = rig.running("1.9.0");
        start(next);
        until(RolloutState.BAKE, 40);
        RefusedException refused = catchThrowableOfType(RefusedException.class, () -> plane.retire(old.id(), "bob"));
        assertThat(refused.findings()).extracting(Finding::code).contains("IN_USE");
        until(RolloutState.COMPLETE, 40);
    }

    @Test
    void a_node_that_stands_still_stops_the_rollout_until_it_goes_on() throws Exception {
        PublishedBuild unused = rig.knownGood("1.8.2");
        PublishedBuild next = rig.running("1.9.0");
        start(next);
        until(RolloutState.STEP, 10);
        rig.fleet.stop(EDGE_2);
        for (int i = 0; i < 20; i++) {
            second();
        }
        assertThat(rollout().state()).isEqualTo(RolloutState.STEP);
        assertThat(rollout().step())
                .as("no step over a node that does not follow")
                .isZero();
        assertThat(rollout().hold()).isEqualTo(Hold.NOT_FOLLOWED);
        rig.fleet.resume(EDGE_2);
        until(RolloutState.COMPLETE, 60);
    }

    @Test
    void what_known_good_cannot_read_is_not_rolled_out() throws Exception {
        PublishedBuild unused = rig.knownGood("1.8.2");
        PublishedBuild next = plane.publishBuild(
                new PublishRequest(
                        ControlRig.digest("2.0"),
                        "2.0",
                        List.of("kv://10.0.1.99:7400"),
                        1,
                        2,
                        2,
                        "t",
                        Duration.ofDays(1)),
                "test");
        rig.fleet.instance("kv://10.0.1.99:7400", next);
        RefusedException refused = catchThrowableOfType(
                RefusedException.class, () -> plane.startRollout(new StartRequest(next.id(), PLAN, 0, "", "bob")));
        assertThat(refused.findings()).extracting(Finding::check).containsExactly("P7");
        assertThat(plane.rolloutStatus()).isNull();
    }

    @Test
    void a_node_that_does_not_follow_is_drift_and_one_that_is_down_stops_the_start() throws Exception {
        PublishedBuild unused = rig.knownGood("1.8.2");
        PublishedBuild next = rig.running("1.9.0");
        rig.fleet.stop(EDGE_2);
        RefusedException refused = catchThrowableOfType(
                RefusedException.class, () -> plane.startRollout(new StartRequest(next.id(), PLAN, 0, "", "bob")));
        assertThat(refused.findings()).extracting(Finding::code).contains("DRIFT");
    }

    @Test
    void what_should_be_known_before_is_said_and_a_drill_is_remembered() throws Exception {
        PublishedBuild unused = rig.knownGood("1.8.2");
        PublishedBuild next = rig.running("1.9.0");
        List<Finding> warnings = plane.startRollout(new StartRequest(next.id(), PLAN, 0, "", "bob"));
        assertThat(warnings).extracting(Finding::code).contains("UNDERPOWERED", "DRILL_STALE");
        Rollout aborted = plane.commandRollout(Facts.Command.ABORT, "bob");
        assertThat(aborted.state()).isEqualTo(RolloutState.REJECTED);
        plane.drilled("alice");
        requestsPerSecond = 100_000;
        second();
        second();
        warnings = plane.startRollout(new StartRequest(next.id(), PLAN, 0, "", "bob"));
        assertThat(warnings).isEmpty();
    }
}
