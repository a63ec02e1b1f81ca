package io.nearkv.deploy.control;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Value;
import io.nearkv.deploy.document.DocumentKind;
import io.nearkv.deploy.document.Rejected;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.model.BuildRef;
import io.nearkv.deploy.model.Manifest;
import io.nearkv.deploy.model.Trust;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The builds of one environment. Thread-safe. */
final class BuildRegistry {
    private static final Pattern BUILD_ID = Pattern.compile("[a-z2-7]{13}");
    private static final Pattern DIGEST = Pattern.compile("[0-9a-f]{64}");

    private final ControlPlaneOptions options;
    private final ControlState state;
    private final ControlDocuments documents;
    private final @Nullable Trust stagingTrust;

    BuildRegistry(ControlPlaneOptions options, ControlState state, ControlDocuments documents) {
        this.options = options;
        this.state = state;
        this.documents = documents;
        Value staging = options.stagingTrust;
        if (staging == null) {
            stagingTrust = null;
        } else {
            SignedDocument document = ControlDocuments.parse(staging, "the trust document of staging");
            if (document.kind() != DocumentKind.TRUST) {
                throw new KvException(ErrorCode.INVALID_REQUEST, "the trust document of staging is none");
            }
            stagingTrust = document.trust();
        }
    }

    PublishedBuild publish(PublishRequest request, String stagingEvidence) {
        if (state.buildCount() >= ControlLimits.MAX_BUILDS) {
            throw new KvException(
                    ErrorCode.RATE_LIMITED,
                    "there are " + ControlLimits.MAX_BUILDS + " builds already (expected: fewer)");
        }
        Manifest manifest = new Manifest(
                BuildRef.create(options.service, request.digest(), options.random),
                request.version(),
                Math.floorDiv(options.clock.millis(), 1000L),
                request.readsFrom(),
                request.readsTo(),
                request.writes(),
                request.endpoints(),
                request.provenance(),
                stagingEvidence);
        Value document = Value.wrap(documents.sign(manifest).toArray());
        String token = options.identity.issueBuildToken(manifest.build().id(), request.tokenLifetime());
        if (!state.add(manifest.build().id(), document, BuildItem.PUBLISHED)) {
            throw new IllegalStateException("two builds have drawn the same 128 random bits");
        }
        return new PublishedBuild(manifest, document, token);
    }

    /** Checks the evidence, and publishes the artefact here. */
    PublishedBuild promote(PromoteRequest request, String unchanged) throws RefusedException {
        List<Finding> findings = new ArrayList<>();
        SignedDocument evidence = evidence(request, findings);
        String here = options.service.toString();
        if (evidence != null && BUILD_ID.matcher(request.digest()).matches()) {
            Manifest tested = evidence.manifest();
            boolean same = tested.build().id().equals(request.digest());
            findings.add(Finding.of(
                    Check.ENV_MISMATCH,
                    request.digest() + (same ? " belongs to " + tested.build().service() : " is the id of a build")
                            + ", target is " + here,
                    "an id is nothing outside its environment; promote the artefact: " + "--digest "
                            + tested.build().digestHex()));
        } else if (!DIGEST.matcher(request.digest()).matches()) {
            boolean id = BUILD_ID.matcher(request.digest()).matches();
            findings.add(Finding.of(
                    Check.ENV_MISMATCH,
                    "'" + Key.display(request.digest()) + "' "
                            + (id ? "is the id of a build, and of no environment that is known here" : "is no digest"),
                    "give the SHA-256 of the artefact, 64 hex digits"));
        } else if (evidence != null && !evidence.manifest().build().digestHex().equals(request.digest())) {
            findings.add(Finding.of(
                    Check.NO_STAGING_EVIDENCE,
                    "the evidence is of artefact " + evidence.manifest().build().digestHex() + " ("
                            + evidence.manifest().version() + "), not of " + request.digest(),
                    "give the manifest of this very artefact's build; a version's name is no proof"));
        }
        if (!findings.isEmpty() || evidence == null) {
            throw new RefusedException(findings, unchanged);
        }
        Manifest tested = evidence.manifest();
        return publish(
                new PublishRequest(
                        request.digest(),
                        tested.version(),
                        request.endpoints(),
                        tested.readsFrom(),
                        tested.readsTo(),
                        tested.writes(),
                        tested.provenance(),
                        request.tokenLifetime()),
                evidence.hash());
    }

