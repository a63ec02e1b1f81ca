package io.nearkv.bench.micro;

import io.nearkv.bench.macro.KeySpace;
import io.nearkv.core.DirectReader;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvStore;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.ReadOptions;
import java.nio.ByteBuffer;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A get in process, beside RocksDB itself with our options and with its own (row 15). Each side answers with the value in an array of its own, but for
 * {@link #nearkvDirect}, which is what the server calls. The state is one thread's, so that every side looks for the same keys.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Thread)
@Fork(
        value = 5,
        jvmArgsAppend = {"-XX:-UsePerfData", "--enable-native-access=ALL-UNNAMED", "-Xmx2g"})
@Warmup(iterations = 4, time = 2)
@Measurement(iterations = 5, time = 2)
public class EmbeddedGet {
    private static final int SEQUENCE = 1 << 20;

    /** Where the keys are found. */
    public enum Location {
        /** In the write buffer: 10,000 keys that were just written. */
        MEMTABLE(10_000, 256L << 20),
        /** In files, their blocks cached by RocksDB: a million keys. */
        BLOCK_CACHE(1_000_000, 512L << 20),
        /** In files that RocksDB does not cache; the system mostly does. A million keys. */
        FILES(1_000_000, 1L << 20);

        private final int keys;
        private final long cacheBytes;

        Location(int keys, long cacheBytes) {
            this.keys = keys;
            this.cacheBytes = cacheBytes;
        }
    }

    /** Where the keys are found. */
    @Param
    public Location location = Location.BLOCK_CACHE;

    private final TemporaryFolder ours = new TemporaryFolder();
    private final TemporaryFolder tuned = new TemporaryFolder();
    private final TemporaryFolder defaults = new TemporaryFolder();
    private @Nullable EngineFolder engine;
    private @Nullable RawRocks rawTuned;
    private @Nullable RawRocks rawDefaults;
    private @Nullable KvStore store;
    private @Nullable DirectReader direct;
    private @Nullable NamespaceId namespace;
    private Key[] keys = new Key[0];
    private byte[][] rawKeys = new byte[0][];
    private final ByteBuffer probe = ByteBuffer.allocateDirect(64);
    private int[] sequence = new int[0];
    private int next;
    private long seen;

    /** Fills all three, and warms their caches. */
    @Setup(Level.Trial)
    public void fill() throws Exception {
        KeySpace space = new KeySpace(location.keys, 100, 0.99, 42);
        boolean toFiles = location != Location.MEMTABLE;
        rawKeys = space.keyBytes();
        keys = new Key[rawKeys.length];
        for (int i = 0; i < keys.length; i++) {
            keys[i] = Key.ofUtf8(rawKeys[i]);
        }
        sequence = space.sequence(SEQUENCE, 1);
        EngineFolder opened = new EngineFolder(ours.path(), location.cacheBytes, 64L << 20);
        engine = opened;
        opened.fill(space, toFiles);
        store = opened.store();
        direct = Objects.requireNonNull(opened.store().directReader(), "direct reader");
        namespace = opened.namespace();
        rawTuned = new RawRocks(tuned.path(), RawRocks.Tuning.OURS, location.cacheBytes, 64L << 20);
        rawTuned.fill(space, rawKeys, toFiles);
        rawDefaults = new RawRocks(defaults.path(), RawRocks.Tuning.DEFAULTS, location.cacheBytes, 64L << 20);
        rawDefaults.fill(space, rawKeys, toFiles);
        for (int i = 0; i < keys.length; i++) {
            if (nearkv(i).length() != raw(rawTuned, i).length || raw(rawDefaults, i).length != space.valueBytes()) {
                throw new IllegalStateException("key " + i + " has another value");
            }
        }
    }

    /** Frees all three. */
    @TearDown(Level.Trial)
    public void free() {
        for (AutoCloseable each :
                new @Nullable AutoCloseable[] {engine, rawTuned, rawDefaults, ours, tuned, defaults}) {
            try {
                if (each != null) {
                    each.close();
                }
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }

    private int nextIndex() {
        next = (next + 1) & (SEQUENCE - 1);
        return sequence[next];
    }

    private GetResult.Found nearkv(int index) throws Exception {
        GetResult result = Objects.requireNonNull(store)
                .get(Objects.requireNonNull(namespace), keys[index], ReadOptions.DEFAULT)
                .get();
        return (GetResult.Found) result;
    }

    private byte[] raw(@Nullable RawRocks rocks, int index) throws Exception {
        RawRocks known = Objects.requireNonNull(rocks);
        return Objects.requireNonNull(known.db.get(known.reads, rawKeys[index]));
    }

    /** Our engine, as an application calls it. */
    @Benchmark
    public GetResult.Found nearkv() throws Exception {
        return nearkv(nextIndex());
    }

    /** Our engine, as the server calls it; beyond memory it only says so. */
    @Benchmark
    public long nearkvDirect() {
        byte[] key = rawKeys[nextIndex()];
        probe.clear().put(key).flip();
        DirectReader.Outcome outcome = Objects.requireNonNull(direct)
                .read(
                        Objects.requireNonNull(namespace),
                        probe,
                        (value, metadata, version, expiresAt) -> seen = version + value.remaining());
        return outcome == DirectReader.Outcome.FOUND ? seen : 0;
    }

    /** RocksDB with our options. */
    @Benchmark
    public byte[] rocksdbOurOptions() throws Exception {
        return raw(rawTuned, nextIndex());
    }

    /** RocksDB with its own options. */
    @Benchmark
    public byte[] rocksdbDefaults() throws Exception {
        return raw(rawDefaults, nextIndex());
    }
}
