package io.nearkv.deploy.control;

import io.nearkv.deploy.model.ModelLimits;
import io.nearkv.deploy.rollout.Rollout;
import io.nearkv.deploy.rollout.RolloutPlan;
import io.nearkv.deploy.rollout.RolloutPlan.Step;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Rollouts as they are kept, and plans as people write them. */
public final class RolloutCodec {
    private static final JsonMapper MAPPER = JsonMapper.builder().build();
    private static final Set<String> PLAN_MEMBERS =
            Set.of("name", "steps", "bake", "holdback", "probes", "warm_up_seconds");
    private static final Set<String> STEP_MEMBERS = Set.of("weight", "seconds", "units");
    private static final Set<String> BAKE_MEMBERS = Set.of("seconds", "units");

    private RolloutCodec() {}

    static String text(Rollout rollout) {
        return MAPPER.writeValueAsString(rollout);
    }

    static Rollout parse(String text) {
        try {
            return MAPPER.readValue(text, Rollout.class);
        } catch (JacksonException e) {
            throw new IllegalStateException("a rollout that is kept cannot be read; restore the folder from a copy", e);
        }
    }

    /**
     * Reads a plan: {@code default}, {@code fast}, or an object with {@code steps} (each with {@code weight} in basis points, {@code seconds}, {@code units}), {@code bake}
     * ({@code seconds}, {@code units}), and optionally {@code name}, {@code holdback} (100 basis points), {@code probes} (50) and {@code warm_up_seconds} (10).
     *
     * @throws IllegalArgumentException if it is none
     */
    public static RolloutPlan plan(String text) {
        if (text.isEmpty() || text.equals(RolloutPlan.DEFAULT.name())) {
            return RolloutPlan.DEFAULT;
        }
        if (text.equals(RolloutPlan.FAST.name())) {
            return RolloutPlan.FAST;
        }
        JsonNode node;
        try {
            node = MAPPER.readTree(text);
        } catch (JacksonException e) {
            throw new IllegalArgumentException("plan: no JSON object (expected: default, fast, or a file with one)", e);
        }
        known(node, PLAN_MEMBERS, "plan");
        int holdback = number(node, "holdback", RolloutPlan.DEFAULT.holdback());
        List<Step> steps = new ArrayList<>();
        for (JsonNode step : node.path("steps")) {
            known(step, STEP_MEMBERS, "steps");
            steps.add(step(step, number(step, "weight", -1)));
        }
        JsonNode bake = node.path("bake");
        known(bake, BAKE_MEMBERS, "bake");
        return new RolloutPlan(
                node.path("name").asString("own"),
                steps,
                step(bake, ModelLimits.TOTAL_WEIGHT - holdback),
                holdback,
                number(node, "probes", RolloutPlan.DEFAULT.probes()),
                Duration.ofSeconds(number(node, "warm_up_seconds", (int)
                        RolloutPlan.DEFAULT.warmUp().toSeconds())));
    }

    private static Step step(JsonNode node, int weight) {
        return new Step(weight, Duration.ofSeconds(number(node, "seconds", -1)), number(node, "units", -1));
    }

    private static int number(JsonNode node, String name, int otherwise) {
        JsonNode member = node.path(name);
        if (member.isMissingNode() && otherwise >= 0) {
            return otherwise;
        }
        if (!member.isInt()) {
            throw new IllegalArgumentException("plan: '" + name + "' (expected: a whole number)");
        }
        return member.asInt();
    }

    private static void known(JsonNode node, Set<String> names, String what) {
        if (!node.isObject()) {
            throw new IllegalArgumentException("plan: '" + what + "' (expected: an object)");
        }
        for (String name : node.propertyNames()) {
            if (!names.contains(name)) {
                throw new IllegalArgumentException("plan: '" + name + "' is not known (expected: " + names + ")");
            }
        }
    }
}
