package io.nearkv.deploy.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.route.DocumentVerdict.Outcome;
import io.nearkv.deploy.document.Documents;
import io.nearkv.deploy.model.Ledger;
import io.nearkv.deploy.model.RejectReason;
import org.junit.jupiter.api.Test;

/** The ledger only ever grows at its end. */
class LedgerAcceptanceTest extends RouteStoreTestBase {
    @Test
    void a_longer_ledger_is_taken_and_the_same_one_known() {
        RouteStore store = openTrusting();
        Ledger longer = WORLD.ledger().plus(WORLD.entry(3, 0), 1_795_200_000, "complete");

        assertAccepted(store, Documents.ledger(longer, WORLD.routeKey()));

        assertThat(store.ledger()).isEqualTo(longer);
        assertThat(store.offer(Documents.ledger(longer, WORLD.routeKey()), "test")
                        .outcome())
                .isEqualTo(Outcome.KNOWN);
    }

    @Test
    void a_shorter_one_is_not_newer() {
        RouteStore store = openTrusting();
        Ledger shorter = Ledger.empty(WORLD.service()).plus(WORLD.entry(1, 0), 1_795_000_000, "first");

        assertRejected(store, Documents.ledger(shorter, WORLD.routeKey()), RejectReason.NOT_NEWER);
        assertRejected(
                store, Documents.ledger(Ledger.empty(WORLD.service()), WORLD.routeKey()), RejectReason.NOT_NEWER);
    }

    @Test
    void one_with_another_past_is_rejected() {
        RouteStore store = openTrusting();
        Ledger other = Ledger.empty(WORLD.service())
                .plus(WORLD.entry(1, 0), 1_795_000_000, "first")
                .plus(WORLD.entry(4, 0), 1_795_100_000, "not what was there")
                .plus(WORLD.entry(3, 0), 1_795_200_000, "complete");

        assertRejected(store, Documents.ledger(other, WORLD.routeKey()), RejectReason.WRONG_PREDECESSOR);
    }

    @Test
    void a_node_that_was_away_for_long_takes_one_that_begins_after_its_own_end() {
        RouteStore store = openTrusting();
        Ledger much = WORLD.ledger();
        for (int i = 0; i < 100; i++) {
            much = much.plus(WORLD.entry(3 + i, 0), 1_795_200_000 + i, "complete");
        }

        assertThat(much.entries()).hasSize(64);
        assertThat(much.find(2)).isNull();
        assertAccepted(store, Documents.ledger(much, WORLD.routeKey()));
    }

    @Test
    void one_that_begins_right_after_its_own_end_is_compared_all_the_same() {
        RouteStore store = openTrusting();
        Ledger honest = WORLD.ledger();
        Ledger forged = Ledger.empty(WORLD.service())
                .plus(WORLD.entry(1, 0), 1_795_000_000, "first")
                .plus(WORLD.entry(4, 0), 1_795_100_000, "not what was there");
        for (int i = 0; i < 64; i++) {
            honest = honest.plus(WORLD.entry(3 + i, 0), 1_795_200_000 + i, "complete");
            forged = forged.plus(WORLD.entry(3 + i, 0), 1_795_200_000 + i, "complete");
        }

        assertThat(honest.entries().get(0).number()).isEqualTo(3);
        assertRejected(store, Documents.ledger(forged, WORLD.routeKey()), RejectReason.WRONG_PREDECESSOR);
        assertAccepted(store, Documents.ledger(honest, WORLD.routeKey()));
    }
}
