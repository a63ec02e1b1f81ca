package io.nearkv.deploy.store;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnknownFieldSet;
import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.core.route.DocumentVerdict.Outcome;
import io.nearkv.deploy.document.DocumentKind;
import io.nearkv.deploy.document.Documents;
import io.nearkv.deploy.document.StoredDocuments;
import io.nearkv.deploy.model.RejectReason;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.wire.Documents.Entry;
import io.nearkv.deploy.wire.Documents.Signed;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Whatever is offered, by whomever it is signed: it is in force as it was meant, or nothing has changed. */
class HostileDocumentsTest extends RouteStoreTestBase {
    private static final Route FIRST = WORLD.following(1, 2, 100);
    private static final Route NEXT = WORLD.following(1, 4, 500, FIRST);

    private @Nullable RouteStore opened;

    private RouteStore store() {
        if (opened == null) {
            opened = openTrusting();
            assertAccepted(opened, WORLD.sign(FIRST));
        }
        return opened;
    }

    private void assertNothingChanges(byte[] document, StoredDocuments before) {
        DocumentVerdict verdict = store().offer(document, "test");
        assertThat(verdict.outcome()).as("%s", verdict).isEqualTo(Outcome.REJECTED);
        assertThat(store().snapshot()).isSameAs(before);
    }

    @Test
    void every_document_with_a_bit_flipped_is_rejected() {
        StoredDocuments before = store().snapshot();
        for (byte[] good : List.of(
                WORLD.sign(NEXT),
                Documents.ledger(WORLD.ledger().plus(WORLD.entry(3, 0), 1, "x"), WORLD.routeKey()),
                Documents.breakGlass(
                        WORLD.breakGlass(2).build(), List.of(WORLD.person("alice"), WORLD.person("bob"))))) {
            // Every bit takes ten seconds; every byte, with the bit that comes next, finds what there is to find.
            for (int i = 0; i < good.length; i++) {
                byte[] flipped = good.clone();
                flipped[i] ^= (byte) (1 << (i % 8));
                assertNothingChanges(flipped, before);
            }
        }
    }

    @Test
    void a_document_of_any_other_length_is_rejected() {
        StoredDocuments before = store().snapshot();
        byte[] good = WORLD.sign(NEXT);
        for (int length = 1; length < good.length; length++) {
            assertNothingChanges(Arrays.copyOf(good, length), before);
        }
        for (int more = 1; more < 20; more++) {
            assertNothingChanges(Arrays.copyOf(good, good.length + more), before);
        }
    }

    @Test
    void random_bytes_and_random_pieces_of_good_documents_are_rejected() {
        Random random = new Random(11);
        StoredDocuments before = store().snapshot();
        byte[] good = WORLD.sign(NEXT);
        for (int i = 0; i < 500; i++) {
            byte[] noise = new byte[random.nextInt(1, 2_000)];
            random.nextBytes(noise);
            assertNothingChanges(noise, before);
            byte[] mixed = good.clone();
            int from = random.nextInt(good.length);
            int length = random.nextInt(1, good.length - from + 1);
            int to = random.nextInt(good.length - length + 1);
            System.arraycopy(good, from, mixed, to, length);
            if (!Arrays.equals(mixed, good)) {
                assertNothingChanges(mixed, before);
            }
        }
    }

    @Test
    void what_was_valid_once_cannot_be_played_again() {
        byte[] old = WORLD.sign(FIRST);
        byte[] oldParachute = requireNonNull(store().parachuteDocument());
        assertAccepted(store(), WORLD.sign(NEXT));

        assertRejected(store(), old, RejectReason.NOT_NEWER);
        assertRejected(store(), oldParachute, RejectReason.NOT_NEWER);
        store().close();
        RouteStore again = open();
        assertRejected(again, old, RejectReason.NOT_NEWER);
        assertRejected(again, oldParachute, RejectReason.NOT_NEWER);
    }

