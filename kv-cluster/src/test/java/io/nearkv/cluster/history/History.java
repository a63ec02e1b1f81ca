package io.nearkv.cluster.history;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Everything that a {@link Recorder} has seen. Immutable.
 *
 * @param operations every operation on one key; the parts of batches and bulk reads are here too, each as an operation of its own
 * @param batches the atomic batches
 * @param bulkReads the reads of several keys at once
 * @param listings the listings
 * @param feeds what each subscriber of the change feed saw
 */
public record History(
        List<Operation> operations,
        List<Batch> batches,
        List<BulkRead> bulkReads,
        List<Listing> listings,
        List<Feed> feeds) {
    /** Makes the lists read-only. */
    public History {
        operations = List.copyOf(operations);
        batches = List.copyOf(batches);
        bulkReads = List.copyOf(bulkReads);
        listings = List.copyOf(listings);
        feeds = List.copyOf(feeds);
    }

    /**
     * One put of an atomic batch.
     *
     * @param key the key, once in a batch
     * @param value the value, which no other put of this key writes
     */
    public record KeyValue(String key, String value) {
        /** Checks that nothing is missing. */
        public KeyValue {
            requireNonNull(key, "key");
            requireNonNull(value, "value");
        }
    }

    /**
     * An atomic batch of puts.
     *
     * @param client who asked
     * @param puts in the order of the batch
     * @param response {@link Operation.Applied} holds the version of the first put, and those of the others follow without a gap
     * @param invokedNanos as in {@link Operation}
     * @param returnedNanos as in {@link Operation}
     */
    public record Batch(
            int client, List<KeyValue> puts, Operation.Response response, long invokedNanos, long returnedNanos) {
        /** Makes the list read-only. */
        public Batch {
            puts = List.copyOf(puts);
            requireNonNull(response, "response");
        }

        List<Operation> parts() {
            List<Operation> parts = new ArrayList<>();
            for (int i = 0; i < puts.size(); i++) {
                KeyValue put = puts.get(i);
                Operation.Response part = response;
                if (response instanceof Operation.Applied applied && applied.version() != Operation.NOT_TOLD) {
                    part = new Operation.Applied(applied.version() + i);
                } else if (response instanceof Operation.ConditionFailed) {
                    // Which of the conditions failed does not matter to the keys: none of them was written.
                    part = new Operation.Refused("the batch failed");
                }
                parts.add(new Operation(
                        client, put.key(), Operation.put(put.value()), part, invokedNanos, returnedNanos));
            }
            return parts;
        }
    }

    /**
     * A read of several keys at once.
     *
     * @param client who asked
     * @param keys what was asked
     * @param responses one per key, in the order asked; empty if no answer came
     * @param invokedNanos as in {@link Operation}
     * @param returnedNanos as in {@link Operation}
     */
    public record BulkRead(
            int client, List<String> keys, List<Operation.Response> responses, long invokedNanos, long returnedNanos) {
        /** Makes the lists read-only, and checks that the answers are as many as the questions. */
        public BulkRead {
            keys = List.copyOf(keys);
            responses = List.copyOf(responses);
            if (!responses.isEmpty() && responses.size() != keys.size()) {
                throw new IllegalArgumentException(
                        "responses: " + responses.size() + " (expected: " + keys.size() + " as the keys, or none)");
            }
        }

        List<Operation> parts() {
            List<Operation> parts = new ArrayList<>();
            for (int i = 0; i < responses.size(); i++) {
                parts.add(new Operation(
                        client, keys.get(i), new Operation.Get(), responses.get(i), invokedNanos, returnedNanos));
            }
            return parts;
        }
    }

    /**
     * A listing, of all its pages together. Listings that failed are not kept, because they say nothing.
     *
     * @param client who asked
     * @param prefix what the keys begin with
     * @param keys what was listed, in the order it came
     * @param complete whether the listing came to its end; if not, it says nothing of keys behind its last one
     * @param invokedNanos before the first page was asked for
     * @param returnedNanos after the last page had come
     */
    public record Listing(
            int client, String prefix, List<String> keys, boolean complete, long invokedNanos, long returnedNanos) {
        /** Makes the list read-only. */
        public Listing {
            requireNonNull(prefix, "prefix");
            keys = List.copyOf(keys);
        }
    }

    /** What a subscriber of the change feed was told. */
    public sealed interface FeedEvent {
        /** Returns the partition that this is about. */
        int partition();

        /** Returns the version up to which the subscriber has now come. */
        long version();
    }

    /**
     * A change.
     *
     * @param partition the partition
     * @param version the version of the change
     * @param key the key; empty for a change of no single key
     * @param kind what happened
     */
    public record Change(int partition, long version, String key, ChangeKind kind) implements FeedEvent {
        /** Checks that nothing is missing. */
        public Change {
            requireNonNull(key, "key");
            requireNonNull(kind, "kind");
        }
    }

    /**
     * The feed begins after a version, or says that there is nothing before it that the subscriber has not seen.
     *
     * @param partition the partition
     * @param version the version
     */
    public record CaughtUp(int partition, long version) implements FeedEvent {}

    /** What happened to a key. */
    public enum ChangeKind {
        /** It was written. */
        PUT,
        /** It was deleted. */
        DELETE,
        /** Something that no client asked for, such as its expiration. */
        OTHER
    }

    /**
     * What one subscriber saw.
     *
     * @param subscriber its name
     * @param events in the order they came; the first of each partition is a {@link CaughtUp} that says where the subscriber began
     * @param drained whether the subscriber went on until it had seen everything that was acknowledged
     */
    public record Feed(String subscriber, List<FeedEvent> events, boolean drained) {
        /** Makes the list read-only. */
        public Feed {
            requireNonNull(subscriber, "subscriber");
            events = List.copyOf(events);
        }
    }

    /** Returns a history of nothing but these operations. */
    public static History of(List<Operation> operations) {
        return new History(operations, List.of(), List.of(), List.of(), List.of());
    }

    /** Returns the operations by key, in the order of the list. */
    Map<String, List<Operation>> byKey() {
        Map<String, List<Operation>> byKey = new LinkedHashMap<>();
        for (Operation operation : operations) {
            byKey.computeIfAbsent(operation.key(), k -> new ArrayList<>()).add(operation);
        }
        return byKey;
    }

    /** Returns the time that explanations count from: when the first of all calls began. */
    long originNanos() {
        long origin = Long.MAX_VALUE;
        for (Operation operation : operations) {
            origin = Math.min(origin, operation.invokedNanos());
        }
        for (Listing listing : listings) {
            origin = Math.min(origin, listing.invokedNanos());
        }
        return origin == Long.MAX_VALUE ? 0 : origin;
    }

    /** Returns one line that says when, who, what and with which result. */
    static String line(Operation operation, long originNanos) {
        return window(operation.invokedNanos(), operation.returnedNanos(), originNanos) + " client "
                + operation.client() + ": " + operation.request() + " -> " + operation.response();
    }

    /** Returns a time span in milliseconds. */
    static String window(long invokedNanos, long returnedNanos, long originNanos) {
        String end = returnedNanos == Operation.NEVER ? "     ..." : millis(returnedNanos - originNanos);
        return "[" + millis(invokedNanos - originNanos) + " .. " + end + " ms]";
    }

    private static String millis(long nanos) {
        return String.format(Locale.ROOT, "%8.3f", nanos / 1e6);
    }
}
