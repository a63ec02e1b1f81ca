package io.nearkv.deploy.store;

import static io.nearkv.deploy.model.ModelLimits.TOTAL_WEIGHT;

import io.nearkv.deploy.document.DocumentKind;
import io.nearkv.deploy.document.DocumentSignature;
import io.nearkv.deploy.document.DocumentVerifier;
import io.nearkv.deploy.document.Rejected;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.document.StoredDocuments;
import io.nearkv.deploy.document.StoredDocuments.Version;
import io.nearkv.deploy.model.BuildRef;
import io.nearkv.deploy.model.Ledger;
import io.nearkv.deploy.model.ModelLimits;
import io.nearkv.deploy.model.RejectReason;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteEntry;
import io.nearkv.deploy.model.RouteKind;
import io.nearkv.deploy.model.SafetyLayers;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.deploy.model.Trust;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The rules by which a document is taken: what is kept now and a document in, what is to be kept then out. It changes nothing and knows no disk. The order of the checks is part
 * of it: what is cheap first, nothing of the document believed before its signatures are verified, and what the process remembers (high-water, history) changes with a good document
 * alone. Thread-safe.
 */
final class Acceptance {
    /** A break-glass that was made ahead of this clock is taken up to here: it lives an hour at most, and a clock that is an hour slow must not refuse it. */
    private static final long MAX_AHEAD_SECONDS =
            ModelLimits.MAX_BREAK_GLASS.toSeconds() + DocumentVerifier.LEEWAY.toSeconds();

    private final DocumentVerifier verifier;
    private final InstantSource clock;
    private final SafetyLayers layers;

    Acceptance(DocumentVerifier verifier, InstantSource clock, SafetyLayers layers) {
        this.verifier = verifier;
        this.clock = clock;
        this.layers = layers;
    }

    /**
     * What is known of a document before it is judged.
     *
     * @param service what this process was started for; null where the trust alone says so
     * @param fromOperator whether it came over the operator's own disk: only then is a first trust believed
     * @param verified whether all its signatures were found good a moment ago, by the same trust
     */
    record Circumstances(@Nullable ServiceId service, boolean fromOperator, boolean verified) {}

    /** Returns what is to be kept once the document is in force; null if it is in force already. */
    @Nullable
    StoredDocuments judge(SignedDocument document, StoredDocuments now, Circumstances given) throws Rejected {
        ServiceId expected = now.trust() == null ? given.service() : now.trust().service();
        if (expected != null && !document.service().equals(expected)) {
            throw new Rejected(RejectReason.FOREIGN_SERVICE, "it is of " + document.service() + ", not of " + expected);
        }
        return switch (document.kind()) {
            case TRUST -> judgeTrust(document, now, given);
            case ROUTE -> judgeRoute(document, now, given);
            case LEDGER -> judgeLedger(document, now, given);
            case MANIFEST -> throw new Rejected(RejectReason.UNSUPPORTED, "a manifest is nothing that nodes keep");
        };
    }

    private @Nullable StoredDocuments judgeTrust(SignedDocument document, StoredDocuments now, Circumstances given)
            throws Rejected {
        SignedDocument present = now.trust();
        if (present == null && !given.fromOperator()) {
            throw new Rejected(
                    RejectReason.UNKNOWN_KEY, "nothing is trusted here yet; the first trust comes as a file, by hand");
        }
        if (!given.verified()) {
            verifier.verifyTrust(document, present == null ? null : present.trust());
        }
        if (present != null) {
            if (document.hash().equals(present.hash())) {
                return null;
            }
            if (document.trust().serial() <= present.trust().serial()) {
                throw new Rejected(
                        RejectReason.NOT_NEWER,
                        "its serial is " + document.trust().serial() + ", and that of the trust here "
                                + present.trust().serial());
            }
        }
        return new StoredDocuments(
                document,
                now.active(),
                now.previous(),
                now.ledger(),
                now.highWater(),
                now.history(),
                now.pulledRollouts());
    }

