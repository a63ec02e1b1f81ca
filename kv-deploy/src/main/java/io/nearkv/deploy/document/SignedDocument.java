package io.nearkv.deploy.document;

import io.nearkv.core.identity.Ed25519Keys;
import io.nearkv.core.route.DocumentExchange;
import io.nearkv.deploy.model.Bytes;
import io.nearkv.deploy.model.Ledger;
import io.nearkv.deploy.model.Manifest;
import io.nearkv.deploy.model.RejectReason;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteKind;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.deploy.model.Trust;
import io.nearkv.deploy.wire.Documents;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A document taken apart: its form is checked, nothing in it is to be believed before {@link DocumentVerifier} has checked who signed it. Immutable.
 */
public final class SignedDocument {
    /** Longest document in bytes. */
    public static final int MAX_BYTES = DocumentExchange.MAX_DOCUMENT_BYTES;

    /** Most signatures of a document: every root and more people than ever come together. */
    static final int MAX_SIGNATURES = 16;

    private static final int SIGNATURE_BYTES = 64;

    private final DocumentKind kind;
    private final Bytes bytes;
    private final Bytes body;
    private final String hash;
    private final Object content;
    private final List<DocumentSignature> signatures;
    private final @Nullable SignedDocument parachute;

    private SignedDocument(
            DocumentKind kind,
            Bytes bytes,
            Bytes body,
            Object content,
            List<DocumentSignature> signatures,
            @Nullable SignedDocument parachute) {
        this.kind = kind;
        this.bytes = bytes;
        this.body = body;
        this.hash = Bytes.sha256(body.toArray()).hex();
        this.content = content;
        this.signatures = List.copyOf(signatures);
        this.parachute = parachute;
    }

    /**
     * Takes a document apart.
     *
     * @param document of any length and content; borrowed
     * @throws Rejected {@link RejectReason#OVERSIZED} or {@link RejectReason#MALFORMED}
     */
    public static SignedDocument parse(byte[] document) throws Rejected {
        if (document.length > MAX_BYTES) {
            throw new Rejected(
                    RejectReason.OVERSIZED,
                    "it has " + document.length + " bytes (expected: at most " + MAX_BYTES + ")");
        }
        try {
            return parse(document, true);
        } catch (IllegalArgumentException e) {
            throw new Rejected(RejectReason.MALFORMED, String.valueOf(e.getMessage()));
        }
    }

    private static SignedDocument parse(byte[] document, boolean withParachute) throws Rejected {
        Documents.Signed signed = WireCodec.canonical(Documents.Signed.parser(), document, "the document");
        byte[] body = signed.getBody().toByteArray();
        DocumentKind kind;
        Object content;
        switch (signed.getKind()) {
            case TRUST -> {
                kind = DocumentKind.TRUST;
                content = WireCodec.decodeTrust(body);
            }
            case ROUTE -> {
                kind = DocumentKind.ROUTE;
                content = WireCodec.decodeRoute(body);
            }
            case LEDGER -> {
                kind = DocumentKind.LEDGER;
                content = WireCodec.decodeLedger(body);
            }
            case MANIFEST -> {
                kind = DocumentKind.MANIFEST;
                content = WireCodec.decodeManifest(body);
            }
            case KIND_UNKNOWN, UNRECOGNIZED ->
                throw new Rejected(RejectReason.MALFORMED, "the document is of no kind of this version");
            default -> throw new AssertionError(signed.getKind());
        }
        SignedDocument parachute = null;
        if (!signed.getParachute().isEmpty()) {
            if (!withParachute || !(content instanceof Route route) || route.kind() != RouteKind.FORWARD) {
                throw new Rejected(RejectReason.MALFORMED, "a parachute belongs to a forward route alone");
            }
            parachute = parse(signed.getParachute().toByteArray(), false);
        }
        return new SignedDocument(
                kind, Bytes.of(document), Bytes.of(body), content, signatures(signed.getSignaturesList()), parachute);
    }

    private static List<DocumentSignature> signatures(List<Documents.Signature> listed) throws Rejected {
        if (listed.isEmpty() || listed.size() > MAX_SIGNATURES) {
            throw new Rejected(
                    RejectReason.MALFORMED,
                    "it has " + listed.size() + " signatures (expected: 1 to " + MAX_SIGNATURES + ")");
        }
        List<DocumentSignature> signatures = new ArrayList<>();
        Set<String> keyIds = new HashSet<>();
        for (Documents.Signature signature : listed) {
            if (!Ed25519Keys.isWellFormedId(signature.getKeyId())
                    || signature.getValue().size() != SIGNATURE_BYTES
                    || !keyIds.add(signature.getKeyId())) {
                throw new Rejected(RejectReason.MALFORMED, "a signature has not the form of one, or a key signs twice");
            }
            signatures.add(new DocumentSignature(signature.getKeyId(), WireCodec.decode(signature.getValue())));
        }
        return signatures;
    }

    /** Returns what kind of document it is. */
    public DocumentKind kind() {
        return kind;
    }

    /** Returns the whole document, as it travels. */
    public byte[] toArray() {
        return bytes.toArray();
    }

    /** Returns the whole document, as it travels. */
    public Bytes bytes() {
        return bytes;
    }

    /** Returns what is signed. */
    byte[] body() {
        return body.toArray();
    }

    /** Returns the SHA-256 of the body in hex: what the document is called by others. */
    public String hash() {
        return hash;
    }

    /** Returns the signatures, at least one, each of another key. */
    public List<DocumentSignature> signatures() {
        return signatures;
    }

    /** Returns the way back that belongs to a forward route, or null if there is none. */
    public @Nullable SignedDocument parachute() {
        return parachute;
    }

    /** Returns whose document it claims to be. */
    public ServiceId service() {
        return switch (kind) {
            case TRUST -> trust().service();
            case ROUTE -> route().service();
            case LEDGER -> ledger().service();
            case MANIFEST -> manifest().build().service();
        };
    }

    /** Returns the route; {@link IllegalStateException} if it is none. */
    public Route route() {
        return as(Route.class);
    }

    /** Returns the trust; {@link IllegalStateException} if it is none. */
    public Trust trust() {
        return as(Trust.class);
    }

    /** Returns the ledger; {@link IllegalStateException} if it is none. */
    public Ledger ledger() {
        return as(Ledger.class);
    }

    /** Returns the manifest; {@link IllegalStateException} if it is none. */
    public Manifest manifest() {
        return as(Manifest.class);
    }

    private <T> T as(Class<T> type) {
        if (!type.isInstance(content)) {
            throw new IllegalStateException("the document is a " + kind.label());
        }
        return type.cast(content);
    }

    /** Returns the kind and the hash. */
    @Override
    public String toString() {
        return "SignedDocument[" + kind.label() + " " + hash + "]";
    }
}
