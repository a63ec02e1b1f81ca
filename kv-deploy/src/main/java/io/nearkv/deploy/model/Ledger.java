package io.nearkv.deploy.model;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The builds of a service that have proved good, each chained to the one before it. Immutable.
 *
 * @param service whose builds they are
 * @param entries the newest last, with consecutive numbers; at most 64, older ones are left out
 */
public record Ledger(ServiceId service, List<LedgerEntry> entries) {
    /** Checks the chain, with {@link IllegalArgumentException}. */
    public Ledger {
        requireNonNull(service, "service");
        entries = List.copyOf(entries);
        ModelLimits.range("ledger entries", entries.size(), 0, ModelLimits.MAX_LEDGER_ENTRIES);
        for (int i = 0; i < entries.size(); i++) {
            LedgerEntry entry = entries.get(i);
            if (!entry.build().build().service().equals(service)) {
                throw new IllegalArgumentException("entry " + entry.number() + ": a build of another service");
            }
            if (i > 0
                    && (entry.number() != entries.get(i - 1).number() + 1
                            || !entry.previous().equals(entries.get(i - 1).hash()))) {
                throw new IllegalArgumentException("entry " + entry.number() + ": does not follow the one before it");
            }
        }
    }

    /** Returns a ledger without entries. */
    public static Ledger empty(ServiceId service) {
        return new Ledger(service, List.of());
    }

    /**
     * Returns this ledger with one build more.
     *
     * @param now seconds since 1970
     * @param why for people
     */
    public Ledger plus(RouteEntry build, long now, String why) {
        LedgerEntry last = last();
        long number = last == null ? 1 : last.number() + 1;
        RouteEntry numbered = new RouteEntry(build.build(), 0, build.endpoints(), build.version(), number);
        List<LedgerEntry> more = new ArrayList<>(entries);
        more.add(new LedgerEntry(number, numbered, now, last == null ? "" : last.hash(), why));
        return new Ledger(
                service, more.subList(Math.max(0, more.size() - ModelLimits.MAX_LEDGER_ENTRIES), more.size()));
    }

    /** Returns the newest entry, or null if there is none. */
    public @Nullable LedgerEntry last() {
        return entries.isEmpty() ? null : entries.get(entries.size() - 1);
    }

    /** Returns the entry with this number, or null if it is not here (any more). */
    public @Nullable LedgerEntry find(long number) {
        for (LedgerEntry entry : entries) {
            if (entry.number() == number) {
                return entry;
            }
        }
        return null;
    }

    /** Returns whether a build is in here. */
    public boolean contains(BuildRef build) {
        return entries.stream().anyMatch(entry -> entry.build().build().equals(build));
    }

    /** Returns how many different builds are in here. */
    public int distinctBuilds() {
        return (int)
                entries.stream().map(entry -> entry.build().build()).distinct().count();
    }

    /**
     * Returns whether this ledger goes on where an older one ends: all that both hold is the same, and nothing is taken away at the end. Where so much was added since that they
     * have nothing in common any more, there is nothing to compare.
     */
    public boolean extendsChain(Ledger older) {
        LedgerEntry end = older.last();
        if (!service.equals(older.service)) {
            return false;
        }
        if (end == null) {
            return true;
        }
        LedgerEntry last = last();
        if (last == null || last.number() < end.number()) {
            return false;
        }
        LedgerEntry same = find(end.number());
        if (same != null) {
            return same.equals(end);
        }
        LedgerEntry next = find(end.number() + 1);
        return next == null || next.previous().equals(end.hash());
    }
}