    @Test
    void a_body_that_means_the_same_in_other_bytes_is_malformed_though_it_is_signed() throws Exception {
        io.nearkv.deploy.wire.Documents.Route route = wire(NEXT);
        byte[] canonical = route.toByteArray();
        byte[] swapped = concat(
                io.nearkv.deploy.wire.Documents.Route.newBuilder()
                        .setEpoch(route.getEpoch())
                        .build()
                        .toByteArray(),
                route.toBuilder().clearEpoch().build().toByteArray());
        byte[] twice = concat(
                io.nearkv.deploy.wire.Documents.Route.newBuilder()
                        .setEpoch(9)
                        .build()
                        .toByteArray(),
                canonical);
        byte[] defaultWritten = concat(canonical, new byte[] {(byte) (((17 << 3) & 0x7f) | 0x80), 1, 0});
        byte[] unknown = route.toBuilder()
                .setUnknownFields(UnknownFieldSet.newBuilder()
                        .addField(
                                99,
                                UnknownFieldSet.Field.newBuilder().addVarint(1).build())
                        .build())
                .build()
                .toByteArray();
        byte[] unknownInside = route.toBuilder()
                .setEntries(
                        0,
                        route.getEntries(0).toBuilder()
                                .setUnknownFields(UnknownFieldSet.newBuilder()
                                        .addField(
                                                99,
                                                UnknownFieldSet.Field.newBuilder()
                                                        .addVarint(1)
                                                        .build())
                                        .build()))
                .build()
                .toByteArray();
        for (byte[] body : List.of(swapped, twice, defaultWritten, unknown, unknownInside)) {
            assertThat(io.nearkv.deploy.wire.Documents.Route.parseFrom(body).getSeq())
                    .as("protobuf itself takes it")
                    .isEqualTo(4);
            assertRejected(
                    store(), Envelopes.signedBody(DocumentKind.ROUTE, body, WORLD.routeKey()), RejectReason.MALFORMED);
        }
    }

    @Test
    void the_envelope_has_one_form_too() {
        byte[] good = WORLD.sign(NEXT);
        Signed signed = Envelopes.parse(good);
        byte[] appended = concat(good, new byte[] {(byte) 0xf8, 0x06, 1}); // field 111
        byte[] defaultKind = concat(new byte[] {8, 0}, good);
        byte[] noSignature = signed.toBuilder().clearSignatures().build().toByteArray();
        byte[] otherKind = signed.toBuilder().setKindValue(3).build().toByteArray();
        byte[] noKind = signed.toBuilder().clearKind().build().toByteArray();
        byte[] laterKind = signed.toBuilder().setKindValue(5).build().toByteArray();
        byte[] noBody = signed.toBuilder().clearBody().build().toByteArray();
        byte[] shortSignature = signed.toBuilder()
                .setSignatures(
                        0,
                        signed.getSignatures(0).toBuilder()
                                .setValue(signed.getSignatures(0).getValue().substring(1)))
                .build()
                .toByteArray();
        byte[] parachuteInParachute = signed.toBuilder()
                .setParachute(Envelopes.parse(signed.getParachute().toByteArray()).toBuilder()
                        .setParachute(signed.getParachute())
                        .build()
                        .toByteString())
                .build()
                .toByteArray();
        byte[] parachuteIsNoDocument = signed.toBuilder()
                .setParachute(ByteString.copyFromUtf8("hello"))
                .build()
                .toByteArray();
        for (byte[] document : List.of(
                appended,
                defaultKind,
                noSignature,
                otherKind,
                noKind,
                laterKind,
                noBody,
                shortSignature,
                parachuteInParachute,
                parachuteIsNoDocument)) {
            assertRejected(store(), document, RejectReason.MALFORMED);
        }
    }

    @Test
    void many_signatures_are_refused_before_any_is_verified() {
        Signed signed = Envelopes.parse(WORLD.sign(NEXT));
        Signed.Builder many = signed.toBuilder();
        for (int i = 0; i < 500; i++) {
            many.addSignatures(signed.getSignatures(0).toBuilder()
                    .setKeyId(String.format("route-%016x", i))
                    .build());
        }
        long verifications = store().signatureVerifications();

        assertRejected(store(), many.build().toByteArray(), RejectReason.MALFORMED);

        assertThat(store().signatureVerifications()).isEqualTo(verifications);
    }

