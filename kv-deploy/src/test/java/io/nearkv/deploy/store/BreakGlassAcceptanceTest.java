package io.nearkv.deploy.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.core.KvException;
import io.nearkv.deploy.document.DocumentSigner;
import io.nearkv.deploy.document.Documents;
import io.nearkv.deploy.environment.BreakGlass;
import io.nearkv.deploy.model.RejectReason;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteKind;
import io.nearkv.deploy.testing.MovableClock;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** An emergency route: by people, within an hour, to the ledger, and nothing moves until it is reconciled. */
class BreakGlassAcceptanceTest extends RouteStoreTestBase {
    private final Route first = WORLD.following(1, 2, 100);

    private static byte[] signed(Route route, String... people) {
        return Documents.breakGlass(
                route, List.of(people).stream().map(WORLD::person).toList());
    }

    @Test
    void two_people_take_all_traffic_to_a_build_of_the_ledger() {
        RouteStore store = openTrusting();
        assertAccepted(store, WORLD.sign(first));

        assertAccepted(store, signed(WORLD.breakGlass(2).build(), "alice", "bob"));

        assertThat(store.frozen()).isTrue();
        assertThat(store.active() == null ? "" : store.active().summary())
                .isEqualTo(WORLD.build(1).id() + "=10000");
        assertThat(store.problems()).anyMatch(problem -> problem.contains("INC-7"));
    }

    @Test
    void one_person_is_not_enough_in_production_and_no_stranger_helps() {
        RouteStore store = openTrusting();
        Route route = WORLD.breakGlass(2).build();

        assertRejected(store, signed(route, "alice"), RejectReason.TOO_FEW_SIGNATURES);
        assertRejected(
                store,
                Documents.breakGlass(route, List.of(WORLD.person("alice"), STAGING.person("bob"))),
                RejectReason.UNKNOWN_KEY);
        assertRejected(store, Documents.breakGlass(route, List.of(WORLD.routeKey())), RejectReason.WRONG_ROLE);
    }

    @Test
    void one_person_is_enough_in_staging() {
        RouteStore store = RouteStore.open(temp.resolve("staging"), STAGING.service(), options());
        try (store) {
            take(store, STAGING.trustDocument());
            take(store, STAGING.ledgerDocument());

            assertAccepted(store, Documents.breakGlass(STAGING.breakGlass(2).build(), List.of(STAGING.person("bob"))));
        }
    }

    @Test
    void only_builds_of_the_ledger_can_be_reached_and_only_one() {
        RouteStore store = openTrusting();
        Route unproved =
                WORLD.breakGlass(2).entries(List.of(WORLD.entry(3, 10_000))).build();
        Route unprovedFallback = WORLD.breakGlass(2)
                .knownGood(List.of(WORLD.entry(1, 0), WORLD.entry(3, 0)))
                .build();
        Route split = WORLD.breakGlass(2)
                .entries(List.of(WORLD.entry(1, 5_000), WORLD.entry(2, 5_000)))
                .build();

        assertRejected(store, signed(unproved, "alice", "bob"), RejectReason.NOT_IN_LEDGER);
        assertRejected(store, signed(unprovedFallback, "alice", "bob"), RejectReason.NOT_IN_LEDGER);
        assertRejected(store, signed(split, "alice", "bob"), RejectReason.BAD_WEIGHTS);
    }

    @Test
    void without_a_ledger_there_is_nowhere_to_go() {
        RouteStore store = open();
        take(store, WORLD.trustDocument());

        assertRejected(store, signed(WORLD.breakGlass(2).build(), "alice", "bob"), RejectReason.NOT_IN_LEDGER);
    }

    @Test
    void it_cannot_be_taken_for_longer_than_an_hour() {
        RouteStore store = openTrusting();
        long now = clock.epochSecond();

        assertRejected(
                store, signed(WORLD.breakGlass(2).notAfter(now + 3_601).build(), "alice", "bob"), RejectReason.EXPIRED);
        assertRejected(
                store, signed(WORLD.breakGlass(2).notAfter(now - 1).build(), "alice", "bob"), RejectReason.EXPIRED);
        assertRejected(store, signed(WORLD.breakGlass(2).notAfter(0).build(), "alice", "bob"), RejectReason.EXPIRED);
    }

    @Test
    void one_that_was_signed_for_another_year_is_not_taken() {
        RouteStore store = openTrusting();
        long later = clock.epochSecond() + Duration.ofDays(365).toSeconds();

        assertRejected(
                store,
                signed(WORLD.breakGlass(2).createdAt(later).notAfter(later + 60).build(), "alice", "bob"),
                RejectReason.EXPIRED);
    }

    @Test
    void after_its_time_it_is_not_taken_any_more_but_stays_in_force() {
        RouteStore store = openTrusting();
        byte[] document = signed(WORLD.breakGlass(2).build(), "alice", "bob");
        byte[] another = signed(WORLD.breakGlass(3).build(), "alice", "bob");
        assertAccepted(store, document);
        clock.pass(Duration.ofMinutes(66));

        assertRejected(store, another, RejectReason.EXPIRED);
        assertThat(store.frozen()).isTrue();

        store.close();
        RouteStore again = open();
        assertThat(again.frozen()).as("after a restart too").isTrue();
    }

