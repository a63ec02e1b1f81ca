package io.nearkv.bench.micro;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import io.nearkv.bench.macro.HashMapStore;
import io.nearkv.bench.macro.KeySpace;
import io.nearkv.core.AccountId;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.edge.EdgeCache;
import io.nearkv.edge.EdgeOptions;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Objects;
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
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A hit in memory, beside Caffeine as it is usually set up: with a maximum of twice the entries, and with an expiration and statistics besides, which is what our hit has. Keys are chosen by
 * Zipf 0.99, and each lookup has a key object of its own, equal to the one in the cache. Rows 13, 14 and 16.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Benchmark)
@Fork(
        value = 3,
        jvmArgsAppend = {"-XX:-UsePerfData", "-Xmx4g"})
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
public class EdgeHit {
    private static final int SEQUENCE = 1 << 20;

    /** How many entries there are, all of which fit. */
    @Param({"10000", "1000000"})
    public int entries = 10_000;

    private final NamespaceId namespace = new NamespaceId(1, 2);
    private @Nullable EdgeCache edge;
    private @Nullable EdgeCache beforeEngine;
    private @Nullable Cache<Key, GetResult> caffeine;
    private @Nullable Cache<Key, GetResult> caffeineExpiring;
    private Key[] probes = new Key[0];
    private int[] sequence = new int[0];
    private final AtomicInteger threads = new AtomicInteger();

    /** Where a thread is in the sequence. */
    @State(Scope.Thread)
    public static class Place {
        private int next;

        /** Puts threads at different places. */
        @Setup(Level.Iteration)
        public void begin(EdgeHit shared) {
            next = shared.threads.getAndIncrement() * 7919;
        }
    }

    /** Fills all of them. */
    @Setup(Level.Trial)
    public void fill() {
        KeySpace space = new KeySpace(entries, 100, 0.99, 42);
        byte[][] bytes = space.keyBytes();
        HashMapStore store = new HashMapStore(new AccountId(1, 1), namespace, entries, InstantSource.system());
        EdgeCache overFeedless = EdgeCache.open(
                store,
                EdgeOptions.builder()
                        .memoryBytes(2L << 30)
                        .cacheTtl(Duration.ofHours(1))
                        .build());
        edge = overFeedless;
        EdgeCache coherent = EdgeCache.open(store, EdgeOptions.beforeEngine(2L << 30));
        beforeEngine = coherent;
        Cache<Key, GetResult> usual =
                Caffeine.newBuilder().maximumSize(2L * entries).build();
        caffeine = usual;
        Cache<Key, GetResult> expiring = Caffeine.newBuilder()
                .maximumSize(2L * entries)
                .expireAfterWrite(Duration.ofHours(1))
                .recordStats()
                .build();
        caffeineExpiring = expiring;
        probes = new Key[entries];
        byte[][] values = space.values();
        for (int i = 0; i < entries; i++) {
            Key key = Key.ofUtf8(bytes[i]);
            store.write(namespace, Mutation.put(key, Value.of(values[i % values.length])), WriteOptions.BUFFERED)
                    .join();
            GetResult loaded =
                    overFeedless.get(namespace, key, ReadOptions.DEFAULT).join();
            GetResult same = coherent.get(namespace, key, ReadOptions.DEFAULT).join();
            if (!(loaded instanceof GetResult.Found) || !loaded.equals(same)) {
                throw new IllegalStateException("key " + i + " is not there");
            }
            usual.put(key, loaded);
            expiring.put(key, loaded);
            probes[i] = Key.ofUtf8(bytes[i]);
        }
        sequence = space.sequence(SEQUENCE, 1);
    }

    /** Frees what has threads. */
    @TearDown(Level.Trial)
    public void free() {
        Objects.requireNonNull(edge).close();
        Objects.requireNonNull(beforeEngine).close();
    }

    private Key next(Place place) {
        place.next = (place.next + 1) & (SEQUENCE - 1);
        return probes[sequence[place.next]];
    }

    /** Our cache over another tier: a hit checks expiration, age, and whether the feed still covers it. */
    @Benchmark
    public GetResult edge(Place place) throws Exception {
        return Objects.requireNonNull(edge)
                .get(namespace, next(place), ReadOptions.DEFAULT)
                .get();
    }

    /** Our cache before an engine: a hit checks the expiration. */
    @Benchmark
    public GetResult beforeEngine(Place place) throws Exception {
        return Objects.requireNonNull(beforeEngine)
                .get(namespace, next(place), ReadOptions.DEFAULT)
                .get();
    }

    /** Caffeine with a maximum size. */
    @Benchmark
    public @Nullable GetResult caffeine(Place place) {
        return Objects.requireNonNull(caffeine).getIfPresent(next(place));
    }

    /** Caffeine with a maximum size, an expiration and statistics. */
    @Benchmark
    public @Nullable GetResult caffeineExpiring(Place place) {
        return Objects.requireNonNull(caffeineExpiring).getIfPresent(next(place));
    }
}
