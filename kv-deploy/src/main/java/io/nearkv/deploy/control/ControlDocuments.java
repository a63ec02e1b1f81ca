package io.nearkv.deploy.control;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.Value;
import io.nearkv.core.identity.KeyRole;
import io.nearkv.deploy.document.DocumentKind;
import io.nearkv.deploy.document.DocumentSigner;
import io.nearkv.deploy.document.DocumentVerifier;
import io.nearkv.deploy.document.Documents;
import io.nearkv.deploy.document.Rejected;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.model.Ledger;
import io.nearkv.deploy.model.Manifest;
import io.nearkv.deploy.model.RejectReason;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.Trust;
import org.jspecify.annotations.Nullable;

/** Makes and reads the documents of one environment. Thread-safe. */
final class ControlDocuments {
    private final ControlPlaneOptions options;
    private final SignedDocument trust;
    private final DocumentSigner routeKey;
    private final DocumentVerifier verifier;

    /**
     * Reads trust and keys.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if they are not of this service, or do not belong together
     */
    ControlDocuments(ControlPlaneOptions options) {
        this.options = options;
        this.verifier = new DocumentVerifier(options.clock);
        this.routeKey = DocumentSigner.read(options.routeKey);
        this.trust = parse(options.trust, "the trust document");
        try {
            if (trust.kind() != DocumentKind.TRUST) {
                throw invalid("the trust document is a " + trust.kind().label() + " (expected: trust.signed)");
            }
            verifier.verifyTrust(trust, null);
        } catch (Rejected e) {
            throw invalid("the trust document cannot be used: " + e.getMessage());
        }
        if (!trust.service().equals(options.service)
                || !options.identity.environment().name().equals(options.service.environment())) {
            throw invalid("this control plane is for " + options.service + ", its trust is of " + trust.service()
                    + " and its identity of " + options.identity.environment()
                    + "; each environment has folders of its own");
        }
        if (trust().key(routeKey.keyId(), KeyRole.ROUTE) == null) {
            throw invalid("'" + options.routeKey + "' is " + routeKey.keyId()
                    + ", which is no route key of the trust document; give the route.pem that belongs to it");
        }
    }

    private static KvException invalid(String message) {
        return new KvException(ErrorCode.INVALID_REQUEST, message);
    }

    Trust trust() {
        return trust.trust();
    }

    byte[] trustDocument() {
        return trust.toArray();
    }

    /** Returns what is wrong with the keys, or null. */
    @Nullable
    String problem() {
        String buildKey = options.identity.signingKey(KeyRole.BUILD).id();
        return trust().key(buildKey, KeyRole.BUILD) == null
                ? "build key " + buildKey + " is not in the trust document (expected: a trust that was signed after the"
                        + " key was rotated); nodes will refuse what it signs"
                : null;
    }

    /** Returns a signed forward route with its way back. */
    SignedDocument sign(Route forward) {
        Route parachute = Documents.parachuteOf(forward, "way back from seq " + forward.seq());
        return parse(Value.wrap(Documents.route(forward, routeKey, parachute)), "the new route");
    }

    SignedDocument sign(Ledger ledger) {
        return parse(Value.wrap(Documents.ledger(ledger, routeKey)), "the new ledger");
    }

    SignedDocument sign(Manifest manifest) {
        DocumentSigner key = DocumentSigner.of(options.identity.signingKey(KeyRole.BUILD));
        return parse(Value.wrap(Documents.manifest(manifest, key)), "the new manifest");
    }

    /** Returns a document of our own store, which is damaged if it is not one. */
    static SignedDocument parse(Value document, String what) {
        try {
            return SignedDocument.parse(document.toByteArray());
        } catch (Rejected e) {
            throw new KvException(
                    ErrorCode.INTERNAL, what + " cannot be used: " + e.getMessage() + "; restore it from a copy", e);
        }
    }

    /** Returns why a document does not count here, or null if it does. */
    @Nullable
    Rejected refusal(SignedDocument document) {
        return refusal(document, trust());
    }

    @Nullable
    Rejected refusal(SignedDocument document, Trust by) {
        try {
            verifier.verify(document, by);
            return null;
        } catch (Rejected e) {
            return e;
        }
    }

    /** Returns the route with this hash among documents that came from a node, verified; that of a parachute is the forward route that it belongs to, where the node has that. */
    SignedDocument routeAmong(Iterable<byte[]> documents, String hash) throws Rejected {
        for (byte[] bytes : documents) {
            SignedDocument document = SignedDocument.parse(bytes);
            SignedDocument inner = document.parachute();
            if (document.kind() == DocumentKind.ROUTE
                    && (document.hash().equals(hash)
                            || (inner != null && inner.hash().equals(hash)))) {
                verifier.verify(document, trust());
                return document;
            }
        }
        throw new Rejected(RejectReason.UNSUPPORTED, "the node no longer has the route that it named");
    }
}
