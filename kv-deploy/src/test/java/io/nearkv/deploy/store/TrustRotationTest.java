package io.nearkv.deploy.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.identity.Ed25519Keys;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.identity.KeyFile;
import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.core.route.DocumentVerdict.Outcome;
import io.nearkv.deploy.document.DocumentSigner;
import io.nearkv.deploy.document.Documents;
import io.nearkv.deploy.environment.EnvironmentKeys;
import io.nearkv.deploy.model.Bytes;
import io.nearkv.deploy.model.Ledger;
import io.nearkv.deploy.model.ModelLimits;
import io.nearkv.deploy.model.RejectReason;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.Trust;
import io.nearkv.deploy.testing.World;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A trust follows another; what was signed with keys that are gone binds nobody, and what the process remembers of other keys stays. */
class TrustRotationTest extends RouteStoreTestBase {
    /** An environment of its own, because these tests change it. */
    @TempDir
    Path folder;

    private World world;
    private RouteStore store;
    private Route first;

    @BeforeEach
    void openStore() {
        world = World.create(folder, "production", clock);
        store = RouteStore.open(temp.resolve("routes"), world.service(), options());
        take(store, world.trustDocument());
        take(store, world.ledgerDocument());
        first = world.following(1, 2, 100);
        assertAccepted(store, world.sign(first));
    }

    @AfterEach
    void closeStore() {
        store.close();
    }

    private byte[] rotated(Trust present, Path newKey, Duration overlap) {
        return EnvironmentKeys.rotateRouteKey(
                world.dataFolder(), present, world.roots().subList(0, 2), newKey, overlap, clock);
    }

    private static byte[] signedBy(Route forward, DocumentSigner key) {
        return Documents.route(forward, key, Documents.parachuteOf(forward, "way back"));
    }

    @Test
    void a_new_trust_is_taken_from_anybody_if_enough_roots_have_signed_it() {
        byte[] next = rotated(world.trust(), temp.resolve("route-2.pem"), Duration.ofDays(7));

        assertAccepted(store, next);

        assertThat(store.trust()).isNotNull();
        assertThat(store.trust() == null ? 0 : store.trust().serial()).isEqualTo(2);
        assertThat(store.offer(next, "test").outcome()).isEqualTo(Outcome.KNOWN);
        assertThat(store.active()).isEqualTo(first);
    }

    @Test
    void one_root_alone_is_not_enough() {
        Trust present = world.trust();
        byte[] next = EnvironmentKeys.nextTrust(
                present, present.keyset(), Map.of(), world.roots().subList(0, 1));

        assertRejected(store, next, RejectReason.TOO_FEW_SIGNATURES);
    }

    @Test
    void the_roots_of_the_trust_here_decide_not_those_that_the_new_one_names() {
        List<DocumentSigner> thieves = new ArrayList<>();
        List<Bytes> theirs = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            KeyFile key = KeyFile.create(temp.resolve("thief-" + i + ".pem"), Trust.ROOT_LABEL);
            thieves.add(DocumentSigner.of(key));
            theirs.add(Bytes.of(Ed25519Keys.rawBytes(key.publicKey())));
        }
        Trust hostile = withRoots(world.trust(), 2, theirs, 2);
        List<DocumentSigner> withOneRoot = new ArrayList<>(thieves);
        withOneRoot.add(world.roots().get(0));
        List<DocumentSigner> handedOver = new ArrayList<>(thieves);
        handedOver.addAll(world.roots().subList(1, 3));

