package io.nearkv.deploy.rollout;

import io.nearkv.deploy.analysis.Impact;
import java.time.Duration;

/**
 * The rules of a rollout: from where it is and what is known to where it goes. Pure, so that every rule can be tried in every situation; who calls it first keeps the answer, then makes the world like it.
 *
 * <p>In this order: a break-glass stops everything; who finds that somebody else has changed the route is over; the way back comes before anything that leads forward, also out of a hold; a hold keeps the
 * share where it is; and forward it goes one step at a time, after its time, with its units, and with all nodes following.
 */
public final class RolloutMachine {
    /** Nodes that do not follow for so long are no accident. */
    static final Duration MAX_NOT_FOLLOWED = Duration.ofSeconds(60);

    private static final Duration PATIENCE_FOR_NODES = Duration.ofSeconds(5);

    private RolloutMachine() {}

    /** Returns where the rollout is after this round; the same object if nothing has changed. */
    public static Rollout next(Rollout now, Facts facts) {
        if (now.state() == RolloutState.COMPLETE) {
            return complete(now, facts);
        }
        if (now.state().isTerminal()) {
            return now;
        }
        if (facts.frozen()) {
            return now.state() == RolloutState.FROZEN
                    ? now
                    : now.to(RolloutState.FROZEN, now.step(), "a break-glass is in force", facts.nowMillis());
        }
        if (now.state() == RolloutState.FROZEN) {
            return now.to(
                    RolloutState.ROLLED_BACK, now.step(), "ended by the break-glass; begin anew", facts.nowMillis());
        }
        if (now.state() == RolloutState.ROLLING_BACK) {
            // What others go back to is right again as well: a ledger that ends with this build would lead to it.
            return facts.weight() == 0 && facts.followed() && !facts.inLedger()
                    ? now.to(RolloutState.ROLLED_BACK, now.step(), now.text(), facts.nowMillis())
                    : now;
        }
        if (!facts.ours()) {
            return now.to(
                    RolloutState.ROLLED_BACK,
                    now.step(),
                    "another route is in force: " + facts.routeReason(),
                    facts.nowMillis());
        }
        if (facts.command() == Facts.Command.ABORT) {
            return back(now, "aborted by an operator", facts);
        }
        if (!now.state().isMoving()) {
            boolean stays = facts.command() == Facts.Command.HOLD
                    || (now.hold() == Hold.OPERATOR && facts.command() != Facts.Command.RESUME);
            if (stays || now.hold() == Hold.OPERATOR) {
                return heldBefore(now, stays, facts);
            }
        }
        return switch (now.state()) {
            case PRECHECK -> precheck(now, facts);
            case PROBE -> probe(now, facts);
            default -> moving(now, facts);
        };
    }

    /** What is over stays over, but for one thing: a build that has everything, and is found to be to blame for failures, goes back while nobody else has decided anything. */
    private static Rollout complete(Rollout now, Facts facts) {
        boolean back = !facts.frozen()
                && facts.ours()
                && facts.weight() == now.weight()
                && facts.impact().isAgainstCandidate();
        return back ? back(now, facts.impact().text(), facts) : now;
    }

    /** Where nothing has moved there is nothing to go back from. */
    private static Rollout back(Rollout now, String why, Facts facts) {
        boolean moved = now.state().isMoving() || facts.weight() > 0;
        return now.to(moved ? RolloutState.ROLLING_BACK : RolloutState.REJECTED, now.step(), why, facts.nowMillis());
    }

    private static Rollout heldBefore(Rollout now, boolean stays, Facts facts) {
        if (stays) {
            return now.hold() == Hold.OPERATOR
                    ? now
                    : now.held(Hold.OPERATOR, "held by an operator", facts.nowMillis());
        }
        return now.held(Hold.NONE, "goes on after " + now.hold().label(), facts.nowMillis());
    }

    private static Rollout precheck(Rollout now, Facts facts) {
        return facts.checks().isEmpty()
                ? now.to(RolloutState.PROBE, 0, "all checks hold", facts.nowMillis())
                : now.to(RolloutState.REJECTED, 0, facts.checks(), facts.nowMillis());
    }

    private static Rollout probe(Rollout now, Facts facts) {
        if (!facts.checks().isEmpty()) {
            return now.to(RolloutState.REJECTED, 0, facts.checks(), facts.nowMillis());
        }
        return facts.probed() && facts.impact().kind() == Impact.Kind.NONE && facts.pulledNodes() == 0
                ? now.to(
                        RolloutState.STEP,
                        0,
                        "the probes are good, and so is the way back on every node",
                        facts.nowMillis())
                : now;
    }

