package io.nearkv.deploy.store;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.nearkv.deploy.document.DocumentKind;
import io.nearkv.deploy.document.DocumentSigner;
import io.nearkv.deploy.document.Documents;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.wire.Documents.Kind;
import io.nearkv.deploy.wire.Documents.Signature;
import io.nearkv.deploy.wire.Documents.Signed;
import java.util.List;

/** Documents that no honest signer makes. */
final class Envelopes {
    private Envelopes() {}

    /** Returns a route with these signatures, by one key twice if one says so. */
    static byte[] withSignatures(Route route, List<DocumentSigner> signers) {
        Signed signed = parse(Documents.route(route, signers.get(0), null));
        Signed.Builder builder = signed.toBuilder().clearSignatures();
        for (DocumentSigner signer : signers) {
            builder.addSignatures(Signature.newBuilder()
                    .setKeyId(signer.keyId())
                    .setValue(ByteString.copyFrom(
                            signer.sign(DocumentKind.ROUTE, signed.getBody().toByteArray()))));
        }
        return builder.build().toByteArray();
    }

    /** Returns a document with another body, signed by a good key. */
    static byte[] signedBody(DocumentKind kind, byte[] body, DocumentSigner signer) {
        return Signed.newBuilder()
                .setKind(Kind.valueOf(kind.name()))
                .setBody(ByteString.copyFrom(body))
                .addSignatures(Signature.newBuilder()
                        .setKeyId(signer.keyId())
                        .setValue(ByteString.copyFrom(signer.sign(kind, body))))
                .build()
                .toByteArray();
    }

    static Signed parse(byte[] document) {
        try {
            return Signed.parseFrom(document);
        } catch (InvalidProtocolBufferException e) {
            throw new AssertionError(e);
        }
    }
}
