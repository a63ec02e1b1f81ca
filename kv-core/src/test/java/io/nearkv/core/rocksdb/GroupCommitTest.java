package io.nearkv.core.rocksdb;

import static io.nearkv.core.rocksdb.Engine.await;
import static io.nearkv.core.rocksdb.Engine.failureOf;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.BatchResult;
import io.nearkv.core.Condition;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Mutation;
import io.nearkv.core.PutOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is written together: order, conditions, bounds and deadlines of the queue. */
class GroupCommitTest {
    @TempDir
    Path folder;

    private final StepGate gate = new StepGate();
    private Engine engine;

    @BeforeEach
    void open() {
        engine = new Engine(
                folder, options -> options.failpoints(gate).queueRequests(8).queueBytes(100_000));
    }

    @AfterEach
    void close() {
        gate.open();
        engine.close();
    }

    /** Stops the writer with a write of its own, so that what comes next is one group. */
    private CompletableFuture<WriteResult> stopWriter() throws InterruptedException {
        gate.close(Failpoints.Step.BEFORE_WRITE);
        CompletableFuture<WriteResult> first = engine.put("first", "v");
        gate.awaitReached();
        return first;
    }

    private CompletableFuture<WriteResult> putIf(String key, String value, Condition condition) {
        return engine.put(key, value, PutOptions.when(condition));
    }

    private static long version(CompletableFuture<WriteResult> write) {
        return await(write).orThrow();
    }

    @Test
    void writes_that_wait_are_one_group_with_consecutive_versions_in_their_order() throws Exception {
        CompletableFuture<WriteResult> first = stopWriter();
        List<CompletableFuture<WriteResult>> writes = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            writes.add(engine.put("k", "v" + i));
        }
        long groups = engine.store.stats().groups();
        gate.open();