    private @Nullable StoredDocuments judgeLedger(SignedDocument document, StoredDocuments now, Circumstances given)
            throws Rejected {
        Trust trust = verified(document, now, given);
        SignedDocument present = now.ledger();
        if (present != null) {
            if (document.hash().equals(present.hash())) {
                return null;
            }
            Ledger before = present.ledger();
            // What a key has signed that is trusted no longer binds nobody.
            if (verifier.isTrusted(present, trust)) {
                if (numberOf(document.ledger()) <= numberOf(before)) {
                    throw new Rejected(
                            RejectReason.NOT_NEWER,
                            "it ends with entry " + numberOf(document.ledger()) + ", and the ledger here with "
                                    + numberOf(before));
                }
                if (!document.ledger().extendsChain(before)) {
                    throw new Rejected(
                            RejectReason.WRONG_PREDECESSOR,
                            "it does not go on where the ledger here ends, with entry " + numberOf(before));
                }
            }
        }
        return new StoredDocuments(
                now.trust(),
                now.active(),
                now.previous(),
                document,
                now.highWater(),
                now.history(),
                now.pulledRollouts());
    }

    private static long numberOf(Ledger ledger) {
        return ledger.last() == null ? 0 : ledger.last().number();
    }

    private @Nullable StoredDocuments judgeRoute(SignedDocument document, StoredDocuments now, Circumstances given)
            throws Rejected {
        Route route = document.route();
        SignedDocument active = now.active();
        // The way back that lies beside the route in force was verified with it, and must be good for as long as that
        // one is in force, whoever is trusted by now.
        boolean ownParachute = active != null
                && active.parachute() != null
                && document.bytes().equals(active.parachute().bytes());
        Trust trust = ownParachute && now.trust() != null ? now.trust().trust() : verified(document, now, given);
        if (active != null && document.hash().equals(active.hash())) {
            return null;
        }
        boolean activeCounts = active != null && verifier.isTrusted(active, trust);
        checkVersion(document, now, activeCounts);
        Route before = active == null ? null : active.route();
        if (activeCounts
                && before != null
                && route.epoch() <= before.epoch()
                && route.ancestors().stream()
                        .noneMatch(hash -> now.history().contains(hash)
                                // A process that started from a file has had one route, and knows the others by it.
                                || before.ancestors().contains(hash))) {
            throw new Rejected(
                    RejectReason.WRONG_PREDECESSOR,
                    "it follows upon no route that is known here, and its epoch is not higher");
        }
        checkBuilds(route, now);
        if (route.kind() == RouteKind.FORWARD) {
            checkParachute(document, trust, given);
        }
        checkNumbering(route);
        checkFrozen(route, active);
        if (route.kind() == RouteKind.FORWARD
                && !route.resumes()
                && now.pulledRollouts().contains(route.rolloutId())) {
            throw new Rejected(
                    RejectReason.ROLLOUT_PULLED,
                    "rollout " + route.rolloutId() + " was pulled here, and the route does not say that it is resumed");
        }
        if (route.kind() == RouteKind.BREAK_GLASS) {
            checkBreakGlass(route, now);
        }
        return taken(document, now);
    }

    /** Checks form and signatures of a document that is not a trust. */
    private Trust verified(SignedDocument document, StoredDocuments now, Circumstances given) throws Rejected {
        SignedDocument trust = now.trust();
        if (trust == null) {
            throw new Rejected(
                    RejectReason.UNKNOWN_KEY, "nothing is trusted here yet; the first trust comes as a file, by hand");
        }
        if (!given.verified()) {
            verifier.verify(document, trust.trust());
        }
        return trust.trust();
    }

    private static void checkVersion(SignedDocument document, StoredDocuments now, boolean activeCounts)
            throws Rejected {
        Route route = document.route();
        Version version = versionOf(document);
        for (DocumentSignature signature : document.signatures()) {
            Version mark = now.highWater().get(signature.keyId());
            if (mark != null && !version.isHigherThan(mark)) {
                throw notNewer(route, mark, "what " + signature.keyId() + " has signed before");
            }
        }
        SignedDocument active = now.active();
        if (activeCounts && active != null && !version.isHigherThan(versionOf(active))) {
            throw notNewer(route, versionOf(active), "the route in force");
        }
    }

    private static Rejected notNewer(Route route, Version mark, String what) {
        return new Rejected(
                RejectReason.NOT_NEWER,
                "it is epoch " + route.epoch() + " seq " + route.seq() + ", and " + what + " epoch " + mark.epoch()
                        + " seq " + mark.seq());
    }

