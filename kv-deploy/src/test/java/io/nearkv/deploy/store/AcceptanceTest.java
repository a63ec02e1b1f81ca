package io.nearkv.deploy.store;

import static io.nearkv.core.route.DocumentVerdict.Outcome.ACCEPTED;
import static io.nearkv.core.route.DocumentVerdict.Outcome.KNOWN;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.deploy.document.DocumentKind;
import io.nearkv.deploy.document.DocumentSigner;
import io.nearkv.deploy.document.Documents;
import io.nearkv.deploy.model.Manifest;
import io.nearkv.deploy.model.RejectReason;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.SafetyLayers;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.deploy.model.Trust;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** The rules by which routes are taken, in their order; one test and more for each reason to reject one. */
class AcceptanceTest extends RouteStoreTestBase {
    private final Route first = WORLD.following(1, 2, 100);

    // ---- form ----

    @Test
    void a_document_beyond_its_limit_is_oversized() {
        RouteStore store = openTrusting();

        assertRejected(store, new byte[64 * 1024 + 1], RejectReason.OVERSIZED);
        assertRejected(store, new byte[10 * 1024 * 1024], RejectReason.OVERSIZED);
    }

    @Test
    void what_is_no_document_is_malformed() {
        RouteStore store = openTrusting();

        assertRejected(store, "hello".getBytes(UTF_8), RejectReason.MALFORMED);
        assertRejected(store, new byte[64 * 1024], RejectReason.MALFORMED);
    }

    @Test
    void a_manifest_is_nothing_that_a_node_keeps() {
        RouteStore store = openTrusting();
        Manifest manifest = new Manifest(WORLD.build(1), "1.1.0", 1_795_000_000, 1, 2, 2, List.of(), "ci", "");

        assertRejected(store, Documents.manifest(manifest, WORLD.buildKey()), RejectReason.UNSUPPORTED);
    }

    // ---- who has signed it ----

    @Test
    void a_document_of_another_environment_is_rejected_before_its_signature_is_looked_at() {
        RouteStore store = openTrusting();
        long verifications = store.signatureVerifications();

        assertRejected(store, STAGING.forward(1, 2, 100), RejectReason.FOREIGN_SERVICE);
        assertRejected(store, STAGING.ledgerDocument(), RejectReason.FOREIGN_SERVICE);
        assertRejected(store, STAGING.trustDocument(), RejectReason.FOREIGN_SERVICE);

        assertThat(store.signatureVerifications()).isEqualTo(verifications);
    }

    @Test
    void a_document_of_another_tenant_or_service_is_rejected() {
        RouteStore store = openTrusting();

        for (ServiceId other :
                List.of(new ServiceId("acme", "kv", "production"), new ServiceId("default", "web", "production"))) {
            Route route = Route.builder(other)
                    .rollout("r2", 1)
                    .version(1, 2)
                    .entries(List.of(WORLD.entry(2, 10_000)))
                    .knownGood(List.of(WORLD.entry(2, 0), WORLD.entry(1, 0)))
                    .build();
            assertRejected(store, WORLD.sign(route), RejectReason.FOREIGN_SERVICE);
        }
    }

    @Test
    void a_process_that_was_started_for_a_service_takes_no_trust_of_another() {
        RouteStore store = open();

        DocumentVerdict verdict = store.install(STAGING.trustDocument(), "test").get(0);

        assertThat(verdict.reason()).isEqualTo(RejectReason.FOREIGN_SERVICE.label());
        assertThat(store.trust()).isNull();
    }

    @Test
    void a_route_by_the_key_of_another_environment_is_rejected() {
        RouteStore store = openTrusting();

        byte[] forged = Documents.route(first, STAGING.routeKey(), Documents.parachuteOf(first, "way back"));

        assertRejected(store, forged, RejectReason.UNKNOWN_KEY);
    }

    @Test
    void nothing_is_taken_from_anybody_before_there_is_a_trust() {
        RouteStore store = open();

        assertRejected(store, WORLD.trustDocument(), RejectReason.UNKNOWN_KEY);
        assertRejected(store, WORLD.forward(1, 2, 100), RejectReason.UNKNOWN_KEY);
        assertRejected(store, WORLD.ledgerDocument(), RejectReason.UNKNOWN_KEY);
    }

