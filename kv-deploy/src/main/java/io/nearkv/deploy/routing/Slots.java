package io.nearkv.deploy.routing;

import io.nearkv.core.Key;
import io.nearkv.core.NamespaceId;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Which of 10,000 slots a request belongs to: FNV-1a (64 bits) over the salt of the rollout and what the request is about, finished with the mixer of MurmurHash3 (fmix64), because FNV-1a alone spreads
 * keys that are alike by 4 % unevenly. A build with a weight of w basis points has the slots below w, so that those of 1 % are among those of 10 %, and a way back returns exactly
 * those. Immutable.
 */
public final class Slots {
    /** How many there are: one for each basis point. */
    public static final int COUNT = 10_000;

    private static final long FNV_OFFSET = 0xcbf29ce484222325L;
    private static final long FNV_PRIME = 0x100000001b3L;

    private final long salted;

    /** Creates the slots of a rollout. */
    public Slots(byte[] salt) {
        long hash = FNV_OFFSET;
        for (byte b : salt) {
            hash = (hash ^ (b & 0xff)) * FNV_PRIME;
        }
        salted = hash;
    }

    /** Returns the slot of a key in a namespace, 0 to 9,999. */
    public int of(NamespaceId namespace, Key key) {
        long hash = fold(fold(salted, namespace.high()), namespace.low());
        ByteBuffer bytes = key.asByteBuffer();
        for (int i = bytes.position(), end = bytes.limit(); i < end; i++) {
            hash = (hash ^ (bytes.get(i) & 0xff)) * FNV_PRIME;
        }
        return finish(hash);
    }

    /** Returns the slot of a prefix in a namespace, or of a whole namespace if it is empty. */
    public int of(NamespaceId namespace, String prefix) {
        return finish(fold(fold(fold(salted, namespace.high()), namespace.low()), prefix));
    }

    /** Returns the slot of whom the caller names, such as {@code user-42}. */
    public int of(String affinity) {
        return finish(fold(salted, affinity));
    }

    private static long fold(long hash, long eightBytes) {
        long folded = hash;
        for (int shift = 56; shift >= 0; shift -= 8) {
            folded = (folded ^ (eightBytes >>> shift & 0xff)) * FNV_PRIME;
        }
        return folded;
    }

    private static long fold(long hash, String text) {
        long folded = hash;
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            folded = (folded ^ (b & 0xff)) * FNV_PRIME;
        }
        return folded;
    }

    private static int finish(long hash) {
        long mixed = hash;
        mixed ^= mixed >>> 33;
        mixed *= 0xff51afd7ed558ccdL;
        mixed ^= mixed >>> 33;
        mixed *= 0xc4ceb9fe1a85ec53L;
        mixed ^= mixed >>> 33;
        return (int) Long.remainderUnsigned(mixed, COUNT);
    }
}
