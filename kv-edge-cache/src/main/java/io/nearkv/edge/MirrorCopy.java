package io.nearkv.edge;

import io.nearkv.core.AccountInfo;
import io.nearkv.core.Backoff;
import io.nearkv.core.Cursor;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KeyInfo;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.Limits;
import io.nearkv.core.ListOptions;
import io.nearkv.core.ListPage;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.core.Position;
import io.nearkv.core.ReadOptions;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the disk of a mirror in step with upstream. Thread-safe; methods and fields that say so belong to the thread of the {@link MirrorDisk}.
 *
 * <p>There is one way in which entries get onto the disk: upstream is asked for the values of some keys, of a state that is not older than a position B, and what it says is put there
 * together. One question at a time, so that what is put later is never older. Two things make keys be asked for:
 *
 * <ul>
 *   <li>the feed, or a write through this mirror: the key is {@code dirty} from then on. It is marked before the feed's position moves past the change, and cleared after the disk has it;
 *       so for a reader who looks at the position, then at the mark, and then at the disk, a key without a mark is as of that position or later;
 *   <li>a pass over a namespace, page by page of upstream's listing: keys whose versions differ from those on the disk, on either side. The first copy is a pass over an empty disk, and
 *       what a gap has made of a copy a pass finds out too. A pass begins after the feed has; what changes behind its back, the feed tells.
 * </ul>
 *
 * What is kept of a pass is the last key whose page is on the disk. What is kept of the feed is a position before the first change that is not: after a restart, it goes on there.
 */
final class MirrorCopy {
    private static final Logger log = LoggerFactory.getLogger(MirrorCopy.class);
    private static final Backoff RETRIES = new Backoff(Duration.ofMillis(50), Duration.ofSeconds(5));
    /** Keys asked for together; their values are at most {@link Limits#MAX_BULK_GET_BYTES}, or else fewer are asked for. */
    private static final int KEYS_PER_QUESTION = 200;
    /** Keys that may be behind. If there are more, what they are is forgotten, and a pass finds it out. */
    private static final int MAX_DIRTY = 64 * 1024;
    /** Entries of the disk that are compared with one page of a listing. */
    private static final int MAX_COMPARED = 10_000;

    private static final long SAVED_EVERY_NANOS = TimeUnit.SECONDS.toNanos(1);

    /**
     * Changes of a key, which are of one partition, that the disk may not have: all from {@code first} to {@code last}; the first of them heard of at {@code nanos}, by the ticker.
     *
     * @param lineage the history whose versions they are; 0 if none was heard of yet, which is the one that the feed begins with
     */
    private record Dirty(long lineage, long first, long last, long nanos) {
        private boolean isOf(Position position) {
            return lineage == 0 || lineage == position.lineage();
        }

        /** Returns both marks as one. Of two histories the one that the feed is in counts: a change of it is not to be lost. */
        Dirty and(Dirty later, @Nullable Position position) {
            if (lineage == later.lineage || lineage == 0 || later.lineage == 0) {
                return new Dirty(
                        lineage == 0 ? later.lineage : lineage,
                        Math.min(first, later.first),
                        Math.max(last, later.last),
                        nanos);
            }
            Dirty counts = position != null && isOf(position) ? this : later;
            return new Dirty(counts.lineage, counts.first, counts.last, nanos);
        }

        /** Returns the mark in terms of a position. A version of another history would never be reached in this one: there, all that the position covers is to be asked for. */
        Dirty in(Position position) {
            if (isOf(position)) {
                return this;
            }
            long covered = lastCovered(position, last);
            return new Dirty(position.lineage(), covered, covered, nanos);
        }
    }

    private final KvStore upstream;
    private final Function<NamespaceId, CompletableFuture<NamespaceInfo>> catalogue;
    private final MirrorDisk disk;
    private final @Nullable Set<NamespaceId> chosen;
    private final EdgeOptions options;
    private final Freshness.Feed feed;
    private final Freshness.Time time;
    private final ScheduledExecutorService timer;

    private final ConcurrentHashMap<CacheKey, Dirty> dirty = new ConcurrentHashMap<>();
    /** How far each namespace is; only the thread changes it. One that upstream does not know is not in it. */
    private final ConcurrentHashMap<NamespaceId, MirrorDisk.Progress> progress = new ConcurrentHashMap<>();

