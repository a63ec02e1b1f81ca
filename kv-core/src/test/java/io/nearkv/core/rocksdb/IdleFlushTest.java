package io.nearkv.core.rocksdb;

import static io.nearkv.core.rocksdb.Engine.await;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.Key;
import io.nearkv.core.Mutation;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.RocksDBException;

/** What becomes of the write buffers when nobody writes. */
class IdleFlushTest {
    @TempDir
    Path folder;

    @Test
    void the_entries_of_an_idle_store_are_in_table_files_and_are_the_same_there() throws Exception {
        try (Engine engine = new Engine(folder, options -> options.idleFlushTime(Duration.ofMillis(1)))) {
            putMany(engine);
            // The buffer is put aside first, and its file is there a moment later.
            Awaitility.await().untilAsserted(() -> assertThat(tables(engine)).isPositive());

            assertThat(buffered(engine)).isZero();
            assertThat(engine.text("k7")).isEqualTo("v7");
            engine.reopen();
            assertThat(engine.text("k1999")).isEqualTo("v1999");
            assertThat(engine.text("other")).isEqualTo("-");
        }
    }

    @Test
    void a_store_that_was_written_to_just_now_keeps_its_buffer() throws Exception {
        try (Engine engine = new Engine(folder, options -> options.idleFlushTime(Duration.ofHours(1)))) {
            putMany(engine);
            // Long enough that it is looked at, twice.
            Awaitility.await()
                    .during(Duration.ofMillis(2500))
                    .untilAsserted(() -> assertThat(buffered(engine)).isEqualTo(2000));
        }
    }

    private static void putMany(Engine engine) {
        List<Mutation> puts = IntStream.range(0, 2000)
                .<Mutation>mapToObj(i -> Mutation.put(Key.of("k" + i), Value.of("v" + i)))
                .toList();
        assertThat(await(engine.store.writeAll(engine.ns, puts, WriteOptions.DEFAULT)))
                .allMatch(result -> result.applied());
    }

    private static long buffered(Engine engine) throws RocksDBException {
        Database db = engine.store.databaseForTests();
        return db.rocks.getLongProperty(db.entries, "rocksdb.num-entries-active-mem-table");
    }

    private static long tables(Engine engine) throws RocksDBException {
        Database db = engine.store.databaseForTests();
        return db.rocks.getLongProperty(db.entries, "rocksdb.total-sst-files-size");
    }
}
