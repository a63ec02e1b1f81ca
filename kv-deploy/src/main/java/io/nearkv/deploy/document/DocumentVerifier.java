package io.nearkv.deploy.document;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.identity.Ed25519Keys;
import io.nearkv.core.identity.KeyRole;
import io.nearkv.core.identity.Keyset;
import io.nearkv.deploy.model.Bytes;
import io.nearkv.deploy.model.RejectReason;
import io.nearkv.deploy.model.RouteKind;
import io.nearkv.deploy.model.Trust;
import java.security.GeneralSecurityException;
import java.security.PublicKey;
import java.security.Signature;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Checks who has signed a document. All that is cheap comes before the first signature, and every signature of a document must be good, so that what is handed on is good as a
 * whole. Thread-safe.
 */
public final class DocumentVerifier {
    /** How much clocks may differ where a document or a key ends. */
    public static final Duration LEEWAY = Duration.ofMinutes(5);

    private final InstantSource clock;
    private final LongAdder verifications = new LongAdder();

    /** Creates a verifier with a clock, for the keys that end. */
    public DocumentVerifier(InstantSource clock) {
        this.clock = requireNonNull(clock, "clock");
    }

    /** Returns how many signatures were checked. */
    public long signatureVerifications() {
        return verifications.sum();
    }

    /**
     * Checks a document of an environment: route, ledger or manifest, without its parachute, which is a document of its own.
     *
     * @param trust what is believed now
     * @throws Rejected {@link RejectReason#UNSUPPORTED}, {@link RejectReason#FOREIGN_SERVICE}, {@link RejectReason#UNKNOWN_KEY}, {@link RejectReason#WRONG_ROLE},
     *     {@link RejectReason#TOO_FEW_SIGNATURES} or {@link RejectReason#BAD_SIGNATURE}
     */
    public void verify(SignedDocument document, Trust trust) throws Rejected {
        if (document.kind() == DocumentKind.TRUST) {
            throw new Rejected(RejectReason.UNSUPPORTED, "a trust is verified by the one before it");
        }
        if (!document.service().equals(trust.service())) {
            throw new Rejected(
                    RejectReason.FOREIGN_SERVICE, "it is of " + document.service() + ", not of " + trust.service());
        }
        KeyRole role = roleOf(document);
        Map<DocumentSignature, PublicKey> keys = new LinkedHashMap<>();
        Set<String> owners = new HashSet<>();
        for (DocumentSignature signature : document.signatures()) {
            Keyset.Entry key = trust.keyset().entry(signature.keyId());
            if (key == null) {
                throw new Rejected(RejectReason.UNKNOWN_KEY, signature.keyId() + " is not trusted here");
            }
            if (key.role() != role) {
                throw new Rejected(
                        RejectReason.WRONG_ROLE,
                        signature.keyId() + " signs no " + document.kind().label() + " of this kind");
            }
            if (isOver(key)) {
                throw new Rejected(RejectReason.UNKNOWN_KEY, signature.keyId() + " was rotated out");
            }
            String owner = role == KeyRole.BREAK_GLASS ? trust.owners().get(key.id()) : key.id();
            if (owner == null) {
                throw new Rejected(RejectReason.UNKNOWN_KEY, signature.keyId() + " is nobody's");
            }
            owners.add(owner);
            keys.put(signature, key.publicKey());
        }
        int needed = role == KeyRole.BREAK_GLASS ? trust.breakGlassThreshold() : 1;
        if (owners.size() < needed) {
            throw new Rejected(
                    RejectReason.TOO_FEW_SIGNATURES,
                    "it is signed by " + owners.size() + " people (expected: at least " + needed + ")");
        }
        if (role != KeyRole.BREAK_GLASS && keys.size() > 1) {
            throw new Rejected(RejectReason.MALFORMED, "it has more than the one signature that it needs");
        }
        check(document, keys);
    }

