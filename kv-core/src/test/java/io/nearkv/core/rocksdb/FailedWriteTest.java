package io.nearkv.core.rocksdb;

import static io.nearkv.core.rocksdb.Engine.await;
import static io.nearkv.core.rocksdb.Engine.bytes;
import static io.nearkv.core.rocksdb.Engine.failureOf;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedProbe;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.OpenResult;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.ValueReader;
import io.nearkv.core.ValueWriter;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.FlushOptions;
import org.rocksdb.RocksDBException;

/** A disk that fails or is full: what the caller is told, and how the store comes back by itself. */
class FailedWriteTest {
    @TempDir
    Path folder;

    private final StepGate gate = new StepGate();
    private final AtomicLong freeBytes = new AtomicLong(1L << 40);
    private Engine engine;

    @BeforeEach
    void open() {
        engine = new Engine(
                folder,
                options -> options.failpoints(gate).diskReserveBytes(1 << 20).diskProbe(freeBytes::get));
        engine.assertApplied(engine.put("before", "v"));
    }

    @AfterEach
    void close() {
        gate.heal();
        gate.open();
        engine.close();
    }

    private void awaitOpen(long reopenings) {
        Awaitility.await()
                .until(() -> engine.store.stats().reopenings() == reopenings
                        && engine.store.stats().open());
    }

    @Test
    void a_write_that_fails_has_an_unknown_outcome_and_the_store_opens_again() {
        gate.failOnce(Failpoints.Step.BEFORE_WRITE);
        KvException failure = failureOf(engine.put("k", "v"));
        assertThat(failure.code()).isEqualTo(ErrorCode.OUTCOME_UNKNOWN);
        awaitOpen(1);

        assertThat(engine.text("k")).as("it failed before the log").isEqualTo("-");
        assertThat(engine.text("before")).isEqualTo("v");
        engine.assertApplied(engine.put("k", "v2"));
        assertThat(engine.text("k")).isEqualTo("v2");
    }

    @Test
    void a_write_that_fails_after_the_log_is_there_after_all_and_in_the_feed() {
        FeedProbe feed = new FeedProbe(engine.store.watch(engine.feed(new FeedRequest.Start.Now())));
        feed.request(Long.MAX_VALUE);
        Object unused = feed.awaitHeartbeat();
        gate.failOnce(Failpoints.Step.AFTER_WRITE);
        assertThat(failureOf(engine.put("k", "v")).code()).isEqualTo(ErrorCode.OUTCOME_UNKNOWN);
        awaitOpen(1);

        assertThat(engine.text("k")).isEqualTo("v");
        engine.assertApplied(engine.put("l", "v"));
        assertThat(feed.awaitChanges(2))
                .extracting(change -> String.valueOf(change.key()))
                .containsExactly("k", "l");
        feed.close();
    }

    @Test
    void while_it_cannot_be_opened_everything_is_unavailable_and_then_it_goes_on() {
        FeedProbe feed = new FeedProbe(engine.store.watch(engine.feed(new FeedRequest.Start.Now())));
        feed.request(Long.MAX_VALUE);
        Object unused = feed.awaitHeartbeat();
        gate.failAlways(Failpoints.Step.BEFORE_WRITE);
        CompletableFuture<WriteResult> failed = engine.put("k", "v");
        assertThat(failureOf(failed).code()).isEqualTo(ErrorCode.OUTCOME_UNKNOWN);
        awaitOpen(1);
        gate.failAlways(Failpoints.Step.BEFORE_OPEN);
        // The next failure cannot be repaired at once.
        gate.close(Failpoints.Step.AFTER_WRITE);
        CompletableFuture<WriteResult> second = engine.put("k", "v");
        Awaitility.await().untilAsserted(gate::awaitReached);
        gate.failAlways(Failpoints.Step.AFTER_WRITE);
        gate.open();
        assertThat(failureOf(second).code()).isEqualTo(ErrorCode.OUTCOME_UNKNOWN);
        gate.heal();
        awaitOpen(2);
        assertThat(engine.text("k")).isEqualTo("v");
        assertThat(feed.awaitChanges(1)).hasSize(1);
        feed.close();
    }

    @Test
    void reads_and_writes_are_refused_at_once_while_the_store_recovers() throws Exception {
        gate.failOnce(Failpoints.Step.BEFORE_WRITE);
        gate.close(Failpoints.Step.BEFORE_OPEN);
        CompletableFuture<WriteResult> failed = engine.put("k", "v");
        gate.awaitReached();
        KvException read = failureOf(engine.get("before"));
        KvException write = failureOf(engine.put("l", "v"));
        KvException list = failureOf(engine.store.admin().accounts());
        assertThat(List.of(read.code(), write.code(), list.code())).containsOnly(ErrorCode.UNAVAILABLE);
        assertThat(read).hasMessageContaining("recovers");
        assertThat(engine.store.stats().open()).isFalse();
        assertThat(engine.store.writeRefusal()).hasMessageContaining("recovers");
        gate.open();
        assertThat(failureOf(failed).code()).isEqualTo(ErrorCode.OUTCOME_UNKNOWN);
        awaitOpen(1);
        assertThat(engine.text("before")).isEqualTo("v");
    }

