package io.nearkv.edge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.TestClock;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.rocksdb.RocksStore;
import io.nearkv.core.rocksdb.RocksStoreOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** A cache under test over an engine, with a network between that can be cut, on clocks that the test moves. */
final class Edge implements AutoCloseable {
    static final AccountInfo ACCOUNT = new AccountInfo(new AccountId(0xACC, 0x7E57), "test");

    final TestClock clock = new TestClock();
    final AtomicLong nanos = new AtomicLong(1_000_000_000_000L);
    final RocksStore engine;
    final Upstream upstream;
    final NamespaceId ns;
    private final UnaryOperator<EdgeOptions.Builder> settings;
    EdgeCache cache;

    Edge(Path folder, UnaryOperator<EdgeOptions.Builder> settings) {
        this(folder, options -> options, settings);
    }

    Edge(
            Path folder,
            UnaryOperator<RocksStoreOptions.Builder> engineSettings,
            UnaryOperator<EdgeOptions.Builder> settings) {
        this.settings = settings;
        this.engine = RocksStore.open(
                folder,
                engineSettings
                        .apply(RocksStoreOptions.builder()
                                .initialAccount(ACCOUNT)
                                .clock(clock)
                                .cacheBytes(16 << 20)
                                .writeBufferBytes(4 << 20)
                                .diskReserveBytes(0))
                        .build());
        this.upstream = new Upstream(engine);
        this.ns = join(engine.admin().createNamespace(ACCOUNT.id(), "test")).id();
        this.cache = open();
        awaitFollowing();
    }

    EdgeCache open() {
        return EdgeCache.open(network(), options());
    }

    /** Returns the engine behind the network, which who closes it does not close. */
    KvStore network() {
        return new Kept(upstream);
    }

    EdgeOptions options() {
        return settings.apply(EdgeOptions.builder()
                        .memoryBytes(16 << 20)
                        .heartbeat(Duration.ofMillis(20))
                        .clock(clock)
                        .ticker(nanos::get))
                .build();
    }

    private record Kept(Upstream below) implements DelegatingStore {
        @Override
        public void close() {}
    }

    void awaitFollowing() {
        if (!cache.stats().feed().equals("coherent")) {
            await().until(() -> cache.stats().feed().equals("following"));
        }
    }

    /** Waits until the cache has taken in everything that the engine has committed. */
    void awaitCaughtUp() {
        String position = engine.position().toString();
        await().until(() -> position.equals(cache.stats().position()));
    }

    /** Moves clock and ticker. */
    void advance(Duration duration) {
        clock.advance(duration);
        nanos.addAndGet(duration.toNanos());
    }

    static <T extends @Nullable Object> T join(CompletableFuture<T> future) {
        try {
            return future.get(30, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            throw KvException.from(e);
        } catch (InterruptedException | TimeoutException e) {
            return fail("no answer", e);
        }
    }

    static KvException failureOf(CompletableFuture<?> future) {
        try {
            return fail("answered " + join(future));
        } catch (KvException e) {
            return e;
        }
    }

    /** Writes behind the cache's back, as somebody else does. */
    long write(String key, String value) {
        return join(engine.write(ns, Mutation.put(Key.of(key), Value.of(value)), WriteOptions.BUFFERED))
                .orThrow();
    }

    long delete(String key) {
        return join(engine.write(ns, Mutation.delete(Key.of(key)), WriteOptions.BUFFERED))
                .orThrow();
    }

    CompletableFuture<GetResult> ask(String key, ReadOptions options) {
        return cache.get(ns, Key.of(key), options);
    }

    GetResult get(String key) {
        return join(ask(key, ReadOptions.EVENTUAL));
    }

    /** Returns the value, or null. */
    @Nullable
    String text(String key) {
        return text(get(key));
    }

    static @Nullable String text(GetResult result) {
        return result instanceof GetResult.Found found ? found.value().asString() : null;
    }

    /** Puts a key into the cache and checks that it is there. */
    void warm(String key, @Nullable String value) {
        assertThat(text(key)).isEqualTo(value);
        int before = upstream.opens.get();
        assertThat(text(key)).isEqualTo(value);
        assertThat(upstream.opens).as("reads upstream").hasValue(before);
    }

    @Override
    public void close() {
        upstream.mend();
        upstream.release();
        cache.close();
        engine.close();
    }
}
