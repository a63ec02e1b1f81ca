package io.nearkv.deploy.document;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import com.google.protobuf.ByteString;
import io.nearkv.deploy.model.Bytes;
import io.nearkv.deploy.wire.Documents.Kind;
import io.nearkv.deploy.wire.Documents.Signature;
import io.nearkv.deploy.wire.Documents.Signed;
import java.util.Arrays;

/**
 * Nothing that is offered makes the decoders throw anything but their own refusal, and there is one way to write what they take. A normal run tries the seeds in
 * {@code DocumentFuzzTestInputs}; with {@code JAZZER_FUZZ=1} the fuzzer goes on from them, one target at a time.
 */
class DocumentFuzzTest {
    /** A document as it comes from a socket. */
    @FuzzTest
    void any_document_is_taken_whole_or_refused(byte[] data) {
        SignedDocument document;
        try {
            document = SignedDocument.parse(data);
        } catch (Rejected e) {
            assertThat(e.detail()).isNotBlank();
            return;
        }
        assertThat(document.toArray()).isEqualTo(data);
        check(document);
    }

    /** The body behind a good envelope. */
    @FuzzTest
    void any_body_is_taken_whole_or_refused(byte[] data) {
        for (DocumentKind kind : DocumentKind.values()) {
            byte[] envelope = Signed.newBuilder()
                    .setKind(Kind.forNumber(kind.number()))
                    .setBody(ByteString.copyFrom(data))
                    .addSignatures(Signature.newBuilder()
                            .setKeyId("route-0123456789abcdef")
                            .setValue(ByteString.copyFrom(new byte[64])))
                    .build()
                    .toByteArray();
            try {
                check(SignedDocument.parse(envelope));
            } catch (Rejected e) {
                assertThat(e.detail()).isNotBlank();
            }
        }
    }

    /** What is written again from the values is what was read. (The keyset in a trust is JSON, which has many forms; it is signed as the bytes that it is.) */
    private static void check(SignedDocument document) {
        assertThat(document.service()).isNotNull();
        assertThat(document.hash()).isEqualTo(Bytes.sha256(document.body()).hex());
        switch (document.kind()) {
            case ROUTE -> {
                assertThat(WireCodec.encode(document.route())).isEqualTo(document.body());
                assertThat(document.route().summary()).isNotEmpty();
                assertThat(Documents.hash(document.route())).isEqualTo(document.hash());
            }
            case LEDGER -> assertThat(WireCodec.encode(document.ledger())).isEqualTo(document.body());
            case MANIFEST -> assertThat(WireCodec.encode(document.manifest())).isEqualTo(document.body());
            case TRUST -> assertThat(document.trust().rootsById()).isNotEmpty();
        }
    }

    /** The state file with a checksum that is right. */
    @FuzzTest
    void any_state_is_taken_whole_or_refused(byte[] data) {
        byte[] file = Arrays.copyOf(data, data.length + 32);
        System.arraycopy(Bytes.sha256(data).toArray(), 0, file, data.length, 32);
        StoredDocuments state;
        try {
            state = StoredDocuments.decode(file);
        } catch (Rejected e) {
            return;
        }
        assertThat(state.encode()).isEqualTo(file);
    }

    /** A file that an operator drops. */
    @FuzzTest
    void any_bundle_is_taken_apart_or_refused(byte[] data) {
        try {
            assertThat(Documents.readBundle(data)).isNotEmpty();
        } catch (Rejected e) {
            assertThat(e.detail()).isNotBlank();
        }
    }
}
