package io.nearkv.core.identity;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The grants of tokens that were verified, by the SHA-256 of the token, so that the memory of the process does not fill with secrets. Bounded, thread-safe,
 * no lock on a hit.
 *
 * <p>Two generations, each of half the bound: new and used entries live in the young one; when it is full it becomes the old one, and what was in the old
 * one and was not used meanwhile is forgotten. Refused tokens are not kept: almost all are refused before any signature is looked at, and the rest is the
 * business of the limit on failed authentications.
 */
final class VerdictCache {
    private final int maxPerGeneration;
    private volatile Generations generations = new Generations(new ConcurrentHashMap<>(), new ConcurrentHashMap<>());

    @GuardedBy("this")
    private int youngSize;

    private record Generations(Map<Digest, Grant> young, Map<Digest, Grant> old) {}

    /** A SHA-256. */
    record Digest(long first, long second, long third, long fourth) {
        private static final MessageDigest SHA_256 = sha256();

        static Digest of(String token) {
            MessageDigest digest;
            try {
                // Cloning the unused prototype spares the look-up of the provider.
                digest = (MessageDigest) SHA_256.clone();
            } catch (CloneNotSupportedException e) {
                throw new IllegalStateException("the JDK's SHA-256 can be cloned", e);
            }
            ByteBuffer hash = ByteBuffer.wrap(digest.digest(token.getBytes(UTF_8)));
            return new Digest(hash.getLong(), hash.getLong(), hash.getLong(), hash.getLong());
        }

        private static MessageDigest sha256() {
            try {
                return MessageDigest.getInstance("SHA-256");
            } catch (NoSuchAlgorithmException e) {
                throw new IllegalStateException("every JDK has SHA-256", e);
            }
        }
    }

    VerdictCache(int maxEntries) {
        maxPerGeneration = maxEntries / 2;
    }

    @Nullable
    Grant get(Digest digest) {
        Generations now = generations;
        Grant grant = now.young.get(digest);
        if (grant == null) {
            grant = now.old.get(digest);
            if (grant != null) {
                put(digest, grant);
            }
        }
        return grant;
    }

    synchronized void put(Digest digest, Grant grant) {
        if (youngSize >= maxPerGeneration) {
            generations = new Generations(new ConcurrentHashMap<>(), generations.young);
            youngSize = 0;
        }
        if (generations.young.put(digest, grant) == null) {
            youngSize++;
        }
    }

    /** Returns how many entries there are; an entry in both generations counts twice. */
    int size() {
        Generations now = generations;
        return now.young.size() + now.old.size();
    }
}
