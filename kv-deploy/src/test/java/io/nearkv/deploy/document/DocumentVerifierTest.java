package io.nearkv.deploy.document;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.deploy.model.Manifest;
import io.nearkv.deploy.model.RejectReason;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.Trust;
import io.nearkv.deploy.testing.MovableClock;
import io.nearkv.deploy.testing.World;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Who may sign what, wherever it is read: in a node, in a control plane, in a list of builds. */
class DocumentVerifierTest {
    private static final World WORLD = World.production();
    private static final World STAGING = World.staging();

    private final DocumentVerifier verifier = new DocumentVerifier(new MovableClock());

    private static Manifest manifest(World world) {
        return new Manifest(world.build(1), "1.1.0", 1_795_000_000, 1, 2, 2, List.of(), "ci", "");
    }

    private void assertRejected(byte[] document, RejectReason reason) throws Rejected {
        SignedDocument parsed = SignedDocument.parse(document);
        long before = verifier.signatureVerifications();
        assertThatThrownBy(() -> verifier.verify(parsed, WORLD.trust()))
                .isInstanceOfSatisfying(
                        Rejected.class, e -> assertThat(e.reason()).isEqualTo(reason))
                .hasNoCause();
        assertThat(verifier.signatureVerifications())
                .as("what is cheap comes first")
                .isEqualTo(before);
    }

    @Test
    void each_document_is_good_by_the_keys_of_its_role() throws Rejected {
        Route emergency = WORLD.breakGlass(2).build();
        for (byte[] document : List.of(
                WORLD.forward(1, 2, 100),
                WORLD.ledgerDocument(),
                Documents.manifest(manifest(WORLD), WORLD.buildKey()),
                Documents.breakGlass(emergency, List.of(WORLD.person("alice"), WORLD.person("bob"))))) {
            SignedDocument parsed = SignedDocument.parse(document);
            verifier.verify(parsed, WORLD.trust());
            assertThat(parsed.service()).isEqualTo(WORLD.service());
            assertThat(parsed.toString()).contains(parsed.hash());
        }
        assertThat(verifier.signatureVerifications()).isEqualTo(5);
    }

    @Test
    void a_manifest_of_staging_is_none_of_production_whoever_signs_it() throws Rejected {
        assertRejected(Documents.manifest(manifest(STAGING), STAGING.buildKey()), RejectReason.FOREIGN_SERVICE);
        assertRejected(Documents.manifest(manifest(STAGING), WORLD.buildKey()), RejectReason.FOREIGN_SERVICE);
        assertRejected(Documents.manifest(manifest(WORLD), STAGING.buildKey()), RejectReason.UNKNOWN_KEY);
        assertRejected(Documents.manifest(manifest(WORLD), WORLD.routeKey()), RejectReason.WRONG_ROLE);
    }

    @Test
    void two_keys_of_one_person_are_one_person_and_a_key_of_nobody_is_none() throws Rejected {
        SignedDocument document = SignedDocument.parse(
                Documents.breakGlass(WORLD.breakGlass(2).build(), List.of(WORLD.person("alice"), WORLD.person("bob"))));
        Map<String, String> bothAlice = Map.of(
                WORLD.person("alice").keyId(), "alice", WORLD.person("bob").keyId(), "alice");
        Map<String, String> onlyAlice = Map.of(WORLD.person("alice").keyId(), "alice");

        assertThatThrownBy(() -> verifier.verify(document, owned(bothAlice)))
                .hasMessageContaining(RejectReason.TOO_FEW_SIGNATURES.label());
        assertThatThrownBy(() -> verifier.verify(document, owned(onlyAlice)))
                .hasMessageContaining(RejectReason.UNKNOWN_KEY.label());
        assertThat(verifier.isTrusted(document, owned(bothAlice))).isFalse();
        assertThat(verifier.isTrusted(document, owned(onlyAlice))).isFalse();
        assertThat(verifier.isTrusted(document, WORLD.trust())).isTrue();
    }

    private static Trust owned(Map<String, String> owners) {
        Trust trust = WORLD.trust();
        return new Trust(
                trust.service(),
                trust.environmentClass(),
                2,
                trust.roots(),
                trust.rootThreshold(),
                trust.keyset(),
                owners,
                trust.breakGlassThreshold());
    }

    @Test
    void a_trust_is_not_verified_as_a_document_of_the_environment() throws Rejected {
        assertRejected(WORLD.trustDocument(), RejectReason.UNSUPPORTED);
    }

    @Test
    void a_document_is_only_what_it_is() throws Rejected {
        SignedDocument ledger = SignedDocument.parse(WORLD.ledgerDocument());

        assertThatThrownBy(ledger::route).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(ledger::trust).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(ledger::manifest).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void nobody_makes_a_document_that_does_not_fit_together() {
        Route forward = WORLD.following(1, 2, 100);
        Route emergency = WORLD.breakGlass(2).build();
        Route parachute = Documents.parachuteOf(forward, "way back");

        assertThatThrownBy(() -> Documents.route(emergency, WORLD.routeKey(), null))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Documents.route(parachute, WORLD.routeKey(), parachute))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Documents.breakGlass(forward, List.of(WORLD.person("bob"))))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Documents.breakGlass(emergency, List.of()))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Documents.parachuteOf(parachute, "x")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Documents.bundle(List.of())).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void the_parachute_is_the_pre_signed_inverse_of_its_route() {
        Route forward = WORLD.following(3, 118, 2_500);

        Route parachute = Documents.parachuteOf(forward, "way back");

        assertThat(parachute.epoch()).isEqualTo(3);
        assertThat(parachute.seq()).isEqualTo(119);
        assertThat(parachute.summary()).isEqualTo(WORLD.build(2).id() + "=10000");
        assertThat(parachute.ancestors().get(0)).isEqualTo(Documents.hash(forward));
        assertThat(parachute.salt()).isEqualTo(forward.salt());
        assertThat(parachute.rolloutId()).isEqualTo(forward.rolloutId());
        assertThat(parachute.nodes()).isEqualTo(forward.nodes());
    }
}
