package io.nearkv.server.faults;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.BatchResult;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Writers that keep book of what a store has acknowledged, and the check of that book after the store came back from a fault.
 *
 * <p>Each key has one writer, which waits for each answer. So after a fault a key holds either what was acknowledged last or what was under way, and
 * nothing else. A failure whose code says "not applied" leaves only the former: the error table is put to the test too.
 */
final class CrashLoad {
    private static final int WRITERS = 6;
    private static final int KEYS_PER_WRITER = 40;
    private static final int BATCH_KEYS = 3;
    /** Over the inline threshold and over one chunk, so that crashes meet pointers, chunks and streams too. */
    private static final int LARGE_BYTES = 150_000;

    private final NamespaceId namespace;
    private final List<Writer> writers = new ArrayList<>();
    private final AtomicLong acknowledged = new AtomicLong();

    CrashLoad(NamespaceId namespace, long seed) {
        this.namespace = namespace;
        for (int i = 0; i < WRITERS; i++) {
            writers.add(new Writer(i, seed));
        }
    }

    /** Returns how many writes have been acknowledged so far. */
    long acknowledged() {
        return acknowledged.get();
    }

    /** Starts the writers; each stops at its first failure. */
    Run start(KvStore store) {
        return new Run(store);
    }

    /** The writers at work. */
    final class Run {
        private final List<Thread> threads = new ArrayList<>();
        private volatile boolean stopped;

        private Run(KvStore store) {
            for (Writer writer : writers) {
                Thread thread = new Thread(() -> writer.run(store, () -> stopped), "crash-writer-" + writer.number);
                thread.start();
                threads.add(thread);
            }
        }

        /** Ends the writers after the write that each is about. */
        void stop() throws InterruptedException {
            stopped = true;
            for (Thread thread : threads) {
                thread.join(TimeUnit.SECONDS.toMillis(60));
                assertThat(thread.isAlive())
                        .as("writer %s ends", thread.getName())
                        .isFalse();
            }
        }
    }

    /** Compares the store with the book, and the change feed with the store. */
    void verify(KvStore store) throws Exception {
        Map<Key, Long> versions = new HashMap<>();
        for (Writer writer : writers) {
            writer.verify(store, versions);
        }
        verifyFeed(store, versions);
    }

    private void verifyFeed(KvStore store, Map<Key, Long> versions) throws Exception {
        Set<Key> booked = new HashSet<>();
        writers.forEach(writer -> writer.books.forEach(book -> booked.addAll(book.keys)));
        Map<Key, FeedEvent.Change> last = new HashMap<>();
        CountDownLatch caughtUp = new CountDownLatch(1);
        AtomicReference<@Nullable String> problem = new AtomicReference<>();
        AtomicReference<Flow.@Nullable Subscription> subscription = new AtomicReference<>();
        store.watch(FeedRequest.of(null, new FeedRequest.Start.Oldest())).subscribe(new Flow.Subscriber<FeedEvent>() {
            private long previous;

            @Override
            public void onSubscribe(Flow.Subscription given) {
                subscription.set(given);
                given.request(Long.MAX_VALUE);
            }

            @Override
            public void onNext(FeedEvent event) {
                if (event instanceof FeedEvent.Change change) {
                    if (previous != 0 && change.version() != previous + 1) {
                        problem.compareAndSet(null, "version " + change.version() + " follows " + previous);
                    }
                    previous = change.version();
                    Key key = change.key();
                    if (key != null && change.namespace().equals(namespace) && booked.contains(key)) {
                        last.put(key, change);
                    }
                } else {
                    if (event instanceof FeedEvent.TooOld) {
                        problem.compareAndSet(null, "the feed does not reach back to its oldest change");
                    }
                    caughtUp.countDown();
                }
            }

            @Override
            public void onError(Throwable failure) {
                problem.compareAndSet(null, "the feed failed: " + failure);
                caughtUp.countDown();
            }

            @Override
            public void onComplete() {
                caughtUp.countDown();
            }
        });
        assertThat(caughtUp.await(60, TimeUnit.SECONDS))
                .as("the feed catches up")
                .isTrue();
        Flow.Subscription given = subscription.get();
        if (given != null) {
            given.cancel();
        }
        assertThat(problem.get()).as("feed without gap or duplicate").isNull();
        for (Map.Entry<Key, FeedEvent.Change> entry : last.entrySet()) {
            boolean present = versions.containsKey(entry.getKey());
            assertThat(entry.getValue().kind() == FeedEvent.Kind.PUT)
                    .as("last change of %s", entry.getKey())
                    .isEqualTo(present);
            if (present) {
                assertThat(entry.getValue().version()).isEqualTo(versions.get(entry.getKey()));
            }
        }
        assertThat(last.keySet()).containsAll(versions.keySet());
    }