    @Test
    void a_key_of_another_role_signs_no_route() {
        RouteStore store = openTrusting();

        assertRejected(store, Documents.route(first, WORLD.buildKey(), null), RejectReason.WRONG_ROLE);
        assertRejected(store, Documents.route(first, WORLD.person("alice"), null), RejectReason.WRONG_ROLE);
        assertRejected(
                store,
                Documents.breakGlass(WORLD.breakGlass(2).build(), List.of(WORLD.routeKey(), WORLD.person("bob"))),
                RejectReason.WRONG_ROLE);
        assertRejected(store, Documents.ledger(WORLD.ledger(), WORLD.buildKey()), RejectReason.WRONG_ROLE);
        assertRejected(
                store, Documents.trust(next(WORLD.trust()), List.of(WORLD.routeKey())), RejectReason.UNKNOWN_KEY);
    }

    @Test
    void an_altered_signature_or_body_is_rejected() {
        RouteStore store = openTrusting();
        byte[] document = Documents.route(first, WORLD.routeKey(), null);
        document[document.length - 1] ^= 1;

        assertRejected(store, document, RejectReason.BAD_SIGNATURE);
    }

    @Test
    void a_signature_for_a_document_of_another_kind_is_not_good_for_this_one() {
        // Both kinds with the same bytes as body would be signed differently: the kind is part of what is signed.
        byte[] asRoute = WORLD.routeKey().sign(DocumentKind.ROUTE, new byte[] {1});
        byte[] asLedger = WORLD.routeKey().sign(DocumentKind.LEDGER, new byte[] {1});

        assertThat(asRoute).isNotEqualTo(asLedger);
    }

    @Test
    void a_bad_signature_of_the_parachute_spoils_the_whole() {
        RouteStore store = openTrusting();
        byte[] document = WORLD.sign(first);
        document[document.length - 1] ^= 1; // the parachute comes last, and in it the signature

        assertRejected(store, document, RejectReason.BAD_SIGNATURE);
    }

    // ---- order ----

    @Test
    void a_route_that_is_not_newer_is_rejected_and_the_same_one_is_known() {
        RouteStore store = openTrusting();
        assertAccepted(store, WORLD.sign(first));
        Route second = WORLD.following(1, 4, 500, first);
        assertAccepted(store, WORLD.sign(second));

        assertRejected(store, WORLD.sign(first), RejectReason.NOT_NEWER);
        assertRejected(store, WORLD.forward(1, 4, 600, second), RejectReason.NOT_NEWER);
        assertThat(store.offer(WORLD.sign(second), "test").outcome()).isEqualTo(KNOWN);
    }

    @Test
    void a_document_that_is_known_costs_no_signature() {
        RouteStore store = openTrusting();
        assertAccepted(store, WORLD.sign(first));
        long verifications = store.signatureVerifications();

        for (byte[] document : store.documents()) {
            assertThat(store.offer(document, "test").outcome()).isEqualTo(KNOWN);
        }

        assertThat(store.signatureVerifications()).isEqualTo(verifications);
    }

    @Test
    void a_route_that_follows_upon_nothing_known_is_rejected_unless_its_epoch_is_higher() {
        RouteStore store = openTrusting();
        assertAccepted(store, WORLD.sign(first));
        Route stranger = WORLD.following(1, 2, 9_000);

        assertRejected(store, WORLD.forward(1, 4, 500), RejectReason.WRONG_PREDECESSOR);
        assertRejected(store, WORLD.forward(1, 4, 500, stranger), RejectReason.WRONG_PREDECESSOR);
        assertThat(store.offer(WORLD.forward(2, 4, 500), "test").outcome()).isEqualTo(ACCEPTED);
    }

    @Test
    void a_route_is_taken_if_any_of_those_before_it_is_known() {
        RouteStore store = openTrusting();
        assertAccepted(store, WORLD.sign(first));
        Route missed = WORLD.following(1, 4, 500, first);
        Route alsoMissed = WORLD.following(1, 6, 1_000, missed, first);

        assertAccepted(store, WORLD.forward(1, 8, 2_500, alsoMissed, missed, first));
    }