    private static Rollout moving(Rollout now, Facts facts) {
        Impact impact = facts.impact();
        if (impact.isAgainstCandidate()) {
            return back(now, impact.text(), facts);
        }
        if (facts.notFollowedFor().compareTo(MAX_NOT_FOLLOWED) > 0) {
            return back(now, "not all nodes have followed within " + MAX_NOT_FOLLOWED.toSeconds() + " s", facts);
        }
        Rollout held = hold(now, facts);
        if (held.hold() != Hold.NONE || !held.equals(now)) {
            return held;
        }
        if (!facts.followed() || facts.weight() != now.weight()) {
            return now;
        }
        if (now.state() == RolloutState.FINISH) {
            return facts.inLedger()
                    ? now.to(
                            RolloutState.COMPLETE,
                            now.step(),
                            "all nodes give it everything, and it is known to be good",
                            facts.nowMillis())
                    : now;
        }
        RolloutPlan.Step step = now.plan().all().get(now.step());
        boolean waited = facts.inStep().compareTo(step.time()) >= 0;
        if (!waited) {
            return now;
        }
        if (facts.units() < step.units()) {
            return now.held(
                    Hold.INCONCLUSIVE,
                    Math.round(facts.units()) + " of " + step.units() + " units in "
                            + facts.inStep().toSeconds() + " s: too little traffic to go on",
                    facts.nowMillis());
        }
        if (!facts.checks().isEmpty()) {
            return now.held(Hold.CHECK_FAILED, facts.checks(), facts.nowMillis());
        }
        return forward(now, facts);
    }

    private static Rollout forward(Rollout now, Facts facts) {
        int next = now.step() + 1;
        String why = "n_eff=" + Math.round(facts.units()) + ", nothing against it";
        if (next > now.plan().steps().size()) {
            return now.to(RolloutState.FINISH, now.step(), why, facts.nowMillis());
        }
        return now.to(
                next == now.plan().steps().size() ? RolloutState.BAKE : RolloutState.STEP,
                next,
                why,
                facts.nowMillis());
    }

    /** Returns it held, or not held any more, or the same. */
    private static Rollout hold(Rollout now, Facts facts) {
        Hold wanted = wanted(now, facts);
        if (wanted == now.hold()) {
            return now;
        }
        String why = switch (wanted) {
            case NONE -> "goes on after " + now.hold().label();
            case OPERATOR -> "held by an operator";
            case COMMON_MODE, ABSOLUTE -> facts.impact().text();
            case NOT_FOLLOWED -> "not all nodes follow";
            case NODE_PULLED ->
                facts.impact().kind() == Impact.Kind.ONE_NODE
                        ? facts.impact().text()
                        : facts.pulledNodes() + " nodes went back by their own traffic, and the others see nothing";
            case INCONCLUSIVE, CHECK_FAILED -> now.text();
        };
        return now.held(wanted, why, facts.nowMillis());
    }

    private static Hold wanted(Rollout now, Facts facts) {
        if (facts.command() == Facts.Command.HOLD) {
            return Hold.OPERATOR;
        }
        boolean resumed = facts.command() == Facts.Command.RESUME;
        if (now.hold() == Hold.OPERATOR && !resumed) {
            return Hold.OPERATOR;
        }
        if (facts.impact().kind() == Impact.Kind.COMMON_MODE) {
            return Hold.COMMON_MODE;
        }
        if (facts.impact().kind() == Impact.Kind.ABSOLUTE) {
            return Hold.ABSOLUTE;
        }
        if (facts.pulledNodes() > 0 || facts.impact().kind() == Impact.Kind.ONE_NODE) {
            return Hold.NODE_PULLED;
        }
        if (facts.notFollowedFor().compareTo(PATIENCE_FOR_NODES) > 0) {
            return Hold.NOT_FOLLOWED;
        }
        RolloutPlan.Step step =
                now.plan().all().get(Math.min(now.step(), now.plan().steps().size()));
        boolean stays = switch (now.hold()) {
            case INCONCLUSIVE -> facts.units() < step.units();
            case CHECK_FAILED -> !facts.checks().isEmpty();
            case NODE_PULLED -> !resumed;
            default -> false;
        };
        return stays ? now.hold() : Hold.NONE;
    }
}
