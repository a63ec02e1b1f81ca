package io.nearkv.cluster;

import io.nearkv.core.Chained;
import io.nearkv.core.Cursor;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KeyInfo;
import io.nearkv.core.KvException;
import io.nearkv.core.ListOptions;
import io.nearkv.core.ListPage;
import io.nearkv.core.ReadOptions;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * One page of a listing in the making: the pages of the partitions, merged. Each partition is known up to its frontier, the end of what it has answered; no key beyond the frontier of any is given
 * out, because that one may have keys before it. Each is asked for little more than its share, and those that run out, or stopped early among expired entries, are asked again, all at the same
 * time. Confined to the round that is under way.
 */
final class ShardedList {
    /** After so many rounds the page ends, however short it is: they were asked among entries that have expired, and the caller is to hear something. */
    static final int MAX_ROUNDS = 16;

    /** Asks a partition for a page; the options are those of all partitions. */
    interface Source {
        CompletableFuture<ListPage> page(int partition, ListOptions list, ReadOptions options);
    }

    /** What is known of a partition and was not given out yet. */
    private static final class Part {
        final Deque<KeyInfo> keys = new ArrayDeque<>();
        /** Where it goes on, or null if nothing is left. */
        @Nullable
        Cursor next;

        boolean complete;

        Part(@Nullable Cursor next) {
            this.next = next;
        }
    }

    private final ListOptions list;
    private final ReadOptions options;
    private final Source source;
    private final List<ShardVersions> versions;
    private final List<Part> parts = new ArrayList<>();
    private final List<KeyInfo> merged = new ArrayList<>();
    private final Chained<ListPage> answer = new Chained<>();
    private final long deadline;
    private int rounds;

    ShardedList(int partitions, ListOptions list, ReadOptions options, Source source, List<ShardVersions> versions) {
        this.list = list;
        this.options = options;
        this.source = source;
        this.versions = versions;
        this.deadline = System.nanoTime() + options.timeout().toNanos();
        for (int i = 0; i < partitions; i++) {
            parts.add(new Part(list.cursor()));
        }
    }

    /** Returns the page; called once. */
    CompletableFuture<ListPage> page() {
        List<Integer> all = new ArrayList<>();
        for (int i = 0; i < parts.size(); i++) {
            all.add(i);
        }
        ask(all, options);
        return answer;
    }

    /** Returns how much to ask of each: a share, and twice its usual deviation, so that it seldom takes a second round. */
    private int share(int among) {
        int left = list.limit() - merged.size();
        int share = (left + among - 1) / among;
        return among == 1 ? left : Math.min(left, share + 2 * (int) Math.ceil(Math.sqrt(share)));
    }

    private void ask(List<Integer> asked, ReadOptions read) {
        rounds++;
        int limit = share(asked.size());
        List<CompletableFuture<ListPage>> pages = new ArrayList<>();
        for (int partition : asked) {
            pages.add(source.page(
                    partition, list.withCursor(parts.get(partition).next).withLimit(limit), read));
        }
        answer.follow(Gathered.of(pages), (outcomes, cancelled) -> {
            KvException failure = outcomes == null ? cancelled : Gathered.firstFailure(outcomes);
            if (outcomes == null || failure != null) {
                answer.finish(null, failure);
                return;
            }
            for (int i = 0; i < asked.size(); i++) {
                add(asked.get(i), outcomes.get(i).result());
            }
            goOn();
        });
    }

    private void add(int partition, @Nullable ListPage page) {
        if (page == null) {
            throw new KvException(ErrorCode.INTERNAL, "partition " + partition + " answered a listing with nothing");
        }
        Part part = parts.get(partition);
        for (KeyInfo info : page.keys()) {
            part.keys.add(versions.get(partition).global(info));
        }
        part.next = page.next();
        part.complete = page.complete();
    }

    private void goOn() {
        while (merged.size() < list.limit()) {
            Part smallest = null;
            for (Part part : parts) {
                KeyInfo head = part.keys.peek();
                if (head != null && (smallest == null || head.key().compareTo(head(smallest)) < 0)) {
                    smallest = part;
                }
            }
            List<Integer> blocking = blocking(smallest == null ? null : head(smallest));
            if (!blocking.isEmpty()) {
                askAgain(blocking);
                return;
            }
            if (smallest == null) {
                answer.finish(new ListPage(merged, null), null);
                return;
            }
            merged.add(smallest.keys.remove());
        }
        boolean more = parts.stream().anyMatch(part -> !part.complete || !part.keys.isEmpty());
        Key last = merged.get(merged.size() - 1).key();
        answer.finish(new ListPage(merged, more ? Cursor.after(last) : null), null);
    }

    private static Key head(Part part) {
        return part.keys.element().key();
    }

    /** Returns the partitions that might have keys before this one, or before the end if it is null. */
    private List<Integer> blocking(@Nullable Key key) {
        List<Integer> blocking = new ArrayList<>();
        for (int i = 0; i < parts.size(); i++) {
            Part part = parts.get(i);
            Cursor frontier = part.next;
            // One that has keys left has none before them, and they are not before the smallest.
            if (!part.complete
                    && part.keys.isEmpty()
                    && (key == null || frontier == null || frontier.after().compareTo(key) < 0)) {
                blocking.add(i);
            }
        }
        return blocking;
    }

    private void askAgain(List<Integer> blocking) {
        if (rounds == MAX_ROUNDS) {
            // All before the smallest frontier was given out.
            Cursor frontier = null;
            for (int partition : blocking) {
                Cursor next = parts.get(partition).next;
                if (frontier == null || (next != null && next.after().compareTo(frontier.after()) < 0)) {
                    frontier = next;
                }
            }
            answer.finish(new ListPage(merged, frontier), null);
            return;
        }
        long left = deadline - System.nanoTime();
        if (left <= 0) {
            answer.completeExceptionally(new KvException(
                    ErrorCode.DEADLINE_EXCEEDED, "the deadline passed while the page was being put together"));
            return;
        }
        ask(blocking, options.withTimeout(Duration.ofNanos(left)));
    }
}
