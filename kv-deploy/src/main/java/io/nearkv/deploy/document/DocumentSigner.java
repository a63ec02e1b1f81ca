package io.nearkv.deploy.document;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.util.Objects.requireNonNull;

import io.nearkv.core.KvException;
import io.nearkv.core.identity.KeyFile;
import java.io.ByteArrayOutputStream;
import java.nio.file.Path;

/** A private key that signs documents. Immutable. */
public final class DocumentSigner {
    private static final byte[] CONTEXT = "nearkv-document/1".getBytes(US_ASCII);

    private final KeyFile key;

    private DocumentSigner(KeyFile key) {
        this.key = requireNonNull(key, "key");
    }

    /** Returns the signer with this key. */
    public static DocumentSigner of(KeyFile key) {
        return new DocumentSigner(key);
    }

    /**
     * Reads the key from its file: of a root, a route, a break-glass or a build key.
     *
     * @throws KvException as {@link KeyFile#read}
     */
    public static DocumentSigner read(Path pem) {
        return new DocumentSigner(KeyFile.read(pem));
    }

    /** Returns the id of the key, such as {@code route-0123456789abcdef}. */
    public String keyId() {
        return key.id();
    }

    /** Returns the 64 bytes of the signature of a document's body. */
    public byte[] sign(DocumentKind kind, byte[] body) {
        return key.sign(signatureInput(kind, body));
    }

    /** What is signed: the words that no other use of the key begins with, a zero byte, the kind, the body. */
    static byte[] signatureInput(DocumentKind kind, byte[] body) {
        ByteArrayOutputStream input = new ByteArrayOutputStream(CONTEXT.length + 2 + body.length);
        input.writeBytes(CONTEXT);
        input.write(0);
        input.write(kind.number());
        input.writeBytes(body);
        return input.toByteArray();
    }

    /** Returns the key's id alone. */
    @Override
    public String toString() {
        return "DocumentSigner[" + keyId() + "]";
    }
}