    /** Namespaces that were deleted, and are to be forgotten. */
    private final Set<NamespaceId> gone = ConcurrentHashMap.newKeySet();

    private final AtomicBoolean scheduled = new AtomicBoolean();
    private final AtomicInteger failures = new AtomicInteger();
    private final LongAdder fetched = new LongAdder();
    /** Until when the copies that are not complete were in step with the feed, by the ticker; the largest number if all are. */
    private final AtomicLong outOfStepNanos = new AtomicLong(Long.MAX_VALUE);
    /** The generation of which the namespaces have been asked for, or 0. Of the thread. */
    private long enumerated;
    /** Whether a question is under way, or waits for its next try. Of the thread. */
    private boolean busy;

    private boolean passIsNext;
    private int keysPerQuestion = KEYS_PER_QUESTION;
    private long dropsSeen;
    private @Nullable Page page;
    private long savedNanos;
    private long savedGeneration;
    private long savedMillis;

    /** A page of a pass: what is left to be asked for of it, and where the next one begins. */
    private record Page(
            NamespaceId namespace,
            long generation,
            Deque<Key> keys,
            @Nullable Key end) {}

    /**
     * Creates the copy.
     *
     * @param catalogue tells what a namespace is, and keeps it
     * @param chosen the namespaces, or null for all
     */
    MirrorCopy(
            KvStore upstream,
            Function<NamespaceId, CompletableFuture<NamespaceInfo>> catalogue,
            MirrorDisk disk,
            @Nullable Set<NamespaceId> chosen,
            EdgeOptions options,
            Freshness.Feed feed,
            Freshness.Time time,
            ScheduledExecutorService timer) {
        this.upstream = upstream;
        this.catalogue = catalogue;
        this.disk = disk;
        this.chosen = chosen;
        this.options = options;
        this.feed = feed;
        this.time = time;
        this.timer = timer;
        this.dropsSeen = disk.drops();
    }

    /** Takes in what an earlier process has left; before anything else. */
    void resume(MirrorDisk.Saved saved, Map<NamespaceId, MirrorDisk.Progress> found) {
        savedMillis = saved.millis();
        found.forEach((namespace, state) -> {
            if (isChosen(namespace)) {
                progress.put(namespace, state);
                if (state.ever() && !(state.complete() && state.generation() == saved.generation())) {
                    outOfStep(Follower.longAgo(time)); // Nobody knows any more.
                }
            }
        });
    }

    private boolean isChosen(NamespaceId namespace) {
        return chosen == null || chosen.contains(namespace);
    }

    // ---- from the feed and from writers ----

    /**
     * A key has changed upstream: what the disk has of it is not to be relied on until it has been asked for.
     *
     * @param lineage the history whose version it is; 0 if none has been heard of yet
     */
    void changed(NamespaceId namespace, Key key, long version, long lineage) {
        if (!isChosen(namespace)) {
            return;
        }
        Dirty mark = new Dirty(lineage, version, version, time.nanos());
        Object unused =
                dirty.merge(new CacheKey(namespace, key), mark, (before, later) -> before.and(later, feed.position()));
        wake();
    }

    /** Returns the last version that a position covers of the partition which has told another version. */
    private static long lastCovered(Position position, long version) {
        int partitions = position.versions().size();
        int partition = (int) (version % partitions);
        return position.versions().get(partition) * partitions + partition;
    }

    /** A namespace is gone with all its keys. */
    void deleted(NamespaceId namespace) {
        gone.add(namespace);
        wake();
    }

    /**
     * Changes were missed: everything is to be compared, from the next {@link #current} on. Called before the feed says that it is up to date again.
     *
     * <p>The marks stay: others write and read already, and the copy may be compared and relied on before this is called.
     */
    void restarted() {
        outOfStep(feed.currentNanos());
    }

    private void outOfStep(long nanos) {
        long unused = outOfStepNanos.accumulateAndGet(nanos, Math::min);
    }

    /** Everything was heard of. */
    void current() {
        if (completeNamespaces() == namespaces()) {
            outOfStepNanos.set(Long.MAX_VALUE);
        }
        wake();
    }