    private void checkBuilds(Route route, StoredDocuments now) throws Rejected {
        long sum = 0;
        Set<BuildRef> builds = new HashSet<>();
        for (RouteEntry entry : route.entries()) {
            if (entry.weight() < 0 || entry.weight() > TOTAL_WEIGHT || !builds.add(entry.build())) {
                throw new Rejected(
                        RejectReason.BAD_WEIGHTS,
                        "build " + entry.id() + " is there twice or its weight is out of range");
            }
            sum += entry.weight();
        }
        if (sum != TOTAL_WEIGHT) {
            throw new Rejected(
                    RejectReason.BAD_WEIGHTS, "the weights add up to " + sum + " (expected: " + TOTAL_WEIGHT + ")");
        }
        for (RouteEntry entry : route.knownGood()) {
            if (entry.weight() != 0) {
                throw new Rejected(RejectReason.BAD_WEIGHTS, "known-good build " + entry.id() + " has a weight");
            }
        }
        if (!layers.acceptance()) {
            return;
        }
        for (RouteEntry entry : Stream.concat(route.entries().stream(), route.knownGood().stream())
                .toList()) {
            if (!entry.build().service().equals(route.service())) {
                throw new Rejected(
                        RejectReason.FOREIGN_BUILD,
                        "build " + entry.id() + " is of " + entry.build().service() + ", not of " + route.service());
            }
        }
        long knownGood =
                route.knownGood().stream().map(RouteEntry::build).distinct().count();
        int proved = now.ledger() == null ? 0 : now.ledger().ledger().distinctBuilds();
        if (knownGood < Math.min(2, Math.max(1, proved))) {
            throw new Rejected(
                    RejectReason.TOO_FEW_KNOWN_GOOD,
                    "it names " + knownGood + " known-good builds, and " + proved + " are in the ledger");
        }
    }

    /** A forward route brings its way back; only one that has nowhere to go back to may come without. */
    private void checkParachute(SignedDocument document, Trust trust, Circumstances given) throws Rejected {
        Route route = document.route();
        SignedDocument parachute = document.parachute();
        if (parachute == null) {
            if (layers.acceptance()
                    && (!route.isWhollyKnownGood() || !route.lease().isZero())) {
                throw bad("it has none, though it does not lead wholly to the first known-good build");
            }
            return;
        }
        Route back = parachute.kind() == DocumentKind.ROUTE ? parachute.route() : null;
        if (back == null
                || back.kind() != RouteKind.PARACHUTE
                || !back.service().equals(route.service())) {
            throw bad("it is no parachute of this service");
        }
        if (back.epoch() != route.epoch() || back.seq() != route.seq() + 1) {
            throw bad("its version is not the next one");
        }
        if (back.ancestors().isEmpty() || !back.ancestors().get(0).equals(document.hash())) {
            throw bad("it does not follow upon the route that it lies beside");
        }
        if (!back.rolloutId().equals(route.rolloutId()) || !back.reconciles().equals(route.reconciles())) {
            throw bad("it is of another rollout, or of another state after a break-glass");
        }
        if (back.entries().size() != 1
                || back.baseline().weight() != TOTAL_WEIGHT
                || route.knownGood().isEmpty()
                || !back.baseline().build().equals(route.knownGood().get(0).build())
                || !back.knownGood().equals(route.knownGood())) {
            throw bad("it does not lead wholly to the first known-good build");
        }
        if (!given.verified()) {
            verifier.verify(parachute, trust);
        }
    }

    private static Rejected bad(String why) {
        return new Rejected(RejectReason.BAD_PARACHUTE, "the parachute: " + why);
    }

    private static void checkNumbering(Route route) throws Rejected {
        boolean fits = switch (route.kind()) {
            case FORWARD -> route.seq() % 2 == 0;
            case PARACHUTE -> route.seq() % 2 == 1 && route.entries().size() == 1;
            case BREAK_GLASS -> route.seq() == 0;
        };
        if (!fits) {
            throw new Rejected(
                    RejectReason.MALFORMED,
                    "a route of kind " + route.kind() + " with seq " + route.seq() + " and "
                            + route.entries().size() + " builds");
        }
    }

