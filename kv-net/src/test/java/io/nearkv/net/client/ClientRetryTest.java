package io.nearkv.net.client;

import static io.nearkv.net.client.ClientFixture.KEY;
import static io.nearkv.net.client.ClientFixture.NS;
import static io.nearkv.net.client.ClientFixture.await;
import static io.nearkv.net.client.ClientFixture.failure;
import static io.nearkv.net.client.ClientFixture.failureCode;
import static io.nearkv.net.client.ScriptedServer.inTurn;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.Condition;
import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.KvException;
import io.nearkv.core.Mutation;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import io.nearkv.net.client.ScriptedServer.Conversation;
import io.nearkv.net.client.ScriptedServer.Received;
import io.nearkv.net.client.ScriptedServer.Script;
import io.nearkv.net.protocol.FrameType;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the client makes of refusals and of connections that end with a request under way. */
class ClientRetryTest {
    private static final Mutation PUT = Mutation.put(KEY, Value.of("v"));

    private final List<Rig> rigs = new ArrayList<>();

    @AfterEach
    void close() throws IOException {
        for (Rig rig : rigs) {
            rig.close();
        }
    }

    private Rig serve(Script script) {
        return serve(script, 1, 4);
    }

    private Rig serve(Script script, double budget, int attempts) {
        Rig rig = new Rig(script, options -> options.retryBudget(budget).maxAttempts(attempts));
        rigs.add(rig);
        return rig;
    }

    private static void hangUp(Conversation conversation, Received frame) {
        conversation.close();
    }

    private static Mutation putIf(Condition condition) {
        return new Mutation.Put(KEY, Value.of("v"), PutOptions.when(condition));
    }

    // ---- refused before any effect

    @Test
    void a_refused_call_is_tried_again() {
        Rig rig = serve(inTurn(
                frame -> frame.is(FrameType.GET),
                (c, frame) -> c.error(frame.id(), ErrorCode.UNAVAILABLE),
                (c, frame) -> c.error(frame.id(), ErrorCode.RATE_LIMITED),
                (c, frame) -> c.found(frame.id(), "v")));

        GetResult result = await(rig.store.get(NS, KEY, ReadOptions.DEFAULT));

        assertThat(result.toOptional()).contains(Value.of("v"));
        assertThat(rig.client.stats().retries()).isEqualTo(2);
        assertThat(rig.client.stats().count("get", "ok")).isEqualTo(1);
    }

    @Test
    void a_refused_plain_write_is_tried_again_because_nothing_has_happened() {
        Rig rig = serve(inTurn(
                frame -> frame.is(FrameType.PUT),
                (c, frame) -> c.error(frame.id(), ErrorCode.UNAVAILABLE),
                (c, frame) -> c.written(frame.id(), 5)));

        assertThat(await(rig.store.write(NS, PUT, WriteOptions.DEFAULT))).isEqualTo(new WriteResult.Applied(5));
    }

    @Test
    void the_last_refusal_is_told_when_all_attempts_are_used_up() {
        Rig rig = serve((c, frame) -> c.error(frame.id(), ErrorCode.UNAVAILABLE), 1, 3);

        assertThat(failureCode(rig.store.write(NS, PUT, WriteOptions.DEFAULT))).isEqualTo(ErrorCode.UNAVAILABLE);
        assertThat(rig.server.received(FrameType.PUT)).hasSize(3);
    }

    @Test
    void nothing_is_tried_again_without_a_budget() {
        Rig rig = serve((c, frame) -> c.error(frame.id(), ErrorCode.UNAVAILABLE), 0, 4);

        assertThat(failureCode(rig.store.get(NS, KEY, ReadOptions.DEFAULT))).isEqualTo(ErrorCode.UNAVAILABLE);
        assertThat(rig.server.received(FrameType.GET)).hasSize(1);
        assertThat(rig.client.stats().retriesRefused()).isEqualTo(1);
    }

    @Test
    void retries_stay_within_a_share_of_the_calls_and_the_reserve() {
        Rig rig = serve((c, frame) -> c.error(frame.id(), ErrorCode.UNAVAILABLE), 0.1, 10);
        int calls = 200;
        for (int i = 0; i < calls; i++) {
            assertThat(failureCode(rig.store.get(NS, KEY, ReadOptions.DEFAULT))).isEqualTo(ErrorCode.UNAVAILABLE);
        }
        // The reserve at the start, what came back by time meanwhile, and a tenth of the calls.
        assertThat(rig.client.stats().retries()).isBetween(calls / 10L, calls / 10L + 2L * RetryBudget.RESERVE);
        assertThat(rig.client.stats().retriesRefused()).isPositive();
    }

