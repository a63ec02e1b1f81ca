package io.nearkv.server.incident.product;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.server.incident.cluster.ClusterPlan;
import io.nearkv.server.incident.measure.ClassResult;
import io.nearkv.server.incident.measure.Recorder;
import io.nearkv.server.incident.model.Effect;
import io.nearkv.server.incident.model.ReplayClock;
import io.nearkv.server.incident.model.Timeline;
import io.nearkv.server.incident.model.Window;
import io.nearkv.server.incident.run.FakeCluster;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Each product by itself, in a time that the test makes: before, while and after the store refuses. */
class ProductsIT {
    private static final Timeline TIMELINE = Timeline.ofReport(1000);
    private static final Window IMPACT = new Window(50, 70);
    private static final int ROUNDS_A_MINUTE = 4;

    @TempDir
    private Path folder;

    private final AtomicLong nanos = new AtomicLong();

    private void work(Product product, int from, int to) throws Exception {
        for (int round = from * ROUNDS_A_MINUTE; round < to * ROUNDS_A_MINUTE; round++) {
            nanos.set(TIMELINE.minuteNanos() * round / ROUNDS_A_MINUTE);
            product.round();
        }
    }

    @Test
    void every_class_of_users_meets_what_the_report_says_and_nothing_before_and_after() throws Exception {
        ReplayClock clock = new ReplayClock(TIMELINE, nanos::get);
        Recorder recorder = new Recorder(clock);
        try (FakeCluster cluster = new FakeCluster(folder, ClusterPlan.legacy(), Set.of())) {
            List<Product> products = Products.all(new Surroundings(cluster, recorder, 3));
            for (Product product : products) {
                product.prepare();
            }
            clock.start();
            for (Product product : products) {
                cluster.refuse(0);
                work(product, 30, IMPACT.from());
                cluster.refuse(10_000);
                work(product, IMPACT.from(), IMPACT.to());
                cluster.refuse(0);
                work(product, IMPACT.to(), 80);
            }
            for (Product product : products) {
                for (ClassResult users : recorder.classes(product.id())) {
                    long wanted = users.who().effect() == Effect.FAILS ? users.requests(IMPACT) : 0;
                    assertThat(users.requests(IMPACT)).as("%s", users.who()).isPositive();
                    assertThat(users.failed(IMPACT)).as("%s", users.who()).isEqualTo(wanted);
                    assertThat(users.failed()).as("%s", users.who()).isEqualTo(wanted);
                }
                product.close();
            }
            assertThat(recorder.series("D10").get(WaitingRoom.ADMITTED_OPEN))
                    .satisfies(counts -> assertThat(counts.get(60)).isPositive());
            assertThat(recorder.series("D1").get(StoreClient.CACHE_HIT_DENIED))
                    .satisfies(counts -> assertThat(counts.get(60)).isPositive());
        }
    }
}
