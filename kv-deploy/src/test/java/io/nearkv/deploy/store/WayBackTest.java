package io.nearkv.deploy.store;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.core.route.DocumentVerdict.Outcome;
import io.nearkv.deploy.document.Documents;
import io.nearkv.deploy.model.RejectReason;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteKind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** Parachutes: pulled by command, by the process itself, or by the end of a lease. */
class WayBackTest extends RouteStoreTestBase {
    private final Route first = WORLD.following(1, 2, 100);
    private final String allToKnownGood = WORLD.build(2).id() + "=10000";

    private static String summary(RouteStore store) {
        Route active = store.active();
        return active == null ? "" : active.summary();
    }

    @Test
    void a_parachute_that_is_offered_takes_all_traffic_to_known_good() {
        RouteStore store = openTrusting();
        assertAccepted(store, WORLD.sign(first));

        assertAccepted(store, requireNonNull(store.parachuteDocument()));

        assertThat(summary(store)).isEqualTo(allToKnownGood);
        assertThat(store.parachute()).isNull();
        assertThat(store.problems()).anyMatch(problem -> problem.contains("rolled back"));
    }

    @Test
    void a_node_that_never_saw_the_rollout_takes_its_parachute_too() {
        RouteStore store = openTrusting();
        Route before = WORLD.following(1, 2, 0);
        assertAccepted(store, WORLD.sign(before));
        Route missed = WORLD.following(1, 4, 100, before);

        assertAccepted(store, Documents.route(Documents.parachuteOf(missed, "way back"), WORLD.routeKey(), null));
        assertThat(summary(store)).isEqualTo(allToKnownGood);
    }

    @Test
    void a_process_pulls_for_itself_and_hands_nothing_on() {
        RouteStore store = openTrusting();
        assertAccepted(store, WORLD.sign(first));
        List<byte[]> handedOn = new ArrayList<>();
        List<Route> seen = new ArrayList<>();
        store.follow(handedOn::add);
        store.onRoute(seen::add);
        byte[] parachute = requireNonNull(store.parachuteDocument());
        long verifications = store.signatureVerifications();

        DocumentVerdict verdict = store.pull("5 refusals", "env_mismatch");

        assertThat(verdict.outcome()).isEqualTo(Outcome.ACCEPTED);
        assertThat(verdict.active()).isEqualTo(allToKnownGood);
        assertThat(handedOn).isEmpty();
        assertThat(seen).hasSize(2);
        assertThat(store.signatureVerifications())
                .as("it was verified with its route")
                .isEqualTo(verifications);
        assertThat(store.problems()).anyMatch(problem -> problem.contains("5 refusals"));
        assertThat(store.pull("again", "").outcome()).isEqualTo(Outcome.KNOWN);
        assertThat(store.offer(parachute, "test").outcome()).isEqualTo(Outcome.KNOWN);
        store.close();
        assertThat(summary(open())).as("after a restart").isEqualTo(allToKnownGood);
    }

    @Test
    void where_no_parachute_lies_there_is_nothing_to_pull() {
        RouteStore store = openTrusting();
        assertThat(store.pull("test", "").outcome()).isEqualTo(Outcome.REJECTED);

        Route whole =
                WORLD.route(1, 2, 0).entries(List.of(WORLD.entry(2, 10_000))).build();
        assertAccepted(store, Documents.route(whole, WORLD.routeKey(), null));
        assertThat(store.pull("test", "").reason()).isEqualTo("bad_parachute");
    }

    @Test
    void a_rollout_that_was_pulled_goes_on_only_if_somebody_says_so() {
        RouteStore store = openTrusting();
        assertAccepted(store, WORLD.sign(first));
        store.pull("test", "");
        Route parachute = requireNonNull(store.active());
        Route blind = WORLD.following(1, 4, 500, first);
        Route resumed = WORLD.following(1, 4, 500, parachute, first).toBuilder()
                .resumes(true)
                .build();
        Route afterwards = WORLD.following(1, 6, 1_000, resumed);

        assertRejected(store, WORLD.sign(blind), RejectReason.ROLLOUT_PULLED);
        assertAccepted(store, WORLD.sign(resumed));
        assertAccepted(store, WORLD.sign(afterwards));
    }

    @Test
    void another_rollout_is_not_held_up_by_one_that_was_pulled() {
        RouteStore store = openTrusting();
        assertAccepted(store, WORLD.sign(first));
        store.pull("test", "");
        Route other =
                WORLD.following(1, 4, 500, first).toBuilder().rollout("r3", 1).build();

        assertAccepted(store, WORLD.sign(other));
    }

    @Test
    void what_was_pulled_is_remembered_over_a_restart() {
        RouteStore store = openTrusting();
        assertAccepted(store, WORLD.sign(first));
        store.pull("test", "");
        store.close();

        assertRejected(open(), WORLD.forward(1, 4, 500, first), RejectReason.ROLLOUT_PULLED);
    }

    @Test
    void a_full_disk_does_not_stop_the_way_back() {
        AtomicBoolean full = new AtomicBoolean();
        RouteStore store = RouteStore.open(temp.resolve("routes"), WORLD.service(), options(), step -> {
            if (full.get()) {
                throw new UncheckedIOException(new IOException("No space left on device"));
            }
        });
        try (store) {
            take(store, WORLD.trustDocument());
            take(store, WORLD.ledgerDocument());
            assertAccepted(store, WORLD.sign(first));
            full.set(true);

            assertThat(store.pull("test", "").outcome()).isEqualTo(Outcome.ACCEPTED);

            assertThat(summary(store)).isEqualTo(allToKnownGood);
            assertThat(store.problems()).anyMatch(problem -> problem.contains("not on the disk"));
            full.set(false);
            await().until(() -> store.problems().stream().noneMatch(problem -> problem.contains("not on the disk")));
            assertThat(requireNonNull(RouteStore.peek(temp.resolve("routes")).active())
                            .route()
                            .kind())
                    .isEqualTo(RouteKind.PARACHUTE);
        }
    }

