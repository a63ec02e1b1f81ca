package io.nearkv.server.incident.measure;

import io.nearkv.server.incident.model.ReplayClock;
import io.nearkv.server.incident.model.UserClass;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLongArray;

/** Counts what users ask for and get, from the start of the clock on; what comes before it is warm-up. Thread-safe. */
public final class Recorder {
    private final ReplayClock clock;
    private final Map<UserClass, Tally> tallies = new LinkedHashMap<>();
    private final Map<String, Map<String, AtomicLongArray>> series = new LinkedHashMap<>();

    /** Creates an empty one. */
    public Recorder(ReplayClock clock) {
        this.clock = clock;
    }

    /** Returns the clock. */
    public ReplayClock clock() {
        return clock;
    }

    /** Returns where requests of a class of users are counted. */
    public Tally tally(UserClass who) {
        synchronized (tallies) {
            return tallies.computeIfAbsent(who, each -> new Tally(each, clock));
        }
    }

    /** Returns the classes of a product in the order in which they were first asked for. */
    public List<ClassResult> classes(String product) {
        List<Tally> found = new ArrayList<>();
        synchronized (tallies) {
            tallies.forEach((who, tally) -> {
                if (who.product().equals(product)) {
                    found.add(tally);
                }
            });
        }
        return found.stream().map(Tally::result).toList();
    }

    /** Returns the last failure of anybody, in nanoseconds since the start; negative if there was none. */
    public long lastFailureNanos() {
        synchronized (tallies) {
            return tallies.values().stream()
                    .mapToLong(Tally::lastFailureNanos)
                    .max()
                    .orElse(-1);
        }
    }

    /** Adds to something that a product counts beside requests, such as the users in a queue, in this minute. */
    public void add(String product, String name, long amount) {
        long nanos = clock.nanos();
        int minute = (int) Math.floor(clock.timeline().minuteOf(nanos));
        if (nanos >= 0 && minute < clock.timeline().minutes()) {
            AtomicLongArray counts;
            synchronized (series) {
                counts = series.computeIfAbsent(product, each -> new LinkedHashMap<>())
                        .computeIfAbsent(
                                name,
                                each -> new AtomicLongArray(clock.timeline().minutes()));
            }
            counts.addAndGet(minute, amount);
        }
    }

    /** Returns what a product has counted beside requests: minute by minute, by name. */
    public Map<String, List<Long>> series(String product) {
        Map<String, List<Long>> found = new LinkedHashMap<>();
        synchronized (series) {
            series.getOrDefault(product, Map.of()).forEach((name, counts) -> {
                List<Long> values = new ArrayList<>(counts.length());
                for (int i = 0; i < counts.length(); i++) {
                    values.add(counts.get(i));
                }
                found.put(name, List.copyOf(values));
            });
        }
        return found;
    }
}
