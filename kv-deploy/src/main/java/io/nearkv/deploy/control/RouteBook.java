package io.nearkv.deploy.control;

import static java.nio.file.StandardCopyOption.ATOMIC_MOVE;
import static java.nio.file.StandardCopyOption.REPLACE_EXISTING;
import static java.util.Objects.requireNonNull;

import io.nearkv.core.Value;
import io.nearkv.deploy.document.Documents;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.model.Ledger;
import io.nearkv.deploy.model.Route;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Signs routes and puts them in force, one after the other. What is in the store is decided: it is synced before anybody hears of it, and whoever starts after a crash goes on
 * from there. The audit and the bundle beside it come after the store, and are made good at the next start.
 */
final class RouteBook {
    private static final Logger log = LoggerFactory.getLogger(RouteBook.class);

    private final ControlPlaneOptions options;
    private final ControlState state;
    private final ControlDocuments documents;
    private final ControlAudit audit;
    private final Path bundle;

    RouteBook(ControlPlaneOptions options, ControlState state, ControlDocuments documents, ControlAudit audit) {
        this.options = options;
        this.state = state;
        this.documents = documents;
        this.audit = audit;
        this.bundle = bundleFile(options.folder);
    }

    static Path bundleFile(Path folder) {
        return folder.resolve("route.bundle");
    }

    /** Why a route is published. */
    record Cause(String event, String actor, boolean isChange, boolean unfreezes) {
        static Cause change(String event, String actor) {
            return new Cause(event, actor, true, false);
        }

        /** Of a route that changes nothing that anybody has asked for. */
        static Cause upkeep(String event) {
            return new Cause(event, ControlAudit.SELF, false, false);
        }
    }

    Snapshot snapshot() {
        return Snapshot.of(state, options);
    }

    RoutePlanner.Ground ground(Snapshot now, BuildRegistry builds) {
        return new RoutePlanner.Ground(
                now.route(), now.lineage(), now.ledger(), build -> !builds.isRetired(build), nowSeconds());
    }

    long nowSeconds() {
        return Math.floorDiv(options.clock.millis(), 1000L);
    }

    /** Signs a forward route and puts it in place of the one in the snapshot. */
    Snapshot publish(Snapshot from, Route forward, Cause cause) throws RefusedException {
        return publish(from, from.lineage(), forward, cause);
    }

    /** As {@link #publish(Snapshot, Route, Cause)}, where routes came between that this store does not have. */
    Snapshot publish(Snapshot from, Lineage lineage, Route forward, Cause cause) throws RefusedException {
        SignedDocument signed = documents.sign(forward);
        int bytes = signed.toArray().length;
        if (bytes > ControlLimits.MAX_ROUTE_BYTES) {
            throw new RefusedException(
                    Finding.of(
                            Check.PLAN_INVALID,
                            "the route would have " + bytes + " bytes (expected: at most "
                                    + ControlLimits.MAX_ROUTE_BYTES + ")",
                            "name fewer nodes, or give the builds fewer endpoints"),
                    from.unchanged());
        }
        return put(from, signed, lineage, cause);
    }

    /** Takes a route over that nodes follow and this store has lost. */
    Snapshot adopt(Snapshot from, SignedDocument route, Cause cause) throws RefusedException {
        return put(from, route, Lineage.ancestorsOf(route.route()), cause);
    }

    private Snapshot put(Snapshot from, SignedDocument signed, Lineage before, Cause cause) throws RefusedException {
        Route route = signed.route();
        ControlState.Current next = new ControlState.Current(
                Value.wrap(signed.toArray()),
                from.generation() + (cause.isChange() ? 1 : 0),
                from.lastLedgerNumber(),
                0);
        Lineage lineage = before.plus(new Lineage.Step(route.epoch(), route.seq(), signed.hash()));
        if (!state.replace(from.current(), next, lineage, cause.unfreezes())) {
            throw new RefusedException(
                    Finding.of(
                            Check.BUSY,
                            "somebody else has published a route meanwhile",
                            "look at it (nearkv route show), then try again"),
                    snapshot().unchanged());
        }
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("actor", cause.actor());
        facts.put("epoch", route.epoch());
        facts.put("seq", route.seq());
        facts.put("before", from.hash());
        facts.put("after", signed.hash());
        facts.put("rollout", route.rolloutId());
        facts.put("entries", route.summary());
        facts.put(
                "way_back",
                route.knownGood().isEmpty() ? "" : route.knownGood().get(0).id());
        facts.put("reason", route.reason());
        audit.append(cause.event(), facts);
        Snapshot now = snapshot();
        writeBundle(now);
        return now;
    }

    /** Signs a ledger with one build more. */
    Snapshot extend(Snapshot from, Ledger ledger, String actor) throws RefusedException {
        SignedDocument signed = documents.sign(ledger);
        if (!state.replaceLedger(from.storedLedger(), Value.wrap(signed.toArray()))) {
            throw new RefusedException(
                    Finding.of(
                            Check.BUSY,
                            "somebody else has added to the ledger meanwhile",
                            "look at it (nearkv ledger show), then try again"),
                    from.unchanged());
        }
        var last = requireNonNull(ledger.last(), "last");
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("actor", actor);
        facts.put("number", last.number());
        facts.put("build", last.build().id());
        facts.put("version", last.build().version());
        facts.put("entry", last.hash());
        facts.put("reason", last.why());
        audit.append("known_good_added", facts);
        return snapshot();
    }

    /** Puts what the nodes take into a file, for whoever has to go back while this control plane is dead. */
    void writeBundle(Snapshot now) {
        if (now.current() == null) {
            return;
        }
        try {
            Path fresh = bundle.resolveSibling(bundle.getFileName() + ".new");
            Files.write(fresh, Documents.bundle(now.documents(documents.trustDocument())));
            Files.move(fresh, bundle, ATOMIC_MOVE, REPLACE_EXISTING);
        } catch (IOException e) {
            log.atWarn().addKeyValue("file", bundle).setCause(e).log("the bundle for a rollback could not be written");
        }
    }

    byte[] trustDocument() {
        return documents.trustDocument();
    }
}
