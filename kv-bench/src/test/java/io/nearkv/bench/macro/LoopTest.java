package io.nearkv.bench.macro;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;

class LoopTest {
    private static final KeySpace SPACE = new KeySpace(100, 10, 0, 42);
    private static final long MILLI = 1_000_000;

    /** A target whose behaviour is one function; everything else is the same for all. */
    private interface Behaviour extends Target {
        void send(Completion completion);

        @Override
        default Sender sender(int connection, Completion completion) {
            return (kind, key) -> send(completion);
        }

        @Override
        default BatchCaller caller(int thread) {
            return (kinds, keys, count, outcomes) -> Arrays.fill(outcomes, 10);
        }

        @Override
        default void close() {}
    }

    private static Behaviour behaviour(Consumer<Completion> send) {
        return send::accept;
    }

    @Test
    void an_open_loop_charges_a_stall_to_every_operation_that_fell_due() throws Exception {
        // 1,000 a second for a second; the target answers at once, but stands still from 0.2 s to 0.5 s.
        AtomicLong now = new AtomicLong();
        Behaviour target = behaviour(completion -> {
            if (now.get() >= 200 * MILLI && now.get() < 500 * MILLI) {
                now.set(500 * MILLI);
            }
            completion.answered(10);
        });
        Recording recording = new Recording(now::get, 0, 1000 * MILLI, 1);
        OpenLoop loop = openLoop(recording, target, 0);

        long unanswered = loop.run(moment -> now.set(Math.max(now.get(), moment)), MILLI);

        assertThat(unanswered).isZero();
        Histogram latencies = requireNonNull(recording.latencies(OperationKind.GET));
        assertThat(latencies.getTotalCount()).isEqualTo(1000);
        // The one operation that met the stall waited 300 ms, the 299 after it ever less, 150 ms on average.
        assertThat(latencies.getMaxValue()).isBetween(299 * MILLI, 301 * MILLI);
        assertThat(latencies.getCountBetweenValues(MILLI / 2, 400 * MILLI)).isBetween(299L, 301L);
        assertThat(latencies.getMean()).isBetween(44.0 * MILLI, 46.0 * MILLI);
        assertThat(loop.sendLagNanos().getMaxValue()).isBetween(298 * MILLI, 300 * MILLI);
    }

    @Test
    void an_open_loop_says_what_was_never_answered() throws Exception {
        AtomicLong now = new AtomicLong();
        AtomicInteger sent = new AtomicInteger();
        Behaviour target = behaviour(completion -> {
            if (sent.incrementAndGet() % 100 != 0) {
                completion.answered(10);
            }
        });
        Recording recording = new Recording(now::get, 0, 1000 * MILLI, 1);

        long unanswered = openLoop(recording, target, 0).run(moment -> now.set(Math.max(now.get(), moment)), MILLI);

        // Ten answers are lost; there are 8 places, so the loop ends at the 800th with 200 that could not be sent.
        assertThat(unanswered).isEqualTo(8 + 200);
    }

    @Test
    void operations_before_the_window_do_not_count() throws Exception {
        AtomicLong now = new AtomicLong();
        Recording recording = new Recording(now::get, 400 * MILLI, 1000 * MILLI, 1);

        openLoop(recording, behaviour(completion -> completion.answered(10)), 0)
                .run(moment -> now.set(Math.max(now.get(), moment)), MILLI);

        Histogram latencies = requireNonNull(recording.latencies(OperationKind.GET));
        assertThat(latencies.getTotalCount()).isEqualTo(600);
    }

    private static OpenLoop openLoop(Recording recording, Target target, long start) {
        return new OpenLoop(recording, KeyChooser.random(SPACE, Mix.GETS).walk(0), target, 1, 8, 1000, start);
    }