        long version = version(first);
        for (CompletableFuture<WriteResult> write : writes) {
            assertThat(version(write)).isEqualTo(++version);
        }
        assertThat(engine.text("k")).isEqualTo("v4");
        assertThat(engine.store.stats().groups() - groups).isEqualTo(2);
        assertThat(engine.records("changes")).as("one record a group").isEqualTo(2);
    }

    @Test
    void a_condition_sees_the_earlier_writes_of_its_group() throws Exception {
        CompletableFuture<WriteResult> first = stopWriter();
        CompletableFuture<WriteResult> blind = engine.put("k", "1");
        CompletableFuture<WriteResult> absent = putIf("k", "2", Condition.IF_ABSENT);
        CompletableFuture<WriteResult> present = putIf("k", "3", Condition.IF_PRESENT);
        CompletableFuture<WriteResult> deleted = engine.delete("k");
        CompletableFuture<WriteResult> again = putIf("k", "4", Condition.IF_ABSENT);
        CompletableFuture<BatchResult> batch = engine.store.batch(
                engine.ns,
                List.of(
                        new Mutation.Put(Key.of("k"), Value.of("5"), PutOptions.when(Condition.IF_PRESENT)),
                        new Mutation.Delete(Key.of("none"), Condition.IF_PRESENT)),
                WriteOptions.DEFAULT);
        CompletableFuture<WriteResult> stale = putIf("k", "6", Condition.ifVersion(1));
        gate.open();

        long version = version(first);
        assertThat(version(blind)).isEqualTo(version + 1);
        assertThat(await(absent)).isEqualTo(new WriteResult.ConditionFailed(version + 1));
        assertThat(version(present)).isEqualTo(version + 2);
        assertThat(version(deleted)).isEqualTo(version + 3);
        assertThat(version(again)).isEqualTo(version + 4);
        assertThat(await(batch)).isEqualTo(new BatchResult.ConditionFailed(1, 0));
        assertThat(await(stale)).isEqualTo(new WriteResult.ConditionFailed(version + 4));
        assertThat(engine.text("k")).isEqualTo("4");
    }

    @Test
    void one_of_many_compare_and_sets_wins() throws Exception {
        long version = version(engine.put("k", "0"));
        CompletableFuture<WriteResult> first = stopWriter();
        List<CompletableFuture<WriteResult>> writes = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            writes.add(putIf("k", "w" + i, Condition.ifVersion(version)));
        }
        gate.open();

        long won = version(first) + 1;
        assertThat(version(writes.get(0))).isEqualTo(won);
        for (CompletableFuture<WriteResult> write : writes.subList(1, 6)) {
            assertThat(await(write)).isEqualTo(new WriteResult.ConditionFailed(won));
        }
    }

    @Test
    void a_write_whose_deadline_passes_in_the_queue_does_not_happen() throws Exception {
        CompletableFuture<WriteResult> first = stopWriter();
        CompletableFuture<WriteResult> late = engine.store.write(
                engine.ns,
                Mutation.put(Key.of("late"), Value.of("v")),
                WriteOptions.DEFAULT.withTimeout(Duration.ofMillis(1)));
        CompletableFuture<WriteResult> patient = engine.put("patient", "v");
        long queued = System.nanoTime();
        Awaitility.await()
                .until(() -> System.nanoTime() - queued > Duration.ofMillis(20).toNanos());
        gate.open();

        engine.assertApplied(first);
        engine.assertApplied(patient);
        KvException failure = failureOf(late);
        assertThat(failure.code()).isEqualTo(ErrorCode.DEADLINE_EXCEEDED);
        assertThat(failure).hasMessageContaining("not applied");
        assertThat(engine.text("late")).isEqualTo("-");
    }

    @Test
    void a_full_queue_refuses_at_once_and_takes_again_when_there_is_room() throws Exception {
        CompletableFuture<WriteResult> first = stopWriter();
        List<CompletableFuture<WriteResult>> fitting = new ArrayList<>();
        for (int i = 0; i < 7; i++) { // What is being written counts, too.
            fitting.add(engine.put("k" + i, "v"));
        }

        CompletableFuture<WriteResult> tooMany = engine.put("k8", "v");

        assertThat(tooMany).isCompletedExceptionally();
        KvException failure = failureOf(tooMany);
        assertThat(failure.code()).isEqualTo(ErrorCode.UNAVAILABLE);
        assertThat(failure).hasMessageContaining("overloaded");
        assertThat(engine.store.stats().waitingRequests()).isEqualTo(8);
        gate.open();
        engine.assertApplied(first);
        fitting.forEach(engine::assertApplied);
        engine.assertApplied(engine.put("k8", "v"));
        assertThat(engine.store.stats().waitingRequests()).isZero();
        assertThat(engine.store.stats().waitingBytes()).isZero();
    }

    @Test
    void the_bytes_of_the_queue_are_bounded_but_a_lone_request_always_fits() throws Exception {
        engine.assertApplied(engine.put("large", Engine.bytes(200_000, 1)));
        CompletableFuture<WriteResult> first = stopWriter();
        CompletableFuture<WriteResult> fits = engine.put("a", Engine.bytes(60_000, 1));
        CompletableFuture<WriteResult> tooMuch = engine.put("b", Engine.bytes(60_000, 1));

        assertThat(failureOf(tooMuch).code()).isEqualTo(ErrorCode.UNAVAILABLE);
        gate.open();
        engine.assertApplied(first);
        engine.assertApplied(fits);
    }

    @Test
    void a_refused_request_of_a_group_does_not_harm_the_others() throws Exception {
        CompletableFuture<WriteResult> first = stopWriter();
        CompletableFuture<WriteResult> before = engine.put("before", "v");
        CompletableFuture<WriteResult> expired = engine.put(
                "expired", "v", PutOptions.expiresAt(engine.clock.instant().minusSeconds(5)));
        CompletableFuture<WriteResult> nowhere = engine.store.write(
                new io.nearkv.core.NamespaceId(1, 1), Mutation.put(Key.of("k"), Value.of("v")), WriteOptions.DEFAULT);
        CompletableFuture<WriteResult> after = engine.put("after", "v");
        gate.open();

        engine.assertApplied(first);
        assertThat(version(after)).isEqualTo(version(before) + 1);
        assertThat(failureOf(expired).code()).isEqualTo(ErrorCode.INVALID_REQUEST);
        assertThat(failureOf(nowhere).code()).isEqualTo(ErrorCode.NOT_FOUND);
    }

    @Test
    void a_callback_that_throws_or_writes_again_does_not_stop_the_writer() {
        CompletableFuture<WriteResult> chained = engine.put("a", "v").thenCompose(result -> engine.put("b", "v"));
        CompletableFuture<WriteResult> thrown = engine.put("c", "v").thenApply(result -> {
            throw new IllegalStateException("a bug of the caller");
        });

        engine.assertApplied(chained);
        assertThat(failureOf(thrown).code()).isEqualTo(ErrorCode.INTERNAL);
        engine.assertApplied(engine.put("d", "v"));
    }

    @Test
    void a_group_of_buffered_writes_is_not_synced() throws Exception {
        long syncs = engine.store.stats().syncs();
        for (int i = 0; i < 5; i++) {
            Object unused = await(
                    engine.store.write(engine.ns, Mutation.put(Key.of("k" + i), Value.of("v")), WriteOptions.BUFFERED));
        }
        assertThat(engine.store.stats().syncs()).isEqualTo(syncs);
        engine.assertApplied(engine.put("k", "v"));
        assertThat(engine.store.stats().syncs()).isEqualTo(syncs + 1);
    }

    @Test
    void closing_from_a_callback_of_the_writer_does_not_hang_and_the_folder_can_be_opened_again() {
        CompletableFuture<Boolean> closed = engine.put("k", "v").thenApply(result -> {
            engine.store.close();
            return true;
        });
        assertThat(await(closed)).isTrue();
    }
}
