package io.nearkv.core;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** The store against a sorted map: random operations, the same answers. */
public interface ModelContract extends ContractSupport {
    @Test
    default void random_operations_have_the_answers_of_a_sorted_map() throws Exception {
        Long replay = Long.getLong("nearkv.test.seed");
        int runs = replay != null ? 1 : LONG ? 40 : 2;
        int operations = LONG ? 2000 : 400;
        for (int i = 0; i < runs; i++) {
            long seed = replay != null ? replay : new Random().nextLong();
            ModelRun run = new ModelRun(this, new Random(seed));
            try {
                run.run(operations);
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError(
                        "seed " + seed + " (replay with -Dnearkv.test.seed=" + seed + "), operation "
                                + run.operationsDone() + ": " + run.lastOperation(),
                        e);
            }
        }
    }
}
