package io.nearkv.deploy.control;

import io.nearkv.core.Value;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.model.Ledger;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteEntry;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What the store of a control plane says at one time. Immutable.
 *
 * @param current the route in force, as stored; null if there is none
 * @param document it, taken apart
 * @param lineage the routes up to and with it
 * @param storedLedger the ledger, as stored; null if there is none
 * @param ledger it, taken apart
 * @param frozen why nothing is changed, or null
 */
record Snapshot(
        ControlState.@Nullable Current current,
        @Nullable SignedDocument document,
        Lineage lineage,
        ControlState.@Nullable StoredLedger storedLedger,
        Ledger ledger,
        ControlState.@Nullable Frozen frozen) {
    static Snapshot of(ControlState state, ControlPlaneOptions options) {
        Lineage lineage = state.lineage();
        ControlState.Current current = state.current();
        SignedDocument document = read(current);
        // The two are written at once, and read one after the other.
        while (document != null && !lineage.steps().get(0).hash().equals(document.hash())) {
            lineage = state.lineage();
            current = state.current();
            document = read(current);
        }
        ControlState.StoredLedger ledger = state.ledger();
        return new Snapshot(
                current,
                document,
                lineage,
                ledger,
                ledger == null
                        ? Ledger.empty(options.service)
                        : ControlDocuments.parse(ledger.document(), "the ledger")
                                .ledger(),
                state.frozen());
    }

    private static @Nullable SignedDocument read(ControlState.@Nullable Current current) {
        return current == null ? null : ControlDocuments.parse(current.document(), "the route in force");
    }

    @Nullable
    Route route() {
        return document == null ? null : document.route();
    }

    String hash() {
        return document == null ? "" : document.hash();
    }

    long generation() {
        return current == null ? 0 : current.generation();
    }

    long lastLedgerNumber() {
        return ledger.last() == null ? 0 : ledger.last().number();
    }

    /** Returns what a node takes to follow: the trust is the caller's. */
    List<byte[]> documents(byte[] trust) {
        List<byte[]> all = new ArrayList<>();
        all.add(trust);
        if (storedLedger != null) {
            all.add(storedLedger.document().toByteArray());
        }
        if (current != null) {
            Value value = current.document();
            all.add(value.toByteArray());
        }
        return all;
    }

    /** Returns the instances of all builds that the route names. */
    Collection<String> instances() {
        LinkedHashSet<String> all = new LinkedHashSet<>();
        Route route = route();
        if (route != null) {
            route.entries().forEach(entry -> all.addAll(entry.endpoints()));
            route.knownGood().forEach(entry -> all.addAll(entry.endpoints()));
        }
        return all;
    }

    int weightOf(String build) {
        Route route = route();
        return route == null
                ? 0
                : route.entries().stream()
                        .filter(entry -> entry.id().equals(build))
                        .mapToInt(RouteEntry::weight)
                        .sum();
    }

    long ledgerNumberOf(String build) {
        return ledger.entries().stream()
                .filter(entry -> entry.build().id().equals(build))
                .mapToLong(entry -> entry.number())
                .max()
                .orElse(0);
    }

    /** Returns what goes on being in force when something is refused. */
    String unchanged() {
        Route route = route();
        return "nothing changed; " + (route == null ? "no route is in force" : "active route " + describe(route));
    }

    static String describe(Route route) {
        return "epoch " + route.epoch() + " seq " + route.seq() + " (" + shares(route) + ")";
    }

    static String shares(Route route) {
        return route.entries().stream()
                .map(entry -> entry.id() + " " + percent(entry.weight()))
                .collect(Collectors.joining(", "));
    }

    static String percent(int weight) {
        return weight % 100 == 0 ? weight / 100 + " %" : String.format(Locale.ROOT, "%.2f %%", weight / 100.0);
    }
}