    @Test
    void a_closed_loop_keeps_every_place_busy_whoever_answers() throws Exception {
        ExecutorService others = Executors.newFixedThreadPool(2);
        try {
            AtomicInteger inFlight = new AtomicInteger();
            AtomicInteger most = new AtomicInteger();
            Behaviour target = behaviour(completion -> {
                int now = inFlight.incrementAndGet();
                most.accumulateAndGet(now, Math::max);
                if ((now & 1) == 0) {
                    inFlight.decrementAndGet();
                    completion.answered(10);
                } else {
                    others.execute(() -> {
                        inFlight.decrementAndGet();
                        completion.answered(10);
                    });
                }
            });

            LoadReport report = new LoadRun(target, SPACE, ProcessCpu.UNKNOWN)
                    .run(LoadSpec.closedLoop(2, 8, Mix.GETS, Duration.ofMillis(50), Duration.ofMillis(200)));

            assertThat(report.sound()).isTrue();
            assertThat(report.operations()).isGreaterThan(100);
            assertThat(report.valueBytesReturned()).isEqualTo(report.operations() * 10);
            assertThat(most.get()).isLessThanOrEqualTo(16);
        } finally {
            others.shutdownNow();
        }
    }

    @Test
    void a_closed_loop_on_a_target_that_answers_at_once_does_not_grow_the_stack() throws Exception {
        LoadReport report = new LoadRun(behaviour(completion -> completion.answered(10)), SPACE, ProcessCpu.UNKNOWN)
                .run(LoadSpec.closedLoop(1, 4, Mix.GETS, Duration.ZERO, Duration.ofMillis(200)));

        assertThat(report.sound()).isTrue();
        assertThat(report.operations()).isGreaterThan(10_000);
    }

    @Test
    void errors_misses_and_wrong_answers_are_counted_and_spoil_a_report() throws Exception {
        AtomicInteger sent = new AtomicInteger();
        Behaviour target = behaviour(completion -> {
            switch (sent.incrementAndGet()) {
                case 1 -> completion.answered(Completion.MISS);
                case 2 -> completion.answered(Completion.WRONG);
                case 3 -> completion.failed(new CompletionException(new KvException(ErrorCode.UNAVAILABLE, "busy")));
                case 4 -> completion.failed(new IllegalStateException());
                default -> completion.answered(10);
            }
        });

        LoadReport report = new LoadRun(target, SPACE, ProcessCpu.UNKNOWN)
                .run(LoadSpec.closedLoop(1, 1, Mix.GETS, Duration.ofMillis(1), Duration.ofMillis(50)));

        assertThat(report.sound()).isFalse();
        assertThat(report.misses()).isEqualTo(1);
        assertThat(report.wrong()).isEqualTo(1);
        assertThat(report.errors()).containsOnly(Map.entry("unavailable", 1L), Map.entry("IllegalStateException", 1L));
    }

    @Test
    void a_target_that_never_answers_is_reported() throws Exception {
        Deque<Completion> kept = new ArrayDeque<>();
        AtomicLong now = new AtomicLong();
        Recording recording = new Recording(now::get, 0, MILLI, 1);
        new ClosedLoopPlace(recording, KeyChooser.random(SPACE, Mix.GETS).walk(0), behaviour(kept::add), 0).start();

        assertThat(recording.await(5 * MILLI)).isEqualTo(1);
        now.set(2 * MILLI); // The load is over, so that the answer is the last one.
        kept.remove().answered(10);
        assertThat(recording.await(1000 * MILLI)).isZero();
    }

    @Test
    void deleting_uses_every_key_once_and_ends() throws Exception {
        LoadReport report = new LoadRun(behaviour(completion -> completion.answered(0)), SPACE, ProcessCpu.UNKNOWN)
                .run(LoadSpec.closedLoop(2, 4, Mix.only(OperationKind.DELETE), Duration.ZERO, Duration.ofSeconds(30)));

        assertThat(report.operations()).isEqualTo(SPACE.keys());
        assertThat(report.seconds()).isLessThan(5);
    }

    @Test
    void waiting_threads_count_every_operation_of_a_batch() throws Exception {
        Behaviour target = behaviour(completion -> {});
        LoadReport report = new LoadRun(target, SPACE, ProcessCpu.UNKNOWN)
                .run(new LoadSpec(
                        LoadSpec.Style.BATCHES, 2, 16, 0, 0, Mix.GETS, Duration.ZERO, Duration.ofMillis(100)));

        assertThat(report.sound()).isTrue();
        assertThat(report.operations() % 16).isZero();
        assertThat(report.shape()).isEqualTo("2x16 batches");
    }
}
