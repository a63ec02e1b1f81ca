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
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A tier behind which several builds of one service stand. Each call goes to the build of its slot. Thread-safe. */
final class RoutedStore implements KvStore {
    /** That of the baseline, which is where things go that are not of one key. */
    private static final int LAST_SLOT = Slots.COUNT - 1;

    private final Builds builds;
    private final RoutedAdmin admin;
    private final @Nullable String affinity;
    private final Runnable onClose;

    /**
     * Creates the tier.
     *
     * @param affinity whose calls all go to one build; null for a build by key
     */
    RoutedStore(Builds builds, @Nullable String affinity, Runnable onClose) {
        this.builds = builds;
        this.affinity = affinity;
        this.onClose = onClose;
        this.admin = new RoutedAdmin(this);
    }

    private Target target(NamespaceId namespace, Key key) {
        RouteTable table = builds.table();
        Slots slots = table.slots();
        return table.choose(affinity == null ? slots.of(namespace, key) : slots.of(affinity));
    }

    private Target target(NamespaceId namespace, String prefix) {
        RouteTable table = builds.table();
        Slots slots = table.slots();
        return table.choose(affinity == null ? slots.of(namespace, prefix) : slots.of(affinity));
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
        return RoutedCall.start(builds, table.choose(lastSlot(table)), call);
    }

    private <T> CompletableFuture<T> ofKey(
            NamespaceId namespace, Key key, Function<KvStore, CompletableFuture<T>> call) {
        Target target;
        try {
            target = target(namespace, key);
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        }
        return RoutedCall.start(builds, target, call);
    }

    @Override
    public CompletableFuture<GetResult> get(NamespaceId namespace, Key key, ReadOptions options) {
        return ofKey(namespace, key, store -> store.get(namespace, key, options));
    }

    @Override
    public CompletableFuture<OpenResult> open(NamespaceId namespace, Key key, ReadOptions options) {
        return ofKey(namespace, key, store -> store.open(namespace, key, options));
    }

    @Override
    public CompletableFuture<WriteResult> write(NamespaceId namespace, Mutation mutation, WriteOptions options) {
        return ofKey(namespace, mutation.key(), store -> store.write(namespace, mutation, options));
    }

    @Override
    public CompletableFuture<ValueWriter> upload(NamespaceId namespace, Key key, PutOptions put, WriteOptions options) {
        return ofKey(namespace, key, store -> store.upload(namespace, key, put, options));
    }

    @Override
    public CompletableFuture<List<GetResult>> getAll(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        return each(namespace, keys, key -> key, (store, part) -> store.getAll(namespace, part, options));
    }

    @Override
    public CompletableFuture<List<Long>> versions(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        return each(namespace, keys, key -> key, (store, part) -> store.versions(namespace, part, options));
    }

    @Override
    public CompletableFuture<List<WriteResult>> writeAll(
            NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        return each(namespace, mutations, Mutation::key, (store, part) -> store.writeAll(namespace, part, options));
    }

    @Override
    public CompletableFuture<BatchResult> batch(NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        List<Mutation> all = List.copyOf(mutations);
        // All of them or none: so they cannot be given to several builds, and the first one speaks for the rest.
        return all.isEmpty()
                ? ofBaseline(store -> store.batch(namespace, all, options))
                : ofKey(namespace, all.get(0).key(), store -> store.batch(namespace, all, options));
    }

    /** How a part of many is carried out. */
    private interface Part<I, R> {
        CompletableFuture<List<R>> of(KvStore store, List<I> part);
    }

    /** Gives each item to the build of its key, and puts the answers together in the order asked. */
    private <I, R> CompletableFuture<List<R>> each(
            NamespaceId namespace, List<I> items, Function<I, Key> keyOf, Part<I, R> part) {
        List<I> all = List.copyOf(items);
        if (all.isEmpty()) {
            return ofBaseline(store -> part.of(store, all));
        }
        List<Target> targets = new ArrayList<>();
        List<List<Integer>> indexes = new ArrayList<>();
        try {
            for (int i = 0; i < all.size(); i++) {
                Target target = target(namespace, keyOf.apply(all.get(i)));
                int at = targets.indexOf(target);
                if (at < 0) {
                    at = targets.size();
                    targets.add(target);
                    indexes.add(new ArrayList<>());
                }
                indexes.get(at).add(i);
            }
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        }
        if (targets.size() == 1) {
            return RoutedCall.start(builds, targets.get(0), store -> part.of(store, all));
        }
        List<CompletableFuture<List<R>>> parts = new ArrayList<>();
        for (int t = 0; t < targets.size(); t++) {
            List<I> mine = indexes.get(t).stream().map(all::get).toList();
            parts.add(RoutedCall.start(builds, targets.get(t), store -> part.of(store, mine)));
        }
        return CompletableFuture.allOf(parts.toArray(CompletableFuture[]::new)).thenApply(done -> {
            List<@Nullable R> merged = new ArrayList<>(java.util.Collections.nCopies(all.size(), null));
            for (int t = 0; t < parts.size(); t++) {
                List<R> answers = parts.get(t).join();
                for (int i = 0; i < answers.size(); i++) {
                    merged.set(indexes.get(t).get(i), answers.get(i));
                }
            }
            return filled(merged);
        });
    }

    private static <R> List<R> filled(List<@Nullable R> merged) {
        List<R> full = new ArrayList<>(merged.size());
        for (R each : merged) {
            full.add(requireNonNull(each, "an answer is missing"));
        }
        return full;
    }

    @Override
    public CompletableFuture<ListPage> list(NamespaceId namespace, ListOptions list, ReadOptions options) {
        Target target;
        try {
            target = target(namespace, list.prefix());
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        }
        return RoutedCall.start(builds, target, store -> store.list(namespace, list, options));
    }

    @Override
    public Flow.Publisher<FeedEvent> watch(FeedRequest request) {
        requireNonNull(request, "request");
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
