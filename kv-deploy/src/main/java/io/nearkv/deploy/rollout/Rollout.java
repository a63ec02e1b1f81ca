package io.nearkv.deploy.rollout;

import java.util.ArrayList;
import java.util.List;

/**
 * A rollout as it is kept: all that is needed to go on after a crash, or back. Immutable.
 *
 * @param id of the rollout
 * @param build that is to get everything
 * @param version of the build, for people
 * @param plan how
 * @param state where it is
 * @param step of the plan, from 0; the bake is the one behind the last
 * @param hold why it stays there
 * @param text why it is where it is, for people
 * @param actor who has started it
 * @param reason why
 * @param startedMillis since 1970
 * @param route the id of its routes, empty before the first
 * @param minReady instances that must be ready; 0 for all
 * @param events what has happened, the last one last; old ones are left out
 */
public record Rollout(
        String id,
        String build,
        String version,
        RolloutPlan plan,
        RolloutState state,
        int step,
        Hold hold,
        String text,
        String actor,
        String reason,
        long startedMillis,
        String route,
        int minReady,
        List<Event> events) {
    private static final int MAX_EVENTS = 64;
    private static final int MAX_TEXT_CHARS = 400;

    /** Something that has happened: when, where the rollout was then, and why. */
    public record Event(long millis, String state, String text) {}

    /** Makes a copy. */
    public Rollout {
        events = List.copyOf(events);
        text = text.length() <= MAX_TEXT_CHARS ? text : text.substring(0, MAX_TEXT_CHARS);
    }

    /** Returns a rollout that has not begun. */
    public static Rollout of(
            String id,
            String build,
            String version,
            RolloutPlan plan,
            int minReady,
            String actor,
            String reason,
            long nowMillis) {
        return new Rollout(
                        id,
                        build,
                        version,
                        plan,
                        RolloutState.PRECHECK,
                        0,
                        Hold.NONE,
                        "",
                        actor,
                        reason,
                        nowMillis,
                        "",
                        minReady,
                        List.of())
                .to(RolloutState.PRECHECK, 0, "started by " + actor, nowMillis);
    }

    /** Returns it in another state. */
    public Rollout to(RolloutState next, int nextStep, String why, long nowMillis) {
        return with(next, nextStep, Hold.NONE, why, nowMillis);
    }

    /** Returns it held where it is, or going on with {@link Hold#NONE}. */
    public Rollout held(Hold why, String detail, long nowMillis) {
        return with(state, step, why, detail, nowMillis);
    }

    private Rollout with(RolloutState nextState, int nextStep, Hold nextHold, String why, long nowMillis) {
        List<Event> all = new ArrayList<>(events);
        String label = nextHold == Hold.NONE ? nextState.label() : "hold:" + nextHold.label();
        if (nextState == RolloutState.STEP && nextHold == Hold.NONE) {
            label += " " + (nextStep + 1);
        }
        all.add(new Event(nowMillis, label, why));
        if (all.size() > MAX_EVENTS) {
            all.remove(0);
        }
        return new Rollout(
                id,
                build,
                version,
                plan,
                nextState,
                nextStep,
                nextHold,
                why,
                actor,
                reason,
                startedMillis,
                route,
                minReady,
                all);
    }

    /** Returns it with the id of its routes. */
    public Rollout withRoute(String value) {
        return new Rollout(
                id,
                build,
                version,
                plan,
                state,
                step,
                hold,
                text,
                actor,
                reason,
                startedMillis,
                value,
                minReady,
                events);
    }

    /** Returns the share that the build is to have now, in basis points. */
    public int weight() {
        return switch (state) {
            case STEP, BAKE -> plan.all().get(step).weight();
            case FINISH, COMPLETE -> 10_000;
            default -> 0;
        };
    }
}
