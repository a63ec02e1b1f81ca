package io.nearkv.cluster.history;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.cluster.history.Operation.Applied;
import io.nearkv.cluster.history.Operation.Found;
import io.nearkv.cluster.history.Report.Verdict;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Random histories. The seed of a run is in the message of a failure; {@code -Dnearkv.seed} sets it, {@code -Dnearkv.histories.times} tries more. */
class GeneratedHistoriesTest {
    private static final long SEED = Long.getLong("nearkv.seed", 20261127);

    /** How many times as many histories as an ordinary build tries. */
    private static final int TIMES = Integer.getInteger("nearkv.histories.times", 1);

    private final LinearizabilityChecker checker = new LinearizabilityChecker();

    @Test
    void histories_of_a_real_register_are_good() {
        for (int i = 0; i < 4000 * TIMES; i++) {
            Random random = random(i);
            List<Operation> operations = new Simulation(
                            new Simulation.Settings(
                                    1 + random.nextInt(3),
                                    2 + random.nextInt(6),
                                    10 + random.nextInt(60),
                                    random.nextInt(4),
                                    random.nextInt(3) * 0.1,
                                    random.nextInt(3) * 0.3,
                                    random.nextInt(3) * 0.2),
                            random)
                    .run();

            Report report = checker.check(History.of(operations));

            assertThat(report.verdict())
                    .as("history %d of seed %d: %s", i, SEED, report)
                    .isEqualTo(Verdict.GOOD);
        }
    }

    @Test
    void one_wrong_response_is_found() {
        int tried = 0;
        for (int i = 0; i < 400 * TIMES; i++) {
            Random random = random(i);
            List<Operation> operations =
                    new ArrayList<>(new Simulation(new Simulation.Settings(1, 6, 60, 0, 0.1, 0.3, 0), random).run());
            String wrong = makeWrong(operations, random);
            if (wrong.isEmpty()) {
                continue;
            }
            tried++;

            Report report = checker.check(History.of(operations));

            assertThat(report.verdict())
                    .as("history %d of seed %d with %s: %s", i, SEED, wrong, report)
                    .isEqualTo(Verdict.BAD);
            assertThat(report.problems().get(0)).contains("is not linearizable");
        }
        assertThat(tried).isGreaterThan(200);
    }

    /** Changes one response to one that no register can give; returns what was done, or nothing where it could not be done. */
    private static String makeWrong(List<Operation> operations, Random random) {
        int index = random.nextInt(operations.size());
        Operation chosen = operations.get(index);
        if (chosen.response() instanceof Found found) {
            switch (random.nextInt(3)) {
                case 0 -> operations.set(index, with(chosen, new Found("never written", found.version())));
                case 1 -> operations.set(index, with(chosen, new Found(found.value(), found.version() + 1_000_000)));
                default -> {
                    // Only if the put is known, and over before another put began that was over before this read began.
                    Operation stale = stale(operations, chosen);
                    if (stale == null || !(stale.request() instanceof Operation.Put put)) {
                        return "";
                    }
                    operations.set(index, with(chosen, new Found(put.value(), stale.appliedVersion())));
                }
            }
            boolean same = chosen.equals(operations.get(index));
            return same || fromUnknownPut(operations, operations.get(index)) ? "" : "a read: " + chosen;
        }
        if (chosen.response() instanceof Applied applied) {
            for (Operation other : operations) {
                if (other.appliedVersion() > applied.version()) {
                    operations.set(index, with(chosen, new Applied(other.appliedVersion())));
                    return "a version given twice: " + chosen;
                }
            }
        }
        return "";
    }

    /** What was read from an unknown put may be right in any version, because nobody else has told it. */
    private static boolean fromUnknownPut(List<Operation> operations, Operation read) {
        return read.response() instanceof Found found
                && operations.stream()
                        .anyMatch(o -> o.maybeApplied()
                                && o.request() instanceof Operation.Put put
                                && put.value().equals(found.value()));
    }

    private static @Nullable Operation stale(List<Operation> operations, Operation read) {
        for (Operation old : operations) {
            if (!(old.request() instanceof Operation.Put) || !old.applied()) {
                continue;
            }
            for (Operation over : operations) {
                if (over.request() instanceof Operation.Put
                        && over.applied()
                        && over.invokedNanos() > old.returnedNanos()
                        && over.returnedNanos() < read.invokedNanos()) {
                    return old;
                }
            }
        }
        return null;
    }

    @Test
    void a_search_of_every_order_agrees() {
        int good = 0;
        int bad = 0;
        for (int i = 0; i < 10_000 * TIMES; i++) {
            Random random = random(i);
            List<Operation> operations = i % 2 == 0 ? tiny(random) : mutated(random);

            boolean expected = BruteForce.linearizable(operations, 20);
            Report report = checker.check(History.of(operations));

            assertThat(report.verdict())
                    .as("history %d of seed %d: %s%n%s", i, SEED, operations, report)
                    .isEqualTo(expected ? Verdict.GOOD : Verdict.BAD);
            if (expected) {
                good++;
            } else {
                bad++;
            }
        }
        assertThat(good).isGreaterThan(1000);
        assertThat(bad).isGreaterThan(1000);
    }

