package io.nearkv.edge;

import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Everything that ever was in the store, and when: the reference that says whether an answer was true, and until when. */
final class EdgeHistory {
    /** In place of a time or a version: until now. */
    static final long STILL = Long.MAX_VALUE;

    /**
     * A time during which an answer was the right one.
     *
     * @param untilNanos when it ended, by the ticker
     * @param untilVersion the change that made another answer right, also where it has ended by expiring before
     */
    record Span(long fromVersion, long fromNanos, long untilNanos, long untilVersion) {}

    private record Change(long version, @Nullable String value, long nanos, long expiresNanos) {}

    private final Map<Key, List<Change>> changes = new HashMap<>();

    void put(Key key, long version, String value, long nanos, long expiresNanos) {
        of(key).add(new Change(version, value, nanos, expiresNanos));
    }

    void delete(Key key, long version, long nanos) {
        of(key).add(new Change(version, null, nanos, STILL));
    }

    private List<Change> of(Key key) {
        return changes.computeIfAbsent(key, k -> new ArrayList<>(List.of(new Change(0, null, Long.MIN_VALUE, STILL))));
    }

    long lastVersion(Key key) {
        List<Change> all = of(key);
        return all.get(all.size() - 1).version();
    }

    /** Returns when an answer was right, latest last; nothing if it never was. */
    List<Span> spans(Key key, GetResult answer) {
        List<Span> spans = new ArrayList<>();
        List<Change> all = of(key);
        for (int i = 0; i < all.size(); i++) {
            Change change = all.get(i);
            boolean last = i == all.size() - 1;
            long end = last ? STILL : all.get(i + 1).nanos();
            long next = last ? STILL : all.get(i + 1).version();
            if (answer instanceof GetResult.Found found) {
                if (change.version() == found.version()
                        && found.value().asString().equals(change.value())) {
                    spans.add(new Span(change.version(), change.nanos(), Math.min(end, change.expiresNanos()), next));
                }
            } else if (change.value() == null) {
                spans.add(new Span(change.version(), change.nanos(), end, next));
            } else if (change.expiresNanos() < end) {
                spans.add(new Span(change.version(), change.expiresNanos(), end, next));
            }
        }
        return spans;
    }

    @Override
    public String toString() {
        return changes.toString();
    }
}
