package io.nearkv.core;

import java.nio.ByteBuffer;

/**
 * Which partition of a cluster holds a key. For those who write tiers. It must never change: every key of every cluster lies where this says, and {@code ShardingTest} holds it to vectors that were written down once.
 *
 * <p>The partition is {@code Long.remainderUnsigned(hash(namespace, key), partitions)}. The hash is FNV-1a of 64 bits over the bytes that count, begun at the mixed id of the namespace and
 * mixed once more at the end, because FNV leaves the low bits of short keys too much alike:
 *
 * <pre>
 * h = mix(mix(namespace.high + 0x9E3779B97F4A7C15) ^ namespace.low)
 * for each byte b, 0 to 255: h = (h ^ b) * 0x100000001B3
 * hash = mix(h)
 *
 * mix(z): z = (z ^ z >>> 33) * 0xFF51AFD7ED558CCD     (the finaliser of MurmurHash3, x64)
 *         z = (z ^ z >>> 33) * 0xC4CEB9FE1A85EC53
 *         z ^ z >>> 33
 * </pre>
 *
 * <p>The bytes that count are those of the key, or, if it has some between its first <code>{</code> and the next <code>}</code>, those alone: keys with the same tag lie together, so that one
 * batch can write them, whatever else is in their names. {@code {}} is no tag, as in Redis Cluster.
 *
 * @param partitions how many there are, at least 1; fixed when the cluster was made
 */
public record Sharding(int partitions) {
    private static final long FNV_PRIME = 0x100000001B3L;
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    /** Checks the number of partitions. */
    public Sharding {
        if (partitions < 1) {
            throw new IllegalArgumentException("partitions: " + partitions + " (expected: at least 1)");
        }
    }

    /**
     * Returns the partition of a key, counted from 0.
     *
     * @param key the remaining bytes are the key; borrowed, position left alone
     */
    public int partitionOf(NamespaceId namespace, ByteBuffer key) {
        return (int) Long.remainderUnsigned(hash(namespace, key), partitions);
    }

    /** Returns the hash of the bytes that count. */
    static long hash(NamespaceId namespace, ByteBuffer key) {
        int from = key.position();
        int to = key.limit();
        int open = indexOf(key, '{', from);
        if (open >= 0) {
            int close = indexOf(key, '}', open + 1);
            if (close > open + 1) {
                from = open + 1;
                to = close;
            }
        }
        long h = mix(mix(namespace.high() + GOLDEN) ^ namespace.low());
        for (int i = from; i < to; i++) {
            h = (h ^ (key.get(i) & 0xFF)) * FNV_PRIME;
        }
        return mix(h);
    }

    private static int indexOf(ByteBuffer key, char wanted, int from) {
        for (int i = from; i < key.limit(); i++) {
            if (key.get(i) == wanted) {
                return i;
            }
        }
        return -1;
    }

    private static long mix(long value) {
        long z = (value ^ (value >>> 33)) * 0xFF51AFD7ED558CCDL;
        z = (z ^ (z >>> 33)) * 0xC4CEB9FE1A85EC53L;
        return z ^ (z >>> 33);
    }
}
