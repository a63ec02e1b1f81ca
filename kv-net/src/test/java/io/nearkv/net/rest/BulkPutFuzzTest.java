package io.nearkv.net.rest;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.nearkv.net.rest.Bodies.Pieces;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Whatever bytes come, the reader of bulk puts either understands them or refuses them with an answer of the API, and the same however they are cut. A normal run tries the seeds in
 * {@code BulkPutFuzzTestInputs} and a round of seeded mutations; with {@code JAZZER_FUZZ=1} the fuzzer goes on from the seeds.
 */
class BulkPutFuzzTest {
    private static final List<String> SEEDS =
            List.of("one.json", "all-members.json", "empty.json", "twice.json", "bad-ttl.json", "bad-cut.json");

    @FuzzTest
    void any_bytes_are_understood_or_refused(byte[] data) {
        Object whole = outcome(data, Pieces.whole(), false);
        assertThat(outcome(data, Pieces.of(1), false)).isEqualTo(whole);
        assertThat(outcome(data, Pieces.of(5), true)).isEqualTo(whole);
    }

    @Test
    void mutated_bodies_are_understood_or_refused() {
        long seed = Long.getLong("nearkv.test.seed", 20261126L);
        Random random = new Random(seed);
        List<byte[]> seeds = SEEDS.stream().map(BulkPutFuzzTest::seed).toList();
        for (int round = 0; round < 5_000; round++) {
            byte[] bytes = seeds.get(random.nextInt(seeds.size())).clone();
            for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
                // Half of them bytes that are there already: the structure's own are the ones that matter.
                bytes[random.nextInt(bytes.length)] =
                        random.nextBoolean() ? bytes[random.nextInt(bytes.length)] : (byte) random.nextInt();
            }
            try {
                any_bytes_are_understood_or_refused(bytes);
            } catch (RuntimeException | AssertionError e) {
                throw new AssertionError("seed " + seed + ", round " + round, e);
            }
        }
    }

    @Test
    void the_seeds_are_what_their_names_say() {
        for (String name : SEEDS) {
            assertThat(outcome(seed(name), Pieces.whole(), false) instanceof String)
                    .as(name)
                    .isEqualTo(name.startsWith("bad-"));
        }
    }

    private static Object outcome(byte[] data, Pieces pieces, boolean direct) {
        try {
            return Bodies.parse(new BulkPutBody(Bodies.CLOCK), data, pieces, direct)
                    .puts();
        } catch (RestException refused) {
            assertThat(refused.status()).isIn(400, 413, 414);
            assertThat(refused.getMessage()).isNotEmpty();
            return refused.status() + " " + refused.workersCode() + " " + refused.getMessage();
        }
    }

    private static byte[] seed(String name) {
        String path = "BulkPutFuzzTestInputs/any_bytes_are_understood_or_refused/" + name;
        try (InputStream in = BulkPutFuzzTest.class.getResourceAsStream(path)) {
            if (in == null) {
                throw new IOException("no seed " + path);
            }
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
