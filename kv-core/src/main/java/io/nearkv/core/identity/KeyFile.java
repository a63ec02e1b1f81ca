package io.nearkv.core.identity;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A private key that lies in a file of its own: PKCS#8 in PEM, readable by its owner alone, which {@code openssl pkey} reads too. A line before the key says what it is for
 * ({@code nearkv key route-0123456789abcdef}); a file without it is called after the key. Immutable.
 */
public final class KeyFile {
    private static final int MAX_BYTES = 16 * 1024;
    private static final String TITLE = "nearkv key ";
    private static final Pattern FILE_NAME = Pattern.compile("([a-z]{1,16}-[0-9a-f]{16})\\.pem");

    private final String id;
    private final PrivateKey privateKey;
    private final PublicKey publicKey;

    private KeyFile(String id, PrivateKey privateKey, PublicKey publicKey) {
        this.id = id;
        this.privateKey = privateKey;
        this.publicKey = publicKey;
    }

    /**
     * Makes a new key and writes it.
     *
     * @param file must not exist; its folder must
     * @param label what the key is for, up to 16 lower-case letters, such as {@code route}
     * @throws KvException {@link ErrorCode#INTERNAL} if it cannot be written
     */
    public static KeyFile create(Path file, String label) {
        KeyPair pair = Ed25519Keys.generate();
        KeyFile key = new KeyFile(
                Ed25519Keys.idOf(label, Ed25519Keys.rawBytes(pair.getPublic())), pair.getPrivate(), pair.getPublic());
        if (!Ed25519Keys.isWellFormedId(key.id)) {
            throw new IllegalArgumentException("label: '" + label + "' (expected: 1 to 16 lower-case letters)");
        }
        try {
            if (Files.exists(file)) {
                throw new KvException(
                        ErrorCode.INVALID_REQUEST, "'" + file + "' exists already; no key is written over another");
            }
            OwnerOnlyFiles.write(file, (TITLE + key.id + "\n" + Ed25519Keys.toPem(key.privateKey)).getBytes(UTF_8));
        } catch (IOException e) {
            throw new KvException(ErrorCode.INTERNAL, "the key '" + file + "' cannot be written", e);
        }
        return key;
    }

    /**
     * Reads a key.
     *
     * @throws KvException {@link ErrorCode#NOT_FOUND} if there is no such file, {@link ErrorCode#INVALID_REQUEST} if it is no key, damaged, or readable for others than its owner
     */
    public static KeyFile read(Path file) {
        requireNonNull(file, "file");
        try {
            OwnerOnlyFiles.requireOwnerOnly(file);
            return parse(new String(OwnerOnlyFiles.read(file, MAX_BYTES), UTF_8), String.valueOf(file.getFileName()));
        } catch (NoSuchFileException e) {
            throw new KvException(ErrorCode.NOT_FOUND, "the key '" + file + "' does not exist", e);
        } catch (IOException e) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST, "the key '" + file + "' cannot be read; check who owns it", e);
        } catch (MalformedException e) {
            throw new KvException(ErrorCode.INVALID_REQUEST, "'" + file + "' cannot be used: " + e.why(), e);
        }
    }

    private static KeyFile parse(String text, String fileName) throws MalformedException {
        String id;
        String pem = text.replace("\r", "");
        if (pem.startsWith(TITLE) && pem.indexOf('\n') > 0) {
            id = pem.substring(TITLE.length(), pem.indexOf('\n'));
            pem = pem.substring(pem.indexOf('\n') + 1);
        } else {
            Matcher name = FILE_NAME.matcher(fileName);
            if (!name.matches()) {
                throw new MalformedException("neither its first line nor its name says what it is for");
            }
            id = name.group(1);
        }
        PrivateKey privateKey = Ed25519Keys.fromPem(pem);
        PublicKey publicKey = Ed25519Keys.publicKeyOf(privateKey);
        String label = id.substring(0, Math.max(0, id.indexOf('-')));
        if (!Ed25519Keys.isWellFormedId(id) || !id.equals(Ed25519Keys.idOf(label, Ed25519Keys.rawBytes(publicKey)))) {
            throw new MalformedException("its id is not the one of the key in it; one of the two is damaged");
        }
        return new KeyFile(id, privateKey, publicKey);
    }

    /** Returns the id, such as {@code route-0123456789abcdef}. */
    public String id() {
        return id;
    }

    /** Returns what the key is for, such as {@code route}. */
    public String label() {
        return id.substring(0, id.indexOf('-'));
    }

    /** Returns the public half. */
    public PublicKey publicKey() {
        return publicKey;
    }

    /** Returns the 64 bytes of the signature of a message. Takes a millisecond. */
    public byte[] sign(byte[] message) {
        try {
            Signature signature = Signature.getInstance("Ed25519");
            signature.initSign(privateKey);
            signature.update(message);
            return signature.sign();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every JDK from 15 on has Ed25519", e);
        }
    }

    /** Returns the id alone. */
    @Override
    public String toString() {
        return "KeyFile[" + id + "]";
    }
}
