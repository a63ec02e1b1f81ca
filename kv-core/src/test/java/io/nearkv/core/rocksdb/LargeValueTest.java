package io.nearkv.core.rocksdb;

import static io.nearkv.core.rocksdb.Engine.await;
import static io.nearkv.core.rocksdb.Engine.bytes;
import static io.nearkv.core.rocksdb.Engine.failureOf;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.core.Condition;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Mutation;
import io.nearkv.core.OpenResult;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.ValueReader;
import io.nearkv.core.ValueWriter;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
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

/** Values that live outside of their entry: nothing of them is left behind, and nothing is pulled away under a reader. */
class LargeValueTest {
    private static final int SIZE = 200_000;

    @TempDir
    Path folder;

    private final StepGate gate = new StepGate();
    private Engine engine;

    @BeforeEach
    void open() {
        engine = new Engine(
                folder,
                options -> options.failpoints(gate)
                        .maxOpenReaders(3)
                        .maxUploads(2)
                        .readerIdleTime(Duration.ofMillis(500))
                        .uploadIdleTime(Duration.ofSeconds(2)));
    }

    @AfterEach
    void close() {
        gate.open();
        engine.close();
    }

    private ValueReader reader(String key) {
        OpenResult result = await(engine.store.open(engine.ns, Key.of(key), ReadOptions.STRONG));
        return ((OpenResult.Opened) result).reader();
    }