    @Test
    void the_numbers_are_compared_before_anything_else_in_the_route() {
        RouteStore store = openTrusting();
        assertAccepted(store, WORLD.sign(first));
        Route oldAndBad = WORLD.route(1, 0, 100)
                .entries(List.of(WORLD.entry(3, 1), WORLD.entry(2, 1)))
                .build();

        assertRejected(store, WORLD.sign(oldAndBad), RejectReason.NOT_NEWER);
    }

    // ---- builds ----

    @Test
    void weights_must_add_up_to_ten_thousand_in_the_range_that_there_is() {
        RouteStore store = openTrusting();

        for (List<Integer> weights : List.of(
                List.of(100, 9_899),
                List.of(100, 9_901),
                List.of(0, 0),
                List.of(-1, 10_001),
                List.of(-10_000, 20_000),
                List.of(Integer.MIN_VALUE, Integer.MAX_VALUE),
                List.of(Integer.MAX_VALUE, Integer.MAX_VALUE))) {
            Route route = WORLD.route(1, 2, 0)
                    .entries(List.of(WORLD.entry(3, weights.get(0)), WORLD.entry(2, weights.get(1))))
                    .build();
            assertRejected(store, WORLD.sign(route), RejectReason.BAD_WEIGHTS);
        }
    }

    @Test
    void weights_that_overflow_to_the_right_sum_are_still_wrong() {
        RouteStore store = openTrusting();
        // 2^31 + 2^31 + 10,000 is 10,000 in 32 bits.
        Route route = WORLD.route(1, 2, 0)
                .entries(List.of(
                        WORLD.entry(1, Integer.MIN_VALUE), WORLD.entry(3, Integer.MIN_VALUE), WORLD.entry(2, 10_000)))
                .build();

        assertRejected(store, WORLD.sign(route), RejectReason.BAD_WEIGHTS);
    }

    @Test
    void a_build_that_is_there_twice_is_rejected() {
        RouteStore store = openTrusting();
        Route twice = WORLD.route(1, 2, 0)
                .entries(List.of(WORLD.entry(2, 5_000), WORLD.entry(2, 5_000)))
                .build();

        assertRejected(store, WORLD.sign(twice), RejectReason.BAD_WEIGHTS);
    }

    @Test
    void a_staging_build_never_gets_into_a_production_route() {
        RouteStore store = openTrusting();
        Route canary = WORLD.route(1, 2, 0)
                .entries(List.of(STAGING.entry(3, 100), WORLD.entry(2, 9_900)))
                .build();
        Route fallback = WORLD.route(1, 2, 100)
                .knownGood(List.of(WORLD.entry(2, 0), STAGING.entry(1, 0)))
                .build();

        DocumentVerdict verdict = assertRejected(store, WORLD.sign(canary), RejectReason.FOREIGN_BUILD);
        assertRejected(store, WORLD.sign(fallback), RejectReason.FOREIGN_BUILD);

        assertThat(verdict.detail()).contains(STAGING.build(3).id()).contains("staging");
        assertThat(store.rejections()).containsEntry("foreign_build", 2L);
    }

    @Test
    void two_known_good_builds_are_wanted_once_there_are_two() {
        RouteStore store = openTrusting();
        Route one = WORLD.route(1, 2, 100).knownGood(List.of(WORLD.entry(2, 0))).build();
        Route theSameTwice = WORLD.route(1, 2, 100)
                .knownGood(List.of(WORLD.entry(2, 0), WORLD.entry(2, 0)))
                .build();
        Route none = WORLD.route(1, 2, 100).knownGood(List.of()).build();

        assertRejected(store, WORLD.sign(one), RejectReason.TOO_FEW_KNOWN_GOOD);
        assertRejected(store, WORLD.sign(theSameTwice), RejectReason.TOO_FEW_KNOWN_GOOD);
        assertRejected(store, Documents.route(none, WORLD.routeKey(), null), RejectReason.TOO_FEW_KNOWN_GOOD);
    }