    private static void checkFrozen(Route route, @Nullable SignedDocument active) throws Rejected {
        if (active != null
                && active.route().kind() == RouteKind.BREAK_GLASS
                && route.kind() != RouteKind.BREAK_GLASS
                && !route.reconciles().equals(active.hash())) {
            throw new Rejected(
                    RejectReason.FROZEN,
                    "a break-glass is in force (" + active.route().reason()
                            + "), and the route does not say that it was reconciled");
        }
    }

    private void checkBreakGlass(Route route, StoredDocuments now) throws Rejected {
        long second = Math.floorDiv(clock.millis(), 1000L);
        if (route.notAfter() < route.createdAt()
                || route.notAfter() - route.createdAt() > ModelLimits.MAX_BREAK_GLASS.toSeconds()) {
            throw new Rejected(
                    RejectReason.EXPIRED,
                    "it can be taken for longer than " + ModelLimits.MAX_BREAK_GLASS.toMinutes() + " minutes");
        }
        if (second > route.notAfter() + DocumentVerifier.LEEWAY.toSeconds()) {
            throw new Rejected(RejectReason.EXPIRED, "its time is over; sign another, or set the clock here");
        }
        if (route.createdAt() > second + MAX_AHEAD_SECONDS) {
            throw new Rejected(RejectReason.EXPIRED, "its time has not come; compare clocks");
        }
        if (route.entries().size() != 1) {
            throw new Rejected(RejectReason.BAD_WEIGHTS, "a break-glass leads wholly to one build");
        }
        for (RouteEntry entry : Stream.concat(route.entries().stream(), route.knownGood().stream())
                .toList()) {
            if (now.ledger() == null || !now.ledger().ledger().contains(entry.build())) {
                throw new Rejected(
                        RejectReason.NOT_IN_LEDGER, "build " + entry.id() + " is not in the ledger that is known here");
            }
        }
    }

    /** Returns what is kept once a good route is in force. */
    private static StoredDocuments taken(SignedDocument document, StoredDocuments now) {
        Route route = document.route();
        Map<String, Version> highWater = new LinkedHashMap<>(now.highWater());
        for (DocumentSignature signature : document.signatures()) {
            highWater.merge(signature.keyId(), versionOf(document), Version::max);
        }
        List<String> history = Stream.concat(
                        Stream.of(document.hash()),
                        now.history().stream().filter(hash -> !hash.equals(document.hash())))
                .limit(ModelLimits.MAX_ANCESTORS)
                .toList();
        Set<String> pulled = new LinkedHashSet<>(now.pulledRollouts());
        if (!route.rolloutId().isEmpty()) {
            if (route.kind() == RouteKind.PARACHUTE) {
                pulled.remove(route.rolloutId());
                pulled.add(route.rolloutId());
            } else if (route.resumes()) {
                pulled.remove(route.rolloutId());
            }
        }
        List<String> kept = new ArrayList<>(pulled);
        return new StoredDocuments(
                now.trust(),
                document,
                now.active(),
                now.ledger(),
                bounded(highWater, now.trust()),
                history,
                kept.subList(Math.max(0, kept.size() - StoredDocuments.MAX_PULLED), kept.size()));
    }

    /** Returns what is kept once the way back that lies beside the route in force is pulled here. It was verified with that route. */
    static StoredDocuments pulled(StoredDocuments now) {
        SignedDocument active = now.active();
        if (active == null || active.parachute() == null) {
            throw new IllegalStateException("there is nothing to pull");
        }
        return taken(active.parachute(), now);
    }

    /** The marks of keys that are trusted no longer are kept for as long as there is room: such a key may be trusted again by mistake. */
    private static Map<String, Version> bounded(Map<String, Version> marks, @Nullable SignedDocument trust) {
        Map<String, Version> kept = new LinkedHashMap<>(marks);
        for (String keyId : marks.keySet()) {
            if (kept.size() <= StoredDocuments.MAX_HIGH_WATER) {
                break;
            }
            if (trust == null || trust.trust().keyset().entry(keyId) == null) {
                kept.remove(keyId);
            }
        }
        return kept;
    }

    static Version versionOf(SignedDocument route) {
        return new Version(route.route().epoch(), route.route().seq());
    }
}
