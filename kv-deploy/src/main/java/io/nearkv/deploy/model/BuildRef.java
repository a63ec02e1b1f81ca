package io.nearkv.deploy.model;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import java.io.ByteArrayOutputStream;
import java.security.SecureRandom;

/**
 * A build: an artefact in one environment. Its id is a hash over all of it, so that an id of one environment is nothing in another. Immutable.
 *
 * @param service whose build it is
 * @param digest the SHA-256 of the artefact
 * @param nonce 16 random bytes, so that one artefact may be published twice
 */
public record BuildRef(ServiceId service, Bytes digest, Bytes nonce) {
    private static final String BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

    /** 65 bits: more builds than anybody makes, in a word that one can read out. */
    private static final int ID_CHARS = 13;

    /** Checks the lengths, with {@link IllegalArgumentException}. */
    public BuildRef {
        requireNonNull(service, "service");
        ModelLimits.hash("digest", digest);
        if (nonce.length() != ModelLimits.NONCE_BYTES) {
            throw new IllegalArgumentException(
                    "nonce: " + nonce.length() + " bytes (expected: " + ModelLimits.NONCE_BYTES + ")");
        }
    }

    /**
     * Returns a new build of an artefact.
     *
     * @param digestHex the SHA-256 of the artefact in lower-case hex
     * @throws IllegalArgumentException if it is not one
     */
    public static BuildRef create(ServiceId service, String digestHex, SecureRandom random) {
        ModelLimits.hexHash("digest", digestHex);
        byte[] nonce = new byte[ModelLimits.NONCE_BYTES];
        random.nextBytes(nonce);
        return new BuildRef(service, Bytes.ofHex(digestHex), Bytes.of(nonce));
    }

    /** Returns the id: 13 letters and digits, such as {@code p7k3mq2vd9xab}. */
    public String id() {
        ByteArrayOutputStream named = new ByteArrayOutputStream();
        for (String name : new String[] {service.tenant(), service.service(), service.environment()}) {
            named.writeBytes(name.getBytes(UTF_8));
            named.write(0);
        }
        named.writeBytes(digest.toArray());
        named.writeBytes(nonce.toArray());
        byte[] hash = Bytes.sha256(named.toByteArray()).toArray();
        StringBuilder id = new StringBuilder(ID_CHARS);
        for (int i = 0; i < ID_CHARS; i++) {
            int bit = 5 * i;
            int twoBytes = ((hash[bit / 8] & 0xff) << 8) | (hash[bit / 8 + 1] & 0xff);
            id.append(BASE32.charAt((twoBytes >> (11 - bit % 8)) & 31));
        }
        return id.toString();
    }

    /** Returns the SHA-256 of the artefact in hex. */
    public String digestHex() {
        return digest.hex();
    }

    /** Returns the id and the service. */
    @Override
    public String toString() {
        return id() + " of " + service;
    }
}
