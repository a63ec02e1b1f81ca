package io.nearkv.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;

class ErrorTableTest {
    @Test
    void the_table_is_frozen() {
        assertThat(Arrays.stream(ErrorCode.values())
                        .map(code -> code.wireNumber() + " " + code.label() + " " + code.httpStatus() + " "
                                + code.retry() + " " + code.applied()))
                .containsExactly(
                        "1 invalid_request 400 NEVER NO",
                        "2 unauthorized 401 OTHER_CREDENTIALS NO",
                        "3 forbidden 403 OTHER_CREDENTIALS NO",
                        "4 not_found 404 NEVER NO",
                        "5 precondition_failed 412 NEVER NO",
                        "6 too_large 413 NEVER NO",
                        "7 rate_limited 429 AFTER_DELAY NO",
                        "8 unavailable 503 AFTER_DELAY NO",
                        "9 deadline_exceeded 504 IF_IDEMPOTENT UNKNOWN",
                        "10 outcome_unknown 504 IF_IDEMPOTENT UNKNOWN",
                        "11 internal 500 NEVER UNKNOWN");
        for (ErrorCode code : ErrorCode.values()) {
            assertThat(ErrorCode.ofWireNumber(code.wireNumber())).isSameAs(code);
        }
        assertThat(ErrorCode.ofWireNumber(0)).isNull();
        assertThat(ErrorCode.ofWireNumber(200)).isNull();
    }

    @Test
    void the_reasons_of_denials_are_frozen() {
        assertThat(Arrays.stream(DenialReason.values())
                        .map(reason -> reason.wireNumber() + " " + reason.label() + " "
                                + reason.errorCode().label()))
                .containsExactly(
                        "1 environment_mismatch unauthorized",
                        "2 build_not_authorized unauthorized",
                        "3 token_expired unauthorized",
                        "4 token_unknown unauthorized",
                        "5 token_revoked unauthorized",
                        "6 scope forbidden");
        for (DenialReason reason : DenialReason.values()) {
            assertThat(DenialReason.ofWireNumber(reason.wireNumber())).isSameAs(reason);
        }
        assertThat(DenialReason.ofWireNumber(7)).isNull();
    }

    @Test
    void enumerations_on_disk_and_on_the_wire_keep_their_ordinals() {
        assertThat(FeedEvent.Kind.values())
                .containsExactly(
                        FeedEvent.Kind.PUT,
                        FeedEvent.Kind.DELETE,
                        FeedEvent.Kind.EXPIRE,
                        FeedEvent.Kind.NAMESPACE_DELETED);
        assertThat(Condition.Kind.values())
                .containsExactly(
                        Condition.Kind.NONE, Condition.Kind.ABSENT, Condition.Kind.PRESENT, Condition.Kind.VERSION_IS);
        assertThat(ReadOptions.Consistency.values())
                .containsExactly(
                        ReadOptions.Consistency.EVENTUAL,
                        ReadOptions.Consistency.BOUNDED,
                        ReadOptions.Consistency.SESSION,
                        ReadOptions.Consistency.STRONG);
        assertThat(WriteOptions.Durability.values())
                .containsExactly(WriteOptions.Durability.FSYNC, WriteOptions.Durability.BUFFERED);
    }

    @Test
    void the_exception_is_found_however_deep_it_is_wrapped() {
        KvException inner = new KvException(ErrorCode.UNAVAILABLE, "away");
        assertThat(KvException.from(inner)).isSameAs(inner);
        assertThat(KvException.from(new CompletionException(new ExecutionException(new CompletionException(inner)))))
                .isSameAs(inner);
        KvException other = KvException.from(new CompletionException(new IllegalStateException("x")));
        assertThat(other.code()).isEqualTo(ErrorCode.INTERNAL);
        assertThat(other).hasCauseInstanceOf(IllegalStateException.class);
    }

    @Test
    void only_internal_errors_cost_a_stack_trace() {
        assertThat(new KvException(ErrorCode.NOT_FOUND, "x").getStackTrace()).isEmpty();
        assertThat(new KvException(ErrorCode.INTERNAL, "x").getStackTrace()).isNotEmpty();
    }

    @Test
    void backoff_doubles_up_to_its_maximum_and_never_waits_less_than_half() {
        Backoff backoff = new Backoff(Duration.ofMillis(100), Duration.ofSeconds(1));
        Random random = new Random(1);
        for (int round = 0; round < 1000; round++) {
            for (int failures = 1; failures < 100; failures++) {
                long full = failures > 4 ? 1000 : 100L << (failures - 1);
                assertThat(backoff.delay(failures, random))
                        .isBetween(Duration.ofMillis(full / 2), Duration.ofMillis(full));
            }
        }
    }
}
