package io.nearkv.core.transfer;

import io.nearkv.core.Backoff;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.Mutation;
import io.nearkv.core.WriteResult;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;

/**
 * Writes on their way: gathered into requests of a moderate size, several of which are under way at a time, and never two for one key, so that the later of two writes wins.
 * Requests that a store refuses because it is busy are sent again for a while. Confined to one thread.
 */
final class InFlight {
    private static final int OPERATIONS_PER_REQUEST = 256;
    private static final long BYTES_PER_REQUEST = 1024 * 1024;
    private static final int REQUESTS = 8;
    /** How long a store may be busy or away before the transfer gives up. */
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    /** Learns what became of each write. */
    interface Outcome {
        /** The write was answered. {@code tag} is what it was added with. */
        void answered(Mutation mutation, long tag, WriteResult result);

        /** The write was refused for good. May throw, which ends the transfer. */
        void refused(Mutation mutation, long tag, KvException reason);
    }

    private record Item(Mutation mutation, long tag) {}

    private record Request(List<Item> items, CompletableFuture<List<WriteResult>> answer) {
        List<Mutation> mutations() {
            return items.stream().map(Item::mutation).toList();
        }
    }

    private final KvNamespace namespace;
    private final Outcome outcome;
    private final Deque<Request> underWay = new ArrayDeque<>();
    private final Set<Key> keys = new HashSet<>();
    private List<Item> gathered = new ArrayList<>();
    private long gatheredBytes;

    InFlight(KvNamespace namespace, Outcome outcome) {
        this.namespace = namespace;
        this.outcome = outcome;
    }

    /** Adds a write; waits while there are too many. */
    void add(Mutation mutation, long tag) {
        settle(mutation.key());
        boolean unused = keys.add(mutation.key());
        gathered.add(new Item(mutation, tag));
        gatheredBytes += mutation.sizeBytes();
        if (gathered.size() >= OPERATIONS_PER_REQUEST || gatheredBytes >= BYTES_PER_REQUEST) {
            send();
        }
    }

    /** Waits until no write of this key is on its way. */
    void settle(Key key) {
        if (keys.contains(key)) {
            drain();
        }
    }

    /** Waits for all answers. */
    void drain() {
        send();
        while (!underWay.isEmpty()) {
            takeAnswer();
        }
        keys.clear();
    }

    private void send() {
        if (gathered.isEmpty()) {
            return;
        }
        if (underWay.size() == REQUESTS) {
            takeAnswer();
        }
        List<Item> items = gathered;
        gathered = new ArrayList<>();
        gatheredBytes = 0;
        List<Mutation> mutations = items.stream().map(Item::mutation).toList();
        underWay.add(new Request(items, namespace.async().writeAll(mutations)));
    }

    private void takeAnswer() {
        Request request = underWay.remove();
        List<WriteResult> results;
        try {
            results = patiently(namespace, new FirstThen(request, namespace));
        } catch (KvException e) {
            if (e.code().retry() != ErrorCode.Retry.NEVER) {
                throw e;
            }
            oneByOne(request.items());
            return;
        }
        for (int i = 0; i < results.size(); i++) {
            Item item = request.items().get(i);
            keys.remove(item.mutation().key());
            outcome.answered(item.mutation(), item.tag(), results.get(i));
        }
    }

    /** Finds out which writes of a refused request are to blame, and makes the others. */
    private void oneByOne(List<Item> items) {
        for (Item item : items) {
            keys.remove(item.mutation().key());
            try {
                List<WriteResult> results =
                        patiently(namespace, () -> namespace.async().writeAll(List.of(item.mutation())));
                outcome.answered(item.mutation(), item.tag(), results.get(0));
            } catch (KvException e) {
                if (e.code().retry() != ErrorCode.Retry.NEVER) {
                    throw e;
                }
                outcome.refused(item.mutation(), item.tag(), e);
            }
        }
    }

    /** Gives the answer of a request that was sent, and sends it again when asked again. */
    private static final class FirstThen implements Supplier<CompletableFuture<List<WriteResult>>> {
        private final Request request;
        private final KvNamespace namespace;
        private boolean first = true;

        FirstThen(Request request, KvNamespace namespace) {
            this.request = request;
            this.namespace = namespace;
        }

        @Override
        public CompletableFuture<List<WriteResult>> get() {
            if (first) {
                first = false;
                return request.answer();
            }
            return namespace.async().writeAll(request.mutations());
        }
    }

    /**
     * Waits for the answer of a call that may be made more than once; makes it again, with growing pauses, when the store is busy or its answer was lost.
     *
     * @throws KvException what the call failed with, if it may not be made again or the store has been away for too long
     */
    static <T> T patiently(KvNamespace namespace, Supplier<CompletableFuture<T>> call) {
        long begin = System.nanoTime();
        for (int failures = 1; ; failures++) {
            KvException failure;
            CompletableFuture<T> future = call.get();
            try {
                Duration timeout = namespace.async().writeOptions().timeout();
                return future.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
            } catch (ExecutionException e) {
                failure = KvException.from(e);
            } catch (TimeoutException e) {
                boolean unused = future.cancel(false);
                failure = new KvException(ErrorCode.DEADLINE_EXCEEDED, "no answer in time");
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new KvException(ErrorCode.DEADLINE_EXCEEDED, "interrupted while waiting for the answer");
            }
            ErrorCode.Retry retry = failure.code().retry();
            boolean again = retry == ErrorCode.Retry.AFTER_DELAY || retry == ErrorCode.Retry.IF_IDEMPOTENT;
            if (!again || System.nanoTime() - begin > PATIENCE.toNanos()) {
                throw failure;
            }
            pause(failures, failure);
        }
    }

    private static void pause(int failures, KvException failure) {
        Duration delay = Backoff.DEFAULT.delay(failures, ThreadLocalRandom.current());
        Duration asked = failure.retryAfter();
        if (asked != null && asked.compareTo(delay) > 0 && asked.compareTo(PATIENCE) < 0) {
            delay = asked;
        }
        try {
            TimeUnit.NANOSECONDS.sleep(delay.toNanos());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new KvException(ErrorCode.DEADLINE_EXCEEDED, "interrupted while waiting to try again", failure);
        }
    }
}
