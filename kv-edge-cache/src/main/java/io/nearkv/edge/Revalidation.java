package io.nearkv.edge;

import io.nearkv.core.Backoff;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.Position;
import io.nearkv.core.ReadOptions;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * After a gap in the feed, asks upstream which of the entries in memory are still good: by their versions alone, many keys in one question, one question at a time. What nobody has
 * vouched for yet is not answered from, but its readers ask for it themselves; so the pass need not hurry, and there is no flush and no stampede. Thread-safe.
 */
final class Revalidation {
    private static final Logger log = LoggerFactory.getLogger(Revalidation.class);
    private static final int KEYS_PER_QUESTION = 1000;
    private static final Backoff RETRIES = new Backoff(Duration.ofMillis(100), Duration.ofSeconds(5));

    private final KvStore upstream;
    private final EdgeOptions options;
    private final EntryTable table;
    private final Freshness.Feed feed;
    private final Freshness.Time time;
    private final ScheduledExecutorService timer;
    private final EdgeCounters counters;

    private record Question(NamespaceId namespace, List<Entry> entries) {}

    Revalidation(
            KvStore upstream,
            EdgeOptions options,
            EntryTable table,
            Freshness.Feed feed,
            Freshness.Time time,
            ScheduledExecutorService timer,
            EdgeCounters counters) {
        this.upstream = upstream;
        this.options = options;
        this.table = table;
        this.feed = feed;
        this.time = time;
        this.timer = timer;
        this.counters = counters;
    }

    /** Begins a pass for a generation of the feed that has just begun. */
    void begin(long generation) {
        execute(() -> {
            Map<NamespaceId, List<Entry>> byNamespace = new HashMap<>();
            for (Entry entry : table.suspects(generation)) {
                byNamespace
                        .computeIfAbsent(entry.key.namespace, id -> new ArrayList<>())
                        .add(entry);
            }
            Deque<Question> questions = new ArrayDeque<>();
            byNamespace.forEach((namespace, entries) -> {
                for (int from = 0; from < entries.size(); from += KEYS_PER_QUESTION) {
                    int to = Math.min(entries.size(), from + KEYS_PER_QUESTION);
                    questions.add(new Question(namespace, entries.subList(from, to)));
                }
            });
            ask(questions, generation, 0);
        });
    }

    private void execute(Runnable task) {
        try {
            timer.execute(task);
        } catch (RejectedExecutionException e) {
            log.atDebug().log("the cache is closed, nothing is revalidated");
        }
    }

    private void ask(Deque<Question> questions, long generation, int failures) {
        Question question = questions.peek();
        Position position = feed.position();
        if (question == null || feed.generation() != generation || position == null) {
            return; // Done, or another pass has begun.
        }
        long nanos = time.nanos();
        List<Key> keys = question.entries().stream().map(entry -> entry.key.key).toList();
        CompletableFuture<List<Long>> answer;
        try {
            answer = upstream.versions(
                    question.namespace(), keys, ReadOptions.session(position).withTimeout(options.upstreamTimeout));
        } catch (RuntimeException e) {
            answer = CompletableFuture.failedFuture(e);
        }
        Completion.of(answer, (versions, failure) -> {
            if (versions != null) {
                for (int i = 0; i < keys.size(); i++) {
                    if (table.vouched(question.entries().get(i), versions.get(i), nanos, generation)) {
                        counters.revalidated.increment();
                    }
                }
                next(questions, generation);
                return;
            }
            KvException reason = KvException.from(failure == null ? new IllegalStateException("no answer") : failure);
            if (reason.code() == ErrorCode.NOT_FOUND) {
                table.forget(question.namespace());
                next(questions, generation);
                return;
            }
            Duration delay = RETRIES.delay(failures + 1, ThreadLocalRandom.current());
            try {
                var unused = timer.schedule(
                        () -> ask(questions, generation, failures + 1), delay.toNanos(), TimeUnit.NANOSECONDS);
            } catch (RejectedExecutionException e) {
                log.atDebug().log("the cache is closed, nothing is revalidated");
            }
        });
    }

    private void next(Deque<Question> questions, long generation) {
        Question unused = questions.poll();
        // On the timer, so that answers from memory do not pile up on the stack.
        execute(() -> ask(questions, generation, 0));
    }
}