    @Test
    void the_advice_when_to_come_back_is_followed_or_the_call_fails_if_it_is_too_late_by_then() {
        KvException busy = new KvException(ErrorCode.RATE_LIMITED, "slowly", null, Duration.ofMillis(200), null);
        Rig rig = serve(inTurn(
                frame -> frame.is(FrameType.GET),
                (c, frame) -> c.error(frame.id(), busy),
                (c, frame) -> c.missing(frame.id()),
                (c, frame) -> c.error(frame.id(), busy)));

        long before = System.nanoTime();
        await(rig.store.get(NS, KEY, ReadOptions.DEFAULT));
        assertThat(Duration.ofNanos(System.nanoTime() - before)).isGreaterThanOrEqualTo(Duration.ofMillis(200));

        CompletableFuture<GetResult> hurried =
                rig.store.get(NS, KEY, ReadOptions.DEFAULT.withTimeout(Duration.ofMillis(150)));
        KvException failure = failure(hurried);
        assertThat(failure.code()).isEqualTo(ErrorCode.RATE_LIMITED);
        assertThat(failure.retryAfter()).isEqualTo(Duration.ofMillis(200));
    }

    @ParameterizedTest
    @EnumSource(
            value = ErrorCode.class,
            names = {"UNAVAILABLE", "RATE_LIMITED", "OUTCOME_UNKNOWN"},
            mode = EnumSource.Mode.EXCLUDE)
    void what_cannot_get_better_is_told_at_once(ErrorCode code) {
        Rig rig = serve((c, frame) -> c.error(frame.id(), code));

        assertThat(failureCode(rig.store.get(NS, KEY, ReadOptions.DEFAULT))).isEqualTo(code);
        assertThat(rig.server.received(FrameType.GET)).hasSize(1);
    }

    @Test
    void a_denial_arrives_with_its_reason() {
        KvException.Denial denial = new KvException.Denial(DenialReason.TOKEN_EXPIRED, "testing", "testing", "build-1");
        Rig rig = serve((c, frame) -> c.error(frame.id(), KvException.denied(denial, "expired")));

        KvException failure = failure(rig.store.get(NS, KEY, ReadOptions.DEFAULT));
        assertThat(failure.code()).isEqualTo(ErrorCode.UNAUTHORIZED);
        assertThat(failure.denial()).isEqualTo(denial);
    }

    // ---- connections that end with a request under way

    @Test
    void a_read_goes_on_over_another_connection() {
        Rig rig = serve(inTurn(
                frame -> frame.is(FrameType.GET),
                ClientRetryTest::hangUp,
                ClientRetryTest::hangUp,
                (c, frame) -> c.found(frame.id(), "v")));

        assertThat(await(rig.store.get(NS, KEY, ReadOptions.DEFAULT)).toOptional())
                .contains(Value.of("v"));
        assertThat(rig.server.conversations).hasSize(3);
        assertThat(rig.client.stats().reconnects()).isEqualTo(2);
        assertThat(rig.client.stats().connectionsLost()).isEqualTo(2);
    }

    @Test
    void a_read_that_is_lost_every_time_is_unavailable() {
        Rig rig = serve(ClientRetryTest::hangUp, 1, 3);

        assertThat(failureCode(rig.store.get(NS, KEY, ReadOptions.DEFAULT))).isEqualTo(ErrorCode.UNAVAILABLE);
    }

    @Test
    void the_outcome_of_a_plain_write_is_unknown_and_it_is_not_sent_again() {
        Rig rig = serve(ClientRetryTest::hangUp);

        assertThat(failureCode(rig.store.write(NS, PUT, WriteOptions.DEFAULT))).isEqualTo(ErrorCode.OUTCOME_UNKNOWN);
        assertThat(failureCode(rig.store.write(NS, Mutation.delete(KEY), WriteOptions.DEFAULT)))
                .isIn(ErrorCode.OUTCOME_UNKNOWN);
        assertThat(rig.server.received(FrameType.PUT)).hasSize(1);
        assertThat(rig.server.received(FrameType.DELETE)).hasSize(1);
    }

    @Test
    void a_write_on_a_condition_that_can_hold_again_is_not_sent_again() {
        Rig rig = serve(ClientRetryTest::hangUp);

        assertThat(failureCode(rig.store.write(NS, putIf(Condition.IF_ABSENT), WriteOptions.DEFAULT)))
                .isEqualTo(ErrorCode.OUTCOME_UNKNOWN);
        assertThat(failureCode(rig.store.write(NS, putIf(Condition.IF_PRESENT), WriteOptions.DEFAULT)))
                .isEqualTo(ErrorCode.OUTCOME_UNKNOWN);
        assertThat(rig.server.received(FrameType.PUT)).hasSize(2);
    }