    private void wake() {
        // Where the thread is too busy, the next heartbeat comes.
        if (scheduled.compareAndSet(false, true) && !disk.execute(this::step)) {
            scheduled.set(false);
        }
    }

    // ---- for readers ----

    /** Returns whether the disk has all of a namespace as the feed tells it, but for the keys that are {@link #isDirty}. */
    boolean isComplete(NamespaceId namespace) {
        MirrorDisk.Progress state = progress.get(namespace);
        return state != null
                && state.complete()
                && state.generation() == feed.generation()
                && !gone.contains(namespace);
    }

    /** Returns whether the disk has had all of a namespace, however old it may be now. */
    boolean wasComplete(NamespaceId namespace) {
        MirrorDisk.Progress state = progress.get(namespace);
        return state != null && state.ever() && !gone.contains(namespace);
    }

    boolean isDirty(NamespaceId namespace, List<Key> keys) {
        if (!dirty.isEmpty()) {
            for (Key key : keys) {
                if (dirty.containsKey(new CacheKey(namespace, key))) {
                    return true;
                }
            }
        }
        return false;
    }

    /** Returns until when the disk has had all of a namespace, by the ticker. */
    long inStepNanos(NamespaceId namespace) {
        long current = feed.currentNanos();
        return isComplete(namespace) ? current : Math.min(current, outOfStepNanos.get());
    }

    /** Returns until when the disk has had what there was of these keys, by the ticker. */
    long inStepNanos(NamespaceId namespace, List<Key> keys) {
        long nanos = inStepNanos(namespace);
        for (Key key : keys) {
            Dirty mark = dirty.get(new CacheKey(namespace, key));
            if (mark != null) {
                nanos = Math.min(nanos, mark.nanos());
            }
        }
        return nanos;
    }

    /** Returns whether any key below a prefix is dirty. */
    boolean isDirty(NamespaceId namespace, byte[] prefix) {
        for (CacheKey key : dirty.keySet()) {
            if (key.namespace.equals(namespace) && key.key.startsWith(prefix)) {
                return true;
            }
        }
        return false;
    }

    int dirtyKeys() {
        return dirty.size();
    }

    long fetched() {
        return fetched.sum();
    }

    /** Returns how many namespaces the disk has all of. */
    long completeNamespaces() {
        return progress.keySet().stream().filter(this::isComplete).count();
    }

    long namespaces() {
        return progress.size();
    }

    // ---- on the thread ----

    /** Keeps where the feed is, if it is time. */
    private void saveIfDue() {
        // Of a new generation before anything is said of it.
        if (savedGeneration != feed.generation() || time.nanos() - savedNanos >= SAVED_EVERY_NANOS) {
            save();
        }
    }

    /** Keeps the position up to which the disk has everything. */
    void save() {
        long generation = feed.generation();
        Position position = feed.position(); // Before the marks: what it covers is marked already.
        long ageMillis = (time.nanos() - feed.currentNanos()) / 1_000_000;
        if (generation <= 0 || position == null) {
            return;
        }
        gone.forEach(this::forget);
        savedNanos = time.nanos();
        savedGeneration = generation;
        List<Long> versions = new ArrayList<>(position.versions());
        boolean behind = false;
        for (Dirty each : dirty.values()) {
            Dirty mark = each.in(position);
            if (position.coversVersion(mark.first())) {
                behind = true;
                int partition = (int) (mark.first() % versions.size());
                long before = Math.max(0, mark.first() / versions.size() - 1);
                versions.set(partition, Math.min(versions.get(partition), before));
            }
        }
        if (!behind) {
            savedMillis = time.millis() - ageMillis;
        }
        disk.save(new MirrorDisk.Saved(generation, new Position(position.lineage(), versions), savedMillis));
    }

    private void forget(NamespaceId namespace) {
        var unused = progress.remove(namespace);
        dirty.keySet().removeIf(key -> key.namespace.equals(namespace));
        if (page != null && page.namespace().equals(namespace)) {
            page = null;
        }
        disk.forget(namespace);
        gone.remove(namespace);
    }

