package io.nearkv.bench.macro;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class KeySpaceTest {
    @Test
    void every_key_once_is_a_permutation() {
        for (int keys : new int[] {1, 2, 10, 97, 100, 1000, 65_536}) {
            int[] order = new KeySpace(keys, 0, 0, 42).everyKeyOnce();
            Arrays.sort(order);

            assertThat(order).isEqualTo(IntStream.range(0, keys).toArray());
        }
    }

    @Test
    void a_prefix_has_a_hundred_names() {
        KeySpace space = new KeySpace(1_050, 0, 0, 42);
        long below = IntStream.range(0, 1_050)
                .filter(i -> space.name(i).startsWith(space.prefix(417)))
                .count();

        assertThat(space.name(417)).isEqualTo("bench/0000004/17");
        assertThat(below).isEqualTo(space.namesBelow(417)).isEqualTo(100);
        assertThat(space.namesBelow(1_049)).isEqualTo(50);
    }

    @Test
    void the_same_seed_draws_the_same_load() {
        KeySpace space = new KeySpace(1_000, 10, 0.99, 42);

        assertThat(space.sequence(100, 1)).isEqualTo(space.sequence(100, 1));
        assertThat(space.sequence(100, 1)).isNotEqualTo(space.sequence(100, 2));
        assertThat(space.values()[3]).isEqualTo(space.values()[3]).hasSize(10);
    }

    @Test
    void the_most_frequent_keys_are_not_neighbours() {
        int[] sequence = new KeySpace(1_000_000, 0, 0.99, 42).sequence(10_000, 0);
        int first = mostFrequent(sequence, -1);
        int second = mostFrequent(sequence, first);

        assertThat(Math.abs(first - second)).isGreaterThan(1_000);
    }

    private static int mostFrequent(int[] sequence, int without) {
        int[] counts = new int[1_000_000];
        for (int each : sequence) {
            counts[each]++;
        }
        return IntStream.range(0, counts.length)
                .filter(i -> i != without)
                .reduce((a, b) -> counts[b] > counts[a] ? b : a)
                .orElseThrow();
    }

    @Test
    void a_mix_is_drawn_as_its_weights_say() {
        OperationKind[] table = Mix.parse("get=3,put=1").table(new SplittableRandom(1), 10_000);
        long gets = Arrays.stream(table).filter(OperationKind.GET::equals).count();
        long puts = Arrays.stream(table).filter(OperationKind.PUT::equals).count();

        assertThat(gets + puts).isEqualTo(10_000);
        assertThat(gets).isBetween(7_200L, 7_800L);
    }

    @Test
    void a_mix_has_a_text_form() {
        assertThat(Mix.parse("put=10, get=90")).hasToString("get=90,put=10");
        assertThat(Mix.parse("get")).isEqualTo(Mix.GETS);
        assertThat(Mix.parse("get=1,delete=0").deletes()).isFalse();
        for (String malformed : new String[] {"", "get=0", "get=-1", "get=x", "scan=1", "get=1,get=2", "get=1,"}) {
            assertThatIllegalArgumentException().as(malformed).isThrownBy(() -> Mix.parse(malformed));
        }
    }
}