    @Test
    void the_first_build_of_all_needs_no_other_and_the_second_only_the_first() {
        RouteStore store = open();
        take(store, WORLD.trustDocument());
        Route only = Route.builder(WORLD.service())
                .rollout("r0", 0)
                .version(1, 2)
                .entries(List.of(WORLD.entry(1, 10_000)))
                .knownGood(List.of(WORLD.entry(1, 0)))
                .build();
        Route second = Route.builder(WORLD.service())
                .rollout("r1", 1)
                .version(1, 4)
                .entries(List.of(WORLD.entry(2, 100), WORLD.entry(1, 9_900)))
                .knownGood(List.of(WORLD.entry(1, 0)))
                .ancestors(List.of(Documents.hash(only)))
                .build();

        assertAccepted(store, Documents.route(only, WORLD.routeKey(), null));
        assertAccepted(store, WORLD.sign(second));
    }

    // ---- the parachute ----

    @Test
    void a_route_with_a_candidate_brings_its_way_back() {
        RouteStore store = openTrusting();

        assertRejected(store, Documents.route(first, WORLD.routeKey(), null), RejectReason.BAD_PARACHUTE);
    }

    @Test
    void a_route_wholly_to_the_first_known_good_build_may_come_without() {
        RouteStore store = openTrusting();
        Route whole =
                WORLD.route(1, 2, 0).entries(List.of(WORLD.entry(2, 10_000))).build();

        assertAccepted(store, Documents.route(whole, WORLD.routeKey(), null));
    }

    @Test
    void the_parachute_must_fit_in_every_part() {
        RouteStore store = openTrusting();
        Route good = Documents.parachuteOf(first, "way back");
        List<Route> bad = new ArrayList<>();
        bad.add(good.toBuilder().version(1, 5).build());
        bad.add(good.toBuilder().version(2, 3).build());
        bad.add(good.toBuilder().ancestors(List.of()).build());
        bad.add(good.toBuilder().ancestors(List.of("ab".repeat(32))).build());
        bad.add(good.toBuilder().rollout("r3", 1).build());
        bad.add(good.toBuilder().reconciles("ab".repeat(32)).build());
        bad.add(good.toBuilder().entries(List.of(WORLD.entry(3, 10_000))).build());
        bad.add(good.toBuilder().entries(List.of(WORLD.entry(1, 10_000))).build());
        bad.add(good.toBuilder().entries(List.of(WORLD.entry(2, 9_999))).build());
        bad.add(good.toBuilder()
                .entries(List.of(WORLD.entry(3, 1), WORLD.entry(2, 9_999)))
                .build());
        bad.add(good.toBuilder().knownGood(List.of(WORLD.entry(2, 0))).build());
        bad.add(Documents.parachuteOf(STAGING.following(1, 2, 100), "of another environment"));
        bad.add(first.toBuilder().version(1, 4).build()); // no parachute at all

        for (Route parachute : bad) {
            assertRejected(store, Documents.route(first, WORLD.routeKey(), parachute), RejectReason.BAD_PARACHUTE);
        }
        assertAccepted(store, Documents.route(first, WORLD.routeKey(), good));
    }

    // ---- numbering ----

    @Test
    void forward_routes_are_even_parachutes_odd_and_a_break_glass_is_zero() {
        RouteStore store = openTrusting();
        Route odd = WORLD.following(1, 3, 100);
        Route evenParachute = Documents.parachuteOf(odd, "way back");
        Route numbered = WORLD.breakGlass(2).version(2, 2).build();

        assertRejected(store, WORLD.sign(odd), RejectReason.MALFORMED);
        assertRejected(store, Documents.route(evenParachute, WORLD.routeKey(), null), RejectReason.MALFORMED);
        assertRejected(
                store,
                Documents.breakGlass(numbered, List.of(WORLD.person("alice"), WORLD.person("bob"))),
                RejectReason.MALFORMED);
    }

    // ---- probes ----