    /** Looks whether the disk has forgotten everything, which happens when it finds itself damaged. */
    private boolean isLost() {
        long drops = disk.drops();
        if (drops == dropsSeen) {
            return false;
        }
        dropsSeen = drops;
        log.atWarn().log("the disk of the mirror was damaged, everything is copied again");
        progress.replaceAll((namespace, state) -> MirrorDisk.Progress.NONE);
        page = null;
        savedMillis = 0;
        save(); // Before anything that is said of this generation.
        return true;
    }

    private void setProgress(NamespaceId namespace, MirrorDisk.Progress state) {
        progress.put(namespace, state);
        disk.progress(namespace, state);
    }

    /** Does what is to be done next, if nothing is under way. */
    private void step() {
        scheduled.set(false);
        gone.forEach(this::forget);
        boolean unused = isLost();
        saveIfDue();
        long generation = feed.generation();
        Position position = feed.position();
        if (busy || generation <= 0 || position == null) {
            return;
        }
        if (enumerated != generation) {
            enumerate(generation);
            return;
        }
        if (dirty.size() > MAX_DIRTY) {
            log.atWarn().log("too many keys have changed to remember them, everything is compared again");
            progress.replaceAll((namespace, state) -> {
                MirrorDisk.Progress anew = new MirrorDisk.Progress(0, false, state.ever(), null);
                disk.progress(namespace, anew);
                return anew;
            });
            page = null;
            outOfStep(feed.currentNanos());
            // After that: what is forgotten here, nobody relies on. A change that the position does not cover yet is
            // not, because the listing may be without it.
            dirty.values()
                    .removeIf(mark -> position.coversVersion(mark.in(position).last()));
        }
        passIsNext = !passIsNext; // By turns, so that neither waits for the end of the other.
        if (!(passIsNext
                ? pass(generation, position) || fetchDirty(position)
                : fetchDirty(position) || pass(generation, position))) {
            failures.set(0);
        }
    }

    /** Finds out which namespaces there are. */
    private void enumerate(long generation) {
        Set<NamespaceId> named = chosen;
        if (named != null) {
            enumerated = generation;
            named.forEach(namespace -> progress.putIfAbsent(namespace, MirrorDisk.Progress.NONE));
            step();
            return;
        }
        ask(
                call(this::allNamespaces),
                found -> {
                    enumerated = generation;
                    found.forEach(namespace -> progress.putIfAbsent(namespace, MirrorDisk.Progress.NONE));
                    // What was deleted unseen.
                    List.copyOf(progress.keySet()).stream()
                            .filter(namespace -> !found.contains(namespace) && !hasDirty(namespace))
                            .forEach(this::forget);
                },
                reason -> {
                    if (reason.code() == ErrorCode.FORBIDDEN || reason.code() == ErrorCode.UNAUTHORIZED) {
                        enumerated = generation; // Those that change, the feed tells.
                        return true;
                    }
                    return false;
                });
    }

    private CompletableFuture<List<NamespaceId>> allNamespaces() {
        return upstream.admin().accounts().thenCompose(accounts -> {
            CompletableFuture<List<NamespaceId>> all = CompletableFuture.completedFuture(new ArrayList<>());
            for (AccountInfo account : accounts) {
                all = all.thenCombine(upstream.admin().namespaces(account.id()), (found, more) -> {
                    more.forEach(info -> found.add(info.id()));
                    return found;
                });
            }
            return all;
        });
    }

    private boolean hasDirty(NamespaceId namespace) {
        return isDirty(namespace, new byte[0]);
    }

    private interface Handler<T> {
        void accept(T answer);
    }

    private interface FailureHandler {
        /** Returns whether that settles it; otherwise it is tried again. */
        boolean settles(KvException reason);
    }

    /** Waits for an answer, and takes it on the thread; then there is a next step. */
    private <T> void ask(CompletableFuture<T> answer, Handler<T> handler, FailureHandler otherwise) {
        busy = true;
        Completion.of(answer, (result, failure) -> {
            boolean taken = disk.execute(() -> {
                boolean settled = false;
                try {
                    if (failure == null) {
                        handler.accept(result);
                        settled = true;
                    } else {
                        settled = otherwise.settles(KvException.from(failure));
                    }
                } catch (RuntimeException e) {
                    log.atWarn().setCause(e).log("an answer cannot be taken into the mirror");
                }
                if (settled) {
                    failures.set(0);
                    busy = false;
                    step();
                } else {
                    later();
                }
            });
            if (!taken) {
                later();
            }
        });
    }

