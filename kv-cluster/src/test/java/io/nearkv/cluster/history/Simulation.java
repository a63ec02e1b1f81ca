package io.nearkv.cluster.history;

import io.nearkv.cluster.history.Operation.Condition;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * Histories of a correct store: clients whose calls overlap at random, each taking effect on a real register at one moment between its invocation and its response, or, where the outcome is
 * unknown, at any moment after its invocation, or never. Confined to one thread.
 */
final class Simulation {
    /**
     * What is simulated.
     *
     * @param keys how many keys, chosen evenly
     * @param clients how many clients, each with one call at a time
     * @param operations how many operations
     * @param values how many values there are; 0 for a new one with each put
     * @param unknown the share of calls with an unknown outcome
     * @param conditional the share of writes with a condition
     * @param untold the share of responses that tell no version
     */
    record Settings(
            int keys, int clients, int operations, int values, double unknown, double conditional, double untold) {}

    private static final class Register {
        private String value = "";
        private long version;
    }

    private record Planned(
            int client, String key, long invoked, long effect, long returned, boolean unknown, boolean effective) {}

    private final Settings settings;
    private final Random random;
    private final Map<String, Register> registers = new HashMap<>();
    private final List<Long> someVersions = new ArrayList<>();
    private long lastVersion;
    private int puts;

    Simulation(Settings settings, Random random) {
        this.settings = settings;
        this.random = random;
    }

    /** Returns a new history, ordered by invocation. */
    List<Operation> run() {
        List<Planned> plan = new ArrayList<>();
        for (int client = 0; client < settings.clients(); client++) {
            long now = 0;
            int share = (settings.operations() + client) / settings.clients();
            for (int i = 0; i < share; i++) {
                long invoked = now + random.nextInt(50_000);
                long effect = invoked + random.nextInt(500_000);
                long returned = effect + random.nextInt(500_000);
                boolean unknown = random.nextDouble() < settings.unknown();
                long lateEffect = unknown && random.nextBoolean() ? effect + random.nextInt(5_000_000) : effect;
                plan.add(new Planned(
                        client,
                        "k" + random.nextInt(settings.keys()),
                        invoked,
                        lateEffect,
                        returned,
                        unknown,
                        !unknown || random.nextInt(3) > 0));
                now = returned;
            }
        }
        plan.sort(Comparator.comparingLong(Planned::effect));
        List<Operation> operations = new ArrayList<>();
        for (Planned planned : plan) {
            operations.add(apply(planned));
        }
        operations.sort(Comparator.comparingLong(Operation::invokedNanos));
        return operations;
    }

    private Operation apply(Planned planned) {
        Register register = registers.computeIfAbsent(planned.key(), k -> new Register());
        Operation.Request request = request(register);
        Operation.Response response = planned.effective() ? answer(register, request) : new Operation.Unknown("lost");
        if (planned.unknown()) {
            response = new Operation.Unknown("timeout");
        }
        return new Operation(
                planned.client(),
                planned.key(),
                request,
                response,
                planned.invoked(),
                planned.unknown() ? Operation.NEVER : planned.returned());
    }

    private Operation.Request request(Register register) {
        int kind = random.nextInt(10);
        if (kind < 5) {
            return new Operation.Get();
        }
        Condition condition = Condition.NONE;
        if (random.nextDouble() < settings.conditional()) {
            condition = switch (random.nextInt(4)) {
                case 0 -> Condition.IF_ABSENT;
                case 1 -> Condition.IF_PRESENT;
                case 2 -> Condition.ifVersion(Math.max(1, register.version));
                default ->
                    Condition.ifVersion(
                            someVersions.isEmpty() ? 1 : someVersions.get(random.nextInt(someVersions.size())));
            };
        }
        if (kind == 9) {
            return new Operation.Delete(condition);
        }
        puts++;
        String value = settings.values() == 0 ? "v" + puts : "v" + random.nextInt(settings.values());
        return new Operation.Put(value, condition);
    }

    private Operation.Response answer(Register register, Operation.Request request) {
        if (request instanceof Operation.Get) {
            return register.version == 0
                    ? new Operation.Absent()
                    : new Operation.Found(register.value, told(register.version));
        }
        Condition condition =
                request instanceof Operation.Put put ? put.condition() : ((Operation.Delete) request).condition();
        boolean holds = switch (condition.kind()) {
            case NONE -> true;
            case ABSENT -> register.version == 0;
            case PRESENT -> register.version != 0;
            case VERSION_IS -> register.version == condition.version();
        };
        if (!holds) {
            return new Operation.ConditionFailed(told(register.version));
        }
        lastVersion += 1 + random.nextInt(2);
        if (someVersions.size() < 8) {
            someVersions.add(lastVersion);
        } else {
            someVersions.set(random.nextInt(8), lastVersion);
        }
        if (request instanceof Operation.Put put) {
            register.value = put.value();
            register.version = lastVersion;
        } else {
            register.version = 0;
        }
        return new Operation.Applied(told(lastVersion));
    }

    private long told(long version) {
        return random.nextDouble() < settings.untold() ? Operation.NOT_TOLD : version;
    }
}
