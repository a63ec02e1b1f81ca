package io.nearkv.deploy.rollout;

import io.nearkv.deploy.model.ModelLimits;
import java.time.Duration;
import java.util.List;

/**
 * How a build gets to all of the traffic. Immutable.
 *
 * @param name for people
 * @param steps the shares, rising, the last one below everything; then comes the bake
 * @param bake how long the build has all but the holdback: the share of known-good that is left so that there is something to compare with
 * @param holdback that share, in basis points
 * @param probes synthetic requests to each instance before the first step
 * @param warmUp how long each instance is read from before its first user, so that the first users do not meet a cold program
 */
public record RolloutPlan(String name, List<Step> steps, Step bake, int holdback, int probes, Duration warmUp) {
    /** Most steps of a plan. */
    public static final int MAX_STEPS = 32;
    /** A plan may not begin with more than this. */
    public static final int MAX_FIRST_WEIGHT = 1_000;

    private static final int MAX_PROBES = 1_000;
    private static final Duration MAX_WARM_UP = Duration.ofMinutes(5);

    /**
     * One step. It is passed after its time, with its units, and nothing against the build.
     *
     * @param weight in basis points
     * @param time at least
     * @param units what the comparison must be worth at least: n_c n_b / (n_c + n_b) requests
     */
    public record Step(int weight, Duration time, int units) {}

    /** 1, 5, 10, 25 and 50 %, then 99 % for five minutes. */
    public static final RolloutPlan DEFAULT = new RolloutPlan(
            "default",
            List.of(
                    new Step(100, Duration.ofSeconds(30), 250),
                    new Step(500, Duration.ofSeconds(30), 1_000),
                    new Step(1_000, Duration.ofSeconds(60), 2_000),
                    new Step(2_500, Duration.ofSeconds(60), 2_000),
                    new Step(5_000, Duration.ofSeconds(60), 2_000)),
            new Step(9_900, Duration.ofMinutes(5), 2_000),
            100,
            50,
            Duration.ofSeconds(10));

    /** 1, 10 and 50 %, then 99 %, in seconds: for trying things out, and for a repair that is waited for. */
    public static final RolloutPlan FAST = new RolloutPlan(
            "fast",
            List.of(
                    new Step(100, Duration.ofSeconds(5), 20),
                    new Step(1_000, Duration.ofSeconds(5), 150),
                    new Step(5_000, Duration.ofSeconds(5), 300)),
            new Step(9_900, Duration.ofSeconds(10), 50),
            100,
            50,
            Duration.ofSeconds(4));

    /** Checks the ranges, with {@link IllegalArgumentException}. */
    public RolloutPlan {
        steps = List.copyOf(steps);
        if (name.isEmpty() || name.length() > ModelLimits.MAX_TEXT_CHARS) {
            throw new IllegalArgumentException("plan: a name of " + name.length() + " characters (expected: 1 to "
                    + ModelLimits.MAX_TEXT_CHARS + ")");
        }
        if (steps.isEmpty() || steps.size() > MAX_STEPS) {
            throw new IllegalArgumentException("steps: " + steps.size() + " (expected: 1 to " + MAX_STEPS + ")");
        }
        int before = 0;
        for (Step step : steps) {
            check("step", step);
            if (step.weight <= before || step.weight > bake.weight) {
                throw new IllegalArgumentException("steps: " + step.weight + " after " + before
                        + " (expected: rising weights, none above that of the bake, " + bake.weight + ")");
            }
            before = step.weight;
        }
        if (steps.get(0).weight > MAX_FIRST_WEIGHT) {
            throw new IllegalArgumentException("steps: the first has " + steps.get(0).weight + " (expected: at most "
                    + MAX_FIRST_WEIGHT + " basis points)");
        }
        check("bake", bake);
        if (holdback < 1 || bake.weight != ModelLimits.TOTAL_WEIGHT - holdback) {
            throw new IllegalArgumentException("bake: " + bake.weight + " with a holdback of " + holdback
                    + " (expected: 10000 basis points together, and a holdback of at least 1)");
        }
        if (warmUp.isNegative() || warmUp.compareTo(MAX_WARM_UP) > 0) {
            throw new IllegalArgumentException(
                    "warm-up: " + warmUp.toSeconds() + " s (expected: 0 to " + MAX_WARM_UP.toSeconds() + ")");
        }
        if (probes < 1 || probes > MAX_PROBES) {
            throw new IllegalArgumentException("probes: " + probes + " (expected: 1 to " + MAX_PROBES + ")");
        }
    }

    private static void check(String what, Step step) {
        if (step.time.isNegative() || step.time.compareTo(Duration.ofDays(7)) > 0 || step.units < 0) {
            throw new IllegalArgumentException(what + ": " + step.time + " and " + step.units
                    + " units (expected: at most 7 days, and no negative number)");
        }
    }

    /** Returns the steps, with the bake as the last one. */
    public List<Step> all() {
        List<Step> all = new java.util.ArrayList<>(steps);
        all.add(bake);
        return List.copyOf(all);
    }
}
