package io.nearkv.net.client;

import static io.nearkv.net.client.ClientFixture.KEY;
import static io.nearkv.net.client.ClientFixture.NS;
import static io.nearkv.net.client.ClientFixture.failure;
import static io.nearkv.net.client.ClientFixture.failureCode;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.Mutation;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.net.client.ScriptedServer.Received;
import io.nearkv.net.client.ScriptedServer.Script;
import io.nearkv.net.protocol.FrameType;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Time limits, cancellation, and what becomes of answers that nobody waits for any more. */
class ClientDeadlineTest {
    private static final ReadOptions HURRIED = ReadOptions.DEFAULT.withTimeout(Duration.ofMillis(60));

    private final List<Rig> rigs = new ArrayList<>();

    @AfterEach
    void close() throws IOException {
        for (Rig rig : rigs) {
            rig.close();
        }
    }

    private Rig serve(Script script) {
        return serve(script, UnaryOperator.identity());
    }

    private Rig serve(Script script, UnaryOperator<KvClientBuilder> options) {
        Rig rig = new Rig(script, options);
        rigs.add(rig);
        return rig;
    }

    private static Key keyOf(Received get) {
        return Key.ofUtf8(get.body().slice(24, get.body().limit() - 24));
    }

    @Test
    void a_call_that_is_not_answered_in_time_fails_and_the_server_is_told() {
        Rig rig = serve((c, frame) -> {});

        long before = System.nanoTime();
        assertThat(failureCode(rig.store.get(NS, KEY, HURRIED))).isEqualTo(ErrorCode.DEADLINE_EXCEEDED);
        assertThat(Duration.ofNanos(System.nanoTime() - before)).isGreaterThanOrEqualTo(HURRIED.timeout());

        await().until(() -> rig.server.received(FrameType.CANCEL).size() == 1);
        Received get = rig.server.received(FrameType.GET).get(0);
        assertThat(rig.server.received(FrameType.CANCEL).get(0).id()).isEqualTo(get.id());
        assertThat(rig.client.stats().count("get", "deadline_exceeded")).isEqualTo(1);
    }

    @Test
    void timeouts_of_different_lengths_are_each_kept() {
        Rig rig = serve((c, frame) -> {});
        List<CompletableFuture<GetResult>> calls = new ArrayList<>();
        List<Integer> order = new java.util.concurrent.CopyOnWriteArrayList<>();
        for (int millis : List.of(400, 50, 250, 10, 120)) {
            CompletableFuture<GetResult> call =
                    rig.store.get(NS, KEY, ReadOptions.DEFAULT.withTimeout(Duration.ofMillis(millis)));
            calls.add(call);
            var unused = call.whenComplete((result, failure) -> order.add(millis));
        }
        calls.forEach(call -> assertThat(failureCode(call)).isEqualTo(ErrorCode.DEADLINE_EXCEEDED));
        assertThat(order).containsExactly(10, 50, 120, 250, 400);
    }

    @Test
    void the_time_that_is_left_travels_with_a_request() {
        Rig rig = serve(ScriptedServer.inTurn(
                frame -> frame.is(FrameType.GET),
                (c, frame) -> c.error(
                        frame.id(),
                        new io.nearkv.core.KvException(
                                ErrorCode.UNAVAILABLE, "busy", null, Duration.ofMillis(300), null)),
                (c, frame) -> c.missing(frame.id())));

        ClientFixture.await(rig.store.get(NS, KEY, ReadOptions.DEFAULT.withTimeout(Duration.ofSeconds(5))));

        List<Received> gets = rig.server.received(FrameType.GET);
        assertThat(gets.get(0).timeoutMillis()).isBetween(4900, 5000);
        assertThat(gets.get(1).timeoutMillis()).isBetween(1000, 4700);
    }

    @Test
    void an_answer_that_comes_too_late_is_dropped_and_its_id_is_not_used_before() {
        List<Received> late = new java.util.concurrent.CopyOnWriteArrayList<>();
        Rig rig = serve(
                (c, frame) -> {
                    if (frame.is(FrameType.GET) && keyOf(frame).equals(KEY)) {
                        late.add(frame);
                    } else if (frame.is(FrameType.GET)) {
                        c.found(frame.id(), keyOf(frame).toString());
                    }
                },
                options -> options.maxRequestsInFlight(8));
        assertThat(failureCode(rig.store.get(NS, KEY, HURRIED))).isEqualTo(ErrorCode.DEADLINE_EXCEEDED);
        // Its slot is not free yet, whatever else goes on: an answer must never meet another call.
        for (int i = 0; i < 100; i++) {
            GetResult result = ClientFixture.await(rig.store.get(NS, Key.of("other" + i), ReadOptions.DEFAULT));
            assertThat(result.toOptional()).contains(Value.of("other" + i));
        }
        assertThat(rig.server.received(FrameType.GET).stream().map(Received::id))
                .doesNotHaveDuplicates();
        assertThat(rig.client.stats().requestsInFlight()).isEqualTo(1);

        rig.server.conversations.get(0).found(late.get(0).id(), "late");

        await().until(() -> rig.client.stats().lateAnswers() == 1);
        await().until(() -> rig.client.stats().requestsInFlight() == 0);
    }

