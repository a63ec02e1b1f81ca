package io.nearkv.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import java.time.Instant;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** Options and requests, which check themselves; every default is pinned here. */
class OptionsTest {
    private static void assertRefused(ErrorCode code, ThrowingCallable call) {
        assertThatExceptionOfType(KvException.class)
                .isThrownBy(call)
                .extracting(KvException::code)
                .isEqualTo(code);
    }

    @Test
    void the_limits_are_those_of_workers_kv_where_it_has_one() {
        assertThat(Limits.MAX_KEY_BYTES).isEqualTo(512);
        assertThat(Limits.MAX_VALUE_BYTES).isEqualTo(26_214_400);
        assertThat(Limits.MAX_METADATA_BYTES).isEqualTo(1024);
        assertThat(Limits.MAX_LIST_LIMIT).isEqualTo(1000);
        assertThat(Limits.MAX_BATCH_OPERATIONS).isEqualTo(10_000);
        assertThat(Limits.MAX_BATCH_BYTES).isEqualTo(104_857_600);
        assertThat(Limits.MIN_TTL).isEqualTo(Duration.ofSeconds(1));
        assertThat(Limits.MIN_WORKERS_TTL).isEqualTo(Duration.ofSeconds(60));
        assertThat(Limits.CHUNK_BYTES).isEqualTo(65_536);
    }

    @Test
    void the_defaults_are_pinned() {
        assertThat(PutOptions.DEFAULT).isEqualTo(new PutOptions(null, 0, 0, Condition.NONE));
        assertThat(ReadOptions.DEFAULT)
                .isEqualTo(
                        new ReadOptions(ReadOptions.Consistency.EVENTUAL, Duration.ZERO, null, Duration.ofSeconds(10)));
        assertThat(WriteOptions.DEFAULT)
                .isEqualTo(new WriteOptions(WriteOptions.Durability.FSYNC, Duration.ofSeconds(10)));
        assertThat(ListOptions.ALL).isEqualTo(new ListOptions("", null, 1000));
        FeedRequest.Start now = new FeedRequest.Start.Now();
        assertThat(FeedRequest.of(null, now)).isEqualTo(new FeedRequest(null, "", now, Duration.ofSeconds(1)));
    }

    @Test
    void a_ttl_has_at_least_a_second_and_whole_ones() {
        assertThat(PutOptions.expiresAfter(Duration.ofSeconds(1)).ttlSeconds()).isEqualTo(1);
        assertThat(PutOptions.expiresAfter(Duration.ofMillis(2999)).ttlSeconds())
                .isEqualTo(2);
        assertRefused(ErrorCode.INVALID_REQUEST, () -> PutOptions.expiresAfter(Duration.ofMillis(999)));
        assertRefused(ErrorCode.INVALID_REQUEST, () -> PutOptions.expiresAfter(Duration.ZERO));
        assertRefused(ErrorCode.INVALID_REQUEST, () -> PutOptions.expiresAfter(Duration.ofSeconds(-5)));
        assertRefused(ErrorCode.INVALID_REQUEST, () -> PutOptions.expiresAfter(Duration.ofSeconds(Long.MAX_VALUE)));
    }

    @Test
    void an_expiration_ends_with_the_year_9999() {
        Instant latest = Instant.parse("9999-12-31T23:59:59Z");
        assertThat(PutOptions.expiresAt(latest).expiresAt()).isEqualTo(Limits.MAX_EXPIRATION_EPOCH_SECOND);
        assertRefused(ErrorCode.INVALID_REQUEST, () -> PutOptions.expiresAt(latest.plusSeconds(1)));
        assertThat(PutOptions.expiresAt(Instant.MIN).expiresAt())
                .as("in the past, for the store to refuse")
                .isEqualTo(1);
    }

    @Test
    void the_later_of_ttl_and_expiration_counts_and_both_are_refused() {
        PutOptions options = PutOptions.expiresAfter(Duration.ofSeconds(5)).withExpiration(Instant.ofEpochSecond(9));
        assertThat(options).isEqualTo(new PutOptions(null, 9, 0, Condition.NONE));
        assertThat(options.withTtl(Duration.ofSeconds(5))).isEqualTo(new PutOptions(null, 0, 5, Condition.NONE));
        assertRefused(ErrorCode.INVALID_REQUEST, () -> new PutOptions(null, 9, 5, Condition.NONE));
        assertRefused(ErrorCode.INVALID_REQUEST, () -> new PutOptions(null, -1, 0, Condition.NONE));
        assertRefused(ErrorCode.INVALID_REQUEST, () -> new PutOptions(null, 0, -1, Condition.NONE));
    }

    @Test
    void options_are_put_together_without_losing_any() {
        Metadata metadata = Metadata.ofJson("1");
        PutOptions options =
                PutOptions.metadata(metadata).withTtl(Duration.ofSeconds(5)).withCondition(Condition.IF_ABSENT);
        assertThat(options).isEqualTo(new PutOptions(metadata, 0, 5, Condition.IF_ABSENT));
        assertThat(options.withMetadata(null).metadata()).isNull();
    }

