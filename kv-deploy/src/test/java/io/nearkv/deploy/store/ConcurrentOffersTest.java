package io.nearkv.deploy.store;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.core.route.DocumentVerdict.Outcome;
import io.nearkv.deploy.document.Documents;
import io.nearkv.deploy.document.StoredDocuments;
import io.nearkv.deploy.document.StoredDocuments.Version;
import io.nearkv.deploy.model.Route;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** Many at once: the highest wins, everybody sees versions grow, and nobody a mixture. */
class ConcurrentOffersTest extends RouteStoreTestBase {
    private static final int THREADS = 8;
    private static final int ROUTES = 12;

    @Test
    void the_highest_version_wins_whoever_comes_first() throws Exception {
        Random random = new Random(7);
        List<Route> routes = new ArrayList<>();
        List<byte[]> documents = new ArrayList<>();
        for (int i = 0; i < ROUTES; i++) {
            List<Route> before = new ArrayList<>(routes);
            Collections.reverse(before);
            Route route = WORLD.following(1, 2L * i + 2, 100 + i, before.toArray(Route[]::new));
            routes.add(route);
            documents.add(WORLD.sign(route));
        }
        RouteStore store = openTrusting();
        List<Long> heard = Collections.synchronizedList(new ArrayList<>());
        store.onRoute(route -> heard.add(route.seq()));
        AtomicBoolean done = new AtomicBoolean();
        ExecutorService threads = Executors.newFixedThreadPool(THREADS + 1);
        try {
            Future<Integer> reader = threads.submit(() -> {
                int looked = 0;
                Version last = new Version(0, 0);
                while (!done.get()) {
                    StoredDocuments now = store.snapshot();
                    if (now.active() != null) {
                        Route active = now.active().route();
                        Version version = new Version(active.epoch(), active.seq());
                        assertThat(last.isHigherThan(version)).isFalse();
                        last = version;
                        // Of one moment: the mark, the history and the way back belong to the route.
                        assertThat(now.highWater())
                                .containsEntry(WORLD.routeKey().keyId(), version);
                        assertThat(now.history().get(0)).isEqualTo(now.active().hash());
                        assertThat(requireNonNull(now.active().parachute())
                                        .route()
                                        .seq())
                                .isEqualTo(active.seq() + 1);
                        looked++;
                    }
                }
                return looked;
            });
            List<Callable<List<DocumentVerdict>>> offers = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                List<byte[]> shuffled = new ArrayList<>(documents);
                Collections.shuffle(shuffled, random);
                offers.add(() -> {
                    List<DocumentVerdict> verdicts = new ArrayList<>();
                    for (byte[] document : shuffled) {
                        verdicts.add(store.offer(document, "thread"));
                    }
                    return verdicts;
                });
            }
            int accepted = 0;
            for (Future<List<DocumentVerdict>> each : threads.invokeAll(offers)) {
                for (DocumentVerdict verdict : each.get()) {
                    accepted += verdict.outcome() == Outcome.ACCEPTED ? 1 : 0;
                    assertThat(verdict.reason()).isIn("", "not_newer");
                }
            }
            done.set(true);
            assertThat(reader.get()).isPositive();
            assertThat(heard).hasSize(accepted).isSorted().doesNotHaveDuplicates();
        } finally {
            threads.shutdownNow();
        }

        assertThat(store.active()).isEqualTo(routes.get(ROUTES - 1));
        store.close();
        assertThat(open().active()).isEqualTo(routes.get(ROUTES - 1));
    }

    @Test
    void a_pull_and_the_next_step_at_once_end_in_one_of_two_states() throws Exception {
        Route first = WORLD.following(1, 2, 100);
        Route second = WORLD.following(1, 4, 500, first);
        byte[] step = WORLD.sign(second);
        byte[] start = WORLD.sign(first);
        ExecutorService threads = Executors.newFixedThreadPool(2);
        try {
            for (int round = 0; round < 20; round++) {
                try (RouteStore store = RouteStore.open(temp.resolve("round-" + round), WORLD.service(), options())) {
                    take(store, WORLD.trustDocument());
                    take(store, WORLD.ledgerDocument());
                    assertAccepted(store, start);

                    List<Callable<DocumentVerdict>> both =
                            List.of(() -> store.pull("test", ""), () -> store.offer(step, "control plane"));
                    List<Future<DocumentVerdict>> verdicts = threads.invokeAll(both);

                    assertThat(verdicts.get(0).get().outcome()).isEqualTo(Outcome.ACCEPTED);
                    boolean stepCameFirst = verdicts.get(1).get().outcome() == Outcome.ACCEPTED;
                    // Whichever was first: the pull is the last word.
                    assertThat(requireNonNull(store.active()).seq()).isEqualTo(stepCameFirst ? 5 : 3);
                    assertThat(store.active().entries()).hasSize(1);
                    assertThat(Documents.hash(store.active()))
                            .isEqualTo(store.status().hash());
                }
            }
        } finally {
            threads.shutdownNow();
        }
    }
}
