package io.nearkv.core.identity;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.security.PublicKey;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The public keys that one environment trusts, by id. Written as a JSON Web Key Set (RFC 7517), so that other programs can verify tokens by the usual
 * means; {@code docs/identity.md} lists the members. Immutable.
 */
public final class Keyset {
    private final Environment environment;
    private final Map<String, TrustedKey> keys;

    Keyset(Environment environment, Collection<TrustedKey> keys) {
        this.environment = requireNonNull(environment, "environment");
        Map<String, TrustedKey> byId = new LinkedHashMap<>();
        keys.forEach(key -> byId.put(key.id(), key));
        this.keys = Map.copyOf(byId);
    }

    /**
     * Reads a keyset.
     *
     * @param utf8 the JSON text, at most 64 KiB; borrowed
     * @param source what it was read from, for the message
     * @throws KvException {@link ErrorCode#INTERNAL} if it is damaged or not a keyset
     */
    public static Keyset parse(byte[] utf8, String source) {
        try {
            return parse(utf8);
        } catch (MalformedException e) {
            throw new KvException(
                    ErrorCode.INTERNAL,
                    "keyset " + source + " cannot be used: " + e.why() + "; restore it from a copy",
                    e);
        }
    }

    static Keyset parse(byte[] utf8) throws MalformedException {
        if (utf8.length > IdentityLimits.MAX_KEYSET_BYTES) {
            throw new MalformedException("it is longer than " + IdentityLimits.MAX_KEYSET_BYTES + " bytes");
        }
        Members members = new Members(StrictJson.DOCUMENTS.readObject(utf8, "the keyset"), "the keyset");
        String environment = members.text("nearkv_environment");
        if (!Environment.isWellFormed(environment)) {
            throw members.malformed("nearkv_environment", "the name of an environment");
        }
        JsonNode array = members.array("keys");
        if (array.size() > IdentityLimits.MAX_KEYS) {
            throw new MalformedException("it has more than " + IdentityLimits.MAX_KEYS + " keys");
        }
        List<TrustedKey> keys = new ArrayList<>();
        for (JsonNode node : array) {
            keys.add(TrustedKey.fromJwk(node));
        }
        Keyset keyset = new Keyset(new Environment(environment), keys);
        if (keyset.keys.size() != keys.size()) {
            throw new MalformedException("it has a key twice");
        }
        return keyset;
    }

    /** Returns the environment that these keys speak for. */
    public Environment environment() {
        return environment;
    }

    /** Returns the JSON text in UTF-8. It holds no secret. */
    public byte[] toJson() {
        Map<String, Object> members = new LinkedHashMap<>();
        members.put("nearkv_environment", environment.name());
        members.put("keys", inOrder().stream().map(TrustedKey::toJwk).toList());
        return StrictJson.DOCUMENTS.writeIndented(members);
    }

    /**
     * A public key of a keyset.
     *
     * @param id its id, such as {@code route-0123456789abcdef}
     * @param role what it may have signed
     * @param publicKey an Ed25519 key
     * @param createdEpochSecond when it was made
     * @param notAfterEpochSecond the first second at which it verifies nothing any more, {@link Long#MAX_VALUE} for never
     */
    public record Entry(
            String id, KeyRole role, PublicKey publicKey, long createdEpochSecond, long notAfterEpochSecond) {}

    /** Returns the keys in a fixed order: by role, then by age. */
    public List<Entry> entries() {
        return inOrder().stream().map(Keyset::entry).toList();
    }

    /** Returns the key with this id, or null if it is not in this set. */
    public @Nullable Entry entry(String keyId) {
        TrustedKey key = keys.get(keyId);
        return key == null ? null : entry(key);
    }

    private static Entry entry(TrustedKey key) {
        return new Entry(key.id(), key.role(), key.publicKey(), key.createdEpochSecond(), key.notAfterEpochSecond());
    }

    Collection<TrustedKey> keys() {
        return keys.values();
    }

    @Nullable
    TrustedKey find(String keyId) {
        return keys.get(keyId);
    }

    /** The key that signs for a role: the youngest that has no end. Two made in one second are told apart by id, the same way everywhere. */
    Optional<TrustedKey> signer(KeyRole role) {
        return keys.values().stream()
                .filter(key -> key.role() == role && key.notAfterEpochSecond() == TrustedKey.NEVER)
                .max(Comparator.comparingLong(TrustedKey::createdEpochSecond).thenComparing(TrustedKey::id));
    }

    /** Returns this keyset with one key more. */
    Keyset with(TrustedKey key) {
        List<TrustedKey> more = new ArrayList<>(keys.values());
        more.add(key);
        return new Keyset(environment, more);
    }

    /** Returns this keyset with all keys of the role but one ending at this time, and without the keys that have ended by {@code now}. */
    Keyset retiring(KeyRole role, String exceptKeyId, long atEpochSecond, long now) {
        return new Keyset(
                environment,
                keys.values().stream()
                        .map(key ->
                                key.role() == role && !key.id().equals(exceptKeyId) ? key.endingAt(atEpochSecond) : key)
                        .filter(key -> !key.isRetiredAt(now))
                        .toList());
    }

    /** Returns this keyset with one key ending at this time, and without the keys that have ended by {@code now}. */
    Keyset ending(String keyId, long atEpochSecond, long now) {
        return new Keyset(
                environment,
                keys.values().stream()
                        .map(key -> key.id().equals(keyId) ? key.endingAt(atEpochSecond) : key)
                        .filter(key -> !key.isRetiredAt(now))
                        .toList());
    }

    private List<TrustedKey> inOrder() {
        return keys.values().stream()
                .sorted(Comparator.comparing(TrustedKey::role)
                        .thenComparing(TrustedKey::createdEpochSecond)
                        .thenComparing(TrustedKey::id))
                .toList();
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Keyset that && environment.equals(that.environment) && keys.equals(that.keys);
    }

    @Override
    public int hashCode() {
        return 31 * environment.hashCode() + keys.hashCode();
    }

    /** Returns the environment and the ids of the keys. */
    @Override
    public String toString() {
        return "Keyset[" + environment + ", "
                + inOrder().stream().map(TrustedKey::id).toList() + "]";
    }
}
