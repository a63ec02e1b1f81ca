package io.nearkv.net.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import io.nearkv.core.Backoff;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.NamespaceId;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** What the tests of the client share. */
final class ClientFixture {
    static final NamespaceId NS = new NamespaceId(7, 8);
    static final Key KEY = Key.of("key");
    /** Fast enough for tests, slow enough to be seen. */
    static final Backoff BACKOFF = new Backoff(Duration.ofMillis(2), Duration.ofMillis(20));

    private ClientFixture() {}

    /** Returns a builder for a server without a verifier. */
    static KvClientBuilder client(String address) {
        return KvClient.builder()
                .server(address)
                .token(FakeToken.of("testing"))
                .backoff(BACKOFF)
                .closeTimeout(Duration.ZERO)
                .seed(1);
    }

    /** Returns the result, or throws the {@link KvException}. */
    static <T extends @Nullable Object> T await(CompletableFuture<T> future) {
        try {
            return future.get(20, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            assertThat(e.getCause()).isInstanceOf(KvException.class);
            throw KvException.from(e);
        } catch (InterruptedException | TimeoutException e) {
            return fail("no answer", e);
        }
    }

    /** Returns what a call fails with. */
    static KvException failure(CompletableFuture<?> future) {
        try {
            Object answer = await(future);
            return fail("the call was answered with " + answer);
        } catch (KvException e) {
            return e;
        }
    }

    /** Returns the row that a call fails with. */
    static ErrorCode failureCode(CompletableFuture<?> future) {
        return failure(future).code();
    }
}
