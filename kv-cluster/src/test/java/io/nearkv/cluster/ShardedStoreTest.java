package io.nearkv.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.core.BatchResult;
import io.nearkv.core.Condition;
import io.nearkv.core.DirectReader;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedProbe;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KeyInfo;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.KvSession;
import io.nearkv.core.KvStore;
import io.nearkv.core.Limits;
import io.nearkv.core.ListOptions;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.OpenResult;
import io.nearkv.core.Position;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Sharding;
import io.nearkv.core.Value;
import io.nearkv.core.ValueReader;
import io.nearkv.core.ValueWriter;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a sharded store promises otherwise than one of one partition. */
class ShardedStoreTest {
    private static final int PARTITIONS = 4;
    private static final Sharding SHARDING = new Sharding(PARTITIONS);

    private final ShardedFixture fixture;
    private final NamespaceId namespace;

    ShardedStoreTest() throws IOException {
        this.fixture = new ShardedFixture(PARTITIONS, SHARDING::partitionOf);
        this.namespace = create("t");
    }

    @BeforeEach
    void nothingIsKnown() {
        assertThat(fixture.adopted).isEmpty();
    }

    @AfterEach
    void close() throws IOException {
        fixture.close();
    }

    private KvStore store() {
        return fixture.store();
    }

    private NamespaceId create(String title) {
        return await(fixture.store().admin().createNamespace(fixture.account(), title))
                .id();
    }

