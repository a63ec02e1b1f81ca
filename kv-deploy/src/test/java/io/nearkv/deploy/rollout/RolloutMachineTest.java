package io.nearkv.deploy.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.deploy.analysis.Impact;
import io.nearkv.deploy.analysis.Sample;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RolloutMachineTest {
    private static final RolloutPlan PLAN = RolloutPlan.FAST;
    private static final Impact GOOD = impact(Impact.Kind.NONE);
    private static final Impact BAD = impact(Impact.Kind.ERRORS);
    private static final Duration LONG = Duration.ofHours(1);

    private static Impact impact(Impact.Kind kind) {
        return new Impact(kind, 0, 0, Sample.NONE, Sample.NONE, 0, kind.label());
    }

    private static Rollout rollout() {
        return Rollout.of("r1", "b1", "1.9", PLAN, 0, "alice", "why", 0);
    }

    /** Facts in which nothing stands against going forward. */
    private static Facts facts(Rollout now) {
        return new Facts(
                1,
                LONG,
                1e9,
                false,
                true,
                "",
                true,
                Duration.ZERO,
                now.weight(),
                true,
                true,
                "",
                GOOD,
                0,
                Facts.Command.NONE);
    }

    private static Facts with(Facts facts, Impact impact, Facts.Command command) {
        return new Facts(
                facts.nowMillis(),
                facts.inStep(),
                facts.units(),
                facts.frozen(),
                facts.ours(),
                facts.routeReason(),
                facts.followed(),
                facts.notFollowedFor(),
                facts.weight(),
                facts.inLedger(),
                facts.probed(),
                facts.checks(),
                impact,
                facts.pulledNodes(),
                command);
    }

    private static Rollout at(RolloutState state, int step) {
        return rollout().to(state, step, "", 0);
    }

    @Test
    void a_healthy_build_walks_the_whole_plan() {
        Rollout now = rollout();
        StringBuilder way = new StringBuilder();
        for (int i = 0; i < 20 && !now.state().isTerminal(); i++) {
            now = RolloutMachine.next(now, facts(now));
            way.append(now.state().label()).append(now.weight()).append(' ');
        }
        assertThat(way.toString().strip())
                .isEqualTo("probe0 step100 step1000 step5000 bake9900 finish10000 complete10000");
    }

    @Test
    void a_step_waits_for_its_time_its_units_and_all_nodes() {
        Rollout now = at(RolloutState.STEP, 1);
        Facts good = facts(now);
        Facts early = new Facts(
                1,
                Duration.ofSeconds(1),
                1e9,
                false,
                true,
                "",
                true,
                Duration.ZERO,
                1_000,
                true,
                true,
                "",
                GOOD,
                0,
                Facts.Command.NONE);
        Facts few = new Facts(
                1, LONG, 3, false, true, "", true, Duration.ZERO, 1_000, true, true, "", GOOD, 0, Facts.Command.NONE);
        Facts behind = new Facts(
                1,
                LONG,
                1e9,
                false,
                true,
                "",
                false,
                Duration.ofSeconds(1),
                1_000,
                true,
                true,
                "",
                GOOD,
                0,
                Facts.Command.NONE);
        Facts other = new Facts(
                1, LONG, 1e9, false, true, "", true, Duration.ZERO, 100, true, true, "", GOOD, 0, Facts.Command.NONE);
        assertThat(RolloutMachine.next(now, good).step()).isEqualTo(2);
        assertThat(RolloutMachine.next(now, early)).isEqualTo(now);
        assertThat(RolloutMachine.next(now, behind)).isEqualTo(now);
        assertThat(RolloutMachine.next(now, other)).isEqualTo(now);
        Rollout held = RolloutMachine.next(now, few);
        assertThat(held.hold()).isEqualTo(Hold.INCONCLUSIVE);
        assertThat(held.weight()).isEqualTo(1_000);
        assertThat(RolloutMachine.next(held, few)).isEqualTo(held);
        Rollout goesOn = RolloutMachine.next(held, good);
        assertThat(goesOn.hold()).isEqualTo(Hold.NONE);
        assertThat(goesOn.step()).isEqualTo(1);
    }

    @Test
    void checks_that_do_not_hold_end_it_before_it_has_begun_and_hold_it_afterwards() {
        Facts bad = new Facts(
                1,
                LONG,
                1e9,
                false,
                true,
                "",
                true,
                Duration.ZERO,
                0,
                true,
                false,
                "P4 x",
                GOOD,
                0,
                Facts.Command.NONE);
        assertThat(RolloutMachine.next(rollout(), bad).state()).isEqualTo(RolloutState.REJECTED);
        assertThat(RolloutMachine.next(at(RolloutState.PROBE, 0), bad).state()).isEqualTo(RolloutState.REJECTED);
        Facts moving = new Facts(
                1,
                LONG,
                1e9,
                false,
                true,
                "",
                true,
                Duration.ZERO,
                100,
                true,
                true,
                "P4 x",
                GOOD,
                0,
                Facts.Command.NONE);
        Rollout held = RolloutMachine.next(at(RolloutState.STEP, 0), moving);
        assertThat(held.hold()).isEqualTo(Hold.CHECK_FAILED);
        assertThat(held.state()).isEqualTo(RolloutState.STEP);
    }

    @Test
    void where_the_environment_is_sick_it_stays_and_goes_on_afterwards() {
        Rollout now = at(RolloutState.STEP, 1);
        Rollout held = RolloutMachine.next(now, with(facts(now), impact(Impact.Kind.COMMON_MODE), Facts.Command.NONE));
        assertThat(held.hold()).isEqualTo(Hold.COMMON_MODE);
        assertThat(RolloutMachine.next(held, facts(held)).hold()).isEqualTo(Hold.NONE);
    }

    @Test
    void an_operator_holds_resumes_and_aborts() {
        Rollout now = at(RolloutState.BAKE, 3);
        Rollout held = RolloutMachine.next(now, with(facts(now), GOOD, Facts.Command.HOLD));
        assertThat(held.hold()).isEqualTo(Hold.OPERATOR);
        assertThat(RolloutMachine.next(held, facts(held))).isEqualTo(held);
        assertThat(RolloutMachine.next(held, with(facts(held), GOOD, Facts.Command.RESUME))
                        .hold())
                .isEqualTo(Hold.NONE);
        assertThat(RolloutMachine.next(held, with(facts(held), GOOD, Facts.Command.ABORT))
                        .state())
                .isEqualTo(RolloutState.ROLLING_BACK);
        assertThat(RolloutMachine.next(held, with(facts(held), BAD, Facts.Command.NONE))
                        .state())
                .as("the way back is open while somebody holds it")
                .isEqualTo(RolloutState.ROLLING_BACK);
    }

    @Test
    void nodes_that_do_not_follow_for_a_minute_send_it_back() {
        Rollout now = at(RolloutState.STEP, 1);
        Facts soon = new Facts(
                1,
                LONG,
                1e9,
                false,
                true,
                "",
                false,
                Duration.ofSeconds(20),
                1_000,
                true,
                true,
                "",
                GOOD,
                0,
                Facts.Command.NONE);
        Facts late = new Facts(
                1,
                LONG,
                1e9,
                false,
                true,
                "",
                false,
                Duration.ofSeconds(61),
                1_000,
                true,
                true,
                "",
                GOOD,
                0,
                Facts.Command.NONE);
        assertThat(RolloutMachine.next(now, soon).hold()).isEqualTo(Hold.NOT_FOLLOWED);
        assertThat(RolloutMachine.next(now, late).state()).isEqualTo(RolloutState.ROLLING_BACK);
    }

    @Test
    void one_sick_node_holds_it_until_somebody_has_looked() {
        Rollout now = at(RolloutState.STEP, 1);
        Facts alone = new Facts(
                1, LONG, 1e9, false, true, "", true, Duration.ZERO, 1_000, true, true, "", GOOD, 1, Facts.Command.NONE);
        Rollout held = RolloutMachine.next(now, alone);
        assertThat(held.hold()).isEqualTo(Hold.NODE_PULLED);
        assertThat(RolloutMachine.next(held, facts(held))).isEqualTo(held);
        assertThat(RolloutMachine.next(held, with(facts(held), GOOD, Facts.Command.RESUME))
                        .hold())
                .isEqualTo(Hold.NONE);
    }

    @Test
    void a_complete_build_goes_back_on_evidence_alone_and_until_the_ledger_says_so_too() {
        Rollout complete = at(RolloutState.COMPLETE, 3);
        Facts good = facts(complete);
        assertThat(good.weight()).isEqualTo(10_000);
        assertThat(RolloutMachine.next(complete, good)).isEqualTo(complete);
        for (Facts.Command command : Facts.Command.values()) {
            assertThat(RolloutMachine.next(complete, with(good, impact(Impact.Kind.ABSOLUTE), command)))
                    .isEqualTo(complete);
        }
        Rollout back = RolloutMachine.next(complete, with(good, BAD, Facts.Command.NONE));
        assertThat(back.state()).isEqualTo(RolloutState.ROLLING_BACK);
        Facts newest = new Facts(
                1, LONG, 0, false, false, "", true, Duration.ZERO, 0, true, true, "", BAD, 0, Facts.Command.NONE);
        Facts mended = new Facts(
                1, LONG, 0, false, false, "", true, Duration.ZERO, 0, false, true, "", BAD, 0, Facts.Command.NONE);
        assertThat(RolloutMachine.next(back, newest)).isEqualTo(back);
        assertThat(RolloutMachine.next(back, mended).state()).isEqualTo(RolloutState.ROLLED_BACK);
    }

    @Test
    void with_everything_failures_hold_it_before_it_is_known_to_be_good() {
        Rollout finish = at(RolloutState.FINISH, 3);
        Rollout held =
                RolloutMachine.next(finish, with(facts(finish), impact(Impact.Kind.ABSOLUTE), Facts.Command.NONE));
        assertThat(held.hold()).isEqualTo(Hold.ABSOLUTE);
        assertThat(held.weight()).isEqualTo(10_000);
        assertThat(RolloutMachine.next(held, facts(held)).hold()).isEqualTo(Hold.NONE);
        assertThat(RolloutMachine.next(held, with(facts(held), BAD, Facts.Command.NONE))
                        .state())
                .isEqualTo(RolloutState.ROLLING_BACK);
    }

    /**
     * Random worlds, with crashes between what is decided and what is done, against the rules as sentences: known-good always keeps its holdback until the bake is passed; nothing goes forward while
     * something is against it; the way back is always open; what is over stays over.
     */
    @Test
    void no_world_breaks_the_rules() {
        for (int seed = 0; seed < 3_000; seed++) {
            Random random = new Random(seed);
            Rollout now = rollout();
            int weight = 0; // As it is in force.
            boolean ours = true;
            for (int round = 0; round < 80; round++) {
                Impact impact = random.nextInt(30) == 0
                        ? BAD
                        : random.nextInt(10) == 0
                                ? impact(random.nextBoolean() ? Impact.Kind.COMMON_MODE : Impact.Kind.ABSOLUTE)
                                : GOOD;
                Facts.Command command = random.nextInt(12) == 0
                        ? List.of(Facts.Command.values()).get(random.nextInt(Facts.Command.values().length))
                        : Facts.Command.NONE;
                boolean followed = random.nextInt(5) != 0;
                Facts facts = new Facts(
                        round,
                        Duration.ofSeconds(random.nextInt(20)),
                        random.nextInt(800),
                        random.nextInt(200) == 0,
                        ours,
                        "",
                        followed,
                        followed ? Duration.ZERO : Duration.ofSeconds(random.nextInt(80)),
                        weight,
                        random.nextBoolean(),
                        random.nextInt(4) != 0,
                        random.nextInt(20) == 0 ? "P8 x" : "",
                        impact,
                        random.nextInt(40) == 0 ? 1 : 0,
                        command);
                Rollout next = RolloutMachine.next(now, facts);
                check(now, facts, next);
                now = next;
                if (random.nextInt(4) == 0) {
                    continue; // It crashed after it was decided, and before it was done.
                }
                if (now.state().isMoving() && now.hold() != Hold.OPERATOR) {
                    weight = now.weight();
                } else if (now.state() == RolloutState.ROLLING_BACK) {
                    weight = 0;
                    ours = false;
                }
                assertThat(weight == 10_000
                                && now.state() != RolloutState.FINISH
                                && !now.state().isTerminal()
                                && now.state() != RolloutState.FROZEN
                                && now.state() != RolloutState.ROLLING_BACK)
                        .as("known-good keeps its holdback until the bake is passed")
                        .isFalse();
            }
        }
    }

    private static void check(Rollout now, Facts facts, Rollout next) {
        if (now.state() == RolloutState.COMPLETE && !next.equals(now)) {
            assertThat(next.state()).isEqualTo(RolloutState.ROLLING_BACK);
            assertThat(facts.impact().isAgainstCandidate() && facts.ours() && !facts.frozen())
                    .as("what is complete goes back on evidence alone, and not over anybody's decision")
                    .isTrue();
            return;
        }
        if (now.state().isTerminal()) {
            assertThat(next).isEqualTo(now);
            return;
        }
        boolean usual = !facts.frozen()
                && facts.ours()
                && now.state() != RolloutState.FROZEN
                && now.state() != RolloutState.ROLLING_BACK;
        if (facts.frozen()) {
            assertThat(next.state()).isEqualTo(RolloutState.FROZEN);
        }
        if (usual && now.state().isMoving() && facts.impact().isAgainstCandidate()) {
            assertThat(next.state()).isEqualTo(RolloutState.ROLLING_BACK);
        }
        if (usual && facts.command() == Facts.Command.ABORT) {
            assertThat(next.state()).isIn(RolloutState.ROLLING_BACK, RolloutState.REJECTED);
        }
        boolean forward = next.weight() > now.weight();
        if (forward) {
            assertThat(usual).isTrue();
            assertThat(facts.impact().kind()).isEqualTo(Impact.Kind.NONE);
            assertThat(facts.checks()).isEmpty();
            assertThat(now.hold()).isEqualTo(Hold.NONE);
            assertThat(facts.pulledNodes()).isZero();
            if (now.state().isMoving()) {
                assertThat(facts.followed()).isTrue();
                assertThat(facts.weight()).isEqualTo(now.weight());
                assertThat(next.state() == RolloutState.FINISH ? now.step() : next.step() - 1)
                        .as("one step at a time")
                        .isEqualTo(now.step());
            } else {
                assertThat(facts.probed()).isTrue();
            }
        }
        if (next.state() == RolloutState.FINISH && now.state() != RolloutState.FINISH) {
            assertThat(now.state()).isEqualTo(RolloutState.BAKE);
        }
        if (next.state() == RolloutState.ROLLED_BACK) {
            assertThat(facts.weight() == 0 || !facts.ours() || now.state() == RolloutState.FROZEN)
                    .isTrue();
        }
    }
}