    private void later() {
        Duration delay = RETRIES.delay(failures.incrementAndGet(), ThreadLocalRandom.current());
        try {
            var unused = timer.schedule(this::tryAgain, delay.toNanos(), TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException e) {
            log.atDebug().log("the mirror is closed, nothing is copied");
        }
    }

    private void tryAgain() {
        boolean taken = disk.execute(() -> {
            busy = false;
            step();
        });
        if (!taken) {
            later();
        }
    }

    private static <T> CompletableFuture<T> call(java.util.function.Supplier<CompletableFuture<T>> question) {
        try {
            return question.get();
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private ReadOptions asOf(Position position) {
        return ReadOptions.session(position).withTimeout(options.upstreamTimeout);
    }

    /** A namespace that is not there, or that this mirror may not read, has no copy. */
    private boolean isRefused(NamespaceId namespace, KvException reason) {
        if (reason.code() != ErrorCode.NOT_FOUND && reason.code() != ErrorCode.FORBIDDEN) {
            return false;
        }
        log.atWarn()
                .addKeyValue("namespace", namespace)
                .addKeyValue("reason", reason.getMessage())
                .log("a namespace cannot be copied");
        forget(namespace);
        return true;
    }

    // ---- keys that have changed ----

    private boolean fetchDirty(Position position) {
        Map<NamespaceId, List<Key>> keys = new HashMap<>();
        NamespaceId namespace = null;
        Position basis = position;
        int partitions = position.versions().size();
        Iterator<Map.Entry<CacheKey, Dirty>> each = dirty.entrySet().iterator();
        while (each.hasNext()) {
            Map.Entry<CacheKey, Dirty> mark = each.next();
            CacheKey key = mark.getKey();
            if (namespace != null && !namespace.equals(key.namespace)) {
                continue;
            }
            if (mark.getValue().isOf(position)
                    && disk.version(key.namespace, key.key) >= mark.getValue().last()) {
                dirty.remove(
                        key, mark.getValue()); // A write through here, which was asked for before the feed told it.
                continue;
            }
            namespace = key.namespace;
            if (chosen == null) {
                progress.putIfAbsent(namespace, MirrorDisk.Progress.NONE); // A new one.
            }
            long last = mark.getValue().in(position).last();
            if (!basis.coversVersion(last)) {
                basis = basis.and(Position.of(position.lineage(), last, partitions));
            }
            List<Key> some = keys.computeIfAbsent(namespace, id -> new ArrayList<>());
            some.add(key.key);
            if (some.size() == keysPerQuestion) {
                break;
            }
        }
        if (namespace == null) {
            return false;
        }
        fetch(namespace, keys.getOrDefault(namespace, List.of()), basis, () -> {});
        return true;
    }

    /** Brings what upstream has of these keys onto the disk. */
    private void fetch(NamespaceId namespace, List<Key> keys, Position basis, Runnable done) {
        long generation = feed.generation();
        long nanos = time.nanos();
        ask(
                call(() -> upstream.getAll(namespace, keys, asOf(basis))),
                results -> {
                    if (feed.generation() != generation || !progress.containsKey(namespace)) {
                        return; // Maybe of another history; or the namespace was deleted meanwhile.
                    }
                    disk.put(namespace, keys, results);
                    if (isLost()) {
                        return;
                    }
                    fetched.add(keys.size());
                    for (Key key : keys) {
                        var unused = dirty.computeIfPresent(
                                new CacheKey(namespace, key), (same, mark) -> left(mark.in(basis), basis, nanos));
                    }
                    keysPerQuestion = Math.min(KEYS_PER_QUESTION, 2 * keysPerQuestion);
                    done.run();
                },
                reason -> {
                    if (isRefused(namespace, reason)) {
                        return true;
                    }
                    if (reason.code() == ErrorCode.TOO_LARGE && keysPerQuestion > 1) {
                        keysPerQuestion = Math.max(1, Math.min(keysPerQuestion, keys.size()) / 2);
                        return true;
                    }
                    return false;
                });
    }

    /** Returns what is left of a mark when the disk has what there was at a position; null for nothing. */
    private static @Nullable Dirty left(Dirty mark, Position basis, long nanos) {
        if (basis.coversVersion(mark.last())) {
            return null;
        }
        long next = lastCovered(basis, mark.last()) + basis.versions().size();
        return new Dirty(mark.lineage(), Math.max(mark.first(), next), mark.last(), nanos);
    }

    // ---- passes ----

    private boolean pass(long generation, Position position) {
        Page current = page;
        if (current != null && current.generation() != generation) {
            page = null;
            current = null;
        }
        if (current != null) {
            passPage(current, position);
            return true;
        }
        for (Map.Entry<NamespaceId, MirrorDisk.Progress> each : progress.entrySet()) {
            MirrorDisk.Progress state = each.getValue();
            if (!state.complete() || state.generation() != generation) {
                list(each.getKey(), state.generation() == generation ? state.cursor() : null, generation, position);
                return true;
            }
        }
        return false;
    }

    private void passPage(Page current, Position position) {
        List<Key> keys = new ArrayList<>();
        for (Key key : current.keys()) {
            if (keys.size() == keysPerQuestion) {
                break;
            }
            keys.add(key);
        }
        if (keys.isEmpty()) {
            finish(current);
            step();
            return;
        }
        fetch(current.namespace(), keys, position, () -> {
            for (int i = 0; i < keys.size(); i++) {
                Key unused = current.keys().remove();
            }
        });
    }

    /** All of a page is on the disk. */
    private void finish(Page done) {
        page = null;
        boolean ever = wasComplete(done.namespace());
        Key end = done.end();
        if (end == null) {
            save(); // Or a process that ends right after this would not know how old the copy is.
        }
        setProgress(
                done.namespace(),
                end == null
                        ? new MirrorDisk.Progress(done.generation(), true, true, null)
                        : new MirrorDisk.Progress(done.generation(), false, ever, end));
        if (end == null) {
            // So that it can be found by its title too while nobody upstream answers.
            Completion.of(catalogue.apply(done.namespace()), (info, failure) -> {
                if (failure != null) {
                    log.atDebug().setCause(failure).log("the title of a namespace is not known");
                }
            });
            log.atInfo()
                    .addKeyValue("namespace", done.namespace())
                    .addKeyValue("generation", done.generation())
                    .log("the copy of a namespace is complete");
        }
    }

    private void list(NamespaceId namespace, @Nullable Key after, long generation, Position position) {
        ListOptions next = ListOptions.ALL.withCursor(after == null ? null : Cursor.after(after));
        ask(
                call(() -> upstream.list(namespace, next, asOf(position))),
                listed -> {
                    if (feed.generation() == generation && progress.containsKey(namespace)) {
                        page = compare(namespace, after, generation, listed);
                    }
                },
                reason -> {
                    if (isRefused(namespace, reason)) {
                        return true;
                    }
                    return false;
                });
    }

    /** Finds the keys that differ between a page of upstream and the disk. */
    private Page compare(NamespaceId namespace, @Nullable Key after, long generation, ListPage listed) {
        Map<Key, Long> there = new HashMap<>();
        for (KeyInfo info : listed.keys()) {
            there.put(info.key(), info.version());
        }
        Cursor next = listed.next();
        Key[] end = {next == null ? null : next.after()};
        Deque<Key> differ = new ArrayDeque<>();
        int[] compared = new int[1];
        disk.walkAfter(namespace, after, info -> {
            if (end[0] != null && info.key().compareTo(end[0]) > 0) {
                return false;
            }
            Long version = there.remove(info.key());
            if (version == null || version != info.version()) {
                differ.add(info.key());
            }
            if (++compared[0] == MAX_COMPARED) {
                end[0] = info.key(); // The next page begins here.
                return false;
            }
            return true;
        });
        Key last = end[0];
        there.keySet().stream()
                .filter(key -> last == null || key.compareTo(last) <= 0)
                .forEach(differ::add);
        return new Page(namespace, generation, differ, last);
    }
}