    private static <T extends @Nullable Object> T await(CompletableFuture<T> future) {
        try {
            return future.get(20, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            throw KvException.from(e);
        } catch (InterruptedException | TimeoutException e) {
            throw new AssertionError("no answer", e);
        }
    }

    private static KvException failure(CompletableFuture<?> future) {
        AtomicReference<@Nullable KvException> failure = new AtomicReference<>();
        assertThatThrownBy(() -> {
                    Object unused = await(future);
                })
                .isInstanceOfSatisfying(KvException.class, failure::set);
        return java.util.Objects.requireNonNull(failure.get());
    }

    /** Returns the n-th key of a partition. */
    private Key in(int partition, int n) {
        int left = n;
        for (int i = 0; ; i++) {
            Key key = Key.of("k" + i);
            if (partitionOf(key) == partition && left-- == 0) {
                return key;
            }
        }
    }

    private int partitionOf(Key key) {
        return SHARDING.partitionOf(namespace, key.asByteBuffer());
    }

    private long put(Key key, String value) {
        return await(store().write(namespace, Mutation.put(key, Value.of(value)), WriteOptions.DEFAULT))
                .orThrow();
    }

    private GetResult.Found found(Key key) {
        return (GetResult.Found) await(store().get(namespace, key, ReadOptions.STRONG));
    }

    @Test
    void every_answer_tells_a_version_of_the_outside() {
        Key key = in(2, 0);
        long first = put(key, "1");
        long version = put(key, "2");

        assertThat(first % PARTITIONS).isEqualTo(2);
        assertThat(version).isEqualTo(first + PARTITIONS);
        assertThat(found(key).version()).isEqualTo(version);
        assertThat(await(store().versions(namespace, List.of(in(1, 0), key), ReadOptions.STRONG)))
                .containsExactly(0L, version);
        assertThat(await(store().getAll(namespace, List.of(in(1, 0), key), ReadOptions.STRONG)))
                .containsExactly(GetResult.Missing.INSTANCE, found(key));
        try (ValueReader reader =
                ((OpenResult.Opened) await(store().open(namespace, key, ReadOptions.STRONG))).reader()) {
            assertThat(reader.version()).isEqualTo(version);
        }
        assertThat(await(store().list(namespace, ListOptions.ALL, ReadOptions.STRONG))
                        .keys())
                .extracting(KeyInfo::version)
                .containsExactly(version);
        assertThat(await(store().write(
                                namespace,
                                new Mutation.Put(key, Value.of("x"), PutOptions.when(Condition.IF_ABSENT)),
                                WriteOptions.DEFAULT)))
                .isEqualTo(new WriteResult.ConditionFailed(version));
        try (ValueWriter writer = await(
                store().upload(namespace, key, PutOptions.when(Condition.ifVersion(version)), WriteOptions.DEFAULT))) {
            assertThat(await(writer.commit())).isEqualTo(new WriteResult.Applied(version + PARTITIONS));
        }
    }

    @Test
    void a_direct_read_tells_a_version_of_the_outside_and_passes_on_what_is_not_known_yet() {
        Key key = in(3, 0);
        DirectReader reader = java.util.Objects.requireNonNull(store().directReader());
        List<Long> seen = new ArrayList<>();
        DirectReader.Visitor visitor = (value, metadata, version, expiresAt) -> seen.add(version);
        assertThat(reader.read(namespace, key.asByteBuffer(), visitor)).isEqualTo(DirectReader.Outcome.ELSEWHERE);
        long version = put(key, "1");
        assertThat(reader.read(namespace, key.asByteBuffer(), visitor)).isEqualTo(DirectReader.Outcome.FOUND);
        assertThat(seen).containsExactly(version);
    }

    @Test
    void a_version_of_another_partition_is_that_of_no_entry() {
        Key key = in(0, 0);
        long version = put(key, "1");
        for (long other = 1; other < version + 2 * PARTITIONS; other++) {
            if (other != version) {
                Mutation delete = new Mutation.Delete(key, Condition.ifVersion(other));
                assertThat(await(store().write(namespace, delete, WriteOptions.DEFAULT)))
                        .isEqualTo(new WriteResult.ConditionFailed(version));
            }
        }
        assertThat(await(store().write(
                                        namespace,
                                        new Mutation.Delete(key, Condition.ifVersion(version)),
                                        WriteOptions.DEFAULT))
                        .applied())
                .isTrue();
    }

    @Test
    void the_position_of_a_version_covers_it_and_no_more() {
        Key key = in(1, 0);
        long first = put(key, "1");
        long second = put(key, "2");
        put(in(3, 0), "x");
        Position position = store().positionOf(second);

        assertThat(position.versions()).hasSize(PARTITIONS);
        assertThat(position.versions().get(1)).isEqualTo(second / PARTITIONS);
        assertThat(position.versions()).filteredOn(version -> version == 0).hasSize(3);
        assertThat(position.covers(store().positionOf(first))).isTrue();
        assertThat(store().positionOf(first).covers(position)).isFalse();
        assertThat(store().positionOf(0).versions()).containsOnly(0L);
        assertThatThrownBy(() -> store().positionOf(-1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void a_session_collects_what_it_has_seen_of_each_partition() {
        KvSession session = KvSession.begin();
        KvStore seen = session.over(store());
        Set<Long> versions = new HashSet<>();
        for (int partition = 0; partition < PARTITIONS; partition++) {
            Mutation mutation = Mutation.put(in(partition, 0), Value.of("1"));
            versions.add(
                    await(seen.write(namespace, mutation, WriteOptions.DEFAULT)).orThrow());
        }
        for (long version : versions) {
            assertThat(java.util.Objects.requireNonNull(session.position()).covers(store().positionOf(version)))
                    .isTrue();
        }
        KvSession elsewhere = KvSession.resume(session.token());
        for (int partition = 0; partition < PARTITIONS; partition++) {
            assertThat(await(elsewhere.over(store()).get(namespace, in(partition, 0), ReadOptions.DEFAULT)))
                    .isInstanceOf(GetResult.Found.class);
        }
        GetResult missing = await(seen.get(namespace, in(2, 7), ReadOptions.DEFAULT));
        assertThat(((GetResult.Missing) missing).asOf() % PARTITIONS).isEqualTo(2);
    }

    @Test
    void a_read_of_a_session_asks_each_partition_for_its_own_part() {
        List<ReadOptions> asked = new ArrayList<>();
        ShardVersions last = new ShardVersions(PARTITIONS, 3);
        Position position = new Position(ScriptedPartition.LINEAGE, List.of(1L, 2L, 3L, 4L));
        KvStore partition = new ScriptedPartition().store();
        asked.add(last.local(ReadOptions.session(position), partition));
        asked.add(last.local(ReadOptions.session(Position.of(ScriptedPartition.LINEAGE, 9)), partition));
        asked.add(last.local(ReadOptions.STRONG, partition));
        assertThat(asked)
                .containsExactly(
                        ReadOptions.session(Position.of(ScriptedPartition.LINEAGE, 4)),
                        ReadOptions.session(Position.of(~ScriptedPartition.LINEAGE, 0)),
                        ReadOptions.STRONG);
    }

    @Test
    void a_batch_of_one_tag_happens_as_a_whole_with_versions_of_its_partition() {
        Key a = Key.of("a{tag}");
        Key b = Key.of("b{tag}");
        put(a, "old");
        BatchResult.Applied applied = (BatchResult.Applied) await(store().batch(
                        namespace,
                        List.of(
                                Mutation.delete(a),
                                Mutation.put(b, Value.of("1")),
                                new Mutation.Put(a, Value.of("2"), PutOptions.when(Condition.IF_ABSENT))),
                        WriteOptions.DEFAULT));

        assertThat(applied.lastVersion()).isEqualTo(applied.firstVersion() + 2 * PARTITIONS);
        assertThat(found(b).version()).isEqualTo(applied.firstVersion() + PARTITIONS);
        assertThat(found(a).version()).isEqualTo(applied.lastVersion());
        assertThat(await(store().batch(
                                namespace,
                                List.of(
                                        Mutation.delete(b),
                                        new Mutation.Delete(a, Condition.ifVersion(applied.firstVersion()))),
                                WriteOptions.DEFAULT)))
                .isEqualTo(new BatchResult.ConditionFailed(1, applied.lastVersion()));
        assertThat(found(b).version()).isEqualTo(applied.firstVersion() + PARTITIONS);
    }

    @Test
    void a_batch_over_partitions_is_refused_and_says_which_keys_are_apart() {
        Key here = in(0, 0);
        Key there = in(1, 0);
        KvException refusal = failure(store().batch(
                        namespace,
                        List.of(Mutation.delete(here), Mutation.delete(here), Mutation.put(there, Value.of("1"))),
                        WriteOptions.DEFAULT));
        assertThat(refusal.code()).isEqualTo(ErrorCode.INVALID_REQUEST);
        assertThat(refusal).hasMessageContaining("'" + here + "'").hasMessageContaining("'" + there + "'");
        assertThat(refusal).hasMessageContaining("expected: keys with the same {tag}");
        assertThat(fixture.adopted).as("asked").isEmpty();
    }

    @Test
    void a_bulk_write_over_partitions_keeps_the_order_of_each_key() {
        List<Mutation> mutations = new ArrayList<>();
        for (int round = 0; round < 3; round++) {
            for (int partition = 0; partition < PARTITIONS; partition++) {
                mutations.add(Mutation.put(in(partition, 0), Value.of("v" + round)));
            }
        }
        List<WriteResult> results = await(store().writeAll(namespace, mutations, WriteOptions.DEFAULT));

        for (int i = 0; i < results.size(); i++) {
            long version = results.get(i).orThrow();
            assertThat(version % PARTITIONS).isEqualTo(i % PARTITIONS);
            if (i >= PARTITIONS) {
                assertThat(version).isEqualTo(results.get(i - PARTITIONS).orThrow() + PARTITIONS);
            }
        }
        for (int partition = 0; partition < PARTITIONS; partition++) {
            assertThat(found(in(partition, 0)).value()).isEqualTo(Value.of("v2"));
        }
    }

    @Test
    void the_bytes_of_a_bulk_read_are_counted_over_all_partitions() {
        Value most = Value.wrap(new byte[Limits.MAX_BULK_GET_BYTES - 1]);
        Object unused = await(store().write(namespace, Mutation.put(in(0, 0), most), WriteOptions.BUFFERED));
        put(in(1, 0), "1");
        put(in(2, 0), "1");
        assertThat(await(store().getAll(namespace, List.of(in(0, 0), in(1, 0)), ReadOptions.STRONG)))
                .hasSize(2);
        assertThat(failure(store().getAll(namespace, List.of(in(0, 0), in(1, 0), in(2, 0)), ReadOptions.STRONG))
                        .code())
                .isEqualTo(ErrorCode.TOO_LARGE);
    }

    @Test
    void a_partition_adopts_a_namespace_when_it_is_first_asked_for_it() {
        put(in(2, 0), "1");
        put(in(2, 1), "1");
        assertThat(fixture.adopted).containsExactly(2);
        assertThat(await(store().list(namespace, ListOptions.ALL, ReadOptions.STRONG))
                        .keys())
                .hasSize(2);
        assertThat(fixture.adopted).containsExactlyInAnyOrder(0, 1, 2, 3);
        assertThat(failure(store().get(new NamespaceId(1, 2), in(0, 0), ReadOptions.STRONG))
                        .code())
                .isEqualTo(ErrorCode.NOT_FOUND);
        assertThat(fixture.adopted).hasSize(4);
    }

    @Test
    void a_deleted_namespace_is_gone_in_every_partition() {
        put(in(0, 0), "1");
        put(in(2, 0), "1");
        Object unused = await(store().admin().deleteNamespace(namespace));
        for (int partition = 0; partition < PARTITIONS; partition++) {
            assertThat(failure(fixture.partition(partition).admin().namespace(namespace))
                            .code())
                    .isEqualTo(ErrorCode.NOT_FOUND);
            assertThat(failure(store().get(namespace, in(partition, 0), ReadOptions.STRONG))
                            .code())
                    .isEqualTo(ErrorCode.NOT_FOUND);
        }
        assertThat(failure(store().admin().deleteNamespace(namespace)).code()).isEqualTo(ErrorCode.NOT_FOUND);
    }

    @Test
    void a_deletion_that_was_cut_short_is_finished_by_the_next() {
        put(in(1, 0), "1");
        Object unused = await(fixture.meta().admin().deleteNamespace(namespace));
        assertThat(failure(store().admin().deleteNamespace(namespace)).code()).isEqualTo(ErrorCode.NOT_FOUND);
        assertThat(failure(fixture.partition(1).admin().namespace(namespace)).code())
                .isEqualTo(ErrorCode.NOT_FOUND);
    }

    @Test
    void a_namespace_that_is_deleted_while_a_partition_adopts_it_stays_deleted() {
        fixture.beforeAdoption = () -> store().admin().deleteNamespace(namespace);
        assertThat(failure(store().write(namespace, Mutation.put(in(1, 0), Value.of("1")), WriteOptions.DEFAULT))
                        .code())
                .isEqualTo(ErrorCode.NOT_FOUND);
        assertThat(fixture.adopted).containsExactly(1);
        assertThat(failure(fixture.partition(1).admin().namespace(namespace)).code())
                .isEqualTo(ErrorCode.NOT_FOUND);
    }

    /** A store whose bulk writes fail. */
    private static KvStore refusing(KvStore store, ErrorCode code) {
        return (KvStore) Proxy.newProxyInstance(
                KvStore.class.getClassLoader(), new Class<?>[] {KvStore.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("writeAll")) {
                        return CompletableFuture.failedFuture(new KvException(code, "as the test wants"));
                    }
                    try {
                        return method.invoke(store, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getTargetException();
                    }
                });
    }

    @Test
    void a_bulk_write_that_happened_in_part_does_not_say_that_nothing_has_happened() {
        put(in(0, 0), "1");
        put(in(1, 0), "1");
        List<Mutation> both = List.of(Mutation.put(in(0, 0), Value.of("2")), Mutation.put(in(1, 0), Value.of("2")));
        KvStore busy = refusing(fixture.partition(1), ErrorCode.UNAVAILABLE);
        KvStore partly = fixture.over(List.of(fixture.partition(0), busy, fixture.partition(2), fixture.partition(3)));
        assertThat(failure(partly.writeAll(namespace, both, WriteOptions.DEFAULT))
                        .code())
                .isEqualTo(ErrorCode.OUTCOME_UNKNOWN);
        assertThat(found(in(0, 0)).value()).isEqualTo(Value.of("2"));

        KvStore busier = refusing(fixture.partition(0), ErrorCode.UNAVAILABLE);
        KvStore none = fixture.over(List.of(busier, busy, fixture.partition(2), fixture.partition(3)));
        assertThat(failure(none.writeAll(namespace, both, WriteOptions.DEFAULT)).code())
                .isEqualTo(ErrorCode.UNAVAILABLE);
    }

    @Test
    void a_feed_goes_on_after_every_position_without_a_gap_or_a_repetition() {
        int writes = 60;
        FeedRequest oldest = FeedRequest.of(namespace, new FeedRequest.Start.Oldest());
        for (int i = 0; i < writes; i++) {
            put(Key.of("k" + i % 20), "v" + i);
        }
        List<FeedEvent.Change> all;
        try (FeedProbe probe = new FeedProbe(store().watch(oldest))) {
            probe.request(Long.MAX_VALUE);
            all = probe.awaitChanges(writes);
        }
        assertThat(all.stream().map(change -> change.version() % PARTITIONS).distinct())
                .hasSize(PARTITIONS);
        for (int i = 0; i < writes; i += 7) {
            Position position = Position.parse(all.get(i).position().toString());
            assertThat(position.covers(store().positionOf(all.get(i).version())))
                    .isTrue();
            try (FeedProbe probe =
                    new FeedProbe(store().watch(FeedRequest.of(namespace, new FeedRequest.Start.After(position))))) {
                probe.request(Long.MAX_VALUE);
                assertThat(probe.awaitChanges(writes - 1 - i))
                        .extracting(FeedEvent.Change::version)
                        .containsExactlyInAnyOrderElementsOf(all.subList(i + 1, writes).stream()
                                .map(FeedEvent.Change::version)
                                .toList());
            }
        }
    }

    @Test
    void the_feed_of_everything_has_no_gap_in_any_partition_and_tells_of_deletions_from_each() {
        NamespaceId other = create("other");
        try (FeedProbe probe = new FeedProbe(store().watch(FeedRequest.of(null, new FeedRequest.Start.Now())))) {
            probe.request(Long.MAX_VALUE);
            probe.awaitHeartbeat();
            List<Long> versions = new ArrayList<>();
            for (int i = 0; i < 40; i++) {
                versions.add(put(Key.of("k" + i), "v"));
                versions.add(await(store().write(
                                        other, Mutation.put(Key.of("k" + i), Value.of("1")), WriteOptions.DEFAULT))
                        .orThrow());
            }
            Object unused = await(store().admin().deleteNamespace(other));
            List<FeedEvent.Change> changes = probe.awaitChanges(80 + PARTITIONS);

            assertThat(changes.stream().filter(change -> change.kind() == FeedEvent.Kind.NAMESPACE_DELETED))
                    .hasSize(PARTITIONS)
                    .allMatch(change -> change.namespace().equals(other));
            assertThat(changes).extracting(FeedEvent.Change::version).containsAll(versions);
            long[] last = new long[PARTITIONS];
            for (FeedEvent.Change change : changes) {
                int partition = (int) (change.version() % PARTITIONS);
                long before = last[partition];
                assertThat(change.version() / PARTITIONS).isEqualTo(before + 1);
                last[partition] = change.version() / PARTITIONS;
            }
        }
    }

    @Test
    void what_is_written_after_a_feed_began_is_in_it_also_where_the_namespace_was_not_known() {
        for (int round = 0; round < 20; round++) {
            NamespaceId fresh = create("fresh" + round);
            try (FeedProbe probe = new FeedProbe(store().watch(FeedRequest.of(fresh, new FeedRequest.Start.Now())))) {
                probe.request(Long.MAX_VALUE);
                Set<Long> versions = new HashSet<>();
                for (int i = 0; i < 8; i++) {
                    Mutation mutation = Mutation.put(Key.of("k" + i), Value.of("1"));
                    versions.add(await(store().write(fresh, mutation, WriteOptions.BUFFERED))
                            .orThrow());
                }
                assertThat(probe.awaitChanges(8))
                        .extracting(FeedEvent.Change::version)
                        .containsExactlyInAnyOrderElementsOf(versions);
            }
        }
    }

    @Test
    void an_answer_in_memory_comes_completed() {
        put(in(0, 0), "1");
        put(in(1, 0), "1");
        assertThat(store().get(namespace, in(0, 0), ReadOptions.STRONG)).isCompleted();
        assertThat(store().getAll(namespace, List.of(in(0, 0), in(1, 0)), ReadOptions.STRONG))
                .isCompleted();
    }

    @Test
    void the_application_sees_no_difference() {
        Kv kv = Kv.over(store(), fixture.account());
        kv.namespace("t").put("anna", "1");
        assertThat(kv.namespace("t").getString("anna")).contains("1");
    }
}