    @Test
    void a_clock_an_hour_off_takes_it_all_the_same() {
        Route route = WORLD.breakGlass(2).build();
        for (Duration off : List.of(Duration.ofHours(1), Duration.ofHours(-1))) {
            MovableClock wrong = new MovableClock();
            wrong.setForward(off);
            RouteStoreOptions options = RouteStoreOptions.of("node-1", wrong).withDropInInterval(Duration.ZERO);
            try (RouteStore store = RouteStore.open(temp.resolve("off" + off), WORLD.service(), options)) {
                take(store, WORLD.trustDocument());
                take(store, WORLD.ledgerDocument());
                assertAccepted(store, WORLD.sign(first));
                assertAccepted(store, WORLD.forward(1, 4, 500, first));

                assertAccepted(store, signed(route, "alice", "bob"));
            }
        }
    }

    @Test
    void its_epoch_must_be_higher_than_what_is_in_force() {
        RouteStore store = openTrusting();
        assertAccepted(store, WORLD.forward(3, 2, 100));

        assertRejected(store, signed(WORLD.breakGlass(3).build(), "alice", "bob"), RejectReason.NOT_NEWER);
        assertRejected(store, signed(WORLD.breakGlass(2).build(), "alice", "bob"), RejectReason.NOT_NEWER);
        assertAccepted(store, signed(WORLD.breakGlass(4).build(), "alice", "bob"));
    }

    @Test
    void everything_is_frozen_until_a_route_says_that_it_was_reconciled() {
        RouteStore store = openTrusting();
        assertAccepted(store, WORLD.sign(first));
        Route emergency = WORLD.breakGlass(2).build();
        assertAccepted(store, signed(emergency, "alice", "bob"));
        Route next = WORLD.following(2, 2, 100, emergency, first);
        Route parachute = Documents.parachuteOf(next, "way back");
        Route other = next.toBuilder().reconciles("ab".repeat(32)).build();
        Route reconciled =
                next.toBuilder().reconciles(Documents.hash(emergency)).build();

        assertRejected(store, WORLD.sign(next), RejectReason.FROZEN);
        assertRejected(store, Documents.route(parachute, WORLD.routeKey(), null), RejectReason.FROZEN);
        assertRejected(store, WORLD.sign(other), RejectReason.FROZEN);
        assertAccepted(store, WORLD.sign(reconciled));
        assertThat(store.frozen()).isFalse();
    }

    @Test
    void a_node_that_missed_the_reconciliation_is_freed_by_any_later_route_that_names_it() {
        RouteStore store = openTrusting();
        Route emergency = WORLD.breakGlass(2).build();
        assertAccepted(store, signed(emergency, "alice", "bob"));
        Route missed = WORLD.following(2, 2, 100, emergency).toBuilder()
                .reconciles(Documents.hash(emergency))
                .build();
        Route later = WORLD.following(2, 4, 500, missed, emergency).toBuilder()
                .reconciles(Documents.hash(emergency))
                .build();

        assertAccepted(store, WORLD.sign(later));
        assertThat(store.parachute()).isNotNull();
        assertThat(store.pull("test", "").holds()).as("and its way back works").isTrue();
    }

    @Test
    void one_break_glass_follows_upon_another() {
        RouteStore store = openTrusting();
        assertAccepted(store, signed(WORLD.breakGlass(2).build(), "alice", "bob"));
        Route second =
                WORLD.breakGlass(3).entries(List.of(WORLD.entry(2, 10_000))).build();

        assertAccepted(store, signed(second, "carol", "bob"));
        assertThat(store.active() == null ? "" : store.active().baseline().id())
                .isEqualTo(WORLD.build(2).id());
    }

    @Test
    void it_is_made_offline_from_what_lies_on_a_node() {
        RouteStore store = openTrusting();
        assertAccepted(store, WORLD.forward(5, 2, 100));
        List<DocumentSigner> people = List.of(WORLD.person("alice"), WORLD.person("carol"));

        byte[] document = BreakGlass.create(
                RouteStore.peek(temp.resolve("routes")), 7, 1, people, "INC-7", Duration.ofMinutes(30), clock);

        Route route = parsed(document).route();
        assertThat(route.kind()).isEqualTo(RouteKind.BREAK_GLASS);
        assertThat(route.epoch()).isEqualTo(8);
        assertThat(route.notAfter() - route.createdAt()).isEqualTo(1_800);
        assertThat(route.knownGood()).hasSize(2);
        assertAccepted(store, document);
    }

    @Test
    void it_is_not_made_with_too_few_people_or_to_nowhere() {
        RouteStore store = openTrusting();
        List<DocumentSigner> one = List.of(WORLD.person("alice"));
        List<DocumentSigner> twice = List.of(WORLD.person("alice"), WORLD.person("alice"));
        List<DocumentSigner> two = List.of(WORLD.person("alice"), WORLD.person("bob"));
        Duration ttl = Duration.ofMinutes(30);

        assertThatThrownBy(() -> BreakGlass.create(store.snapshot(), 1, 1, one, "x", ttl, clock))
                .isInstanceOf(KvException.class)
                .hasMessageContaining("at least 2 people");
        assertThatThrownBy(() -> BreakGlass.create(store.snapshot(), 1, 1, twice, "x", ttl, clock))
                .isInstanceOf(KvException.class);
        assertThatThrownBy(() -> BreakGlass.create(store.snapshot(), 1, 9, two, "x", ttl, clock))
                .isInstanceOf(KvException.class)
                .hasMessageContaining("[1, 2]");
        assertThatThrownBy(() -> BreakGlass.create(store.snapshot(), 1, 1, two, "x", Duration.ofHours(2), clock))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
