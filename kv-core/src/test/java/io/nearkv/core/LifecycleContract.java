package io.nearkv.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** Closing and reopening. */
public interface LifecycleContract extends ContractSupport {
    @Test
    default void a_closed_store_throws_at_once() throws Exception {
        try (StoreFixture other = openAnother()) {
            KvStore store = other.store();
            NamespaceId namespace =
                    await(store.admin().createNamespace(other.account(), "t")).id();
            Object written =
                    await(store.write(namespace, Mutation.put(key("k"), bytes(100_000, 1)), WriteOptions.DEFAULT));
            assertThat(written).isInstanceOf(WriteResult.Applied.class);

            store.close();
            store.close();

            Mutation mutation = Mutation.put(key("k"), Value.of("v"));
            List<ThrowingCallable> calls = List.of(
                    () -> store.get(namespace, key("k"), reads()),
                    () -> store.getAll(namespace, List.of(key("k")), reads()),
                    () -> store.open(namespace, key("k"), reads()),
                    () -> store.list(namespace, ListOptions.ALL, reads()),
                    () -> store.write(namespace, mutation, WriteOptions.DEFAULT),
                    () -> store.writeAll(namespace, List.of(mutation), WriteOptions.DEFAULT),
                    () -> store.batch(namespace, List.of(mutation), WriteOptions.DEFAULT),
                    () -> store.upload(namespace, key("k"), PutOptions.DEFAULT, WriteOptions.DEFAULT),
                    () -> store.admin().namespaces(other.account()),
                    () -> store.positionOf(1),
                    () -> store.watch(FeedRequest.of(null, new FeedRequest.Start.Now())));
            for (ThrowingCallable call : calls) {
                assertThatThrownBy(call).isInstanceOf(IllegalStateException.class);
            }
        }
    }

    @Test
    default void closing_ends_feeds_readers_and_writers() throws Exception {
        try (StoreFixture other = openAnother()) {
            KvStore store = other.store();
            NamespaceId namespace =
                    await(store.admin().createNamespace(other.account(), "t")).id();
            Object unused =
                    await(store.write(namespace, Mutation.put(key("k"), bytes(1_000_000, 1)), WriteOptions.DEFAULT));
            FeedProbe feed = new FeedProbe(store.watch(FeedRequest.of(namespace, new FeedRequest.Start.Now())));
            feed.request(Long.MAX_VALUE);
            feed.awaitHeartbeat();
            OpenResult opened = await(store.open(namespace, key("k"), reads()));
            ValueReader reader = ((OpenResult.Opened) opened).reader();
            unused = await(reader.read());
            ValueWriter writer = await(store.upload(namespace, key("u"), PutOptions.DEFAULT, WriteOptions.DEFAULT));
            writePieces(writer, bytes(100_000, 1), 65_536);

            store.close();

            assertThat(feed.awaitFailure().code()).isEqualTo(ErrorCode.UNAVAILABLE);
            // They were in use: whether that is the caller's mistake (it throws) or an event (it fails) depends on who
            // was faster.
            assertThatThrownBy(() -> await(writer.commit()))
                    .isInstanceOfAny(IllegalStateException.class, KvException.class);
            reader.close();
            writer.close();
            feed.close();
        }
    }

    @Test
    default void closing_answers_every_call_that_is_under_way() throws Exception {
        try (StoreFixture other = openAnother()) {
            KvStore store = other.store();
            NamespaceId namespace =
                    await(store.admin().createNamespace(other.account(), "t")).id();
            List<CompletableFuture<WriteResult>> answers = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                answers.add(store.write(namespace, putOf("k" + i, "v"), WriteOptions.DEFAULT));
            }
            store.close();
            for (CompletableFuture<WriteResult> answer : answers) {
                try {
                    assertThat(await(answer).applied()).isTrue();
                } catch (KvException e) {
                    assertThat(e.code())
                            .isIn(ErrorCode.UNAVAILABLE, ErrorCode.OUTCOME_UNKNOWN, ErrorCode.DEADLINE_EXCEEDED);
                }
            }
        }
    }

    @Test
    default void everything_acknowledged_is_there_after_reopening() throws Exception {
        assumeTrue(fixture().canReopen(), "this tier keeps nothing");
        put("small", "v", PutOptions.metadata(Metadata.ofJson("{\"a\":null}")));
        put("large", bytes(300_000, 1), PutOptions.expiresAfter(java.time.Duration.ofDays(1)));
        put("gone", "v");
        delete("gone");
        Object unused = await(store().write(ns(), Mutation.put(key("buffered"), Value.of("v")), WriteOptions.BUFFERED));
        GetResult small = get("small");
        GetResult large = get("large");
        List<KeyInfo> listing = listAll(ListOptions.ALL);
        NamespaceInfo info = await(store().admin().namespace(ns()));
        List<AccountInfo> accounts = await(store().admin().accounts());

        fixture().reopen();

        assertThat(get("small")).isEqualTo(small);
        assertThat(get("large")).isEqualTo(large);
        assertThat(get("gone")).isEqualTo(GetResult.Missing.INSTANCE);
        assertThat(listAll(ListOptions.ALL)).isEqualTo(listing).hasSize(3);
        assertThat(await(store().admin().namespace(ns()))).isEqualTo(info);
        assertThat(await(store().admin().accounts())).isEqualTo(accounts);
    }

    @Test
    default void versions_go_on_growing_after_reopening() throws Exception {
        assumeTrue(fixture().canReopen(), "this tier keeps nothing");
        put("k", "1");
        long last = delete("k");
        for (int i = 0; i < 3; i++) {
            fixture().reopen();
            long version = put("k", "2");
            assertThat(version).isGreaterThan(last);
            last = delete("k");
        }
    }

    @Test
    default void an_upload_that_was_not_committed_leaves_nothing_after_reopening() throws Exception {
        assumeTrue(fixture().canReopen(), "this tier keeps nothing");
        ValueWriter writer = upload("k", PutOptions.DEFAULT);
        writePieces(writer, bytes(500_000, 1), 65_536);
        fixture().reopen();
        writer.close();
        assertThat(get("k")).isEqualTo(GetResult.Missing.INSTANCE);
        assertThat(names("")).isEmpty();
    }

    @Test
    default void a_deleted_namespace_stays_deleted_after_reopening() throws Exception {
        assumeTrue(fixture().canReopen(), "this tier keeps nothing");
        put("k", "v");
        Object unused = await(store().admin().deleteNamespace(ns()));
        fixture().reopen();
        assertFails(ErrorCode.NOT_FOUND, () -> store().get(ns(), key("k"), reads()));
    }
}
