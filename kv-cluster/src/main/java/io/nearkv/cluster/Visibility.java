package io.nearkv.cluster;

import io.nearkv.core.rocksdb.ReplicaStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Answers that wait until the replica of this node shows what another node has written for this one: so whoever writes through a node reads it there, however weak the
 * read. Bounded by the requests that are under way, and by a second each: after that the answer goes out all the same, because what it says is true. Thread-safe.
 */
final class Visibility {
    private static final Duration PATIENCE = Duration.ofSeconds(1);

    private record Version(long version, CompletableFuture<Void> shown) {}

    private record Change(Predicate<ReplicaStore> isShown, CompletableFuture<Void> shown) {}

    private final Supplier<@Nullable ReplicaStore> replica;
    /** Guarded by this, as is the next. */
    private final PriorityQueue<Version> versions = new PriorityQueue<>(Comparator.comparing(Version::version));

    private final List<Change> changes = new ArrayList<>();

    Visibility(Supplier<@Nullable ReplicaStore> replica) {
        this.replica = replica;
    }

    /** Completes when the replica has this version, or the time is over. */
    CompletableFuture<Void> of(long version) {
        if (replica.get() == null) {
            return CompletableFuture.completedFuture(null); // Nobody reads here either.
        }
        CompletableFuture<Void> shown = new CompletableFuture<>();
        synchronized (this) {
            versions.add(new Version(version, shown));
        }
        return waiting(shown);
    }

    /** Completes when the replica shows a change that has no version, or the time is over. */
    CompletableFuture<Void> of(Predicate<ReplicaStore> isShown) {
        if (replica.get() == null) {
            return CompletableFuture.completedFuture(null);
        }
        CompletableFuture<Void> shown = new CompletableFuture<>();
        synchronized (this) {
            changes.add(new Change(isShown, shown));
        }
        return waiting(shown);
    }

    private CompletableFuture<Void> waiting(CompletableFuture<Void> shown) {
        applied(); // It may have come, or have been the last, before this was told.
        if (replica.get() == null) {
            shown.complete(null);
        }
        return shown.completeOnTimeout(null, PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** Nobody reads here any more. */
    void ended() {
        List<CompletableFuture<Void>> waiting = new ArrayList<>();
        synchronized (this) {
            versions.forEach(version -> waiting.add(version.shown()));
            versions.clear();
            changes.forEach(change -> waiting.add(change.shown()));
            changes.clear();
        }
        waiting.forEach(future -> future.complete(null));
    }

    /** The replica went on. */
    void applied() {
        ReplicaStore store = replica.get();
        if (store == null) {
            return;
        }
        List<CompletableFuture<Void>> shown = new ArrayList<>();
        synchronized (this) {
            if (!versions.isEmpty()) {
                long version = store.position().version();
                for (Version head = versions.peek();
                        head != null
                                && (head.version() <= version || head.shown().isDone());
                        head = versions.peek()) {
                    versions.remove();
                    shown.add(head.shown());
                }
            }
            for (Iterator<Change> all = changes.iterator(); all.hasNext(); ) {
                Change change = all.next();
                if (change.shown().isDone() || change.isShown().test(store)) {
                    all.remove();
                    shown.add(change.shown());
                }
            }
        }
        shown.forEach(future -> future.complete(null));
    }
}
