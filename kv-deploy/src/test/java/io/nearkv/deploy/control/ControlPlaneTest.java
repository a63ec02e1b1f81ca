package io.nearkv.deploy.control;

import static io.nearkv.deploy.control.ControlRig.EDGES;
import static io.nearkv.deploy.control.ControlRig.EDGE_1;
import static io.nearkv.deploy.control.ControlRig.EDGE_2;
import static io.nearkv.deploy.control.ControlRig.wish;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.nearkv.core.Kv;
import io.nearkv.core.Value;
import io.nearkv.core.identity.TokenVerifier;
import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.deploy.document.DocumentVerifier;
import io.nearkv.deploy.document.Documents;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.model.LedgerEntry;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteKind;
import io.nearkv.deploy.store.AuditLog;
import io.nearkv.deploy.store.AuditReport;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ControlPlaneTest {
    @TempDir
    private Path folder;

    private ControlRig rig;

    @BeforeEach
    void prepare() {
        rig = new ControlRig(folder);
    }

    @AfterEach
    void close() {
        rig.close();
    }

    private static RefusedException refusal(ThrowingCallable call) {
        RefusedException refused = catchThrowableOfType(RefusedException.class, call);
        assertThat(refused).as("a refusal").isNotNull();
        return refused;
    }

    private static List<String> codes(RefusedException refused) {
        return refused.findings().stream().map(Finding::code).toList();
    }

    @Test
    void a_published_build_has_a_manifest_and_a_token_of_this_environment() throws Exception {
        ControlPlane plane = rig.start();

        PublishedBuild build = rig.published("1.8.2");

        SignedDocument manifest = SignedDocument.parse(build.document().toByteArray());
        new DocumentVerifier(rig.clock)
                .verify(
                        manifest,
                        SignedDocument.parse(rig.environment.trust.toByteArray())
                                .trust());
        assertThat(manifest.manifest().build().service()).isEqualTo(rig.environment.service);
        assertThat(TokenVerifier.of(rig.environment.identity.keyset(), rig.clock)
                        .verifyBuild(build.buildToken())
                        .buildId())
                .isEqualTo(build.id());
        assertThat(plane.listBuilds()).hasSize(1);
        assertThat(plane.status().route()).isNull();
    }

    @Test
    void the_first_route_gives_a_build_everything_and_every_node_follows_it() throws Exception {
        ControlPlane plane = rig.start();
        PublishedBuild build = rig.running("1.8.2");

        RouteChange change = plane.setWeight(wish(build, 10_000));

        assertThat(change.coverage().complete()).isTrue();
        assertThat(change.coverage().total()).isEqualTo(2);
        for (String edge : EDGES) {
            assertThat(rig.followed(edge)).isEqualTo(change.route());
        }
        assertThat(change.route().seq()).isEqualTo(2);
        assertThat(change.route().epoch()).isEqualTo(1);
    }

    @Test
    void a_build_that_runs_nowhere_gets_no_traffic() throws Exception {
        ControlPlane plane = rig.start();
        PublishedBuild good = rig.knownGood("1.8.2");
        Route before = rig.followed(EDGE_1);
        PublishedBuild candidate = rig.published("1.9.0");

        RefusedException refused = refusal(() -> plane.setWeight(wish(candidate, 100)));

        assertThat(codes(refused)).containsExactly("NOT_RUNNING_IN_ENV");
        assertThat(refused.findings().get(0).check()).isEqualTo("P4");
        assertThat(refused.unchanged())
                .startsWith("nothing changed; active route epoch 1")
                .contains(good.id());
        assertThat(rig.followed(EDGE_1)).isEqualTo(before);
    }

    @Test
    void an_instance_that_shows_the_token_of_another_build_does_not_count() throws Exception {
        ControlPlane plane = rig.start();
        PublishedBuild good = rig.knownGood("1.8.2");
        PublishedBuild candidate = rig.published("1.9.0");
        rig.fleet.instance(candidate.manifest().endpoints().get(0), good);

        RefusedException refused = refusal(() -> plane.setWeight(wish(candidate, 100)));

        assertThat(codes(refused)).containsExactly("NOT_RUNNING_IN_ENV");
        assertThat(refused.findings().get(0).found()).contains("build_not_authorized");
    }

    @Test
    void an_id_of_nothing_here_is_told_as_one_of_another_environment() throws Exception {
        ControlPlane plane = rig.start();
        PublishedBuild good = rig.knownGood("1.8.2");

        RefusedException refused = refusal(() -> plane.setWeight(wish("s9tq4fs9tq4fs", 100)));

        assertThat(codes(refused)).containsExactly("ENV_MISMATCH", "NOT_RUNNING_IN_ENV");
        assertThat(rig.followed(EDGE_1).baseline().build())
                .isEqualTo(good.manifest().build());
    }

    @Test
    void a_polluted_list_stops_a_route_and_not_a_rollback() throws Exception {
        TestEnvironment staging = new TestEnvironment(folder.resolve("staging"), "staging", rig.clock);
        Value stray = ControlRig.strayManifest(staging, "1.9.0");
        ControlPlane clean = rig.start();
        PublishedBuild good = rig.knownGood("1.8.2");
        PublishedBuild next = rig.running("1.9.0");
        clean.setWeight(wish(next, 100));
        clean.close();
        ControlPlane plane = rig.start(rig.openStore(), options -> options.strayManifests(() -> List.of(stray)));

        RefusedException refused = refusal(() -> plane.setWeight(wish(ControlRig.idOf(stray), 1_000)));
        RefusedException alsoRefused = refusal(() -> plane.setWeight(wish(next, 1_000)));
        RouteChange back = plane.rollback("INC-7", "test");

        assertThat(codes(refused)).contains("ENV_MISMATCH", "BUILD_KEY_ENV", "NOT_RUNNING_IN_ENV", "LIST_POLLUTED");
        assertThat(codes(alsoRefused)).containsExactly("LIST_POLLUTED");
        assertThat(back.coverage().complete()).isTrue();
        assertThat(rig.followed(EDGE_1).summary()).isEqualTo(good.id() + "=10000");
    }

    @Test
    void whoever_reads_a_list_drops_what_is_foreign_and_tells_it() {
        TestEnvironment staging = new TestEnvironment(folder.resolve("staging"), "staging", rig.clock);
        Value stray = ControlRig.strayManifest(staging, "1.9.0");
        ControlPlane plane = rig.start(rig.openStore(), options -> options.strayManifests(() -> List.of(stray)));
        PublishedBuild build = rig.published("1.8.2");

        BuildListing listing =
                BuildListing.verify(rig.environment.service, null, new DocumentVerifier(rig.clock), plane.listBuilds());

        assertThat(listing.builds()).extracting(BuildListing.Build::id).containsExactly(build.id());
        assertThat(listing.strays()).hasSize(1);
        assertThat(listing.strays().get(0).found())
                .contains(ControlRig.idOf(stray))
                .contains("default/kv/staging");
    }

    @Test
    void nothing_goes_forward_without_something_known_to_be_good() throws Exception {
        ControlPlane plane = rig.start();
        PublishedBuild first = rig.running("1.8.2");
        plane.setWeight(wish(first, 10_000));
        PublishedBuild second = rig.running("1.9.0");

        RefusedException refused = refusal(() -> plane.setWeight(wish(second, 100)));

        assertThat(codes(refused)).containsExactly("NO_KNOWN_GOOD");
        assertThat(refused.findings().get(0).advice()).contains("ledger add " + first.id());
    }

    @Test
    void nothing_goes_forward_while_the_known_good_build_is_down() throws Exception {
        ControlPlane plane = rig.start();
        PublishedBuild first = rig.knownGood("1.8.2");
        PublishedBuild second = rig.running("1.9.0");
        rig.fleet.stop(first.manifest().endpoints().get(0));

        RefusedException refused = refusal(() -> plane.setWeight(wish(second, 100)));

        assertThat(codes(refused)).containsExactly("NO_KNOWN_GOOD");
        assertThat(refused.findings().get(0).found()).contains("does not run");
    }

    @Test
    void a_route_names_the_nodes_of_the_control_plane_that_runs() throws Exception {
        ControlPlane first = rig.start(rig.openStore(), options -> options.nodes(List.of(EDGE_1)));
        rig.knownGood("1.8.2");
        first.close();

        ControlPlane plane = rig.start();
        plane.tick();
        plane.tick();

        assertThat(rig.followed(EDGE_2).nodes()).isEqualTo(EDGES);
        assertThat(plane.status().coverage().complete()).isTrue();
    }

    @Test
    void a_candidate_has_a_lease_that_is_renewed_every_third_of_it() throws Exception {
        ControlPlane plane = rig.start();
        rig.knownGood("1.8.2");
        PublishedBuild candidate = rig.running("1.9.0");
        Route canary = plane.setWeight(wish(candidate, 100)).route();

        rig.nanos.addAndGet(Duration.ofSeconds(19).toNanos());
        plane.tick();
        assertThat(rig.followed(EDGE_1)).isEqualTo(canary);
        rig.nanos.addAndGet(Duration.ofSeconds(1).toNanos());
        plane.tick();

        Route renewed = rig.followed(EDGE_1);
        assertThat(canary.lease()).isEqualTo(Duration.ofSeconds(60));
        assertThat(renewed.seq()).isEqualTo(canary.seq() + 2);
        assertThat(renewed.entries()).isEqualTo(canary.entries());
        assertThat(renewed.rolloutId()).isEqualTo(canary.rolloutId());
        assertThat(renewed.salt()).isEqualTo(canary.salt());
        assertThat(rig.followed(EDGE_2)).isEqualTo(renewed);
    }

    @Test
    void a_rollout_goes_on_with_the_same_salt_and_ends_without_a_lease() throws Exception {
        ControlPlane plane = rig.start();
        PublishedBuild good = rig.knownGood("1.8.2");
        PublishedBuild candidate = rig.running("1.9.0");

        Route first = plane.setWeight(wish(candidate, 100)).route();
        Route second = plane.setWeight(wish(candidate, 5_000)).route();
        Route last = plane.setWeight(wish(candidate, 10_000)).route();

        assertThat(List.of(second.rolloutId(), last.rolloutId())).containsOnly(first.rolloutId());
        assertThat(List.of(second.salt(), last.salt())).containsOnly(first.salt());
        assertThat(List.of(first.step(), second.step(), last.step())).containsExactly(1, 2, 3);
        assertThat(second.summary()).isEqualTo(candidate.id() + "=5000 " + good.id() + "=5000");
        assertThat(last.summary()).isEqualTo(candidate.id() + "=10000");
        assertThat(last.lease()).isZero();
        assertThat(last.knownGood().get(0).build()).isEqualTo(good.manifest().build());
        assertThat(rig.followed(EDGE_2)).isEqualTo(last);
    }

    @Test
    void a_second_rollout_waits_for_the_first() throws Exception {
        ControlPlane plane = rig.start();
        rig.knownGood("1.8.2");
        PublishedBuild candidate = rig.running("1.9.0");
        PublishedBuild other = rig.running("2.0.0");
        plane.setWeight(wish(candidate, 100));

        assertThat(codes(refusal(() -> plane.setWeight(wish(other, 100))))).containsExactly("BUSY");
    }

    @Test
    void the_weight_of_what_the_others_take_from_is_not_set() throws Exception {
        ControlPlane plane = rig.start();
        PublishedBuild good = rig.knownGood("1.8.2");
        PublishedBuild candidate = rig.running("1.9.0");
        plane.setWeight(wish(candidate, 100));

        assertThat(codes(refusal(() -> plane.setWeight(wish(good, 5_000))))).containsExactly("PLAN_INVALID");
    }

    @Test
    void a_candidate_is_withdrawn_by_a_weight_of_nothing_also_while_it_is_down() throws Exception {
        ControlPlane plane = rig.start();
        PublishedBuild good = rig.knownGood("1.8.2");
        PublishedBuild candidate = rig.running("1.9.0");
        plane.setWeight(wish(candidate, 100));
        rig.fleet.stop(candidate.manifest().endpoints().get(0));

        plane.setWeight(wish(candidate, 0));

        assertThat(rig.followed(EDGE_1).summary()).isEqualTo(good.id() + "=10000");
    }

    @Test
    void a_rollback_goes_to_what_was_good_before_and_twice_is_once() throws Exception {
        ControlPlane plane = rig.start();
        rig.knownGood("1.7.0");
        PublishedBuild good = rig.knownGood("1.8.2");
        PublishedBuild bad = rig.running("1.9.0");
        plane.setWeight(wish(bad, 10_000));

        RouteChange back = plane.rollback("INC-7", "test");
        RouteChange again = plane.rollback("INC-7", "test");

        assertThat(back.route().summary()).isEqualTo(good.id() + "=10000");
        assertThat(again.route()).isEqualTo(back.route());
        assertThat(again.coverage().complete()).isTrue();
        assertThat(rig.followed(EDGE_2)).isEqualTo(back.route());
    }

    @Test
    void a_rollback_does_not_wait_for_a_change_that_is_being_checked_and_that_change_is_refused() throws Exception {
        ControlPlane plane = rig.start();
        PublishedBuild good = rig.knownGood("1.8.2");
        PublishedBuild candidate = rig.running("1.9.0");
        plane.setWeight(wish(candidate, 100));
        rig.fleet.duringHandshake = () -> {
            rig.fleet.duringHandshake = null;
            try {
                plane.rollback("INC-7", "test");
            } catch (RefusedException | InterruptedException e) {
                throw new AssertionError(e);
            }
        };

        RefusedException refused = refusal(() -> plane.setWeight(wish(candidate, 500)));

        assertThat(codes(refused)).containsExactly("BUSY");
        assertThat(rig.followed(EDGE_1).summary()).isEqualTo(good.id() + "=10000");
    }

    @Test
    void of_two_control_planes_over_one_store_one_wins() throws Exception {
        Kv kv = rig.openStore();
        ControlPlane plane = rig.start(kv, options -> options);
        PublishedBuild build = rig.running("1.8.2");
        ControlState state = new ControlState(kv);
        plane.setWeight(wish(build, 10_000));
        ControlState.Current seen = requireNonNull(state.current());
        plane.rollback("", "test");
        plane.setWeight(wish(build, 10_000));

        boolean late = state.replace(
                seen,
                seen,
                Lineage.NONE.plus(new Lineage.Step(9, 9, seen.document().toString())),
                false);

        assertThat(late).isFalse();
        assertThat(requireNonNull(state.current()).version()).isGreaterThan(seen.version());
    }

    @Test
    void a_node_that_is_away_is_named_and_follows_when_it_is_back() throws Exception {
        ControlPlane plane = rig.start();
        PublishedBuild build = rig.running("1.8.2");
        rig.fleet.stop(EDGE_2);

        RouteChange change = plane.setWeight(wish(build, 10_000));
        rig.fleet.resume(EDGE_2);
        plane.tick();

        assertThat(change.coverage().summary()).isEqualTo("1/2; missing " + EDGE_2);
        assertThat(rig.followed(EDGE_2)).isEqualTo(change.route());
        assertThat(plane.status().coverage().complete()).isTrue();
    }

    @Test
    void when_one_node_has_gone_back_everybody_goes_back() throws Exception {
        ControlPlane plane = rig.start();
        PublishedBuild good = rig.knownGood("1.8.2");
        PublishedBuild candidate = rig.running("1.9.0");
        Route canary = plane.setWeight(wish(candidate, 100)).route();
        rig.fleet.at(EDGE_2).pull("lease ended", "");

        plane.tick();

        for (String edge : EDGES) {
            Route route = rig.followed(edge);
            assertThat(route.summary()).isEqualTo(good.id() + "=10000");
            assertThat(route.kind()).isEqualTo(RouteKind.FORWARD);
            assertThat(route.rolloutId()).isNotEqualTo(canary.rolloutId());
        }
    }

    @Test
    void a_lease_that_has_run_out_while_the_control_plane_was_away_is_not_given_again() throws Exception {
        ControlPlane plane = rig.start();
        PublishedBuild good = rig.knownGood("1.8.2");
        PublishedBuild candidate = rig.running("1.9.0");
        plane.setWeight(wish(candidate, 100));
        plane.close();
        rig.fleet.at(EDGE_1).pull("lease ended", "");
        rig.fleet.at(EDGE_2).pull("lease ended", "");
        rig.nanos.addAndGet(Duration.ofHours(1).toNanos());

        ControlPlane again = rig.start();
        again.tick();

        assertThat(rig.followed(EDGE_1).summary()).isEqualTo(good.id() + "=10000");
        assertThat(requireNonNull(again.status().route()).summary()).isEqualTo(good.id() + "=10000");
    }

    @Test
    void a_break_glass_freezes_until_it_is_reconciled() throws Exception {
        ControlPlane plane = rig.start();
        PublishedBuild old = rig.knownGood("1.7.0");
        rig.knownGood("1.8.2");
        PublishedBuild bad = rig.running("1.9.0");
        plane.setWeight(wish(bad, 10_000));
        DocumentVerdict verdict = rig.fleet.at(EDGE_1).offer(rig.breakGlass(1), "test");
        assertThat(verdict.outcome()).as(verdict.detail()).isEqualTo(DocumentVerdict.Outcome.ACCEPTED);

        plane.tick();
        RefusedException setRefused = refusal(() -> plane.setWeight(wish(bad, 10_000)));
        RefusedException rollbackRefused = refusal(() -> plane.rollback("", "test"));
        Route untouched = rig.followed(EDGE_1);
        rig.millis.addAndGet(Duration.ofHours(2).toMillis()); // It can be reconciled for as long as it is in force.
        RouteChange reconciled = plane.reconcile("INC-7 is over", "test");

        assertThat(codes(setRefused)).contains("FROZEN");
        assertThat(codes(rollbackRefused)).containsExactly("FROZEN");
        assertThat(untouched.kind()).isEqualTo(RouteKind.BREAK_GLASS);
        assertThat(reconciled.coverage().complete()).isTrue();
        assertThat(reconciled.route().epoch()).isEqualTo(2);
        assertThat(reconciled.route().seq()).isEqualTo(2);
        assertThat(reconciled.route().reconciles()).isEqualTo(Documents.hash(untouched));
        assertThat(reconciled.route().summary()).isEqualTo(old.id() + "=10000");
        assertThat(rig.followed(EDGE_2)).isEqualTo(reconciled.route());
        assertThat(plane.status().frozen()).isNull();
        plane.setWeight(wish(bad, 100));
        assertThat(rig.followed(EDGE_1).reconciles()).isEqualTo(Documents.hash(untouched));
    }

    @Test
    void there_is_nothing_to_reconcile_where_all_follow_what_was_published() throws Exception {
        ControlPlane plane = rig.start();
        rig.knownGood("1.8.2");

        assertThat(codes(refusal(() -> plane.reconcile("", "test")))).containsExactly("NOTHING_TO_RECONCILE");
    }

    @Test
    void a_control_plane_whose_store_is_lost_takes_over_what_the_nodes_follow() throws Exception {
        ControlPlane lost = rig.start();
        PublishedBuild build = rig.knownGood("1.8.2");
        Route before = rig.followed(EDGE_1);
        lost.close();
        ControlRig.deleteStore(folder.resolve("control"));
        ControlPlane plane = rig.start();

        plane.tick();
        RefusedException refused = refusal(() -> plane.rollback("", "test"));
        RouteChange adopted = plane.reconcile("the disk was lost", "test");

        assertThat(codes(refused)).containsExactly("NO_KNOWN_GOOD");
        assertThat(adopted.route()).isEqualTo(before);
        assertThat(requireNonNull(plane.status().route()).baseline().build())
                .isEqualTo(build.manifest().build());
        assertThat(plane.status().frozen()).isNull();
    }

    @Test
    void only_what_has_everything_is_added_to_the_ledger() throws Exception {
        ControlPlane plane = rig.start();
        PublishedBuild good = rig.knownGood("1.8.2");
        PublishedBuild candidate = rig.running("1.9.0");
        plane.setWeight(wish(candidate, 100));

        RefusedException refused = refusal(() -> plane.addToLedger(candidate.id(), "", "test"));
        plane.setWeight(wish(candidate, 10_000));
        LedgerEntry added = plane.addToLedger(candidate.id(), "baked for a day", "test");
        LedgerEntry again = plane.addToLedger(candidate.id(), "baked for a day", "test");

        assertThat(codes(refused)).containsExactly("NOT_AT_100");
        assertThat(added.number()).isEqualTo(2);
        assertThat(again).isEqualTo(added);
        for (String edge : EDGES) {
            assertThat(requireNonNull(rig.fleet.at(edge).ledger()).entries()).hasSize(2);
            assertThat(rig.followed(edge).knownGood())
                    .extracting(entry -> entry.build())
                    .containsExactly(
                            good.manifest().build(), candidate.manifest().build());
        }
    }

    @Test
    void what_was_good_last_and_what_has_traffic_is_not_retired() throws Exception {
        ControlPlane plane = rig.start();
        PublishedBuild first = rig.knownGood("1.6.0");
        PublishedBuild second = rig.knownGood("1.7.0");
        PublishedBuild third = rig.knownGood("1.8.0");
        PublishedBuild candidate = rig.running("1.9.0");
        plane.setWeight(wish(candidate, 100));

        assertThat(codes(refusal(() -> plane.retire(second.id(), "test")))).containsExactly("IN_USE");
        assertThat(codes(refusal(() -> plane.retire(third.id(), "test")))).contains("IN_USE");
        assertThat(codes(refusal(() -> plane.retire(candidate.id(), "test")))).containsExactly("IN_USE");
        plane.setWeight(wish(candidate, 10_000));
        plane.addToLedger(candidate.id(), "", "test");
        plane.rollback("", "test"); // The ways back of the next route are the two that were good last.
        plane.setWeight(wish(candidate, 10_000));
        assertThat(codes(refusal(() -> plane.retire(third.id(), "test")))).contains("IN_USE");
        PublishedBuild useless = rig.published("0.0.1");
        plane.retire(useless.id(), "test");
        assertThat(codes(refusal(() -> plane.setWeight(wish(useless, 100))))).contains("RETIRED");
        assertThat(codes(refusal(() -> plane.issueBuildToken(useless.id(), Duration.ofDays(1), "test"))))
                .containsExactly("RETIRED");
        assertThat(first.id()).isNotEqualTo(second.id());
    }

    @Test
    void an_artefact_is_promoted_by_its_digest_with_evidence_and_never_by_the_id_of_a_build() throws Exception {
        TestEnvironment staging = new TestEnvironment(folder.resolve("staging"), "staging", rig.clock);
        Value evidence = ControlRig.strayManifest(staging, "1.9.0");
        Value other = ControlRig.strayManifest(staging, "2.0.0");
        ControlPlane plane = rig.start(rig.openStore(), options -> options.stagingTrust(staging.trust));
        String digest = ControlRig.digest("1.9.0");

        PublishedBuild build = plane.promote(promotion(digest, evidence));

        assertThat(build.manifest().build().service()).isEqualTo(rig.environment.service);
        assertThat(build.manifest().build().digestHex()).isEqualTo(digest);
        assertThat(build.id()).isNotEqualTo(ControlRig.idOf(evidence));
        assertThat(build.manifest().stagingEvidence())
                .isEqualTo(SignedDocument.parse(evidence.toByteArray()).hash());
        assertThat(codes(refusal(() -> plane.promote(promotion(ControlRig.idOf(evidence), evidence)))))
                .containsExactly("ENV_MISMATCH");
        assertThat(codes(refusal(() -> plane.promote(promotion(digest, null))))).containsExactly("NO_STAGING_EVIDENCE");
        assertThat(codes(refusal(() -> plane.promote(promotion(digest, other)))))
                .containsExactly("NO_STAGING_EVIDENCE");
        assertThat(codes(refusal(() -> plane.promote(promotion(digest, build.document())))))
                .containsExactly("NO_STAGING_EVIDENCE");
        assertThat(plane.listBuilds()).hasSize(1);
    }

    @Test
    void evidence_that_staging_has_not_signed_does_not_count() {
        TestEnvironment staging = new TestEnvironment(folder.resolve("staging"), "staging", rig.clock);
        TestEnvironment forger = new TestEnvironment(folder.resolve("forger"), "staging", rig.clock);
        ControlPlane plane = rig.start(rig.openStore(), options -> options.stagingTrust(staging.trust));

        RefusedException refused = refusal(
                () -> plane.promote(promotion(ControlRig.digest("1.9.0"), ControlRig.strayManifest(forger, "1.9.0"))));

        assertThat(codes(refused)).containsExactly("NO_STAGING_EVIDENCE");
        assertThat(refused.findings().get(0).found()).contains("unknown_key");
    }

    private static PromoteRequest promotion(String digest, @Nullable Value evidence) {
        return new PromoteRequest(digest, evidence, List.of("kv://10.0.1.9:7400"), Duration.ofDays(1), "test");
    }

    @Test
    void a_control_plane_that_needs_what_it_deploys_does_not_start() {
        DependencyGraph graph =
                DependencyGraph.parse(List.of("control-plane=ci,dns", "ci=access", "access=data-plane"));

        try (Kv kv = rig.openStore()) {
            RefusedException refused = refusal(() -> ControlPlane.open(
                    kv, rig.fleet, rig.options().dependencies(graph).build()));

            assertThat(codes(refused)).containsExactly("CYCLE");
            assertThat(refused.findings().get(0).found())
                    .endsWith("control-plane needs ci needs access needs data-plane");
        }
    }

    @Test
    void the_audit_tells_everything_and_verifies() throws Exception {
        ControlPlane plane = rig.start();
        rig.knownGood("1.8.2");
        refusal(() -> plane.setWeight(wish("s9tq4fs9tq4fs", 100)));
        plane.close();

        AuditReport report = AuditLog.verify(folder.resolve("control").resolve("audit.log"));
        String text = Files.readString(folder.resolve("control").resolve("audit.log"));

        assertThat(report.problem()).isEmpty();
        assertThat(text)
                .contains("started", "build_published", "route_published", "known_good_added", "route_refused")
                .contains("ENV_MISMATCH");
    }

    @Test
    void the_bundle_beside_the_store_has_the_way_back() throws Exception {
        ControlPlane plane = rig.start();
        rig.knownGood("1.8.2");
        PublishedBuild candidate = rig.running("1.9.0");
        RouteChange change = plane.setWeight(wish(candidate, 100));
        plane.close();

        List<byte[]> documents =
                Documents.readBundle(Files.readAllBytes(ControlPlane.bundleFile(folder.resolve("control"))));

        SignedDocument route = SignedDocument.parse(documents.get(2));
        assertThat(documents).hasSize(3);
        assertThat(route.hash()).isEqualTo(change.hash());
        assertThat(route.parachute()).isNotNull();
    }
}