    /** What a key holds: the number of the write that made it, or {@link #ABSENT}. */
    private static final long ABSENT = 0;

    /** The book of one key, or of the keys of one batch, which always change together. */
    private static final class Book {
        private final List<Key> keys;
        private final boolean large;
        private long acked = ABSENT;
        private long pending = ABSENT;
        private boolean underWay;

        private Book(List<Key> keys, boolean large) {
            this.keys = keys;
            this.large = large;
        }
    }

    private final class Writer {
        private final int number;
        private final Random random;
        private final List<Book> books = new ArrayList<>();
        private long counter;

        private Writer(int number, long seed) {
            this.number = number;
            this.random = new Random(seed * 31 + number);
            for (int i = 0; i < KEYS_PER_WRITER; i++) {
                books.add(new Book(List.of(Key.of("single/" + number + "/" + i)), false));
            }
            for (int i = 0; i < 4; i++) {
                List<Key> keys = new ArrayList<>();
                for (int k = 0; k < BATCH_KEYS; k++) {
                    keys.add(Key.of("batch/" + number + "/" + i + "/" + k));
                }
                books.add(new Book(keys, false));
            }
            books.add(new Book(List.of(Key.of("large/" + number)), true));
        }

        private void run(KvStore store, java.util.function.BooleanSupplier stopped) {
            while (!stopped.getAsBoolean()) {
                Book book = books.get(random.nextInt(books.size()));
                long next = random.nextInt(5) == 0 ? ABSENT : ++counter;
                book.pending = next;
                book.underWay = true;
                try {
                    write(store, book, next);
                    book.acked = next;
                    book.underWay = false;
                    acknowledged.incrementAndGet();
                } catch (KvException e) {
                    if (e.code().applied() == ErrorCode.Applied.NO) {
                        book.underWay = false;
                    }
                    return;
                }
            }
        }

        private void write(KvStore store, Book book, long next) {
            WriteOptions options = WriteOptions.DEFAULT.withTimeout(Duration.ofSeconds(20));
            if (book.keys.size() == 1) {
                WriteResult result = await(store.write(namespace, mutation(book.keys.get(0), book, next), options));
                result.orThrow();
            } else {
                List<Mutation> mutations = new ArrayList<>();
                for (Key key : book.keys) {
                    mutations.add(mutation(key, book, next));
                }
                BatchResult result = await(store.batch(namespace, mutations, options));
                result.orThrow();
            }
        }

        private Mutation mutation(Key key, Book book, long next) {
            return next == ABSENT ? Mutation.delete(key) : Mutation.put(key, valueOf(key, book, next));
        }

        private void verify(KvStore store, Map<Key, Long> versions) {
            for (Book book : books) {
                long seen = -1;
                for (Key key : book.keys) {
                    GetResult result = await(store.get(namespace, key, ReadOptions.STRONG));
                    long held = result.match(found -> numberOf(key, book, found), () -> ABSENT);
                    result.match(found -> versions.put(key, found.version()), () -> null);
                    assertThat(seen == -1 || seen == held)
                            .as("batch is whole: %s holds %s, the keys before it %s", key, held, seen)
                            .isTrue();
                    seen = held;
                }
                assertThat(seen == book.acked || (book.underWay && seen == book.pending))
                        .as(
                                "%s holds write %s; acknowledged: %s, under way: %s",
                                book.keys.get(0), seen, book.acked, book.underWay ? book.pending : "none")
                        .isTrue();
                book.acked = seen;
                book.underWay = false;
            }
        }
    }

    private static Value valueOf(Key key, Book book, long number) {
        String head = key + "#" + number + "#";
        return book.large ? Value.of(head + "x".repeat(LARGE_BYTES)) : Value.of(head);
    }

    private static long numberOf(Key key, Book book, GetResult.Found found) {
        String[] parts = found.value().asString().split("#", 3);
        long number = Long.parseLong(parts[1]);
        assertThat(found.value()).as("value of %s", key).isEqualTo(valueOf(key, book, number));
        return number;
    }

    static <T> T await(CompletableFuture<T> future) {
        try {
            return future.get(30, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            throw KvException.from(e);
        } catch (TimeoutException e) {
            throw new AssertionError("no answer within 30 s, although the call had a timeout of 20 s", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }
}
