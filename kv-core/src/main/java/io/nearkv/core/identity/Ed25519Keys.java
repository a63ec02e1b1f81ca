package io.nearkv.core.identity;

import java.io.Serial;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.interfaces.EdECPrivateKey;
import java.security.spec.NamedParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.regex.Pattern;

/** Ed25519 keys (RFC 8032) of the JDK, in the forms that files and documents hold them in. */
public final class Ed25519Keys {
    /** Length of a public key, and of the seed that a private key is. */
    public static final int RAW_BYTES = 32;

    /** The DER of a SubjectPublicKeyInfo with Ed25519 (RFC 8410) up to the 32 bytes of the key. */
    private static final byte[] SPKI_PREFIX = HexFormat.of().parseHex("302a300506032b6570032100");

    private static final String BEGIN = "-----BEGIN PRIVATE KEY-----\n";
    private static final String END = "-----END PRIVATE KEY-----\n";
    private static final Pattern ID_FORM = Pattern.compile("[a-z]{1,16}-[0-9a-f]{16}");

    private Ed25519Keys() {}

    /** Returns the id of a key: what it is for, a hyphen, and the first 64 bits of the SHA-256 of its 32 bytes in hex. */
    public static String idOf(String label, byte[] rawPublicKey) {
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(rawPublicKey);
            return label + "-" + HexFormat.of().formatHex(hash, 0, 8);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /** Returns whether a text has the form of a key's id. */
    public static boolean isWellFormedId(String id) {
        return ID_FORM.matcher(id).matches();
    }

    /**
     * Returns the 32 bytes of a public key.
     *
     * @throws IllegalArgumentException if it is not one of Ed25519
     */
    public static byte[] rawBytes(PublicKey publicKey) {
        byte[] encoded = publicKey.getEncoded();
        if (encoded.length != SPKI_PREFIX.length + RAW_BYTES
                || !Arrays.equals(encoded, 0, SPKI_PREFIX.length, SPKI_PREFIX, 0, SPKI_PREFIX.length)) {
            throw new IllegalArgumentException("public key: " + publicKey.getAlgorithm() + " (expected: Ed25519)");
        }
        return Arrays.copyOfRange(encoded, SPKI_PREFIX.length, encoded.length);
    }

    /**
     * Returns the public key with these 32 bytes.
     *
     * @throws IllegalArgumentException if there is none
     */
    public static PublicKey publicKey(byte[] raw) {
        if (raw.length != RAW_BYTES) {
            throw new IllegalArgumentException("public key: " + raw.length + " bytes (expected: " + RAW_BYTES + ")");
        }
        byte[] encoded = Arrays.copyOf(SPKI_PREFIX, SPKI_PREFIX.length + RAW_BYTES);
        System.arraycopy(raw, 0, encoded, SPKI_PREFIX.length, RAW_BYTES);
        try {
            return KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(encoded));
        } catch (GeneralSecurityException e) {
            throw new IllegalArgumentException("public key: not one of Ed25519", e);
        }
    }

    static KeyPair generate() {
        try {
            return KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every JDK from 15 on has Ed25519", e);
        }
    }

    static String toPem(PrivateKey privateKey) {
        return BEGIN + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(privateKey.getEncoded()) + "\n"
                + END;
    }

    /** Reads PKCS#8 in PEM (RFC 5958, RFC 7468), without any text around it. */
    static PrivateKey fromPem(String pem) throws MalformedException {
        String text = pem.replace("\r", "");
        if (!text.startsWith(BEGIN) || !text.endsWith(END) || text.length() < BEGIN.length() + END.length()) {
            throw new MalformedException("it is not a private key in PEM");
        }
        String body = text.substring(BEGIN.length(), text.length() - END.length());
        try {
            return KeyFactory.getInstance("Ed25519")
                    .generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(body.replace("\n", ""))));
        } catch (IllegalArgumentException | GeneralSecurityException e) {
            throw new MalformedException("it is damaged or not an Ed25519 key");
        }
    }

    /**
     * Returns the public half of a private key. The JDK computes it nowhere but when it makes a new key, from the random bytes that are the private key: so it is made once more
     * from the same ones.
     */
    static PublicKey publicKeyOf(PrivateKey privateKey) throws MalformedException {
        if (!(privateKey instanceof EdECPrivateKey key) || key.getBytes().isEmpty()) {
            throw new MalformedException("it is damaged or not an Ed25519 key");
        }
        byte[] seed = key.getBytes().orElseThrow();
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("Ed25519");
            generator.initialize(NamedParameterSpec.ED25519, new Seed(seed));
            KeyPair pair = generator.generateKeyPair();
            if (!Arrays.equals(pair.getPrivate().getEncoded(), privateKey.getEncoded())) {
                throw new IllegalStateException("this JDK makes keys of Ed25519 in another way");
            }
            return pair.getPublic();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every JDK from 15 on has Ed25519", e);
        }
    }

    /** Chance that is none: it gives out the bytes that it was made with. */
    private static final class Seed extends SecureRandom {
        @Serial
        private static final long serialVersionUID = 1;

        @SuppressWarnings("serial")
        private final byte[] seed;

        Seed(byte[] seed) {
            this.seed = seed.clone();
        }

        @Override
        public void nextBytes(byte[] bytes) {
            if (bytes.length != seed.length) {
                throw new IllegalStateException("this JDK makes keys of Ed25519 in another way");
            }
            System.arraycopy(seed, 0, bytes, 0, seed.length);
        }
    }
}
