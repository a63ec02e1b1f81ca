package io.nearkv.edge;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Random work on a core and two edges, against the rules of {@link EdgeCache}: a checker that knows everything that ever was in the core decides for each answer whether it was allowed.
 * {@code -Dnearkv.test.seed=N} repeats a run, as far as the threads inside let it; {@code -Dnearkv.test.rounds=N} or {@code -Dnearkv.test.long=true} makes more of them.
 */
class EdgeModelTest {
    private static final int ROUNDS =
            Integer.getInteger("nearkv.test.rounds", Boolean.getBoolean("nearkv.test.long") ? 200 : 1);
    private static final int STEPS = 400;

    @TempDir
    Path folder;

    @Test
    void no_answer_breaks_the_rules_whatever_happens_to_network_clock_and_edges() throws Exception {
        Long replay = Long.getLong("nearkv.test.seed");
        int answers = 0;
        for (int round = 0; round < (replay == null ? ROUNDS : 1); round++) {
            long seed = replay == null ? new Random().nextLong() : replay;
            System.out.println("EdgeModelTest: -Dnearkv.test.seed=" + seed);
            try (EdgeModelRun run = new EdgeModelRun(folder.resolve("round" + round), new Random(seed))) {
                try {
                    run.run(STEPS);
                } catch (AssertionError | RuntimeException e) {
                    throw new AssertionError(
                            "seed " + seed + " (replay with -Dnearkv.test.seed=" + seed + "), round " + round
                                    + ", step " + run.steps() + "\n" + run.lastSteps(),
                            e);
                }
                answers += run.answers();
                System.out.println("  " + run.summary());
            }
        }
        assertThat(answers).isPositive();
    }
}