    private static Value readAll(ValueReader reader) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (ByteBuffer piece = await(reader.read()); piece.hasRemaining(); piece = await(reader.read())) {
            byte[] copy = new byte[piece.remaining()];
            piece.get(copy);
            all.writeBytes(copy);
        }
        return Value.wrap(all.toByteArray());
    }

    private ValueWriter upload(String key, PutOptions put) {
        return await(engine.store.upload(engine.ns, Key.of(key), put, WriteOptions.DEFAULT));
    }

    private static void writeTo(ValueWriter writer, Value value) {
        Object unused = await(writer.write(value.asByteBuffer()));
    }

    private void assertNothingIsLeft() {
        Awaitility.await().untilAsserted(() -> {
            assertThat(engine.records("values")).isZero();
            assertThat(engine.hasMeta(MetaRecords.STAGING)).isFalse();
        });
    }

    @Test
    void overwriting_with_a_small_value_removes_pieces_and_pointer() {
        engine.assertApplied(engine.put("k", bytes(SIZE, 1)));
        assertThat(engine.records("values")).isEqualTo(1 + 4);
        engine.assertApplied(engine.put("k", "small"));
        assertNothingIsLeft();
        assertThat(engine.text("k")).isEqualTo("small");
    }

    @Test
    void overwriting_with_a_large_value_keeps_the_pieces_of_the_new_one_alone() {
        engine.assertApplied(engine.put("k", bytes(SIZE, 1)));
        engine.assertApplied(engine.put("k", bytes(100_000, 2)));
        assertThat(engine.records("values")).isEqualTo(1 + 2);
        GetResult.Found found = (GetResult.Found) await(engine.get("k"));
        assertThat(found.value()).isEqualTo(bytes(100_000, 2));
    }

    @Test
    void deleting_removes_pieces_and_pointer_also_after_reopening() {
        engine.assertApplied(engine.put("k", bytes(SIZE, 1)));
        engine.reopen();
        engine.assertApplied(engine.delete("k"));
        assertNothingIsLeft();
    }

    @Test
    void deleting_the_namespace_removes_everything() {
        engine.assertApplied(engine.put("k", bytes(SIZE, 1)));
        engine.assertApplied(engine.put("l", "v"));
        await(engine.store.admin().deleteNamespace(engine.ns).thenApply(nothing -> true));
        assertNothingIsLeft();
        assertThat(engine.records("entries")).isZero();
    }

    @Test
    void several_writes_of_one_key_in_one_group_leave_the_last_alone() throws Exception {
        gate.close(Failpoints.Step.BEFORE_WRITE);
        CompletableFuture<WriteResult> first = engine.put("first", "v");
        gate.awaitReached();
        List<CompletableFuture<WriteResult>> writes = new ArrayList<>();
        writes.add(engine.put("k", bytes(SIZE, 1)));
        writes.add(engine.put("k", "small"));
        writes.add(engine.put("k", bytes(SIZE, 2)));
        writes.add(engine.delete("k"));
        writes.add(engine.put("k", bytes(70_000, 3)));
        gate.open();
        engine.assertApplied(first);
        writes.forEach(engine::assertApplied);

        assertThat(engine.records("values")).isEqualTo(1 + 2);
        assertThat(((GetResult.Found) await(engine.get("k"))).value()).isEqualTo(bytes(70_000, 3));
        engine.assertApplied(engine.delete("k"));
        assertNothingIsLeft();
    }

    @Test
    void a_failed_condition_leaves_nothing_of_an_upload() {
        engine.assertApplied(engine.put("k", "v"));
        try (ValueWriter writer = upload("k", PutOptions.when(Condition.IF_ABSENT))) {
            writeTo(writer, bytes(SIZE, 1));
            assertThat(engine.hasMeta(MetaRecords.STAGING)).isTrue();
            assertThat(await(writer.commit()).applied()).isFalse();
        }
        assertNothingIsLeft();
        assertThat(engine.text("k")).isEqualTo("v");
    }

    @Test
    void a_closed_upload_leaves_nothing() {
        try (ValueWriter writer = upload("k", PutOptions.DEFAULT)) {
            writeTo(writer, bytes(SIZE, 1));
            assertThat(engine.records("values")).isGreaterThan(0);
        }
        assertNothingIsLeft();
    }

    @Test
    void an_upload_into_a_namespace_that_is_deleted_meanwhile_leaves_nothing() {
        try (ValueWriter writer = upload("k", PutOptions.DEFAULT)) {
            writeTo(writer, bytes(SIZE, 1));
            await(engine.store.admin().deleteNamespace(engine.ns).thenApply(nothing -> true));
            writeTo(writer, bytes(SIZE, 2));
            assertThat(failureOf(writer.commit()).code()).isEqualTo(ErrorCode.NOT_FOUND);
        }
        assertNothingIsLeft();
    }

    @Test
    void what_an_upload_left_behind_in_a_crash_is_removed_at_the_next_opening() {
        ValueWriter writer = upload("k", PutOptions.DEFAULT);
        writeTo(writer, bytes(SIZE, 1));
        // The removal comes through the writer: when it never gets there, closing looks like a crash to the data.
        gate.failAlways(Failpoints.Step.GROUP_TAKEN);
        engine.store.close();
        gate.heal();
        engine.store = RocksStore.open(folder, engine.options());
        assertNothingIsLeft();
        writer.close();
    }

    @Test
    void a_committed_upload_is_durable_and_whole() {
        try (ValueWriter writer = upload("k", PutOptions.DEFAULT)) {
            writeTo(writer, bytes(SIZE, 1));
            writeTo(writer, bytes(SIZE, 2));
            assertThat(await(writer.commit()).applied()).isTrue();
        }
        engine.reopen();
        GetResult.Found found = (GetResult.Found) await(engine.get("k"));
        ByteBuffer both = ByteBuffer.allocate(2 * SIZE);
        bytes(SIZE, 1).putTo(both);
        bytes(SIZE, 2).putTo(both);
        assertThat(found.value()).isEqualTo(Value.wrap(both.array()));
    }

    @Test
    void uploads_are_bounded_and_idle_ones_are_given_up() {
        ValueWriter first = upload("a", PutOptions.DEFAULT);
        ValueWriter second = upload("b", PutOptions.DEFAULT);
        writeTo(second, bytes(SIZE, 1));
        KvException failure =
                failureOf(engine.store.upload(engine.ns, Key.of("c"), PutOptions.DEFAULT, WriteOptions.DEFAULT));
        assertThat(failure.code()).isEqualTo(ErrorCode.UNAVAILABLE);
        first.close();
        ValueWriter third = upload("c", PutOptions.DEFAULT);
        Awaitility.await().until(() -> engine.store.stats().openUploads() == 0);
        assertThatThrownBy(second::commit).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(third::commit).isInstanceOf(IllegalStateException.class);
        assertNothingIsLeft();
    }

    @Test
    void a_reader_sees_the_value_as_it_was_whatever_is_written_meanwhile() {
        engine.assertApplied(engine.put("k", bytes(SIZE, 1)));
        try (ValueReader reader = reader("k")) {
            engine.assertApplied(engine.put("k", bytes(SIZE, 2)));
            engine.assertApplied(engine.delete("k"));
            await(engine.store.admin().deleteNamespace(engine.ns).thenApply(nothing -> true));
            assertThat(readAll(reader)).isEqualTo(bytes(SIZE, 1));
        }
    }

    @Test
    void readers_are_bounded_and_idle_ones_are_closed() {
        engine.assertApplied(engine.put("k", bytes(SIZE, 1)));
        List<ValueReader> readers = List.of(reader("k"), reader("k"), reader("k"));
        KvException refused = failureOf(engine.store.open(engine.ns, Key.of("k"), ReadOptions.STRONG));
        assertThat(refused.code()).isEqualTo(ErrorCode.UNAVAILABLE);

        Awaitility.await().until(() -> engine.store.stats().openReaders() == 0);
        KvException idle = failureOf(readers.get(0).read());
        assertThat(idle.code()).isEqualTo(ErrorCode.UNAVAILABLE);
        assertThat(idle).hasMessageContaining("nobody read from it");
        try (ValueReader fourth = reader("k")) {
            assertThat(readAll(fourth)).isEqualTo(bytes(SIZE, 1));
        }
        readers.forEach(ValueReader::close);
    }

    @Test
    void a_cancelled_open_leaks_no_reader() {
        engine.assertApplied(engine.put("k", bytes(SIZE, 1)));
        for (int i = 0; i < 200; i++) {
            engine.store.open(engine.ns, Key.of("k"), ReadOptions.STRONG).cancel(false);
        }
        Awaitility.await()
                .atMost(Duration.ofSeconds(20))
                .until(() -> engine.store.stats().openReaders() == 0);
    }

    @Test
    void a_listing_does_not_read_values() {
        engine.assertApplied(engine.put("k", bytes(SIZE, 1)));
        engine.reopen();
        var page = await(engine.store.list(engine.ns, io.nearkv.core.ListOptions.ALL, ReadOptions.STRONG));
        assertThat(page.keys())
                .singleElement()
                .satisfies(info -> assertThat(info.valueBytes()).isEqualTo(SIZE));
    }

    @Test
    void a_store_opened_with_another_threshold_reads_what_is_there() {
        engine.assertApplied(engine.put("k", bytes(4096, 1)));
        engine.assertApplied(engine.put("l", bytes(4097, 1)));
        engine.store.close();
        engine.store = RocksStore.open(
                folder, Engine.defaults(engine.clock).inlineValueBytes(64).build());
        assertThat(((GetResult.Found) await(engine.get("k"))).value()).isEqualTo(bytes(4096, 1));
        assertThat(((GetResult.Found) await(engine.get("l"))).value()).isEqualTo(bytes(4097, 1));
        engine.assertApplied(engine.write(Mutation.delete(Key.of("l"))));
        assertNothingIsLeft();
    }
}
