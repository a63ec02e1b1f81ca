package io.nearkv.cluster.history;

import static java.util.Objects.requireNonNull;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Records what concurrent clients do: {@code begin} before the request leaves, {@link Call#end} when the answer is there. Every write of the keys that are checked must go through it, otherwise
 * a correct answer looks wrong. Thread-safe; a call costs two readings of the clock and one atomic increment.
 *
 * <p>A client that is not told what became of a call, because of a timeout or a lost connection, ends it with {@link Operation.Unknown}, and is a new client (or the same
 * one) afterwards: an unknown write may take effect during later calls.
 */
public final class Recorder {
    /** Clients that have looked at {@link #hasRoom} together may each still begin a call. */
    private static final int SPARE_CALLS = 4096;

    private final LongSupplier ticker;
    private final int maxCalls;
    private final AtomicReferenceArray<@Nullable Call<?>> calls;
    private final AtomicInteger begun = new AtomicInteger();
    private final List<Subscriber> subscribers = new CopyOnWriteArrayList<>();

    /** Records up to this many calls, by the clock of the machine. */
    public Recorder(int maxCalls) {
        this(maxCalls, System::nanoTime);
    }

    /** Records up to this many calls, by a ticker of nanoseconds that never goes back, whichever thread reads it. */
    public Recorder(int maxCalls, LongSupplier ticker) {
        this.maxCalls = maxCalls;
        this.ticker = requireNonNull(ticker, "ticker");
        calls = new AtomicReferenceArray<>(maxCalls + SPARE_CALLS);
    }

    private record OneKey(String key, Operation.Request request) {}

    private record ManyPuts(List<History.KeyValue> puts) {}

    private record ManyGets(List<String> keys) {}

    private record Prefix(String prefix) {}

    /**
     * What a listing brought.
     *
     * @param keys the keys of all pages, in the order they came
     * @param complete whether the listing came to its end
     */
    public record Listed(List<String> keys, boolean complete) {
        /** Makes the list read-only. */
        public Listed {
            keys = List.copyOf(keys);
        }
    }

    /**
     * A call that has begun. Thread-safe: whoever has the answer may end it.
     *
     * @param <R> what answers it
     */
    public static final class Call<R> {
        private final LongSupplier ticker;
        private final int client;
        private final Object request;
        private final long invokedNanos;

        @GuardedBy("this")
        private @Nullable R response;

        @GuardedBy("this")
        private long returnedNanos = Operation.NEVER;

        private Call(LongSupplier ticker, int client, Object request) {
            this.ticker = ticker;
            this.client = client;
            this.request = request;
            invokedNanos = ticker.getAsLong();
        }

        /**
         * Ends the call now, with this answer. The first answer counts: one that comes after the client has given up is ignored.
         *
         * @return whether this was the first answer
         */
        @CanIgnoreReturnValue
        public boolean end(R answer) {
            long now = ticker.getAsLong();
            requireNonNull(answer, "answer");
            synchronized (this) {
                if (response != null) {
                    return false;
                }
                response = answer;
                returnedNanos = now;
                return true;
            }
        }
    }

    /** Returns whether clients should go on. */
    public boolean hasRoom() {
        return begun.get() < maxCalls;
    }

    /** Begins an operation on one key. */
    public Call<Operation.Response> begin(int client, String key, Operation.Request request) {
        return begin(client, new OneKey(requireNonNull(key, "key"), requireNonNull(request, "request")));
    }

    /** Begins an atomic batch of puts of different keys. {@link Operation.Applied} takes the version of the first put. */
    public Call<Operation.Response> beginBatch(int client, List<History.KeyValue> puts) {
        return begin(client, new ManyPuts(List.copyOf(puts)));
    }

    /** Begins a read of several keys. It is answered with one response per key; a read that failed is never ended. */
    public Call<List<Operation.Response>> beginBulkRead(int client, List<String> keys) {
        return begin(client, new ManyGets(List.copyOf(keys)));
    }

    /** Begins a listing, of all its pages. A listing that failed is never ended. */
    public Call<Listed> beginListing(int client, String prefix) {
        return begin(client, new Prefix(requireNonNull(prefix, "prefix")));
    }

    private <R> Call<R> begin(int client, Object request) {
        int slot = begun.getAndIncrement();
        if (slot >= calls.length()) {
            // Before the request leaves: a write that is not recorded would make a correct history look wrong.
            begun.decrementAndGet();
            throw new IllegalStateException(
                    "maxCalls: all " + maxCalls + " are recorded (ask hasRoom() before a call)");
        }
        Call<R> call = new Call<>(ticker, client, request);
        calls.setRelease(slot, call);
        return call;
    }

    /**
     * Returns what a new subscriber of the change feed tells.
     *
     * @param name for the reader of an explanation
     */
    public Subscriber subscriber(String name) {
        Subscriber subscriber = new Subscriber(requireNonNull(name, "name"), maxCalls);
        subscribers.add(subscriber);
        return subscriber;
    }

    /** Takes down what one subscriber of the change feed is told, in this order. Thread-safe. */
    public static final class Subscriber {
        private final String name;
        private final int maxEvents;

        @GuardedBy("this")
        private final List<History.FeedEvent> events = new ArrayList<>();

        @GuardedBy("this")
        private boolean drained;

        private Subscriber(String name, int maxEvents) {
            this.name = name;
            this.maxEvents = maxEvents;
        }

        /** The feed says that there is nothing up to this version that has not come. Also said first, about where the feed begins. */
        public synchronized void caughtUp(int partition, long version) {
            add(new History.CaughtUp(partition, version));
        }

        /** A change has come. */
        public synchronized void change(History.Change change) {
            add(change);
        }

        /** Everything that was acknowledged before must have come. */
        public synchronized void drained() {
            drained = true;
        }

        @GuardedBy("this")
        private void add(History.FeedEvent event) {
            if (events.size() >= maxEvents) {
                throw new IllegalStateException("events of " + name + ": all " + maxEvents + " are recorded");
            }
            events.add(event);
        }

        synchronized History.Feed feed() {
            return new History.Feed(name, events, drained);
        }
    }

    /** Returns what has been recorded; calls that nobody has ended are unknown. */
    public History history() {
        List<Operation> operations = new ArrayList<>();
        List<History.Batch> batches = new ArrayList<>();
        List<History.BulkRead> bulkReads = new ArrayList<>();
        List<History.Listing> listings = new ArrayList<>();
        int count = Math.min(begun.get(), calls.length());
        for (int i = 0; i < count; i++) {
            Call<?> call = calls.getAcquire(i);
            if (call == null) {
                continue; // just being begun, so its request has not left
            }
            Object answer;
            long returned;
            synchronized (call) {
                answer = call.response;
                returned = call.returnedNanos;
            }
            int client = call.client;
            long invoked = call.invokedNanos;
            if (call.request instanceof OneKey one) {
                operations.add(new Operation(
                        client, one.key(), one.request(), response(answer), invoked, returned(answer, returned)));
            } else if (call.request instanceof ManyPuts many) {
                History.Batch batch =
                        new History.Batch(client, many.puts(), response(answer), invoked, returned(answer, returned));
                batches.add(batch);
                operations.addAll(batch.parts());
            } else if (call.request instanceof ManyGets many && answer instanceof List<?> answers) {
                List<Operation.Response> responses =
                        answers.stream().map(Operation.Response.class::cast).toList();
                History.BulkRead read = new History.BulkRead(client, many.keys(), responses, invoked, returned);
                bulkReads.add(read);
                operations.addAll(read.parts());
            } else if (call.request instanceof Prefix prefix && answer instanceof Listed listed) {
                listings.add(new History.Listing(
                        client, prefix.prefix(), listed.keys(), listed.complete(), invoked, returned));
            }
        }
        return new History(
                operations,
                batches,
                bulkReads,
                listings,
                subscribers.stream().map(Subscriber::feed).toList());
    }

    private static Operation.Response response(@Nullable Object answer) {
        return answer == null ? new Operation.Unknown("no answer") : (Operation.Response) answer;
    }

    /** When a client gave up says nothing about when its write was over. */
    private static long returned(@Nullable Object answer, long returnedNanos) {
        return answer instanceof Operation.Unknown ? Operation.NEVER : returnedNanos;
    }
}
