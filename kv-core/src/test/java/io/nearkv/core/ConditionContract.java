package io.nearkv.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Conditional writes: each condition on a key that is absent, present, deleted and expired. */
public interface ConditionContract extends ContractSupport {
    private WriteResult putIf(Condition condition) {
        return put("k", "new", PutOptions.when(condition));
    }

    private WriteResult deleteIf(Condition condition) {
        return write(new Mutation.Delete(key("k"), condition));
    }

    @Test
    default void put_if_absent_writes_an_absent_key() {
        assertThat(putIf(Condition.IF_ABSENT).applied()).isTrue();
        assertThat(found("k").value()).isEqualTo(Value.of("new"));
    }

    @Test
    default void put_if_absent_leaves_a_present_key_alone_and_tells_its_version() {
        long version = put("k", "old");
        assertThat(putIf(Condition.IF_ABSENT)).isEqualTo(new WriteResult.ConditionFailed(version));
        assertThat(found("k").value()).isEqualTo(Value.of("old"));
        assertThat(found("k").version()).isEqualTo(version);
    }

    @Test
    default void put_if_absent_writes_a_deleted_key() {
        put("k", "old");
        delete("k");
        assertThat(putIf(Condition.IF_ABSENT).applied()).isTrue();
    }

    @Test
    default void put_if_present_writes_a_present_key_only() {
        assertThat(putIf(Condition.IF_PRESENT)).isEqualTo(new WriteResult.ConditionFailed(0));
        assertThat(get("k")).isEqualTo(GetResult.Missing.INSTANCE);
        put("k", "old");
        assertThat(putIf(Condition.IF_PRESENT).applied()).isTrue();
        assertThat(found("k").value()).isEqualTo(Value.of("new"));
    }

    @Test
    default void put_if_version_writes_that_version_only() {
        long first = put("k", "1");
        long second = put("k", "2");
        assertThat(putIf(Condition.ifVersion(first))).isEqualTo(new WriteResult.ConditionFailed(second));
        assertThat(putIf(Condition.ifVersion(second + 1))).isEqualTo(new WriteResult.ConditionFailed(second));
        assertThat(found("k").value()).isEqualTo(Value.of("2"));
        assertThat(putIf(Condition.ifVersion(second)).orThrow()).isGreaterThan(second);
    }

    @Test
    default void put_if_version_does_not_write_an_absent_or_deleted_key() {
        assertThat(putIf(Condition.ifVersion(1))).isEqualTo(new WriteResult.ConditionFailed(0));
        long version = put("k", "old");
        delete("k");
        assertThat(putIf(Condition.ifVersion(version))).isEqualTo(new WriteResult.ConditionFailed(0));
        assertThat(get("k")).isEqualTo(GetResult.Missing.INSTANCE);
    }

    @Test
    default void a_key_that_was_deleted_and_written_again_has_another_version() {
        long version = put("k", "old");
        delete("k");
        long again = put("k", "old");
        assertThat(putIf(Condition.ifVersion(version))).isEqualTo(new WriteResult.ConditionFailed(again));
    }

    @Test
    default void delete_if_present_deletes_a_present_key_only() {
        assertThat(deleteIf(Condition.IF_PRESENT)).isEqualTo(new WriteResult.ConditionFailed(0));
        put("k", "old");
        assertThat(deleteIf(Condition.IF_PRESENT).applied()).isTrue();
        assertThat(get("k")).isEqualTo(GetResult.Missing.INSTANCE);
    }

    @Test
    default void delete_if_version_deletes_that_version_only() {
        long version = put("k", "old");
        assertThat(deleteIf(Condition.ifVersion(version + 1))).isEqualTo(new WriteResult.ConditionFailed(version));
        assertThat(found("k").version()).isEqualTo(version);
        assertThat(deleteIf(Condition.ifVersion(version)).applied()).isTrue();
    }

    @Test
    default void delete_if_absent_fails_on_a_present_key() {
        long version = put("k", "old");
        assertThat(deleteIf(Condition.IF_ABSENT)).isEqualTo(new WriteResult.ConditionFailed(version));
        delete("k");
        assertThat(deleteIf(Condition.IF_ABSENT).applied()).isTrue();
    }

    @Test
    default void a_failed_condition_leaves_no_trace_in_the_feed() {
        try (FeedProbe feed = watchFromNow()) {
            assertThat(putIf(Condition.IF_PRESENT).applied()).isFalse();
            assertThat(deleteIf(Condition.ifVersion(3)).applied()).isFalse();
            put("last", "v");
            assertThat(feed.awaitChanges(1).get(0).key()).isEqualTo(key("last"));
        }
    }

    @Test
    default void an_expired_entry_counts_as_absent() {
        TestClock clock = clock();
        long version =
                put("k", "old", PutOptions.expiresAfter(Duration.ofSeconds(5))).orThrow();
        assertThat(putIf(Condition.IF_ABSENT)).isEqualTo(new WriteResult.ConditionFailed(version));

        clock.advance(Duration.ofSeconds(5));

        assertThat(putIf(Condition.IF_PRESENT)).isEqualTo(new WriteResult.ConditionFailed(0));
        assertThat(putIf(Condition.ifVersion(version))).isEqualTo(new WriteResult.ConditionFailed(0));
        assertThat(deleteIf(Condition.IF_PRESENT)).isEqualTo(new WriteResult.ConditionFailed(0));
        assertThat(putIf(Condition.IF_ABSENT).applied()).isTrue();
        assertThat(found("k").expiresAt()).isZero();
    }
}
