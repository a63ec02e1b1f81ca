package io.nearkv.deploy.document;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.nearkv.core.route.DocumentExchange;
import io.nearkv.deploy.model.Bytes;
import io.nearkv.deploy.model.Ledger;
import io.nearkv.deploy.model.Manifest;
import io.nearkv.deploy.model.ModelLimits;
import io.nearkv.deploy.model.RejectReason;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteEntry;
import io.nearkv.deploy.model.RouteKind;
import io.nearkv.deploy.model.Trust;
import io.nearkv.deploy.wire.Documents.Bundle;
import io.nearkv.deploy.wire.Documents.Kind;
import io.nearkv.deploy.wire.Documents.Signature;
import io.nearkv.deploy.wire.Documents.Signed;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Makes the signed documents. Signing takes a millisecond for each signature. What does not fit together is an {@link IllegalArgumentException}. */
public final class Documents {
    /** Longest bundle in bytes: as many documents as are handed on at once. */
    public static final int MAX_BUNDLE_BYTES =
            DocumentExchange.MAX_DOCUMENTS * (DocumentExchange.MAX_DOCUMENT_BYTES + 16);

    private Documents() {}

    /**
     * Returns a signed route of a control plane.
     *
     * @param route a forward route or, alone, a parachute
     * @param key a route key
     * @param parachute the way back of a forward route (see {@link #parachuteOf}); null for none
     */
    public static byte[] route(Route route, DocumentSigner key, @Nullable Route parachute) {
        if (route.kind() == RouteKind.BREAK_GLASS || (parachute != null && route.kind() != RouteKind.FORWARD)) {
            throw new IllegalArgumentException("route: of kind " + route.kind());
        }
        Signed.Builder signed = signed(DocumentKind.ROUTE, WireCodec.encode(route), List.of(key));
        if (parachute != null) {
            signed.setParachute(signed(DocumentKind.ROUTE, WireCodec.encode(parachute), List.of(key))
                    .build()
                    .toByteString());
        }
        return bytes(signed);
    }

    /** Returns the way back of a forward route: its next version, with all traffic to the first of its known-good builds. */
    public static Route parachuteOf(Route forward, String reason) {
        if (forward.kind() != RouteKind.FORWARD || forward.knownGood().isEmpty()) {
            throw new IllegalArgumentException("forward: not a forward route with a known-good build");
        }
        RouteEntry target = forward.knownGood().get(0);
        List<String> ancestors = new ArrayList<>();
        ancestors.add(hash(forward));
        ancestors.addAll(forward.ancestors());
        return forward.toBuilder()
                .kind(RouteKind.PARACHUTE)
                .version(forward.epoch(), forward.seq() + 1)
                .entries(List.of(target.withWeight(ModelLimits.TOTAL_WEIGHT)))
                .ancestors(ancestors)
                .lease(Duration.ZERO)
                .resumes(false)
                .reason(reason)
                .build();
    }

    /** Returns a signed route of an emergency. */
    public static byte[] breakGlass(Route route, List<DocumentSigner> people) {
        if (route.kind() != RouteKind.BREAK_GLASS) {
            throw new IllegalArgumentException("route: of kind " + route.kind());
        }
        return bytes(signed(DocumentKind.ROUTE, WireCodec.encode(route), people));
    }

    /** Returns a signed ledger. */
    public static byte[] ledger(Ledger ledger, DocumentSigner routeKey) {
        return bytes(signed(DocumentKind.LEDGER, WireCodec.encode(ledger), List.of(routeKey)));
    }

    /** Returns a signed manifest. */
    public static byte[] manifest(Manifest manifest, DocumentSigner buildKey) {
        return bytes(signed(DocumentKind.MANIFEST, WireCodec.encode(manifest), List.of(buildKey)));
    }

    /**
     * Returns a signed trust.
     *
     * @param roots enough of the roots of this trust and, where it follows another, of that one's too
     */
    public static byte[] trust(Trust trust, List<DocumentSigner> roots) {
        return bytes(signed(DocumentKind.TRUST, WireCodec.encode(trust), roots));
    }

    /** Returns what a route is called in others: the SHA-256 of its body in hex. */
    public static String hash(Route route) {
        return Bytes.sha256(WireCodec.encode(route)).hex();
    }

    /** Returns a file with several documents, in the order in which they are to be taken: trust, ledger, route. */
    public static byte[] bundle(List<byte[]> documents) {
        if (documents.isEmpty() || documents.size() > DocumentExchange.MAX_DOCUMENTS) {
            throw new IllegalArgumentException(
                    "documents: " + documents.size() + " (expected: 1 to " + DocumentExchange.MAX_DOCUMENTS + ")");
        }
        Bundle.Builder bundle = Bundle.newBuilder();
        documents.forEach(document -> bundle.addDocuments(ByteString.copyFrom(document)));
        return bundle.build().toByteArray();
    }

    /**
     * Returns the documents of a bundle. They are taken apart by {@link SignedDocument#parse}, one by one.
     *
     * @throws Rejected {@link RejectReason#OVERSIZED} or {@link RejectReason#MALFORMED}
     */
    public static List<byte[]> readBundle(byte[] bundle) throws Rejected {
        if (bundle.length > MAX_BUNDLE_BYTES) {
            throw new Rejected(
                    RejectReason.OVERSIZED,
                    "the bundle has " + bundle.length + " bytes (expected: at most " + MAX_BUNDLE_BYTES + ")");
        }
        Bundle read;
        try {
            read = Bundle.parseFrom(bundle);
        } catch (InvalidProtocolBufferException e) {
            throw new Rejected(RejectReason.MALFORMED, "it is no bundle");
        }
        if (read.getDocumentsCount() == 0
                || read.getDocumentsCount() > DocumentExchange.MAX_DOCUMENTS
                || !read.getUnknownFields().asMap().isEmpty()) {
            throw new Rejected(RejectReason.MALFORMED, "it is no bundle");
        }
        return read.getDocumentsList().stream().map(ByteString::toByteArray).toList();
    }

    private static Signed.Builder signed(DocumentKind kind, byte[] body, List<DocumentSigner> signers) {
        if (signers.isEmpty() || signers.size() > SignedDocument.MAX_SIGNATURES) {
            throw new IllegalArgumentException(
                    "signers: " + signers.size() + " (expected: 1 to " + SignedDocument.MAX_SIGNATURES + ")");
        }
        Signed.Builder signed =
                Signed.newBuilder().setKind(Kind.forNumber(kind.number())).setBody(ByteString.copyFrom(body));
        for (DocumentSigner signer : signers) {
            signed.addSignatures(Signature.newBuilder()
                    .setKeyId(signer.keyId())
                    .setValue(ByteString.copyFrom(signer.sign(kind, body))));
        }
        return signed;
    }

    private static byte[] bytes(Signed.Builder signed) {
        byte[] bytes = signed.build().toByteArray();
        if (bytes.length > SignedDocument.MAX_BYTES) {
            throw new IllegalArgumentException("document: " + bytes.length + " bytes (expected: at most "
                    + SignedDocument.MAX_BYTES + "); name fewer endpoints or nodes");
        }
        return bytes;
    }
}
