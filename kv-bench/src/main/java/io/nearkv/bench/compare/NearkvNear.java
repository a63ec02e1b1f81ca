package io.nearkv.bench.compare;

import io.nearkv.bench.macro.KeySpace;
import io.nearkv.bench.macro.KvStoreTarget;
import io.nearkv.bench.macro.LoadRun;
import io.nearkv.bench.macro.ProcessCpu;
import io.nearkv.core.AccountId;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.Kv;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.WriteOptions;
import io.nearkv.edge.EdgeCache;
import io.nearkv.edge.EdgeOptions;
import io.nearkv.net.client.KvClient;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** Our near cache, as {@code EdgeCache.over(KvClient.connect(...))} sets it up, but with a time of its own for which copies are good. */
final class NearkvNear implements NearCache {
    private static final String NAMESPACE = "default";

    private final EdgeCache cache;
    private final KvNamespace near;
    private final Kv writer;
    private final KvNamespace far;
    private final NamespaceId id;
    private final String[] names;
    private final Key[] keys;
    private final int valueBytes;

    private NearkvNear(EdgeCache cache, AccountId account, Kv writer, KeySpace space) {
        this.cache = cache;
        this.near = Kv.over(cache, account).namespace(NAMESPACE);
        this.writer = writer;
        this.far = writer.namespace(NAMESPACE).withWriteOptions(WriteOptions.BUFFERED);
        this.id = far.info().id();
        this.names = new String[space.keys()];
        this.keys = new Key[space.keys()];
        for (int i = 0; i < keys.length; i++) {
            names[i] = space.name(i);
            keys[i] = Key.of(names[i]);
        }
        this.valueBytes = space.valueBytes();
    }

    /** Fills a server, and opens a cache over it that holds nothing yet and follows the server's changes. */
    static NearkvNear open(RunningServer server, KeySpace space, Duration cacheTtl) throws InterruptedException {
        String address = "kv://" + server.host() + ":" + server.port();
        String token = String.valueOf(server.token());
        Kv writer = KvClient.connect(address, token);
        // Not closed: it would close the store.
        new LoadRun(
                        new KvStoreTarget(
                                writer.store(),
                                writer.namespace(NAMESPACE).info().id(),
                                space,
                                WriteOptions.BUFFERED),
                        space,
                        ProcessCpu.UNKNOWN)
                .fill();
        Kv reader = KvClient.connect(address, token);
        EdgeCache cache = EdgeCache.open(
                reader.store(), EdgeOptions.builder().cacheTtl(cacheTtl).build());
        while (!cache.stats().feed().equals("following")) {
            LockSupport.parkNanos(1_000_000);
        }
        return new NearkvNear(cache, reader.account(), writer, space);
    }

    @Override
    public Map<String, Gets> ways() {
        Map<String, Gets> ways = new LinkedHashMap<>();
        ways.put("nearkv", this::byName);
        ways.put("nearkv, keys made before", this::byKey);
        return ways;
    }

    /** As most applications get: by a text, which becomes a key each time. */
    private int byName(int[] sequence, int from, int count) {
        int wrong = 0;
        for (int i = from; i < from + count; i++) {
            if (!(near.get(names[sequence[i]]) instanceof GetResult.Found found) || found.length() != valueBytes) {
                wrong++;
            }
        }
        return wrong;
    }

    /** As one gets who keeps the keys. */
    private int byKey(int[] sequence, int from, int count) {
        int wrong = 0;
        try {
            for (int i = from; i < from + count; i++) {
                if (!(cache.get(id, keys[sequence[i]], ReadOptions.DEFAULT).get() instanceof GetResult.Found found)
                        || found.length() != valueBytes) {
                    wrong++;
                }
            }
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
        return wrong;
    }

    @Override
    public byte @Nullable [] get(int index) {
        return near.getBytes(names[index]).orElse(null);
    }

    @Override
    public void write(int index, byte[] value) {
        long unused = far.put(names[index], value).orThrow();
    }

    @Override
    public long misses() {
        return cache.stats().misses();
    }

    @Override
    public void close() {
        cache.close();
        writer.close();
    }
}
