package io.nearkv.deploy.control;

import static io.nearkv.deploy.control.ControlRig.EDGES;
import static io.nearkv.deploy.control.ControlRig.EDGE_1;
import static io.nearkv.deploy.control.ControlRig.wish;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.Kv;
import io.nearkv.core.KvStore;
import io.nearkv.deploy.model.Route;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The control plane ends at each write of a change, before it or after it, and goes on from what is in its store. */
class ControlCrashTest {
    private static final Set<String> WRITES = Set.of("write", "batch");

    @TempDir
    private Path folder;

    /** The end of the process, as far as one process can play it. */
    private static final class Killed extends Error {
        private static final long serialVersionUID = 1;
    }

    private static final class Executioner {
        private final AtomicInteger writesLeft = new AtomicInteger(Integer.MAX_VALUE);
        private volatile boolean after;

        KvStore over(KvStore store) {
            return (KvStore) Proxy.newProxyInstance(
                    KvStore.class.getClassLoader(), new Class<?>[] {KvStore.class}, (proxy, method, arguments) -> {
                        int left = WRITES.contains(method.getName()) ? writesLeft.decrementAndGet() : 1;
                        if (left < 0 || (left == 0 && !after)) {
                            throw new Killed();
                        }
                        try {
                            Object result = method.invoke(store, arguments);
                            if (left == 0) {
                                ((CompletableFuture<?>) requireNonNull(result)).join();
                                throw new Killed();
                            }
                            return result;
                        } catch (InvocationTargetException e) {
                            throw requireNonNull(e.getCause());
                        }
                    });
        }
    }

    @ParameterizedTest
    @CsvSource({"1,false", "1,true", "2,false", "2,true", "3,false", "3,true", "4,false", "4,true", "5,false", "6,true"
    })
    void what_was_begun_is_whole_or_not_there_at_all(int write, boolean after) throws Exception {
        Executioner executioner = new Executioner();
        try (ControlRig rig = new ControlRig(folder)) {
            Kv kv = rig.openStore();
            ControlPlane plane = rig.start(Kv.over(executioner.over(kv.store()), kv.account()), options -> options);
            PublishedBuild good = rig.knownGood("1.8.2");
            PublishedBuild next = rig.running("1.9.0");
            Route before = rig.followed(EDGE_1);
            executioner.after = after;
            executioner.writesLeft.set(write);
            try {
                plane.setWeight(wish(next, 10_000));
                plane.addToLedger(next.id(), "did well", "test");
            } catch (Killed e) {
                // As it should; where it was a thread of the push that died, the next write has been the end.
            }
            plane.close();

            ControlPlane again = rig.start();
            again.tick();

            ControlStatus status = again.status();
            Route route = requireNonNull(status.route());
            assertThat(route.seq()).isGreaterThanOrEqualTo(before.seq());
            assertThat(route.summary()).isIn(good.id() + "=10000", next.id() + "=10000");
            assertThat(status.coverage().complete()).isTrue();
            for (String edge : EDGES) {
                assertThat(rig.followed(edge)).isEqualTo(route);
                assertThat(rig.fleet.at(edge).ledger()).isEqualTo(status.ledger());
            }
            again.setWeight(wish(next, 10_000));
            again.addToLedger(next.id(), "did well", "test");
            assertThat(rig.followed(EDGE_1).summary()).isEqualTo(next.id() + "=10000");
            assertThat(again.status().ledger().entries()).hasSize(2);
        }
    }

    @Test
    void a_route_that_was_stored_and_told_to_nobody_is_told_after_the_start() throws Exception {
        try (ControlRig rig = new ControlRig(folder)) {
            ControlPlane plane = rig.start();
            rig.knownGood("1.8.2");
            PublishedBuild next = rig.running("1.9.0");
            EDGES.forEach(rig.fleet::stop);
            Route published = plane.setWeight(wish(next, 500)).route();
            plane.close();
            EDGES.forEach(rig.fleet::resume);

            ControlPlane again = rig.start();
            again.start();

            await().atMost(Duration.ofSeconds(10))
                    .untilAsserted(
                            () -> assertThat(rig.followed(EDGE_1).entries()).isEqualTo(published.entries()));
        }
    }
}
