package io.nearkv.bench.edge;

import io.nearkv.bench.macro.HashMapStore;
import io.nearkv.bench.macro.KeySpace;
import io.nearkv.core.AccountId;
import io.nearkv.core.Key;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.edge.EdgeCache;
import io.nearkv.edge.EdgeOptions;
import java.io.PrintStream;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Arrays;

/**
 * How many of the reads of a Zipf 0.99 trace over a million keys are hits, with memory for 1 % and for 10 % of them, as shipped. Beside it what no cache can be better than on a trace whose reads
 * do not depend on each other: one that holds the keys which the trace reads most, from the beginning.
 */
public final class HitRatio {
    private static final int KEYS = 1_000_000;
    private static final int READS = 20_000_000;
    private static final int WARM_UP = 10_000_000;

    private HitRatio() {}

    /** Takes no arguments. */
    public static void main(String[] args) {
        KeySpace space = new KeySpace(KEYS, 100, 0.99, 42);
        PrintStream out = System.out;
        out.println("| memory for | hits | ideal | ratio |");
        out.println("| --- | --- | --- | --- |");
        for (int percent : new int[] {1, 10}) {
            run(space, percent, out);
        }
    }

    private static void run(KeySpace space, int percent, PrintStream out) {
        NamespaceId namespace = new NamespaceId(1, 2);
        HashMapStore store = new HashMapStore(new AccountId(1, 1), namespace, KEYS, InstantSource.system());
        byte[][] bytes = space.keyBytes();
        Key[] keys = new Key[KEYS];
        Value value = Value.of(space.values()[0]);
        for (int i = 0; i < KEYS; i++) {
            keys[i] = Key.ofUtf8(bytes[i]);
            store.write(namespace, Mutation.put(keys[i], value), WriteOptions.BUFFERED)
                    .join();
        }
        int entryBytes = entryBytes(store, namespace, keys[0]);
        int fits = KEYS / 100 * percent;
        int[] trace = space.sequence(READS, 7);
        try (EdgeCache edge = EdgeCache.open(
                store,
                EdgeOptions.builder()
                        .memoryBytes((long) fits * entryBytes)
                        .cacheTtl(Duration.ofHours(1))
                        .staleIfError(Duration.ZERO)
                        .build())) {
            long before = 0;
            for (int i = 0; i < READS; i++) {
                if (i == WARM_UP) {
                    before = edge.stats().memoryHits();
                }
                edge.get(namespace, keys[trace[i]], ReadOptions.DEFAULT).join();
            }
            double hits = (edge.stats().memoryHits() - before) / (double) (READS - WARM_UP);
            int[] counts = new int[KEYS];
            for (int i = WARM_UP; i < READS; i++) {
                counts[trace[i]]++;
            }
            Arrays.sort(counts);
            long best = 0;
            for (int i = KEYS - fits; i < KEYS; i++) {
                best += counts[i];
            }
            double ideal = best / (double) (READS - WARM_UP);
            out.printf("| %d %% of the keys | %.4f | %.4f | %.3f |%n", percent, hits, ideal, hits / ideal);
        }
    }

    /** Returns what one entry counts for. */
    private static int entryBytes(HashMapStore store, NamespaceId namespace, Key key) {
        EdgeCache one = EdgeCache.over(store); // Not closed: it would close the store, and there are two of them.
        one.get(namespace, key, ReadOptions.DEFAULT).join();
        long bytes = 0;
        while (bytes == 0) {
            bytes = one.stats().memoryBytes(); // Caffeine counts it a moment later.
        }
        return (int) bytes;
    }
}