    /** P5 as far as identity goes: it is a manifest, of the same service elsewhere, and signed there where that can be checked. */
    private @Nullable SignedDocument evidence(PromoteRequest request, List<Finding> findings) {
        Value given = request.evidence();
        if (given == null) {
            findings.add(Finding.of(
                    Check.NO_STAGING_EVIDENCE,
                    "there is no evidence that the artefact was tested",
                    "give the manifest that 'nearkv build publish' has made in staging: --evidence FILE"));
            return null;
        }
        try {
            SignedDocument document = SignedDocument.parse(given.toByteArray());
            if (document.kind() != DocumentKind.MANIFEST) {
                findings.add(Finding.of(
                        Check.NO_STAGING_EVIDENCE,
                        "the evidence is a " + document.kind().label(),
                        "give the manifest of the build that was tested"));
                return null;
            }
            Manifest manifest = document.manifest();
            BuildRef tested = manifest.build();
            if (!tested.service().tenant().equals(options.service.tenant())
                    || !tested.service().service().equals(options.service.service())) {
                findings.add(Finding.of(
                        Check.ENV_MISMATCH,
                        "the evidence is of " + tested.service() + ", target is " + options.service,
                        "give evidence of the same service"));
                return null;
            }
            if (tested.service().equals(options.service)) {
                findings.add(Finding.of(
                        Check.NO_STAGING_EVIDENCE,
                        "the evidence is of " + options.service + " itself",
                        "give evidence from the environment where the artefact was tested before"));
                return null;
            }
            Rejected refusal = stagingTrust == null ? null : documents.refusal(document, stagingTrust);
            if (refusal != null) {
                findings.add(Finding.of(
                        Check.NO_STAGING_EVIDENCE,
                        "the evidence does not count: " + refusal.getMessage(),
                        "give the manifest as the control plane of " + tested.service() + " has signed it"));
                return null;
            }
            return document;
        } catch (Rejected e) {
            findings.add(Finding.of(
                    Check.NO_STAGING_EVIDENCE,
                    "the evidence cannot be used: " + e.getMessage(),
                    "give the file that 'nearkv build publish --out' has written"));
            return null;
        }
    }

    /** Returns the list as callers get it: of this environment, unless the fault of the incident is switched on. */
    List<BuildItem> list(Snapshot now) {
        Map<String, BuildItem> items = new LinkedHashMap<>();
        state.builds().forEach((id, stored) -> {
            SignedDocument document = ControlDocuments.parse(stored.document(), "the manifest of " + id);
            if (document.service().equals(options.service)) {
                items.put(id, item(stored, now, id));
            }
        });
        List<BuildItem> list = new ArrayList<>(items.values());
        for (Value stray : options.strayManifests.get()) {
            list.add(new BuildItem(stray, BuildItem.PUBLISHED, 0, 0));
        }
        return list;
    }

    private static BuildItem item(ControlState.StoredBuild stored, Snapshot now, String id) {
        return new BuildItem(stored.document(), stored.state(), now.ledgerNumberOf(id), now.weightOf(id));
    }

    /** Returns the item of a list that calls itself by this id, whether it belongs there or not. */
    static @Nullable BuildItem find(List<BuildItem> list, String id) {
        return list.stream()
                .filter(item -> id.equals(claimedId(item)))
                .findFirst()
                .orElse(null);
    }

    private static @Nullable String claimedId(BuildItem item) {
        try {
            SignedDocument document = SignedDocument.parse(item.document().toByteArray());
            return document.kind() == DocumentKind.MANIFEST
                    ? document.manifest().build().id()
                    : null;
        } catch (Rejected e) {
            return null; // The listing has told it as a stray.
        }
    }

    boolean isRetired(BuildRef build) {
        ControlState.StoredBuild stored = state.build(build.id());
        return stored != null && stored.state().equals(BuildItem.RETIRED);
    }

    void retire(String id, Snapshot now) throws RefusedException {
        ControlState.StoredBuild stored = known(id, now);
        List<Finding> findings = new ArrayList<>();
        if (now.weightOf(id) > 0) {
            findings.add(Finding.of(
                    Check.IN_USE,
                    id + " has " + Snapshot.percent(now.weightOf(id)) + " of the traffic",
                    "move the traffic away first: nearkv route set, or nearkv rollback"));
        }
        List<String> lastTwo = RoutePlanner.knownGood(now.ledger(), build -> true).stream()
                .map(entry -> entry.id())
                .distinct()
                .limit(2)
                .toList();
        if (lastTwo.contains(id)) {
            findings.add(Finding.of(
                    Check.IN_USE,
                    id + " is one of the two builds that were good last (ledger #" + now.ledgerNumberOf(id) + ")",
                    "keep its instances running: they are the way back"));
        } else if (now.route() != null
                && now.route().knownGood().stream().anyMatch(entry -> entry.id().equals(id))) {
            findings.add(
                    Finding.of(Check.IN_USE, id + " is a way back of the route in force", "wait for the next route"));
        }
        if (!findings.isEmpty()) {
            throw new RefusedException(findings, now.unchanged());
        }
        if (!state.setState(id, stored, BuildItem.RETIRED)) {
            throw new RefusedException(
                    Finding.of(Check.BUSY, id + " was changed by somebody else meanwhile", "look, then try again"),
                    now.unchanged());
        }
    }

    String token(String id, Duration lifetime, Snapshot now) throws RefusedException {
        ControlState.StoredBuild stored = known(id, now);
        if (stored.state().equals(BuildItem.RETIRED)) {
            throw new RefusedException(
                    Finding.of(Check.RETIRED, id + " was retired", "publish its artefact as a new build"),
                    now.unchanged());
        }
        return options.identity.issueBuildToken(id, lifetime);
    }

    private ControlState.StoredBuild known(String id, Snapshot now) throws RefusedException {
        ControlState.StoredBuild stored = BUILD_ID.matcher(id).matches() ? state.build(id) : null;
        if (stored == null) {
            throw new RefusedException(
                    Finding.of(
                            Check.ENV_MISMATCH,
                            "'" + Key.display(id) + "' is no build of " + options.service,
                            "an id is valid in its own environment alone; see: nearkv build list --environment "
                                    + options.service.environment()),
                    now.unchanged());
        }
        return stored;
    }
}