    @Test
    void closing_while_the_store_recovers_does_not_hang() throws Exception {
        gate.failOnce(Failpoints.Step.BEFORE_WRITE);
        CompletableFuture<WriteResult> failed = engine.put("k", "v");
        assertThat(failureOf(failed).code()).isEqualTo(ErrorCode.OUTCOME_UNKNOWN);
        gate.failAlways(Failpoints.Step.BEFORE_OPEN);
        engine.store.close();
        gate.heal();
        engine.store = RocksStore.open(folder, engine.options());
        assertThat(engine.text("before")).isEqualTo("v");
    }

    @Test
    void readers_and_uploads_of_before_are_unavailable_after_it_and_leave_nothing() {
        engine.assertApplied(engine.put("large", bytes(200_000, 1)));
        OpenResult opened = await(engine.store.open(engine.ns, Key.of("large"), ReadOptions.STRONG));
        ValueReader reader = ((OpenResult.Opened) opened).reader();
        Object unused = await(reader.read());
        ValueWriter writer =
                await(engine.store.upload(engine.ns, Key.of("u"), PutOptions.DEFAULT, WriteOptions.DEFAULT));
        unused = await(writer.write(bytes(200_000, 2).asByteBuffer()));
        gate.failOnce(Failpoints.Step.BEFORE_WRITE);
        assertThat(failureOf(engine.put("k", "v")).code()).isEqualTo(ErrorCode.OUTCOME_UNKNOWN);
        awaitOpen(1);

        assertThat(failureOf(reader.read()).code()).isEqualTo(ErrorCode.UNAVAILABLE);
        assertThat(failureOf(writer.commit()).code()).isEqualTo(ErrorCode.UNAVAILABLE);
        reader.close();
        writer.close();
        assertThat(engine.records("values")).isEqualTo(1 + 4);
        assertThat(engine.hasMeta(MetaRecords.STAGING)).isFalse();
        assertThat(engine.store.stats().openUploads()).isZero();
        assertThat(engine.store.stats().openReaders()).isZero();
    }

    @Test
    void a_piece_of_an_upload_that_fails_makes_the_store_open_again() {
        ValueWriter writer =
                await(engine.store.upload(engine.ns, Key.of("u"), PutOptions.DEFAULT, WriteOptions.DEFAULT));
        gate.failOnce(Failpoints.Step.BEFORE_CHUNK);
        KvException failure = failureOf(writer.write(bytes(200_000, 2).asByteBuffer()));
        assertThat(failure.code()).isEqualTo(ErrorCode.UNAVAILABLE);
        writer.close();
        engine.assertApplied(engine.put("k", "v"));
    }

    @Test
    void a_full_disk_refuses_writes_but_not_deletes_and_reads_and_ends_by_itself() {
        freeBytes.set(900_000);
        Awaitility.await().untilAsserted(() -> {
            KvException failure = failureOf(engine.put("k", "v"));
            assertThat(failure.code()).isEqualTo(ErrorCode.UNAVAILABLE);
            assertThat(failure).hasMessageContaining("disk full");
        });
        assertThat(engine.text("before")).isEqualTo("v");
        engine.assertApplied(engine.delete("before"));
        freeBytes.set(400_000);
        Awaitility.await()
                .untilAsserted(() ->
                        assertThat(failureOf(engine.delete("before")).code()).isEqualTo(ErrorCode.UNAVAILABLE));

        freeBytes.set(1L << 40);

        Awaitility.await().untilAsserted(() -> engine.assertApplied(engine.put("k", "v")));
        assertThat(engine.store.stats().reopenings()).isZero();
    }

    @Test
    void a_store_says_why_it_takes_no_writes_also_if_nobody_tries() {
        assertThat(engine.store.writeRefusal()).isNull();

        freeBytes.set(900_000);
        Awaitility.await()
                .untilAsserted(() -> assertThat(engine.store.writeRefusal()).hasMessageContaining("disk full"));
        freeBytes.set(1L << 40);
        Awaitility.await().until(() -> engine.store.writeRefusal() == null);

        engine.store.close();
        assertThat(engine.store.writeRefusal()).hasMessageContaining("shutting down");
    }

    @Test
    void the_gauges_of_rocksdb_follow_what_is_stored() throws RocksDBException {
        RocksDbStats before = engine.store.stats().rocksDb();
        engine.assertApplied(engine.put("large", "x".repeat(100_000)));
        Database db = engine.store.databaseForTests();
        try (FlushOptions flush = new FlushOptions()) {
            db.rocks.flush(flush, List.of(db.entries, db.values));
        }
        RocksDbStats after = engine.store.stats().rocksDb();

        assertThat(after.cacheLimitBytes()).isPositive();
        assertThat(after.blobFiles()).isGreaterThan(before.blobFiles());
        assertThat(after.blobFileBytes()).isGreaterThan(before.blobFileBytes() + 90_000);
        assertThat(after.filesPerLevel()).hasSize(7);
        assertThat(after.filesPerLevel().stream().mapToLong(Long::longValue).sum())
                .isPositive();
        assertThat(after.tableFileBytes()).isPositive();
        assertThat(after.entries()).isPositive();
        assertThat(after.backgroundErrors()).isZero();
        assertThat(after.writesStopped()).isFalse();
    }
}