    @Test
    void a_new_instance_that_does_not_prove_its_build_stops_the_route() {
        List<String> probed = new ArrayList<>();
        AtomicBoolean refuse = new AtomicBoolean(true);
        RouteStore store = openTrusting(options().withProbe((entry, endpoint) -> {
            probed.add(endpoint);
            return refuse.get() && entry.build().equals(WORLD.build(3)) ? "it is of staging" : null;
        }));

        DocumentVerdict verdict = assertRejected(store, WORLD.sign(first), RejectReason.ENDPOINT_REFUSED);
        assertThat(verdict.detail()).contains("kv://10.0.0.3:7400").contains("it is of staging");

        refuse.set(false);
        assertAccepted(store, WORLD.sign(first));
        probed.clear();
        assertAccepted(store, WORLD.forward(1, 4, 500, first));
        assertThat(probed).as("no instance is new").isEmpty();
    }

    @Test
    void the_ways_back_wait_for_no_instance() {
        RouteStore store = openTrusting(options().withProbe((entry, endpoint) -> null));
        assertAccepted(store, WORLD.sign(first));
        byte[] parachute = store.parachuteDocument();
        RouteStoreOptions dead = options().withProbe((entry, endpoint) -> "nothing listens");
        store.close();
        RouteStore again = open(dead);

        assertThat(parachute).isNotNull();
        assertAccepted(again, parachute == null ? new byte[0] : parachute);
        assertAccepted(
                again,
                Documents.breakGlass(
                        WORLD.breakGlass(2).build(), List.of(WORLD.person("alice"), WORLD.person("carol"))));
    }

    // ---- the disk ----

    @Test
    void a_route_that_cannot_be_written_is_not_in_force() {
        AtomicBoolean full = new AtomicBoolean();
        RouteStore store = RouteStore.open(temp.resolve("routes"), WORLD.service(), options(), step -> {
            if (full.get()) {
                throw new UncheckedIOException(new IOException("No space left on device"));
            }
        });
        try (store) {
            take(store, WORLD.trustDocument());
            take(store, WORLD.ledgerDocument());
            full.set(true);

            assertRejected(store, WORLD.sign(first), RejectReason.STORAGE);
            assertThat(store.active()).isNull();

            full.set(false);
            assertAccepted(store, WORLD.sign(first));
        }
    }

    // ---- the layers of the replay ----

    @Test
    void with_the_layer_of_acceptance_off_a_foreign_build_gets_through_and_nothing_else_does() {
        SafetyLayers off = new SafetyLayers(true, false, true, true);
        RouteStore store = openTrusting(options().withLayers(off).withProbe((entry, endpoint) -> "refused"));
        Route canary = WORLD.route(1, 2, 0)
                .entries(List.of(STAGING.entry(3, 100), WORLD.entry(2, 9_900)))
                .build();
        Route badWeights = WORLD.route(1, 2, 0)
                .entries(List.of(STAGING.entry(3, 100), WORLD.entry(2, 9_901)))
                .build();

        assertRejected(store, STAGING.forward(1, 2, 100), RejectReason.FOREIGN_SERVICE);
        assertRejected(store, WORLD.sign(badWeights), RejectReason.BAD_WEIGHTS);
        assertRejected(store, Documents.route(canary, STAGING.routeKey(), null), RejectReason.UNKNOWN_KEY);
        assertAccepted(store, WORLD.sign(canary));
    }

    @Test
    void only_one_signature_stands_under_a_route() {
        RouteStore store = openTrusting();
        DocumentSigner key = WORLD.routeKey();

        DocumentVerdict verdict = store.offer(Envelopes.withSignatures(first, List.of(key, key)), "test");

        assertThat(verdict.reason()).isEqualTo(RejectReason.MALFORMED.label());
    }

    @Test
    void every_reason_has_a_label() {
        for (RejectReason reason : RejectReason.values()) {
            assertThat(reason.label()).matches("[a-z_]+");
        }
    }

    private static Trust next(Trust trust) {
        return new Trust(
                trust.service(),
                trust.environmentClass(),
                trust.serial() + 1,
                trust.roots(),
                trust.rootThreshold(),
                trust.keyset(),
                trust.owners(),
                trust.breakGlassThreshold());
    }
}
