package io.nearkv.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class KvTest {
    private final MapStoreFixture tier = new MapStoreFixture();
    private final FaultyStore store = new FaultyStore(tier.store());
    private final Kv kv = Kv.over(store, tier.account());

    @BeforeEach
    void create() {
        kv.namespaces().create("config");
    }

    @AfterEach
    void close() {
        kv.close();
    }

    private static void assertFails(ErrorCode code, ThrowingCallable call) {
        assertThatExceptionOfType(KvException.class)
                .isThrownBy(call)
                .extracting(KvException::code)
                .isEqualTo(code);
    }

    @Test
    void the_first_example_of_the_documentation_works() {
        KvNamespace config = kv.namespace("config");
        config.put("theme", "dark", PutOptions.expiresAfter(Duration.ofHours(1)));
        Optional<String> theme = config.getString("theme");
        assertThat(theme).contains("dark");
        config.put("routes/b", "2");
        config.put("routes/a", "1");
        List<String> names = new ArrayList<>();
        for (KeyInfo key : config.list("routes/")) {
            names.add(key.name());
        }
        assertThat(names).containsExactly("routes/a", "routes/b");
    }

    @Test
    void values_go_in_and_out_as_text_bytes_and_values() {
        KvNamespace config = kv.namespace("config");
        config.put("text", "é");
        config.put("bytes", new byte[] {1, 2});
        config.put("value", Value.of("v"));
        assertThat(config.getString("text")).contains("é");
        assertThat(config.getBytes("bytes"))
                .hasValueSatisfying(b -> assertThat(b).containsExactly(1, 2));
        assertThat(config.get("value").toOptional()).contains(Value.of("v"));
        assertThat(config.getString("nothing")).isEmpty();
        config.delete("text");
        assertThat(config.getString("text")).isEmpty();
    }

    @Test
    void a_condition_that_does_not_hold_is_an_answer() {
        KvNamespace config = kv.namespace("config");
        long version = config.put("k", "1").orThrow();
        assertThat(config.put("k", "2", PutOptions.when(Condition.IF_ABSENT)))
                .isEqualTo(new WriteResult.ConditionFailed(version));
        assertThat(config.delete("k", Condition.ifVersion(version + 1)).applied())
                .isFalse();
        assertFails(
                ErrorCode.PRECONDITION_FAILED,
                () -> config.put("k", "2", PutOptions.when(Condition.IF_ABSENT)).orThrow());
    }

    @Test
    void bulk_calls_take_any_number_of_keys() {
        KvNamespace config = kv.namespace("config");
        Map<String, Value> entries = new LinkedHashMap<>();
        for (int i = 0; i < 12_345; i++) {
            entries.put("k" + i, Value.of("v" + i));
        }
        config.putAll(entries);
        List<String> keys = new ArrayList<>(entries.keySet());
        keys.add("nothing");
        Map<String, GetResult.Found> found = config.getAll(keys);
        assertThat(found.keySet()).containsExactlyElementsOf(entries.keySet());
        assertThat(found.get("k777")).extracting(GetResult.Found::value).isEqualTo(Value.of("v777"));
        config.deleteAll(entries.keySet());
        assertThat(config.list()).isEmpty();
    }

    @Test
    void bulk_calls_take_values_that_are_too_large_together() {
        KvNamespace config = kv.namespace("config");
        Map<String, Value> entries = new LinkedHashMap<>();
        for (int i = 0; i < 5; i++) {
            entries.put("k" + i, Value.wrap(new byte[9 * 1024 * 1024 + i]));
        }
        entries.put("largest", Value.wrap(new byte[Limits.MAX_VALUE_BYTES]));
        config.putAll(entries);
        Map<String, GetResult.Found> found = config.getAll(entries.keySet());
        assertThat(found.keySet()).containsExactlyElementsOf(entries.keySet());
        assertThat(found.get("k3")).extracting(GetResult.Found::length).isEqualTo(9 * 1024 * 1024 + 3);
    }

    @Test
    void a_bulk_put_with_options_answers_for_each_key() {
        KvNamespace config = kv.namespace("config");
        config.put("b", "old");
        Map<String, WriteResult> results =
                config.putAll(Map.of("a", Value.of("1"), "b", Value.of("1")), PutOptions.when(Condition.IF_ABSENT));
        assertThat(results).hasSize(2);
        assertThat(results.get("a")).isInstanceOf(WriteResult.Applied.class);
        assertThat(results.get("b")).isInstanceOf(WriteResult.ConditionFailed.class);
    }

    @Test
    void a_batch_is_built_and_committed_as_one() {
        KvNamespace config = kv.namespace("config");
        config.put("old", "1");
        BatchResult done = config.batch()
                .put("a", "1")
                .put("b", Value.of("2"), PutOptions.when(Condition.IF_ABSENT))
                .delete("old")
                .commit();
        assertThat(done.applied()).isTrue();
        assertThat(config.list()).extracting(KeyInfo::name).containsExactly("a", "b");
        BatchResult refused = config.batch()
                .put("c", "1")
                .delete("a", Condition.ifVersion(999))
                .commit();
        assertThat(refused).isInstanceOf(BatchResult.ConditionFailed.class);
        assertThat(config.getString("c")).isEmpty();
    }

    @Test
    void a_listing_pages_by_itself_and_can_be_walked_twice() {
        KvNamespace config = kv.namespace("config");
        Map<String, Value> entries = new LinkedHashMap<>();
        IntStream.range(0, 2500).forEach(i -> entries.put(String.format("k%04d", i), Value.empty()));
        config.putAll(entries);
        Iterable<KeyInfo> listing = config.list("k");
        assertThat(listing).extracting(KeyInfo::name).containsExactlyElementsOf(entries.keySet());
        assertThat(listing).hasSize(2500);
        assertThat(config.listPage(ListOptions.prefix("k1").withLimit(5)).keys())
                .hasSize(5);
    }

    @Test
    void malformed_keys_are_invalid_requests_also_in_futures() {
        KvNamespace config = kv.namespace("config");
        assertFails(ErrorCode.INVALID_REQUEST, () -> config.get(""));
        assertFails(ErrorCode.TOO_LARGE, () -> config.put("x".repeat(513), "v"));
        CompletableFuture<GetResult> future = config.async().get("..");
        assertThat(future).isCompletedExceptionally();
        assertThat(config.async().put("k", new byte[Limits.MAX_VALUE_BYTES + 1]))
                .isCompletedExceptionally();
    }

    @Test
    void the_asynchronous_face_gives_the_same_answers() throws Exception {
        AsyncKvNamespace config = kv.async().namespace("config");
        assertThat(config.put("k", "v").get().applied()).isTrue();
        assertThat(config.getString("k").get()).contains("v");
        assertThat(config.listPage(ListOptions.ALL).get().keys()).hasSize(1);
        assertThat(config.batch(List.of(Mutation.delete(Key.of("k")))).get().applied())
                .isTrue();
        assertThat(config.get("k").get()).isEqualTo(GetResult.Missing.INSTANCE);
        Throwable failure =
                catchThrowable(() -> kv.async().namespace("nothing").get("k").get());
        assertThat(failure).isInstanceOf(ExecutionException.class).hasCauseInstanceOf(KvException.class);
    }

    // Names

    @Test
    void a_namespace_is_named_by_title_or_by_id() {
        NamespaceInfo info = kv.namespace("config").info();
        kv.namespace("config").put("k", "v");
        assertThat(kv.namespace(info.id().toString()).getString("k")).contains("v");
        assertThat(kv.namespaces().find(info.id().toString())).contains(info);
        assertThat(kv.namespaces().find("nothing")).isEmpty();
        assertFails(ErrorCode.NOT_FOUND, () -> kv.namespace("nothing").get("k"));
        assertFails(ErrorCode.NOT_FOUND, () -> kv.namespace("nothing").info());
    }

    @Test
    void a_title_of_32_hex_digits_works_unless_it_is_an_id() {
        NamespaceInfo config = kv.namespace("config").info();
        String hex = "0123456789abcdef0123456789abcdef";
        kv.namespaces().create(hex);
        kv.namespace(hex).put("k", "by title");
        assertThat(kv.namespace(hex).getString("k")).contains("by title");
        kv.namespaces().create(config.id().toString());
        assertThat(kv.namespace(config.id().toString()).info()).isEqualTo(config);
    }

    @Test
    void the_id_of_another_accounts_namespace_is_not_found() {
        AccountInfo other = java.util.Objects.requireNonNull(
                tier.store().admin().createAccount("other").join());
        NamespaceInfo theirs = java.util.Objects.requireNonNull(
                tier.store().admin().createNamespace(other.id(), "secrets").join());
        assertFails(
                ErrorCode.NOT_FOUND, () -> kv.namespace(theirs.id().toString()).get("k"));
        assertFails(
                ErrorCode.NOT_FOUND, () -> kv.namespaces().delete(theirs.id().toString()));
    }

    @Test
    void a_name_is_looked_up_once() {
        int before = store.lookUps.get();
        for (int i = 0; i < 10; i++) {
            kv.namespace("config").put("k", "v");
        }
        assertThat(store.lookUps.get() - before).isEqualTo(1);
    }

    @Test
    void a_namespace_that_was_deleted_elsewhere_and_created_again_is_found_again() {
        KvNamespace config = kv.namespace("config");
        config.put("k", "old");
        KvAdmin elsewhere = tier.store().admin();
        elsewhere.deleteNamespace(config.info().id()).join();
        assertFails(ErrorCode.NOT_FOUND, () -> config.get("k"));
        elsewhere.createNamespace(tier.account(), "config").join();
        assertThat(config.getString("k")).isEmpty();
        config.put("k", "new");
        elsewhere.deleteNamespace(config.info().id()).join();
        elsewhere.createNamespace(tier.account(), "config").join();
        assertThat(config.put("k", "newer").applied()).isTrue();
        assertThat(config.getString("k")).contains("newer");
    }

    @Test
    void a_rename_of_our_own_is_seen_at_once() {
        KvNamespace config = kv.namespace("config");
        config.put("k", "v");
        kv.namespaces().rename("config", "settings");
        assertFails(ErrorCode.NOT_FOUND, () -> config.get("k"));
        assertThat(kv.namespace("settings").getString("k")).contains("v");
        assertThat(kv.namespaces().findOrCreate("settings").title()).isEqualTo("settings");
        kv.namespaces().findOrCreate("new");
        assertThat(kv.namespaces().list()).extracting(NamespaceInfo::title).containsExactly("new", "settings");
        kv.namespaces().delete("settings");
        assertFails(ErrorCode.NOT_FOUND, () -> kv.namespace("settings").get("k"));
    }

    // Waiting

    @Test
    void a_call_without_an_answer_ends_with_its_timeout_and_is_cancelled_below() {
        KvNamespace config = kv.namespace("config").withTimeout(Duration.ofMillis(50));
        config.put("k", "v");
        store.silent = true;
        assertFails(ErrorCode.DEADLINE_EXCEEDED, () -> config.get("k"));
        assertThat(store.withheld).isNotNull().isCancelled();
        assertFails(ErrorCode.DEADLINE_EXCEEDED, () -> config.put("k", "v"));
        assertThat(store.withheld).isNotNull().isCancelled();
    }

    @Test
    void a_cancelled_future_is_cancelled_below() {
        AsyncKvNamespace config = kv.async().namespace("config");
        config.get("k").join();
        store.silent = true;
        CompletableFuture<GetResult> future = config.get("k");
        assertThat(future.cancel(true)).isTrue();
        assertThat(store.withheld).isNotNull().isCancelled();
    }

    @Test
    void an_interrupt_ends_the_wait_and_stays_set() throws Exception {
        KvNamespace config = kv.namespace("config");
        config.put("k", "v");
        store.silent = true;
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        AtomicReference<Boolean> flag = new AtomicReference<>();
        Thread caller = new Thread(() -> {
            thrown.set(catchThrowable(() -> config.get("k")));
            flag.set(Thread.currentThread().isInterrupted());
        });
        caller.start();
        Awaitility.await().until(() -> store.withheld != null);
        caller.interrupt();
        caller.join();
        assertThat(thrown.get())
                .isInstanceOfSatisfying(
                        KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.DEADLINE_EXCEEDED));
        assertThat(flag.get()).isTrue();
    }

    private static final class LoopThread extends Thread implements IoThread {
        LoopThread(Runnable task) {
            super(task, "loop");
        }
    }

    @Test
    void a_blocking_call_on_an_io_thread_is_refused_before_it_begins() throws Exception {
        KvNamespace config = kv.namespace("config");
        config.put("k", "v");
        List<ThrowingCallable> calls = List.of(
                () -> config.get("k"),
                () -> config.put("k", "changed"),
                () -> config.list().iterator(),
                () -> config.openStream("k"),
                () -> config.put("k", new java.io.ByteArrayInputStream(new byte[3])),
                () -> config.watch("", new FeedRequest.Start.Now()),
                () -> kv.namespaces().list());
        AtomicReference<List<Throwable>> thrown = new AtomicReference<>(List.of());
        Thread loop = new LoopThread(() ->
                thrown.set(calls.stream().map(call -> catchThrowable(call)).toList()));
        loop.start();
        loop.join();
        assertThat(thrown.get())
                .hasSize(calls.size())
                .allSatisfy(failure -> assertThat(failure)
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("loop"));
        assertThat(config.getString("k")).contains("v");
    }

    @Test
    void a_failure_below_comes_out_as_it_is() {
        KvNamespace config = kv.namespace("config");
        config.put("k", "v");
        store.refusal = new KvException(ErrorCode.RATE_LIMITED, "slow down", null, Duration.ofSeconds(3), null);
        assertThat(catchThrowable(() -> config.get("k"))).isSameAs(store.refusal);
    }

    @Test
    void closing_closes_the_tier_below() {
        kv.close();
        kv.close();
        assertThatIllegalStateException()
                .isThrownBy(() -> kv.namespace("config").get("k"));
    }

    @Test
    void a_view_has_its_own_options_and_shares_the_name() {
        KvNamespace config = kv.namespace("config");
        KvNamespace strong = config.withReadOptions(ReadOptions.STRONG).withWriteOptions(WriteOptions.BUFFERED);
        assertThat(strong.async().readOptions()).isEqualTo(ReadOptions.STRONG);
        assertThat(strong.async().writeOptions()).isEqualTo(WriteOptions.BUFFERED);
        assertThat(config.async().readOptions()).isEqualTo(ReadOptions.DEFAULT);
        strong.put("k", "v");
        assertThat(strong.getString("k")).contains("v");
        assertThat(strong.name()).isEqualTo("config");
    }
}
