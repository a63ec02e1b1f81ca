package io.nearkv.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvSession;
import io.nearkv.core.KvStore;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.Position;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Sharding;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.rocksdb.DiskMirror;
import io.nearkv.edge.EdgeCache;
import io.nearkv.edge.EdgeOptions;
import io.nearkv.edge.MirrorStore;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Edges over several partitions: what is different from one. */
class PartitionedEdgeTest {
    private static final Sharding SHARDING = new Sharding(3);
    private static final EdgeOptions OPTIONS =
            EdgeOptions.builder().heartbeat(Duration.ofMillis(50)).build();

    private ShardedFixture fixture;
    private KvStore core;
    private EdgeCache upper;
    private EdgeCache lower;
    private NamespaceId ns;

    @BeforeEach
    void open() throws IOException {
        fixture = new ShardedFixture(SHARDING.partitions(), SHARDING::partitionOf);
        core = fixture.store();
        ns = core.admin().createNamespace(fixture.account(), "test").join().id();
        upper = EdgeCache.open(core, OPTIONS);
        await().until(() -> upper.stats().feed().equals("following"));
        lower = EdgeCache.open(upper, OPTIONS);
        await().until(() -> lower.stats().feed().equals("following"));
    }

    @AfterEach
    void close() throws IOException {
        lower.close();
        fixture.close();
    }

    private long put(KvStore store, String key, String value) {
        return store.write(ns, Mutation.put(Key.of(key), Value.of(value)), WriteOptions.BUFFERED)
                .join()
                .orThrow();
    }

    @Test
    void an_edge_below_an_edge_hears_of_every_change_from_it() {
        // One that has begun with "now" while the upper one had not heard of anything may be with the core instead.
        long generation = upper.stats().generation();
        for (int i = 0; i < 300; i++) {
            put(core, "k" + i, "1");
        }
        await().until(() -> lower.stats().changes() == 300);
        assertThat(upper.stats().changes()).isEqualTo(300);
        assertThat(upper.stats().feedSubscribers()).isEqualTo(1);
        for (int i = 0; i < 300; i++) {
            assertThat(lower.get(ns, Key.of("k" + i), ReadOptions.EVENTUAL).join())
                    .isInstanceOf(GetResult.Found.class);
        }
        Position last = upper.positionOf(put(core, "k7", "2"));
        await().until(() -> covers(lower, last));
        GetResult.Found found = (GetResult.Found)
                lower.get(ns, Key.of("k7"), ReadOptions.EVENTUAL).join();
        assertThat(found.value()).isEqualTo(Value.of("2"));
        assertThat(upper.stats().generation()).as("there was no gap").isEqualTo(generation);
        assertThat(lower.stats().position()).isEqualTo(upper.stats().position());
    }

    private static boolean covers(EdgeCache cache, Position position) {
        String at = cache.stats().position();
        return at != null && Position.parse(at).covers(position);
    }

    @Test
    void a_session_sees_its_writes_in_every_partition_through_either_edge() {
        KvSession session = KvSession.begin();
        List<KvStore> edges = List.of(session.over(upper), session.over(lower));
        for (int i = 0; i < 200; i++) {
            String key = "k" + i % 7;
            put(edges.get(i % 2), key, String.valueOf(i));
            GetResult result = edges.get((i + 1) % 2)
                    .get(ns, Key.of(key), ReadOptions.EVENTUAL)
                    .join();
            assertThat(((GetResult.Found) result).value()).isEqualTo(Value.of(String.valueOf(i)));
        }
    }