    @Test
    void an_answer_that_was_given_twice_meets_no_other_call() {
        Rig rig = serve(
                (c, frame) -> {
                    if (frame.is(FrameType.GET)) {
                        c.found(frame.id(), keyOf(frame).toString());
                        c.found(frame.id(), keyOf(frame).toString());
                    }
                },
                options -> options.maxRequestsInFlight(1));
        for (int i = 0; i < 100; i++) {
            GetResult result = ClientFixture.await(rig.store.get(NS, Key.of("k" + i), ReadOptions.DEFAULT));
            assertThat(result.toOptional()).contains(Value.of("k" + i));
        }
        await().until(() -> rig.client.stats().strayFrames() == 100);
    }

    @Test
    void cancelling_a_future_gives_up_the_answer_on_the_wire_too() {
        Rig rig = serve((c, frame) -> {
            if (frame.is(FrameType.CANCEL)) {
                c.error(frame.id(), ErrorCode.DEADLINE_EXCEEDED);
            }
        });
        CompletableFuture<GetResult> call = rig.store.get(NS, KEY, ReadOptions.DEFAULT);
        await().until(() -> rig.server.received(FrameType.GET).size() == 1);

        assertThat(call.cancel(false)).isTrue();

        await().until(() -> rig.client.stats().lateAnswers() == 1);
        assertThat(rig.client.stats().requestsInFlight()).isZero();
        assertThat(rig.client.stats().count("get", ClientCounters.CANCELLED)).isEqualTo(1);
    }

    @Test
    void a_call_that_was_cancelled_before_it_was_written_is_never_written() {
        try (SilentServer nowhere = new SilentServer();
                KvClient client = ClientFixture.client(nowhere.address()).build()) {
            CompletableFuture<GetResult> call = client.store().get(NS, KEY, ReadOptions.DEFAULT);
            call.cancel(false);
            assertThat(call).isCancelled();
            assertThat(failureCode(client.store().get(NS, KEY, HURRIED))).isEqualTo(ErrorCode.DEADLINE_EXCEEDED);
        }
    }

    @Test
    void beyond_the_bound_of_requests_calls_fail_at_once() {
        Rig rig = serve((c, frame) -> {}, options -> options.maxRequestsInFlight(4));
        List<CompletableFuture<GetResult>> calls = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            calls.add(rig.store.get(NS, KEY, ReadOptions.DEFAULT));
        }
        CompletableFuture<GetResult> fifth = rig.store.get(NS, KEY, ReadOptions.DEFAULT);

        assertThat(fifth).isCompletedExceptionally();
        assertThat(failure(fifth)).hasMessageContaining("4 requests");
        assertThat(failureCode(fifth)).isEqualTo(ErrorCode.UNAVAILABLE);
        assertThat(rig.client.stats().refusedFull()).isEqualTo(1);
        assertThat(rig.client.stats().requestsInFlight()).isEqualTo(4);
        assertThat(calls).noneMatch(CompletableFuture::isDone);
    }

    @Test
    void beyond_the_bound_of_bytes_writes_fail_at_once() {
        Rig rig = serve((c, frame) -> {}, options -> options.maxPendingBytes(1024 * 1024));
        Value large = Value.wrap(new byte[600 * 1024]);
        var first = rig.store.write(NS, Mutation.put(KEY, large), WriteOptions.DEFAULT);
        var second = rig.store.write(NS, Mutation.put(KEY, large), WriteOptions.DEFAULT);

        assertThat(first).isNotDone();
        assertThat(failureCode(second)).isEqualTo(ErrorCode.UNAVAILABLE);
        assertThat(rig.client.stats().pendingBytes()).isEqualTo(600 * 1024);
        first.cancel(false);
        await().until(() -> rig.client.stats().pendingBytes() == 0);
    }

    @Test
    void one_write_that_is_larger_than_the_bound_goes_alone() {
        Rig rig = serve(
                (c, frame) -> {
                    if (frame.is(FrameType.PUT_STREAM)) {
                        c.written(frame.id(), 1);
                    }
                },
                options -> options.maxPendingBytes(1024 * 1024));
        Value large = Value.wrap(new byte[2 * 1024 * 1024]);
        assertThat(ClientFixture.await(rig.store.write(NS, Mutation.put(KEY, large), WriteOptions.DEFAULT))
                        .applied())
                .isTrue();
        assertThat(rig.client.stats().pendingBytes()).isZero();
    }
}