    @Test
    void a_write_on_a_version_is_sent_again_because_it_cannot_happen_twice() {
        Rig rig = serve(inTurn(
                frame -> frame.is(FrameType.PUT), ClientRetryTest::hangUp, (c, frame) -> c.written(frame.id(), 9)));

        assertThat(await(rig.store.write(NS, putIf(Condition.ifVersion(8)), WriteOptions.DEFAULT)))
                .isEqualTo(new WriteResult.Applied(9));
    }

    @Test
    void a_condition_that_fails_after_a_lost_attempt_is_not_reported_as_failed() {
        Rig rig = serve(inTurn(
                frame -> frame.is(FrameType.PUT),
                ClientRetryTest::hangUp,
                (c, frame) -> c.conditionFailed(frame.id(), 9)));

        assertThat(failureCode(rig.store.write(NS, putIf(Condition.ifVersion(8)), WriteOptions.DEFAULT)))
                .isEqualTo(ErrorCode.OUTCOME_UNKNOWN);
    }

    @Test
    void a_condition_that_fails_at_first_is_an_answer() {
        Rig rig = serve(inTurn(
                frame -> frame.is(FrameType.PUT),
                (c, frame) -> c.error(frame.id(), ErrorCode.UNAVAILABLE),
                (c, frame) -> c.conditionFailed(frame.id(), 9)));

        assertThat(await(rig.store.write(NS, putIf(Condition.ifVersion(8)), WriteOptions.DEFAULT)))
                .isEqualTo(new WriteResult.ConditionFailed(9));
    }

    @ParameterizedTest
    @EnumSource(
            value = ErrorCode.class,
            names = {"UNAVAILABLE", "UNAUTHORIZED", "NOT_FOUND", "TOO_LARGE"})
    void a_refusal_after_a_lost_attempt_leaves_the_outcome_unknown(ErrorCode refusal) {
        Rig rig = serve(inTurn(
                frame -> frame.is(FrameType.PUT), ClientRetryTest::hangUp, (c, frame) -> c.error(frame.id(), refusal)));

        KvException failure = failure(rig.store.write(NS, putIf(Condition.ifVersion(8)), WriteOptions.DEFAULT));
        assertThat(failure.code()).isEqualTo(ErrorCode.OUTCOME_UNKNOWN);
        assertThat(failure).hasCauseInstanceOf(KvException.class);
    }

    @Test
    void an_unknown_outcome_that_the_server_reports_is_passed_on_for_a_write_and_tried_again_for_a_read() {
        Rig rig = serve(inTurn(
                frame -> true,
                (c, frame) -> c.error(frame.id(), ErrorCode.OUTCOME_UNKNOWN),
                (c, frame) -> c.error(frame.id(), ErrorCode.OUTCOME_UNKNOWN),
                (c, frame) -> c.missing(frame.id())));

        assertThat(failureCode(rig.store.write(NS, PUT, WriteOptions.DEFAULT))).isEqualTo(ErrorCode.OUTCOME_UNKNOWN);
        assertThat(await(rig.store.get(NS, KEY, ReadOptions.DEFAULT))).isEqualTo(GetResult.Missing.INSTANCE);
        assertThat(rig.server.received).hasSize(1 + 1 + 2);
    }

    @Test
    void a_batch_is_sent_again_only_if_a_version_keeps_it_from_happening_twice() {
        Rig rig = serve(ClientRetryTest::hangUp, 1, 3);

        assertThat(failureCode(rig.store.batch(NS, List.of(PUT), WriteOptions.DEFAULT)))
                .isEqualTo(ErrorCode.OUTCOME_UNKNOWN);
        assertThat(rig.server.received(FrameType.CALL)).hasSize(1);
        assertThat(failureCode(rig.store.batch(NS, List.of(PUT, putIf(Condition.ifVersion(3))), WriteOptions.DEFAULT)))
                .isEqualTo(ErrorCode.OUTCOME_UNKNOWN);
        assertThat(rig.server.received(FrameType.CALL)).hasSizeGreaterThan(2);
    }

    @Test
    void creating_a_namespace_is_not_sent_again() {
        Rig rig = serve(ClientRetryTest::hangUp);

        assertThat(failureCode(rig.store.admin().createNamespace(FakeToken.ACCOUNT, "t")))
                .isEqualTo(ErrorCode.OUTCOME_UNKNOWN);
        assertThat(rig.server.received(FrameType.CALL)).hasSize(1);
    }
}
