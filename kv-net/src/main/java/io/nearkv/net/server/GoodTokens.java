package io.nearkv.net.server;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The tokens that were good lately, by their SHA-256: clients that share an address with somebody who guesses tokens go on unharmed. Says nothing about
 * whether a token is good now; that is the authority's to say. Bounded, thread-safe.
 */
final class GoodTokens {
    private static final int MAX_TOKENS = 4096;

    @GuardedBy("this")
    private final Map<ByteBuffer, Boolean> hashes = new LinkedHashMap<>(16, 0.75f, true);

    synchronized void add(String token) {
        hashes.put(hash(token), Boolean.TRUE);
        if (hashes.size() > MAX_TOKENS) {
            var oldest = hashes.keySet().iterator();
            oldest.next();
            oldest.remove();
        }
    }

    synchronized boolean contains(String token) {
        return hashes.containsKey(hash(token));
    }

    private static ByteBuffer hash(String token) {
        try {
            return ByteBuffer.wrap(MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
