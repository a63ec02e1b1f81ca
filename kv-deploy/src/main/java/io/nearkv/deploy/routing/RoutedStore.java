package io.nearkv.deploy.routing;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.BatchResult;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvAdmin;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.ListOptions;
import io.nearkv.core.ListPage;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.OpenResult;
import io.nearkv.core.Position;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.ValueWriter;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import io.nearkv.core.route.BuildChoice;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A tier behind which several builds of one service stand. Each call goes to the build of its slot. Thread-safe. */
final class RoutedStore implements KvStore, BuildChoice {
    /** That of the baseline, which is where things go that are not of one key. */
    private static final int LAST_SLOT = Slots.COUNT - 1;

    private final Builds builds;
    private final RoutedAdmin admin;
    private final @Nullable String affinity;
    private final BiConsumer<String, String> overridden;
    private final Runnable onClose;

    /**
     * Creates the tier.
     *
     * @param affinity whose calls all go to one build; null for a build by key
     * @param overridden is told when a tester asks for a build by its id: which one, and who
     */
    RoutedStore(Builds builds, @Nullable String affinity, BiConsumer<String, String> overridden, Runnable onClose) {
        this.builds = builds;
        this.affinity = affinity;
        this.overridden = overridden;
        this.onClose = onClose;
        this.admin = new RoutedAdmin(this);
    }

    @Override
    public KvStore ofBuild(String build, String caller) {
        Target target = builds.table().find(build);
        if (target == null) {
            throw new KvException(
                    ErrorCode.NOT_FOUND,
                    "build '" + Key.display(build) + "' is not in the route in force (expected: one of "
                            + builds.table().all() + ")");
        }
        overridden.accept(build, caller);
        target.counted();
        return target.store();
    }

    private int lastSlot(RouteTable table) {
        return affinity == null ? LAST_SLOT : table.slots().of(affinity);
    }

    /** Asks the build of the baseline. */
    <T> CompletableFuture<T> ofBaseline(Function<KvStore, CompletableFuture<T>> call) {
        RouteTable table;
        try {
            table = builds.table();
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        }
        return RoutedCall.start(builds, table.choose(lastSlot(table)), Outcomes.READ, Outcomes.UNCOUNTED, call);
    }

    private <T> CompletableFuture<T> ofKey(
            int kind, NamespaceId namespace, Key key, Function<KvStore, CompletableFuture<T>> call) {
        RouteTable table;
        try {
            table = builds.table();
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        }
        Slots slots = table.slots();
        return ofSlot(kind, table, affinity == null ? slots.of(namespace, key) : slots.of(affinity), call);
    }

    private <T> CompletableFuture<T> ofSlot(
            int kind, RouteTable table, int slot, Function<KvStore, CompletableFuture<T>> call) {
        Target target = table.choose(slot);
        return RoutedCall.start(builds, target, kind, table.isShareOf(slot, target) ? slot : Outcomes.UNCOUNTED, call);
    }

    @Override
    public CompletableFuture<GetResult> get(NamespaceId namespace, Key key, ReadOptions options) {
        return ofKey(Outcomes.READ, namespace, key, store -> store.get(namespace, key, options));
    }

    @Override
    public CompletableFuture<OpenResult> open(NamespaceId namespace, Key key, ReadOptions options) {
        return ofKey(Outcomes.READ, namespace, key, store -> store.open(namespace, key, options));
    }

    @Override
    public CompletableFuture<WriteResult> write(NamespaceId namespace, Mutation mutation, WriteOptions options) {
        return ofKey(Outcomes.WRITE, namespace, mutation.key(), store -> store.write(namespace, mutation, options));
    }

    @Override
    public CompletableFuture<ValueWriter> upload(NamespaceId namespace, Key key, PutOptions put, WriteOptions options) {
        return ofKey(Outcomes.WRITE, namespace, key, store -> store.upload(namespace, key, put, options));
    }

    @Override
    public CompletableFuture<List<GetResult>> getAll(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        List<Key> all = List.copyOf(keys);
        return ofFirst(Outcomes.READ, namespace, all, key -> key, store -> store.getAll(namespace, all, options));
    }

    @Override
    public CompletableFuture<List<Long>> versions(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        List<Key> all = List.copyOf(keys);
        return ofFirst(Outcomes.READ, namespace, all, key -> key, store -> store.versions(namespace, all, options));
    }

    @Override
    public CompletableFuture<List<WriteResult>> writeAll(
            NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        List<Mutation> all = List.copyOf(mutations);
        return ofFirst(Outcomes.WRITE, namespace, all, Mutation::key, store -> store.writeAll(namespace, all, options));
    }

    @Override
    public CompletableFuture<BatchResult> batch(NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        List<Mutation> all = List.copyOf(mutations);
        return ofFirst(Outcomes.WRITE, namespace, all, Mutation::key, store -> store.batch(namespace, all, options));
    }

    /** Asks the build of the first key: a call with many of them is one request, with one bound and one order of versions, and is not taken apart. */
    private <I, T> CompletableFuture<T> ofFirst(
            int kind,
            NamespaceId namespace,
            List<I> items,
            Function<I, Key> keyOf,
            Function<KvStore, CompletableFuture<T>> call) {
        return items.isEmpty() ? ofBaseline(call) : ofKey(kind, namespace, keyOf.apply(items.get(0)), call);
    }

    @Override
    public CompletableFuture<ListPage> list(NamespaceId namespace, ListOptions list, ReadOptions options) {
        RouteTable table;
        try {
            table = builds.table();
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        }
        Slots slots = table.slots();
        int slot = affinity == null ? slots.of(namespace, list.prefix()) : slots.of(affinity);
        return ofSlot(Outcomes.LIST, table, slot, store -> store.list(namespace, list, options));
    }

    @Override
    public Flow.Publisher<FeedEvent> watch(FeedRequest request) {
        requireNonNull(request, "request");
        builds.checkOpen();
        return new RoutedFeed(builds, request, LAST_SLOT);
    }

    @Override
    public Position positionOf(long version) {
        KvException unknown = new KvException(ErrorCode.UNAVAILABLE, "no build has been reached yet");
        for (Target target : builds.table().all()) {
            try {
                return target.store().positionOf(version);
            } catch (KvException e) {
                unknown = e;
            } catch (IllegalStateException e) {
                unknown = new KvException(ErrorCode.UNAVAILABLE, "the route has changed", e);
            }
        }
        throw unknown;
    }

    @Override
    public KvAdmin admin() {
        return admin;
    }

    @Override
    public void close() {
        onClose.run();
    }
}
