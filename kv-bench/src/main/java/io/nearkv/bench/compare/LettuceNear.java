package io.nearkv.bench.compare;

import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisURI;
import io.lettuce.core.TrackingArgs;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.codec.RedisCodec;
import io.lettuce.core.codec.StringCodec;
import io.lettuce.core.support.caching.CacheAccessor;
import io.lettuce.core.support.caching.CacheFrontend;
import io.lettuce.core.support.caching.ClientSideCaching;
import io.nearkv.bench.macro.KeySpace;
import io.nearkv.bench.peer.JedisTarget;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * lettuce's client-side caching as its documentation sets it up: a hash map without bounds, times or counters, from which Redis has the client take away what others write.
 */
final class LettuceNear implements NearCache {
    private static final Pattern READS = Pattern.compile("keyspace_hits:(\\d+)");

    private final RedisClient client;
    private final CacheFrontend<String, byte[]> near;
    private final StatefulRedisConnection<String, byte[]> writer;
    private final String[] names;
    /** Equal to the names and not the same: what is looked up is seldom the very object that is in the map. */
    private final String[] probes;

    private final int valueBytes;

    private LettuceNear(RedisClient client, KeySpace space) {
        this.client = client;
        RedisCodec<String, byte[]> codec = RedisCodec.of(StringCodec.UTF8, ByteArrayCodec.INSTANCE);
        this.near = ClientSideCaching.enable(
                CacheAccessor.forMap(new ConcurrentHashMap<>()), client.connect(codec), TrackingArgs.Builder.enabled());
        this.writer = client.connect(codec);
        this.names = new String[space.keys()];
        this.probes = new String[space.keys()];
        for (int i = 0; i < names.length; i++) {
            names[i] = space.name(i);
            probes[i] = space.name(i);
        }
        this.valueBytes = space.valueBytes();
    }

    /** Fills a server, and opens a cache over it that holds nothing yet. */
    static LettuceNear open(RunningServer server, KeySpace space) {
        try (JedisTarget target =
                new JedisTarget(InetSocketAddress.createUnresolved(server.host(), server.port()), space)) {
            target.fill(false);
        }
        return new LettuceNear(RedisClient.create(RedisURI.create(server.host(), server.port())), space);
    }

    @Override
    public Map<String, Gets> ways() {
        return Map.of("lettuce", this::byName);
    }

    private int byName(int[] sequence, int from, int count) {
        int wrong = 0;
        for (int i = from; i < from + count; i++) {
            byte[] value = near.get(probes[sequence[i]]);
            if (value == null || value.length != valueBytes) {
                wrong++;
            }
        }
        return wrong;
    }

    @Override
    public byte @Nullable [] get(int index) {
        byte[] value = near.get(names[index]);
        return value == null ? null : value.clone();
    }

    @Override
    public void write(int index, byte[] value) {
        String answer = writer.sync().set(names[index], value);
        if (!"OK".equals(answer)) {
            throw new IllegalStateException("set: " + answer);
        }
    }

    @Override
    public long misses() {
        Matcher reads = READS.matcher(writer.sync().info("stats"));
        if (!reads.find()) {
            throw new IllegalStateException("Redis does not say how many reads it has answered");
        }
        return Long.parseLong(reads.group(1));
    }

    @Override
    public void close() {
        near.close();
        client.shutdown();
    }
}
