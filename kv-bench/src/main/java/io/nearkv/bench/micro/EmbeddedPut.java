package io.nearkv.bench.micro;

import io.nearkv.bench.macro.KeySpace;
import io.nearkv.core.Key;
import io.nearkv.core.Mutation;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A put in process that is acknowledged after fsync, by 1 and by 64 writers, beside RocksDB itself with our options, whose own group commit joins writers too. Ours also writes the
 * version, the change feed and the acknowledgement mark.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(
        value = 3,
        jvmArgsAppend = {"-XX:-UsePerfData", "--enable-native-access=ALL-UNNAMED", "-Xmx2g"})
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
public class EmbeddedPut {
    /** The stores, opened only by the benchmark that uses them. */
    @State(Scope.Benchmark)
    public static class Ours {
        private final TemporaryFolder folder = new TemporaryFolder();
        private @Nullable EngineFolder engine;

        /** Opens the store. */
        @Setup(Level.Trial)
        public void open() throws Exception {
            engine = new EngineFolder(folder.path(), 256L << 20, 64L << 20);
        }

        /** Frees the store. */
        @TearDown(Level.Trial)
        public void close() {
            Objects.requireNonNull(engine).close();
            folder.close();
        }

        long put(Keys keys, WriteOptions options) throws Exception {
            EngineFolder opened = Objects.requireNonNull(engine);
            int index = keys.next();
            WriteResult result = opened.store()
                    .write(opened.namespace(), Mutation.put(keys.keys[index], keys.value), options)
                    .get();
            return result.orThrow();
        }
    }

    /** RocksDB alone. */
    @State(Scope.Benchmark)
    public static class Raw {
        private final TemporaryFolder folder = new TemporaryFolder();
        private @Nullable RawRocks rocks;

        /** Opens the database. */
        @Setup(Level.Trial)
        public void open() throws Exception {
            rocks = new RawRocks(folder.path(), RawRocks.Tuning.OURS, 256L << 20, 64L << 20);
        }

        /** Frees the database. */
        @TearDown(Level.Trial)
        public void close() {
            Objects.requireNonNull(rocks).close();
            folder.close();
        }

        void put(Keys keys, boolean synced) throws Exception {
            RawRocks opened = Objects.requireNonNull(rocks);
            int index = keys.next();
            opened.db.put(synced ? opened.synced : opened.buffered, keys.rawKeys[index], keys.rawValue);
        }
    }

    /** Keys in random order, the same for both. */
    @State(Scope.Thread)
    public static class Keys {
        private static final AtomicInteger THREADS = new AtomicInteger();
        private static final int COUNT = 1 << 14;

        private final KeySpace space = new KeySpace(1_000_000, 100, 0, 42);
        private final SplittableRandom random = new SplittableRandom(THREADS.getAndIncrement());
        private final Key[] keys = new Key[COUNT];
        private final byte[][] rawKeys = new byte[COUNT][];
        private final byte[] rawValue = space.values()[0];
        private final Value value = Value.of(rawValue);
        private int at;

        /** Draws them. */
        @Setup(Level.Trial)
        public void draw() {
            for (int i = 0; i < COUNT; i++) {
                keys[i] = Key.of(space.name(random.nextInt(space.keys())));
                rawKeys[i] = keys[i].toByteArray();
            }
        }

        private int next() {
            at = (at + 1) & (COUNT - 1);
            return at;
        }
    }

    /** Our engine, one writer. */
    @Benchmark
    @Threads(1)
    public long nearkvFsync1(Ours ours, Keys keys) throws Exception {
        return ours.put(keys, WriteOptions.DEFAULT);
    }

    /** Our engine, 64 writers. */
    @Benchmark
    @Threads(64)
    public long nearkvFsync64(Ours ours, Keys keys) throws Exception {
        return ours.put(keys, WriteOptions.DEFAULT);
    }

    /** Our engine, 64 writers, acknowledged from the log's buffer. */
    @Benchmark
    @Threads(64)
    public long nearkvBuffered64(Ours ours, Keys keys) throws Exception {
        return ours.put(keys, WriteOptions.BUFFERED);
    }

    /** RocksDB, one writer. */
    @Benchmark
    @Threads(1)
    public void rocksdbFsync1(Raw raw, Keys keys) throws Exception {
        raw.put(keys, true);
    }

    /** RocksDB, 64 writers. */
    @Benchmark
    @Threads(64)
    public void rocksdbFsync64(Raw raw, Keys keys) throws Exception {
        raw.put(keys, true);
    }

    /** RocksDB, 64 writers, acknowledged from the log's buffer. */
    @Benchmark
    @Threads(64)
    public void rocksdbBuffered64(Raw raw, Keys keys) throws Exception {
        raw.put(keys, false);
    }
}