    @Test
    void numbers_at_the_ends_of_their_range_are_malformed_though_signed() {
        io.nearkv.deploy.wire.Documents.Route good = wire(NEXT);
        for (io.nearkv.deploy.wire.Documents.Route.Builder hostile : List.of(
                good.toBuilder().setEpoch(-1),
                good.toBuilder().setEpoch(Long.MAX_VALUE),
                good.toBuilder().setEpoch(Long.MIN_VALUE),
                good.toBuilder().setEpoch(1L << 53),
                good.toBuilder().setEpoch(0),
                good.toBuilder().setSeq(-2),
                good.toBuilder().setSeq(Long.MAX_VALUE - 1),
                good.toBuilder().setStep(-1),
                good.toBuilder().setLeaseMillis(-1),
                good.toBuilder().setLeaseMillis(Integer.MAX_VALUE),
                good.toBuilder().setCreatedAt(-1),
                good.toBuilder().setCreatedAt(Long.MAX_VALUE),
                good.toBuilder().setNotAfter(1),
                good.toBuilder().setSalt(ByteString.copyFrom(new byte[65])),
                good.toBuilder().setReconciles(ByteString.copyFrom(new byte[31])),
                good.toBuilder().setAncestors(0, ByteString.copyFrom(new byte[33])),
                good.toBuilder().setReason("x".repeat(257)),
                good.toBuilder().setReason("\u001b[2J"),
                good.toBuilder().setReason("line\nbreak"),
                good.toBuilder().setReason("\u202e reversed"),
                good.toBuilder().setRolloutId("../../etc"),
                good.toBuilder().addNodes("file:///etc/passwd"),
                good.toBuilder().addNodes("kv://host:0"),
                good.toBuilder().addNodes("kv://host:65536"),
                good.toBuilder().addNodes("kv://user@host:1"),
                good.toBuilder().clearEntries(),
                good.toBuilder().clearService(),
                good.toBuilder().setKindValue(0),
                good.toBuilder().setKindValue(9),
                good.toBuilder().addAllEntries(Collections.nCopies(8, good.getEntries(0))),
                good.toBuilder()
                        .setEntries(0, entry(good.getEntries(0).toBuilder().setLedgerNumber(-1))),
                good.toBuilder()
                        .setEntries(0, entry(good.getEntries(0).toBuilder().addEndpoints("http://host:1"))),
                good.toBuilder()
                        .setEntries(0, entry(good.getEntries(0).toBuilder().clearBuild())))) {
            assertRejected(
                    store(),
                    Envelopes.signedBody(DocumentKind.ROUTE, hostile.build().toByteArray(), WORLD.routeKey()),
                    RejectReason.MALFORMED);
        }
    }

    private static Entry entry(Entry.Builder entry) {
        return entry.build();
    }

    @Test
    void a_known_good_build_with_a_weight_is_rejected_though_signed() {
        io.nearkv.deploy.wire.Documents.Route good = wire(NEXT);
        io.nearkv.deploy.wire.Documents.Route hostile = good.toBuilder()
                .setKnownGood(0, good.getKnownGood(0).toBuilder().setWeight(10_000))
                .build();

        assertRejected(
                store(),
                Envelopes.signedBody(DocumentKind.ROUTE, hostile.toByteArray(), WORLD.routeKey()),
                RejectReason.BAD_WEIGHTS);
    }

    @Test
    void the_rejections_do_not_quote_what_could_move_a_cursor() {
        io.nearkv.deploy.wire.Documents.Route hostile =
                wire(NEXT).toBuilder().addNodes("kv://\u001b[2J:1").build();

        DocumentVerdict verdict = assertRejected(
                store(),
                Envelopes.signedBody(DocumentKind.ROUTE, hostile.toByteArray(), WORLD.routeKey()),
                RejectReason.MALFORMED);

        assertThat(verdict.detail()).doesNotContain("\u001b");
    }

    private static io.nearkv.deploy.wire.Documents.Route wire(Route route) {
        try {
            return io.nearkv.deploy.wire.Documents.Route.parseFrom(
                    Envelopes.parse(WORLD.sign(route)).getBody());
        } catch (InvalidProtocolBufferException e) {
            throw new AssertionError(e);
        }
    }

    private static byte[] concat(byte[] one, byte[] two) {
        byte[] both = Arrays.copyOf(one, one.length + two.length);
        System.arraycopy(two, 0, both, one.length, two.length);
        return both;
    }
}