    @Test
    void that_a_key_is_not_there_tells_a_session_how_far_its_own_partition_is() {
        List<Key> keys = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            put(core, "k" + i, "v");
            keys.add(Key.of("k" + i));
        }
        for (Key key : keys) {
            long deleted = core.write(ns, Mutation.delete(key), WriteOptions.BUFFERED)
                    .join()
                    .orThrow();
            for (int i = 0; i < 2; i++) {
                KvSession session = KvSession.begin();
                // A session that has seen something, so that it asks for a position.
                session.saw(core.positionOf(deleted));
                GetResult result =
                        session.over(lower).get(ns, key, ReadOptions.EVENTUAL).join();
                long asOf = ((GetResult.Missing) result).asOf();
                assertThat(asOf % 3).isEqualTo(deleted % 3);
                assertThat(core.positionOf(asOf).covers(core.positionOf(deleted)))
                        .isTrue();
            }
        }
    }

    @Test
    void a_mirror_copies_all_partitions_and_goes_on_after_a_restart(@TempDir Path folder) {
        for (int i = 0; i < 100; i++) {
            put(core, "k" + i, "1");
        }
        awaitUpper();
        try (MirrorStore mirror = mirror(folder)) {
            await().until(() -> mirror.stats().completeNamespaces() == 1);
            for (int i = 0; i < 100; i += 3) {
                put(i % 2 == 0 ? core : mirror, "k" + i, "2");
            }
            awaitInStep(mirror);
            assertMirrored(mirror);
        }
        for (int i = 0; i < 100; i += 7) {
            put(core, "k" + i, "3");
        }
        try (MirrorStore mirror = mirror(folder)) {
            long generation = mirror.stats().generation();
            awaitInStep(mirror);
            assertMirrored(mirror);
            assertThat(mirror.stats().generation()).isEqualTo(generation);
            assertThat(mirror.stats().fetchedKeys()).as("only what has changed").isLessThanOrEqualTo(50);
            KvSession session = KvSession.begin();
            KvStore reads = session.over(mirror);
            put(reads, "k5", "4");
            assertThat(text(reads.get(ns, Key.of("k5"), ReadOptions.EVENTUAL).join()))
                    .isEqualTo("4");
            assertThat(reads.get(ns, Key.of("none"), ReadOptions.EVENTUAL).join())
                    .isInstanceOf(GetResult.Missing.class);
        }
    }

    private MirrorStore mirror(Path folder) {
        KvStore kept = (KvStore) Proxy.newProxyInstance(
                KvStore.class.getClassLoader(), new Class<?>[] {KvStore.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("close")) {
                        return null; // The edge is needed after the mirror.
                    }
                    try {
                        return method.invoke(upper, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
        return MirrorStore.open(kept, DiskMirror.open(folder, "test"), null, OPTIONS);
    }

    /** Waits until the upper edge, which the mirror hears everything from, has heard of everything. */
    private void awaitUpper() {
        Position all = core.positionOf(0);
        for (int i = 0; i < 100; i++) {
            Position one = core.positionOf(((GetResult.Found)
                            core.get(ns, Key.of("k" + i), ReadOptions.STRONG).join())
                    .version());
            all = all.and(one);
        }
        Position last = all;
        await().until(() -> covers(upper, last));
    }

    private void awaitInStep(MirrorStore mirror) {
        awaitUpper();
        await().until(() -> {
            String at = mirror.stats().position();
            return at != null
                    && at.equals(upper.stats().position())
                    && mirror.stats().behindKeys() == 0
                    && mirror.stats().completeNamespaces() == 1;
        });
    }

    private void assertMirrored(MirrorStore mirror) {
        long passedOn = mirror.stats().passedOn();
        for (int i = 0; i < 100; i++) {
            Key key = Key.of("k" + i);
            GetResult.Found there =
                    (GetResult.Found) core.get(ns, key, ReadOptions.STRONG).join();
            GetResult.Found here =
                    (GetResult.Found) mirror.get(ns, key, ReadOptions.EVENTUAL).join();
            assertThat(here.value()).isEqualTo(there.value());
            assertThat(here.version()).isEqualTo(there.version());
        }
        assertThat(mirror.stats().passedOn()).isEqualTo(passedOn);
    }

    private static String text(GetResult result) {
        return ((GetResult.Found) result).value().asString();
    }
}
