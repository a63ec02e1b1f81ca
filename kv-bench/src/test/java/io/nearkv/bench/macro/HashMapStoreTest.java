package io.nearkv.bench.macro;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.AccountId;
import io.nearkv.core.Condition;
import io.nearkv.core.DirectReader;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class HashMapStoreTest {
    private static final NamespaceId NAMESPACE = new NamespaceId(1, 2);
    private Instant now = Instant.ofEpochSecond(1_000);
    // Few slots, so that chains are long.
    private final HashMapStore store = new HashMapStore(new AccountId(3, 4), NAMESPACE, 4, () -> now);

    @Test
    void it_answers_as_a_map_does() throws Exception {
        Map<Key, Value> model = new HashMap<>();
        SplittableRandom random = new SplittableRandom(42);
        for (int i = 0; i < 20_000; i++) {
            Key key = Key.of("key-" + random.nextInt(200));
            switch (random.nextInt(3)) {
                case 0 -> {
                    Value value = Value.of("value-" + i);
                    store.write(NAMESPACE, Mutation.put(key, value), WriteOptions.DEFAULT)
                            .get()
                            .orThrow();
                    model.put(key, value);
                }
                case 1 -> {
                    store.write(NAMESPACE, Mutation.delete(key), WriteOptions.DEFAULT)
                            .get()
                            .orThrow();
                    model.remove(key);
                }
                default -> {
                    GetResult result =
                            store.get(NAMESPACE, key, ReadOptions.DEFAULT).get();
                    assertThat(result.toOptional().orElse(null)).isEqualTo(model.get(key));
                    assertThat(direct(key)).isEqualTo(model.get(key));
                }
            }
        }
    }

    private @Nullable Value direct(Key key) {
        Value[] seen = new Value[1];
        ByteBuffer bytes = ByteBuffer.allocateDirect(64).put(key.toByteArray()).flip();
        DirectReader.Outcome outcome = store.directReader()
                .read(NAMESPACE, bytes, (value, metadata, version, expiresAt) -> seen[0] = Value.of(value));
        assertThat(outcome == DirectReader.Outcome.FOUND).isEqualTo(seen[0] != null);
        return seen[0];
    }

    @Test
    void an_expired_entry_is_missing() throws Exception {
        Key key = Key.of("key");
        PutOptions options = PutOptions.expiresAfter(Duration.ofSeconds(60));
        store.write(NAMESPACE, new Mutation.Put(key, Value.of("v"), options), WriteOptions.DEFAULT)
                .get()
                .orThrow();

        assertThat(direct(key)).isEqualTo(Value.of("v".getBytes(StandardCharsets.UTF_8)));
        now = now.plusSeconds(60);
        assertThat(direct(key)).isNull();
        assertThat(store.write(
                                NAMESPACE,
                                new Mutation.Put(key, Value.of("w"), PutOptions.when(Condition.IF_ABSENT)),
                                WriteOptions.DEFAULT)
                        .get()
                        .applied())
                .isTrue();
    }
}