    @Test
    void a_page_has_one_to_a_thousand_keys() {
        assertThat(ListOptions.prefix("a").withLimit(1).limit()).isEqualTo(1);
        assertRefused(ErrorCode.INVALID_REQUEST, () -> ListOptions.ALL.withLimit(0));
        assertRefused(ErrorCode.INVALID_REQUEST, () -> ListOptions.ALL.withLimit(1001));
        assertRefused(ErrorCode.INVALID_REQUEST, () -> ListOptions.ALL.withLimit(-1));
    }

    @Test
    void a_timeout_is_more_than_zero_and_at_most_an_hour() {
        assertThat(ReadOptions.DEFAULT.withTimeout(Duration.ofHours(1)).timeout())
                .isEqualTo(Limits.MAX_TIMEOUT);
        for (Duration wrong : new Duration[] {Duration.ZERO, Duration.ofNanos(-1), Duration.ofMillis(3_600_001)}) {
            assertThatIllegalArgumentException().isThrownBy(() -> ReadOptions.DEFAULT.withTimeout(wrong));
            assertThatIllegalArgumentException().isThrownBy(() -> WriteOptions.DEFAULT.withTimeout(wrong));
        }
    }

    @Test
    void each_consistency_takes_what_it_needs_and_nothing_else() {
        Position position = Position.of(1, 2);
        assertThat(ReadOptions.session(position).after()).isEqualTo(position);
        assertThat(ReadOptions.bounded(Duration.ZERO).consistency()).isEqualTo(ReadOptions.Consistency.BOUNDED);
        assertThatIllegalArgumentException().isThrownBy(() -> ReadOptions.bounded(Duration.ofSeconds(-1)));
        assertThatIllegalArgumentException()
                .isThrownBy(() ->
                        new ReadOptions(ReadOptions.Consistency.SESSION, Duration.ZERO, null, Limits.DEFAULT_TIMEOUT));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new ReadOptions(
                        ReadOptions.Consistency.STRONG, Duration.ZERO, position, Limits.DEFAULT_TIMEOUT));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new ReadOptions(
                        ReadOptions.Consistency.EVENTUAL, Duration.ofSeconds(1), null, Limits.DEFAULT_TIMEOUT));
    }

    @Test
    void a_condition_has_a_version_exactly_where_it_belongs() {
        assertThat(Condition.ifVersion(3).holds(3)).isTrue();
        assertThat(Condition.ifVersion(3).holds(4)).isFalse();
        assertThat(Condition.ifVersion(3).holds(0)).isFalse();
        assertThat(Condition.IF_ABSENT.holds(0)).isTrue();
        assertThat(Condition.IF_ABSENT.holds(1)).isFalse();
        assertThat(Condition.IF_PRESENT.holds(0)).isFalse();
        assertThat(Condition.IF_PRESENT.holds(1)).isTrue();
        assertThat(Condition.NONE.holds(0)).isTrue();
        assertThatIllegalArgumentException().isThrownBy(() -> Condition.ifVersion(0));
        assertThatIllegalArgumentException().isThrownBy(() -> new Condition(Condition.Kind.ABSENT, 1));
    }

    @Test
    void a_heartbeat_comes_every_ten_milliseconds_to_an_hour() {
        FeedRequest request = FeedRequest.of(null, new FeedRequest.Start.Now());
        assertThat(request.withHeartbeat(Duration.ofMillis(10)).heartbeat()).isEqualTo(FeedRequest.MIN_HEARTBEAT);
        assertThatIllegalArgumentException().isThrownBy(() -> request.withHeartbeat(Duration.ofMillis(9)));
        assertThatIllegalArgumentException().isThrownBy(() -> request.withHeartbeat(Duration.ofMinutes(61)));
    }

    @Test
    void a_value_has_at_most_25_mebibytes() {
        assertThat(Value.of(new byte[Limits.MAX_VALUE_BYTES]).length()).isEqualTo(26_214_400);
        assertRefused(ErrorCode.TOO_LARGE, () -> Value.of(new byte[Limits.MAX_VALUE_BYTES + 1]));
        assertThat(Value.of("é").toByteArray()).containsExactly(0xC3, 0xA9);
        assertThat(Value.of("secret").toString()).doesNotContain("secret");
    }

    @Test
    void ids_are_32_hex_digits() {
        NamespaceId id = NamespaceId.parse("00000000000000010000000000000002");
        assertThat(id).isEqualTo(new NamespaceId(1, 2)).hasToString("00000000000000010000000000000002");
        assertThat(AccountId.parse("FFFFFFFFFFFFFFFF0000000000000000")).isEqualTo(new AccountId(-1, 0));
        for (String wrong : new String[] {"", "1", "0".repeat(31), "0".repeat(33), "g" + "0".repeat(31)}) {
            assertRefused(ErrorCode.INVALID_REQUEST, () -> NamespaceId.parse(wrong));
            assertRefused(ErrorCode.INVALID_REQUEST, () -> AccountId.parse(wrong));
        }
    }
}