    // ---- leases ----

    private Route leased(long seq, Duration lease, Route... before) {
        return WORLD.following(1, seq, 100, before).toBuilder().lease(lease).build();
    }

    @Test
    void when_the_control_plane_is_gone_the_weight_returns_by_itself() {
        RouteStore store = openTrusting();
        assertAccepted(store, WORLD.sign(leased(2, Duration.ofSeconds(10))));

        clock.pass(Duration.ofMillis(9_999));
        store.checkLease();
        assertThat(summary(store)).isNotEqualTo(allToKnownGood);

        clock.pass(Duration.ofMillis(1));
        store.checkLease();
        assertThat(summary(store)).isEqualTo(allToKnownGood);
        assertThat(store.problems()).anyMatch(problem -> problem.contains("lease ended"));
    }

    @Test
    void a_newer_document_renews_the_lease_and_the_same_one_does_not() {
        RouteStore store = openTrusting();
        Route leased = leased(2, Duration.ofSeconds(10));
        assertAccepted(store, WORLD.sign(leased));
        clock.pass(Duration.ofSeconds(6));
        Route renewed = leased(4, Duration.ofSeconds(10), leased);
        assertAccepted(store, WORLD.sign(renewed));
        clock.pass(Duration.ofSeconds(6));
        store.checkLease();
        assertThat(summary(store)).isNotEqualTo(allToKnownGood);
        assertThat(store.offer(WORLD.sign(renewed), "test").outcome()).isEqualTo(Outcome.KNOWN);

        clock.pass(Duration.ofSeconds(4));
        store.checkLease();
        assertThat(summary(store)).isEqualTo(allToKnownGood);
    }

    @Test
    void a_document_without_a_lease_ends_the_lease() {
        RouteStore store = openTrusting();
        Route leased = leased(2, Duration.ofSeconds(10));
        assertAccepted(store, WORLD.sign(leased));
        assertAccepted(store, WORLD.forward(1, 4, 500, leased));

        clock.pass(Duration.ofHours(1));
        store.checkLease();
        assertThat(summary(store)).isNotEqualTo(allToKnownGood);
    }

    @Test
    void the_clock_on_the_wall_has_no_say_in_a_lease() {
        RouteStore store = openTrusting();
        assertAccepted(store, WORLD.sign(leased(2, Duration.ofSeconds(10))));

        clock.setForward(Duration.ofDays(1));
        store.checkLease();
        assertThat(summary(store)).isNotEqualTo(allToKnownGood);
        clock.setForward(Duration.ofDays(-2));
        clock.pass(Duration.ofSeconds(10));
        store.checkLease();
        assertThat(summary(store)).isEqualTo(allToKnownGood);
    }

    @Test
    void after_a_restart_the_lease_runs_anew() {
        RouteStore store = openTrusting();
        assertAccepted(store, WORLD.sign(leased(2, Duration.ofSeconds(10))));
        clock.pass(Duration.ofSeconds(9));
        store.close();
        RouteStore again = open();

        clock.pass(Duration.ofSeconds(9));
        again.checkLease();
        assertThat(summary(again)).isNotEqualTo(allToKnownGood);
        clock.pass(Duration.ofSeconds(1));
        again.checkLease();
        assertThat(summary(again)).isEqualTo(allToKnownGood);
    }

    @Test
    void the_timer_ends_a_lease_by_itself() {
        RouteStore store = openTrusting(options().withNanoTime(System::nanoTime));
        assertAccepted(store, WORLD.sign(leased(2, Duration.ofMillis(50))));

        await().until(() -> summary(store).equals(allToKnownGood));
    }

    @Test
    void a_lease_without_a_way_back_is_not_taken() {
        RouteStore store = openTrusting();
        Route whole = WORLD.route(1, 2, 0)
                .entries(List.of(WORLD.entry(2, 10_000)))
                .lease(Duration.ofSeconds(1))
                .build();

        assertRejected(store, Documents.route(whole, WORLD.routeKey(), null), RejectReason.BAD_PARACHUTE);
    }

    @Test
    void the_way_back_never_waits_for_a_probe() throws Exception {
        CountDownLatch probing = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        AtomicBoolean slow = new AtomicBoolean();
        RouteStore store = openTrusting(options().withProbe((entry, endpoint) -> {
            if (slow.get()) {
                probing.countDown();
                try {
                    assertThat(release.await(10, TimeUnit.SECONDS)).isTrue();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
            return null;
        }));
        assertAccepted(store, WORLD.sign(first));
        slow.set(true);
        Route next = WORLD.following(1, 4, 100, first).toBuilder()
                .entries(List.of(WORLD.entry(4, 100), WORLD.entry(2, 9_900)))
                .build();
        List<DocumentVerdict> verdicts = new ArrayList<>();
        Thread offering = new Thread(() -> verdicts.add(store.offer(WORLD.sign(next), "slow")));
        offering.start();
        assertThat(probing.await(10, TimeUnit.SECONDS)).isTrue();

        assertThat(store.pull("while it is probed", "").outcome()).isEqualTo(Outcome.ACCEPTED);

        assertThat(summary(store)).isEqualTo(allToKnownGood);
        release.countDown();
        offering.join();
        assertThat(verdicts)
                .as("judged once more after the probe")
                .extracting(DocumentVerdict::reason)
                .containsExactly("rollout_pulled");
        assertThat(Files.exists(temp.resolve("routes").resolve("route.state"))).isTrue();
    }
}