    /**
     * Checks a trust: enough of the roots of the one before have signed it, and enough of its own, so that nobody is locked out by a mistake.
     *
     * @param before what is believed now; null where nothing is, and whoever brings this one is believed
     * @throws Rejected as {@link #verify}
     */
    public void verifyTrust(SignedDocument document, @Nullable Trust before) throws Rejected {
        Trust trust = document.trust();
        Map<String, Bytes> own = trust.rootsById();
        Map<String, Bytes> former = before == null ? own : before.rootsById();
        Map<DocumentSignature, PublicKey> keys = new LinkedHashMap<>();
        int byOwn = 0;
        int byFormer = 0;
        for (DocumentSignature signature : document.signatures()) {
            Bytes root = former.get(signature.keyId());
            if (root != null) {
                byFormer++;
            }
            if (own.containsKey(signature.keyId())) {
                byOwn++;
                root = own.get(signature.keyId());
            }
            if (root == null) {
                throw new Rejected(RejectReason.UNKNOWN_KEY, signature.keyId() + " is no root that is trusted here");
            }
            keys.put(signature, publicKey(root));
        }
        int neededFormer = before == null ? trust.rootThreshold() : before.rootThreshold();
        if (byFormer < neededFormer || byOwn < trust.rootThreshold()) {
            throw new Rejected(
                    RejectReason.TOO_FEW_SIGNATURES,
                    "it is signed by " + byFormer + " roots of before and " + byOwn + " of its own (expected: at least "
                            + neededFormer + " and " + trust.rootThreshold() + ")");
        }
        check(document, keys);
    }

    /** Returns whether a route would still be taken from those who have signed it: their keys are trusted, and they are enough. */
    public boolean isTrusted(SignedDocument document, Trust trust) {
        KeyRole role = roleOf(document);
        Set<String> owners = new HashSet<>();
        for (DocumentSignature signature : document.signatures()) {
            Keyset.Entry key = trust.key(signature.keyId(), role);
            if (key != null && !isOver(key)) {
                String owner = role == KeyRole.BREAK_GLASS ? trust.owners().get(key.id()) : key.id();
                if (owner != null) {
                    owners.add(owner);
                }
            }
        }
        return owners.size() >= (role == KeyRole.BREAK_GLASS ? trust.breakGlassThreshold() : 1);
    }

    private static KeyRole roleOf(SignedDocument document) {
        return switch (document.kind()) {
            case ROUTE -> document.route().kind() == RouteKind.BREAK_GLASS ? KeyRole.BREAK_GLASS : KeyRole.ROUTE;
            case LEDGER -> KeyRole.ROUTE;
            case MANIFEST -> KeyRole.BUILD;
            case TRUST -> throw new IllegalArgumentException("document: a trust has no role");
        };
    }

    private boolean isOver(Keyset.Entry key) {
        long now = Math.floorDiv(clock.millis(), 1000L);
        return key.notAfterEpochSecond() != Long.MAX_VALUE && now >= key.notAfterEpochSecond() + LEEWAY.toSeconds();
    }

    private void check(SignedDocument document, Map<DocumentSignature, PublicKey> keys) throws Rejected {
        byte[] input = DocumentSigner.signatureInput(document.kind(), document.body());
        for (Map.Entry<DocumentSignature, PublicKey> signed : keys.entrySet()) {
            verifications.increment();
            try {
                Signature signature = Signature.getInstance("Ed25519");
                signature.initVerify(signed.getValue());
                signature.update(input);
                if (signature.verify(signed.getKey().value().toArray())) {
                    continue;
                }
            } catch (GeneralSecurityException e) {
                // A signature that is no point of the curve is told by an exception; it is as bad as any other.
            }
            throw new Rejected(
                    RejectReason.BAD_SIGNATURE,
                    "the signature of " + signed.getKey().keyId() + " is not good");
        }
    }

    private static PublicKey publicKey(Bytes root) throws Rejected {
        try {
            return Ed25519Keys.publicKey(root.toArray());
        } catch (IllegalArgumentException e) {
            throw new Rejected(RejectReason.MALFORMED, "a root key is not one of Ed25519");
        }
    }
}