        assertRejected(store, Documents.trust(hostile, thieves), RejectReason.TOO_FEW_SIGNATURES);
        assertRejected(store, Documents.trust(hostile, withOneRoot), RejectReason.TOO_FEW_SIGNATURES);
        assertAccepted(store, Documents.trust(hostile, handedOver));
    }

    @Test
    void a_trust_that_its_own_roots_have_not_signed_would_lock_everybody_out() {
        List<Bytes> lost = List.of(Bytes.sha256(new byte[] {1}), Bytes.sha256(new byte[] {2}));

        assertRejected(
                store,
                Documents.trust(withRoots(world.trust(), 2, lost, 2), world.roots()),
                RejectReason.TOO_FEW_SIGNATURES);
    }

    @Test
    void an_older_trust_is_rejected() {
        byte[] second = rotated(world.trust(), temp.resolve("route-2.pem"), Duration.ofDays(7));
        assertAccepted(store, second);

        assertRejected(store, world.trustDocument(), RejectReason.NOT_NEWER);
        assertThat(store.install(world.trustDocument(), "start").get(0).outcome())
                .isEqualTo(Outcome.REJECTED);
    }

    @Test
    void what_an_operator_installs_again_at_each_start_is_no_alarm() {
        assertAccepted(store, world.forward(1, 4, 500, first));
        List<String> before = store.problems();

        List<DocumentVerdict> verdicts = store.install(
                Documents.bundle(List.of(world.trustDocument(), world.ledgerDocument(), world.sign(first))), "start");

        assertThat(verdicts)
                .extracting(DocumentVerdict::outcome)
                .containsExactly(Outcome.KNOWN, Outcome.KNOWN, Outcome.REJECTED);
        assertThat(store.problems()).isEqualTo(before);
        assertThat(store.rejections()).isEmpty();
    }

    @Test
    void during_the_overlap_both_keys_sign_and_then_only_the_new_one() {
        Path newKey = temp.resolve("route-2.pem");
        assertAccepted(store, rotated(world.trust(), newKey, Duration.ofHours(1)));
        Route second = world.following(1, 4, 500, first);
        assertAccepted(store, world.sign(second));
        Route third = world.following(1, 6, 1_000, second);
        Route fourth = world.following(1, 8, 2_000, third);
        clock.pass(Duration.ofHours(1).plusMinutes(6));

        assertRejected(store, world.sign(third), RejectReason.UNKNOWN_KEY);
        assertThat(store.problems()).anyMatch(problem -> problem.contains("trusted no longer"));
        assertThat(store.active()).isEqualTo(second);

        assertAccepted(store, signedBy(fourth, DocumentSigner.read(newKey)));
        assertThat(store.problems()).noneMatch(problem -> problem.contains("trusted no longer"));
    }

    @Test
    void a_key_that_ends_while_its_route_is_being_probed_ends_for_that_route_too() {
        store.close();
        Path newKey = temp.resolve("route-2.pem");
        byte[] next = rotated(world.trust(), newKey, Duration.ZERO);
        List<RouteStore> opened = new ArrayList<>();
        RouteStoreOptions options = options().withProbe((entry, endpoint) -> {
            assertAccepted(opened.get(0), next);
            return null;
        });
        try (RouteStore again = RouteStore.open(temp.resolve("routes"), world.service(), options)) {
            opened.add(again);
            Route newInstance = world.following(1, 4, 500, first).toBuilder()
                    .entries(List.of(world.entry(4, 500), world.entry(2, 9_500)))
                    .build();

            DocumentVerdict verdict = again.offer(world.sign(newInstance), "test");

            assertThat(verdict.reason()).isEqualTo(RejectReason.UNKNOWN_KEY.label());
            assertThat(again.active()).isEqualTo(first);
        }
    }

    @Test
    void one_good_signature_is_enough_and_a_second_one_too_many() {
        Path newKey = temp.resolve("route-2.pem");
        assertAccepted(store, rotated(world.trust(), newKey, Duration.ofHours(1)));
        Route whole = world.following(1, 4, 500, first).toBuilder()
                .entries(List.of(world.entry(2, 10_000)))
                .build();

        assertRejected(
                store,
                Envelopes.withSignatures(whole, List.of(world.routeKey(), DocumentSigner.read(newKey))),
                RejectReason.MALFORMED);
        assertAccepted(store, Envelopes.withSignatures(whole, List.of(DocumentSigner.read(newKey))));
    }

    @Test
    void a_leaked_route_key_that_has_gone_as_far_forward_as_it_could_is_undone_by_the_next_trust() {
        Route farForward = world.following(ModelLimits.MAX_NUMBER, ModelLimits.MAX_NUMBER - 1, 9_000);
        assertAccepted(store, world.sign(farForward));
        assertRejected(store, world.forward(1, 4, 500, first), RejectReason.NOT_NEWER);
        Path newKey = temp.resolve("route-2.pem");
        assertAccepted(store, rotated(world.trust(), newKey, Duration.ZERO));

        assertThat(store.active()).as("it goes on to serve").isEqualTo(farForward);
        assertRejected(store, world.forward(1, 4, 500, first), RejectReason.UNKNOWN_KEY);
        Route recovered = world.following(1, 4, 500, first);
        assertAccepted(store, signedBy(recovered, DocumentSigner.read(newKey)));
        assertRejected(
                store,
                signedBy(recovered.toBuilder().rollout("r2", 9).build(), DocumentSigner.read(newKey)),
                RejectReason.NOT_NEWER);
    }

    @Test
    void a_key_that_comes_back_has_not_forgotten_what_it_has_signed() {
        IdentityDirectory identity = IdentityDirectory.open(world.dataFolder(), clock);
        Path newKey = temp.resolve("route-2.pem");
        assertAccepted(store, rotated(world.trust(), newKey, Duration.ZERO));
        assertAccepted(store, signedBy(world.following(1, 4, 500, first), DocumentSigner.read(newKey)));
        Trust both = new Trust(
                world.service(),
                world.trust().environmentClass(),
                3,
                world.trust().roots(),
                2,
                world.trust().keyset(), // the first one, by mistake
                world.trust().owners(),
                2);
        assertAccepted(store, Documents.trust(both, world.roots()));
        assertThat(identity.keyset()).isNotEqualTo(both.keyset());

        assertRejected(store, world.sign(first), RejectReason.NOT_NEWER);
    }

    @Test
    void a_forged_ledger_of_a_leaked_key_binds_nobody_after_the_rotation() {
        Ledger forged = world.ledger().plus(world.entry(7, 0), 1, "forged").plus(world.entry(8, 0), 2, "forged");
        assertAccepted(store, Documents.ledger(forged, world.routeKey()));
        Path newKey = temp.resolve("route-2.pem");
        Ledger honest = world.ledger().plus(world.entry(3, 0), 1, "complete");
        assertAccepted(store, rotated(world.trust(), newKey, Duration.ZERO));

        assertAccepted(store, Documents.ledger(honest, DocumentSigner.read(newKey)));

        assertThat(store.ledger()).isEqualTo(honest);
    }

    @Test
    void the_way_back_on_the_disk_is_good_for_as_long_as_its_route_is_in_force() {
        byte[] parachute = store.parachuteDocument();
        assertAccepted(store, rotated(world.trust(), temp.resolve("route-2.pem"), Duration.ZERO));
        long verifications = store.signatureVerifications();

        assertThat(parachute).isNotNull();
        assertAccepted(store, parachute == null ? new byte[0] : parachute);

        assertThat(store.signatureVerifications()).isEqualTo(verifications);
        assertThat(store.active() == null ? "" : store.active().summary())
                .isEqualTo(world.build(2).id() + "=10000");
    }

    private static Trust withRoots(Trust trust, long serial, List<Bytes> roots, int threshold) {
        return new Trust(
                trust.service(),
                trust.environmentClass(),
                serial,
                roots,
                threshold,
                trust.keyset(),
                trust.owners(),
                trust.breakGlassThreshold());
    }
}