    /** A simulated history in which up to two responses are replaced by any others. */
    private static List<Operation> mutated(Random random) {
        List<Operation> operations = new ArrayList<>(new Simulation(
                        new Simulation.Settings(1, 3, 2 + random.nextInt(5), 2, 0.2, 0.5, random.nextInt(2) * 0.3),
                        random)
                .run());
        for (int i = random.nextInt(3); i > 0; i--) {
            int index = random.nextInt(operations.size());
            Operation chosen = operations.get(index);
            operations.set(index, with(chosen, anyResponse(chosen.request(), 1, random)));
        }
        return operations;
    }

    /** Any few operations at all. */
    private static List<Operation> tiny(Random random) {
        List<Operation> operations = new ArrayList<>();
        int count = 1 + random.nextInt(6);
        int unknownEighths = random.nextInt(5);
        for (int i = 0; i < count; i++) {
            Operation.Condition condition = switch (random.nextInt(6)) {
                case 0 -> Operation.Condition.IF_ABSENT;
                case 1 -> Operation.Condition.IF_PRESENT;
                case 2 -> Operation.Condition.ifVersion(1 + random.nextInt(4));
                default -> Operation.Condition.NONE;
            };
            Operation.Request request = switch (random.nextInt(5)) {
                case 0, 1 -> new Operation.Get();
                case 2, 3 -> new Operation.Put(random.nextBoolean() ? "v0" : "v1", condition);
                default -> new Operation.Delete(condition);
            };
            long invoked = random.nextInt(20);
            operations.add(with(
                    new Operation(i, "k0", request, new Operation.Unknown("?"), invoked, invoked + random.nextInt(20)),
                    anyResponse(request, unknownEighths, random)));
        }
        return operations;
    }

    private static Operation.Response anyResponse(Operation.Request request, int unknownEighths, Random random) {
        long version = random.nextInt(4) == 0 ? Operation.NOT_TOLD : 1 + random.nextInt(5);
        if (random.nextInt(8) < unknownEighths) {
            return new Operation.Unknown("lost");
        }
        int kind = random.nextInt(8);
        if (kind == 0 && random.nextBoolean()) {
            return new Operation.Refused("overloaded");
        }
        if (request instanceof Operation.Get) {
            return kind < 4 ? new Operation.Absent() : new Found(random.nextBoolean() ? "v0" : "v1", version);
        }
        return kind < 3 ? new Operation.ConditionFailed(random.nextInt(3) == 0 ? 0 : version) : new Applied(version);
    }

    private static Operation with(Operation operation, Operation.Response response) {
        long returned = operation.returnedNanos() == Operation.NEVER
                ? operation.invokedNanos() + 600_000
                : operation.returnedNanos();
        return new Operation(
                operation.client(), operation.key(), operation.request(), response, operation.invokedNanos(), returned);
    }

    @Test
    void a_hundred_thousand_operations_are_checked_in_seconds() {
        List<Operation> operations =
                new Simulation(new Simulation.Settings(1000, 32, 100_000, 0, 0.02, 0.3, 0), random(0)).run();

        decideWithin(Duration.ofSeconds(10), operations, Verdict.GOOD);
    }

    @Test
    void one_hot_key_is_checked_in_seconds() {
        List<Operation> operations =
                new Simulation(new Simulation.Settings(1, 32, 20_000, 0, 0.02, 0.3, 0), random(1)).run();
        decideWithin(Duration.ofSeconds(10), operations, Verdict.GOOD);

        List<Operation> plain = new Simulation(new Simulation.Settings(1, 32, 20_000, 0, 0.02, 0, 0), random(2)).run();
        decideWithin(Duration.ofSeconds(10), plain, Verdict.GOOD);
    }

    @Test
    void a_wrong_response_in_the_middle_of_a_long_history_is_explained_briefly() {
        List<Operation> operations = new ArrayList<>(
                new Simulation(new Simulation.Settings(1, 16, 10_000, 0, 0.01, 0.2, 0), random(3)).run());
        Set<Long> told = new HashSet<>();
        operations.forEach(o -> told.add(o.appliedVersion()));
        int index = 5000;
        while (!(operations.get(index).response() instanceof Found f) || !told.contains(f.version())) {
            index++;
        }
        Found found = (Found) operations.get(index).response();
        operations.set(index, with(operations.get(index), new Found(found.value(), found.version() + 1)));

        Report report = decideWithin(Duration.ofSeconds(10), operations, Verdict.BAD);

        assertThat(report.problems().get(0).lines().count()).isLessThan(120);
    }

    private Report decideWithin(Duration limit, List<Operation> operations, Verdict verdict) {
        long begin = System.nanoTime();
        Report report = checker.check(History.of(operations));
        Duration took = Duration.ofNanos(System.nanoTime() - begin);

        assertThat(report.verdict()).as("seed %d: %s", SEED, report).isEqualTo(verdict);
        assertThat(took).isLessThan(limit);
        return report;
    }

    private static Random random(int i) {
        return new Random(SEED * 1_000_003 + i);
    }
}
