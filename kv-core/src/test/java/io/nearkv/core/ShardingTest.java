package io.nearkv.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ShardingTest {
    private static final NamespaceId NAMESPACE = new NamespaceId(0x0123456789ABCDEFL, 0xFEDCBA9876543210L);

    private static long hash(NamespaceId namespace, String key) {
        return Sharding.hash(namespace, Key.of(key).asByteBuffer());
    }

    /** Made by another program, from the description in {@link Sharding}. A change here would lose the keys of every cluster. */
    @ParameterizedTest
    @CsvSource({
        "00000000000000000000000000000000, a, eaf9c485438cdcb4, 0, 4",
        "00000000000000000000000000000000, b, e0e443830affd1f9, 2, 9",
        "00000000000000000000000000000000, user/1, 145b8dfef4fd64ba, 2, 10",
        "00000000000000000000000000000000, user/1/{name}, d7976b642a1e3d09, 1, 9",
        "00000000000000000000000000000000, é, e1719808a68c61c1, 2, 1",
        "00000000000000000000000000000000, \uDBFF\uDFFF, ab5f0235c846032e, 1, 14",
        "0123456789abcdeffedcba9876543210, a, 3c4f458e623b17fe, 1, 14",
        "0123456789abcdeffedcba9876543210, b, 63ea5579c14579fa, 2, 10",
        "0123456789abcdeffedcba9876543210, user/1, 0464984194b7965c, 0, 12",
        "0123456789abcdeffedcba9876543210, user/1/{name}, 1c3269fd9c1ae91e, 2, 14",
        "0123456789abcdeffedcba9876543210, é, c90d8a25c86df66e, 1, 14",
        "0123456789abcdeffedcba9876543210, \uDBFF\uDFFF, af2d19de0ec44185, 2, 5"
    })
    void a_key_lies_where_it_always_did(String namespace, String key, String hash, int ofThree, int ofSixteen) {
        NamespaceId id = NamespaceId.parse(namespace);

        assertThat(String.format("%016x", hash(id, key))).isEqualTo(hash);
        assertThat(new Sharding(3).partitionOf(id, Key.of(key).asByteBuffer())).isEqualTo(ofThree);
        assertThat(new Sharding(16).partitionOf(id, Key.of(key).asByteBuffer())).isEqualTo(ofSixteen);
    }

    @Test
    void the_longest_key_lies_where_it_always_did() {
        assertThat(hash(NAMESPACE, "x".repeat(512))).isEqualTo(0x1732b53f991685f2L);
    }

    @ParameterizedTest
    @ValueSource(strings = {"{t}", "a{t}", "{t}b", "a{t}b{u}", "{t}}", "a{t}{}", "}{t}", "é{t}é"})
    void keys_with_the_same_tag_lie_together(String key) {
        assertThat(hash(NAMESPACE, key)).isEqualTo(hash(NAMESPACE, "t"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}t", "a{}{t}", "{t", "t}", "}t{", "{u}t", "{{t}"})
    void what_is_no_tag_counts_with_the_whole_key(String key) {
        assertThat(hash(NAMESPACE, key)).isNotEqualTo(hash(NAMESPACE, "t"));
    }

    @Test
    void a_tag_ends_at_the_first_brace_that_closes_and_begins_at_the_first_that_opens() {
        assertThat(hash(NAMESPACE, "{{t}}")).isEqualTo(hash(NAMESPACE, "{{t}x"));
        assertThat(hash(NAMESPACE, "{}a")).isNotEqualTo(hash(NAMESPACE, "{}b"));
    }

    @Test
    void any_kind_of_buffer_is_taken_and_left_alone() {
        byte[] bytes = "..user/{1}/x..".getBytes(StandardCharsets.UTF_8);
        ByteBuffer direct = ByteBuffer.allocateDirect(bytes.length).put(bytes);
        for (ByteBuffer buffer : new ByteBuffer[] {ByteBuffer.wrap(bytes), direct}) {
            buffer.position(2).limit(12);
            assertThat(Sharding.hash(NAMESPACE, buffer)).isEqualTo(hash(NAMESPACE, "1"));
            assertThat(buffer.position()).isEqualTo(2);
            assertThat(buffer.limit()).isEqualTo(12);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 16, 64})
    void keys_that_look_alike_are_spread_evenly(int partitions) {
        Sharding sharding = new Sharding(partitions);
        NamespaceId namespace = NamespaceId.random(new Random(partitions));
        int keys = 1000 * partitions;
        int[] counts = new int[partitions];
        for (int i = 0; i < keys; i++) {
            counts[sharding.partitionOf(namespace, Key.of("user/" + i).asByteBuffer())]++;
        }
        // Five standard deviations of a fair draw, about 32 each.
        assertThat(Arrays.stream(counts).boxed()).allMatch(count -> count > 1000 - 160 && count < 1000 + 160);
    }

    @Test
    void the_same_key_lies_elsewhere_in_another_namespace() {
        Sharding sharding = new Sharding(16);
        Random random = new Random(1);
        int[] counts = new int[16];
        for (int i = 0; i < 1600; i++) {
            counts[
                    sharding.partitionOf(
                            NamespaceId.random(random), Key.of("config").asByteBuffer())]++;
        }
        assertThat(Arrays.stream(counts).boxed()).allMatch(count -> count > 50 && count < 150);
    }

    @Test
    void there_is_at_least_one_partition() {
        assertThatThrownBy(() -> new Sharding(0)).isInstanceOf(IllegalArgumentException.class);
    }
}
