package io.nearkv.net.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.core.Backoff;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KvClientBuilderTest {
    private static final Duration NANO = Duration.ofNanos(1);

    private static KvClientBuilder builder() {
        return KvClient.builder().server("kv://h:1").token(FakeToken.of("testing"));
    }

    @Test
    void the_defaults_are_the_documented_ones() {
        ClientOptions options = builder().options();
        assertThat(options.servers()).containsExactly(new ServerAddress("h", 1, false));
        assertThat(options.environment()).isEqualTo("testing");
        assertThat(options.builds()).isEmpty();
        assertThat(options.name()).isEqualTo("app");
        assertThat(options.connections()).isEqualTo(1);
        assertThat(options.ioThreads()).isEqualTo(1);
        assertThat(options.maxRequestsInFlight()).isEqualTo(1024);
        assertThat(options.maxPendingBytes()).isEqualTo(128L * 1024 * 1024);
        assertThat(options.streamWindowBytes()).isEqualTo(256 * 1024);
        assertThat(options.timeout()).isEqualTo(Duration.ofSeconds(10));
        assertThat(options.connectTimeout()).isEqualTo(Duration.ofSeconds(5));
        assertThat(options.pingInterval()).isEqualTo(Duration.ofSeconds(10));
        assertThat(options.silenceTimeout()).isEqualTo(Duration.ofSeconds(1));
        assertThat(options.closeTimeout()).isEqualTo(Duration.ofSeconds(2));
        assertThat(options.retryShare()).isEqualTo(0.1);
        assertThat(options.maxAttempts()).isEqualTo(4);
        assertThat(options.backoff()).isEqualTo(new Backoff(Duration.ofMillis(50), Duration.ofSeconds(2)));
        assertThat(options.spin()).isZero();
        assertThat(options.tls()).isNull();
        assertThat(options.callbackExecutor()).isNull();
    }

    @Test
    void each_option_is_taken_over_at_both_ends_of_its_range_and_refused_beyond() {
        range(
                List.of(b -> b.connections(1), b -> b.connections(64)),
                List.of(b -> b.connections(0), b -> b.connections(65)));
        range(List.of(b -> b.ioThreads(1), b -> b.ioThreads(64)), List.of(b -> b.ioThreads(0), b -> b.ioThreads(65)));
        range(
                List.of(b -> b.maxRequestsInFlight(1), b -> b.maxRequestsInFlight(32_768)),
                List.of(b -> b.maxRequestsInFlight(0), b -> b.maxRequestsInFlight(32_769)));
        range(List.of(b -> b.maxPendingBytes(1024 * 1024)), List.of(b -> b.maxPendingBytes(1024 * 1024 - 1)));
        range(
                List.of(b -> b.streamWindowBytes(64 * 1024), b -> b.streamWindowBytes(16 * 1024 * 1024)),
                List.of(b -> b.streamWindowBytes(64 * 1024 - 1), b -> b.streamWindowBytes(16 * 1024 * 1024 + 1)));
        duration(KvClientBuilder::timeout, Duration.ofMillis(1), Duration.ofHours(1));
        duration(KvClientBuilder::connectTimeout, Duration.ofMillis(10), Duration.ofMinutes(1));
        duration(KvClientBuilder::pingInterval, Duration.ofMillis(100), Duration.ofMinutes(5));
        duration(KvClientBuilder::silenceTimeout, Duration.ofMillis(100), Duration.ofMinutes(1));
        duration(KvClientBuilder::closeTimeout, Duration.ZERO, Duration.ofMinutes(1));
        duration(KvClientBuilder::spin, Duration.ZERO, Duration.ofMillis(1));
        range(
                List.of(b -> b.retryBudget(0), b -> b.retryBudget(1)),
                List.of(b -> b.retryBudget(-0.01), b -> b.retryBudget(1.01), b -> b.retryBudget(Double.NaN)));
        range(
                List.of(b -> b.maxAttempts(1), b -> b.maxAttempts(10)),
                List.of(b -> b.maxAttempts(0), b -> b.maxAttempts(11)));
        range(
                List.of(b -> b.name("a"), b -> b.name("a".repeat(64))),
                List.of(b -> b.name(""), b -> b.name("a".repeat(65)), b -> b.name("a b"), b -> b.name("-a")));
        range(
                List.of(b -> b.environment("production"), b -> b.allowedBuilds(Set.of("b"))),
                List.of(b -> b.environment("")));
        range(List.of(), List.of(b -> b.token("no token"), b -> b.token("a.!.c"), b -> b.server("http://h")));
    }

    private static void range(List<Consumer<KvClientBuilder>> good, List<Consumer<KvClientBuilder>> bad) {
        for (Consumer<KvClientBuilder> option : good) {
            KvClientBuilder builder = builder();
            option.accept(builder);
            assertThat(builder.options()).isNotNull();
        }
        for (Consumer<KvClientBuilder> option : bad) {
            assertThatIllegalArgumentException().isThrownBy(() -> option.accept(builder()));
        }
    }

    private interface DurationOption {
        KvClientBuilder set(KvClientBuilder builder, Duration value);
    }

    private static void duration(DurationOption option, Duration min, Duration max) {
        range(
                List.of(b -> option.set(b, min), b -> option.set(b, max)),
                List.of(b -> option.set(b, min.minus(NANO)), b -> option.set(b, max.plus(NANO))));
    }

    @Test
    void a_server_and_a_token_with_an_environment_are_needed() {
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> KvClient.builder().token(FakeToken.of("testing")).build());
        assertThatIllegalArgumentException()
                .isThrownBy(() -> KvClient.builder().server("kv://h").build());
        assertThatIllegalArgumentException()
                .isThrownBy(() -> KvClient.builder()
                        .server("kv://h")
                        .token(FakeToken.ofPayload("{}"))
                        .build());
        assertThat(KvClient.builder()
                        .server("kv://h")
                        .token(FakeToken.ofPayload("{}"))
                        .environment("e")
                        .options()
                        .environment())
                .isEqualTo("e");
    }

    @Test
    void at_most_64_servers() {
        KvClientBuilder builder = KvClient.builder();
        for (int i = 0; i < KvClientBuilder.MAX_SERVERS; i++) {
            builder.server("kv://h" + i);
        }
        assertThatIllegalArgumentException().isThrownBy(() -> builder.server("kv://more"));
    }

    @Test
    void one_builder_makes_several_clients() {
        KvClientBuilder builder = KvClient.builder().server("kv://127.0.0.1:1").token(FakeToken.of("testing"));
        try (KvClient one = builder.build();
                KvClient two = builder.build()) {
            assertThat(one.store()).isNotSameAs(two.store());
            assertThat(two.stats().connections()).hasSize(1);
        }
    }

    @Test
    void a_token_without_an_account_makes_a_store_and_no_face() {
        try (KvClient client = KvClient.builder()
                .server("kv://127.0.0.1:1")
                .token(FakeToken.ofPayload("{\"aud\":\"testing\"}"))
                .build()) {
            assertThat(client.store()).isNotNull();
            assertThatThrownBy(client::kv).isInstanceOf(IllegalStateException.class);
        }
        try (KvClient client = KvClient.builder()
                .server("kv://127.0.0.1:1")
                .token(FakeToken.ofPayload("{\"aud\":\"testing\"}"))
                .account(FakeToken.ACCOUNT)
                .build()) {
            assertThat(client.kv().account()).isEqualTo(FakeToken.ACCOUNT);
        }
    }

    @Test
    void certificates_without_tls_and_files_that_are_none_are_refused(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("no.pem"), "no certificate");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder().trust(file).build());
        KvClientBuilder tls = KvClient.builder().server("kvs://h").token(FakeToken.of("testing"));
        assertThatThrownBy(() -> tls.trust(file).build())
                .isInstanceOfSatisfying(
                        KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_REQUEST));
        assertThatThrownBy(() -> tls.trust(folder.resolve("absent.pem")).build())
                .isInstanceOf(KvException.class)
                .hasMessageContaining("absent.pem");
    }
}
