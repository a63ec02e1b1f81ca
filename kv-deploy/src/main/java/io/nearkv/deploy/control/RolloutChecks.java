package io.nearkv.deploy.control;

import io.nearkv.deploy.model.EnvironmentClass;
import io.nearkv.deploy.model.Manifest;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteEntry;
import io.nearkv.deploy.report.OutcomeReport;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What is checked before a rollout moves, beside what every change of a route is checked for. Changes nothing. */
final class RolloutChecks {
    private static final Duration EVIDENCE_GOOD_FOR = Duration.ofDays(14);
    private static final Duration MAX_CLOCK_SPREAD = Duration.ofMinutes(5);

    private final ControlPlaneOptions options;
    private final ControlState state;
    private final ControlDocuments documents;
    private final InstanceProbe probe;

    RolloutChecks(ControlPlaneOptions options, ControlState state, ControlDocuments documents, InstanceProbe probe) {
        this.options = options;
        this.state = state;
        this.documents = documents;
        this.probe = probe;
    }

    private @Nullable Manifest manifest(String build) {
        ControlState.StoredBuild stored = state.build(build);
        return stored == null
                ? null
                : ControlDocuments.parse(stored.document(), "the manifest of " + build)
                        .manifest();
    }

    /** Returns what stands against a rollout of this build, of all that needs no requests to it. */
    List<Finding> findings(Snapshot now, String build, Coverage asked) throws InterruptedException {
        Manifest candidate = manifest(build);
        if (candidate == null) {
            return List.of(); // P1 has said so.
        }
        List<Finding> findings = new ArrayList<>();
        findings.addAll(artefact(build, candidate));
        findings.addAll(wayBack(now, candidate));
        findings.addAll(drift(now, asked));
        return findings;
    }

    /** P3 and P5: it is the artefact that was tested. */
    private List<Finding> artefact(String build, Manifest candidate) {
        List<Finding> findings = new ArrayList<>();
        if (!candidate.build().id().equals(build)) {
            findings.add(Finding.of(
                    Check.DIGEST_MISMATCH,
                    "the registry has " + build + " and its manifest is of "
                            + candidate.build().id(),
                    "publish the artefact anew"));
        }
        boolean production = documents.trust().environmentClass() == EnvironmentClass.PRODUCTION;
        long age = Math.floorDiv(options.clock.millis(), 1_000L) - candidate.publishedAt();
        if (production
                && options.stagingTrust != null
                && candidate.stagingEvidence().isEmpty()) {
            findings.add(Finding.of(
                    Check.NO_STAGING_EVIDENCE,
                    build + " was published here and tested nowhere",
                    "test its artefact in staging, then: nearkv build promote --evidence FILE"));
        } else if (production && options.stagingTrust != null && age > EVIDENCE_GOOD_FOR.toSeconds()) {
            findings.add(Finding.of(
                    Check.NO_STAGING_EVIDENCE,
                    "the evidence for " + build + " is "
                            + Duration.ofSeconds(age).toDays() + " days old",
                    "test the artefact again, and promote it anew"));
        }
        return findings;
    }

    /** P7 and P13: what is known to be good can read what the candidate writes, and carry everything. */
    private List<Finding> wayBack(Snapshot now, Manifest candidate) throws InterruptedException {
        Route route = now.route();
        if (route == null) {
            return List.of();
        }
        List<Finding> findings = new ArrayList<>();
        RouteEntry target = null;
        for (RouteEntry entry : route.knownGood()) {
            if (!entry.build().equals(candidate.build())) {
                target = entry;
                break;
            }
        }
        if (target == null) {
            return List.of(); // P8 has said so.
        }
        Manifest good = manifest(target.id());
        if (good != null && (candidate.writes() < good.readsFrom() || candidate.writes() > good.readsTo())) {
            findings.add(Finding.of(
                    Check.ROLLBACK_UNSAFE_DATA,
                    candidate.build().id() + " writes data format " + candidate.writes() + ", and known-good "
                            + target.id() + " reads " + good.readsFrom() + " to " + good.readsTo(),
                    "first roll out a build that reads the new format and writes the old one"));
        }
        InstanceProbe.Answer answer = probe.ask(target.build(), target.endpoints());
        if (answer.ready() > 0 && answer.ready() < answer.instances()) {
            findings.add(Finding.of(
                    Check.NO_CAPACITY_TO_RETURN,
                    "of known-good " + target.id() + " " + answer.ready() + " of " + answer.instances()
                            + " instances run: " + answer.refusals().get(0),
                    "start the others: they must carry everything if the candidate turns out bad"));
        }
        return findings;
    }

    /** P20: all nodes follow what was published last. */
    private static List<Finding> drift(Snapshot now, Coverage asked) {
        List<Finding> findings = new ArrayList<>();
        for (NodeReport report : asked.nodes()) {
            NodeReport judged = report.comparedWith(now.hash());
            if (!judged.settled()) {
                findings.add(Finding.of(
                        Check.DRIFT,
                        judged.endpoint() + " does not follow the route in force: " + judged.detail(),
                        "see: nearkv route show; it is pushed to until it follows"));
            }
        }
        return findings.size() <= 3 ? findings : findings.subList(0, 3);
    }

    /** P12, P17 and P18: what does not stop a rollout, but should be known before. */
    List<Finding> warnings(Coverage asked, List<Double> detectable, @Nullable Long lastDrillMillis) {
        List<Finding> warnings = new ArrayList<>();
        double worst = detectable.isEmpty() ? 0 : detectable.get(detectable.size() - 1);
        if (worst > 0.05) {
            warnings.add(Finding.of(
                    Check.UNDERPOWERED,
                    worst >= 1
                            ? "there is no traffic to compare with"
                            : String.format(
                                    java.util.Locale.ROOT,
                                    "even the last step finds only harm of %.0f points or more",
                                    worst * 100),
                    "give the steps more time, or wait for more traffic"));
        }
        long now = options.clock.millis();
        for (NodeReport node : asked.nodes()) {
            OutcomeReport report = node.outcomes();
            if (report != null && Math.abs(report.millis() - now) > MAX_CLOCK_SPREAD.toMillis()) {
                warnings.add(Finding.of(
                        Check.CLOCK,
                        "the clock of " + node.endpoint() + " is "
                                + Duration.ofMillis(Math.abs(report.millis() - now))
                                        .toMinutes() + " minutes off",
                        "set it right: tokens end by it"));
            }
        }
        if (lastDrillMillis == null
                || now - lastDrillMillis > Duration.ofDays(30).toMillis()) {
            warnings.add(Finding.of(
                    Check.DRILL_STALE,
                    "the break-glass keys were not tried within 30 days, as far as is known here",
                    "nearkv drill breakglass, then nearkv drill note"));
        }
        return warnings;
    }

    /** Makes one line of findings. */
    static String text(List<Finding> findings) {
        return findings.stream().map(Finding::toString).collect(java.util.stream.Collectors.joining(" | "));
    }

    /** Returns the manifest of a build that is known here. */
    Manifest required(String build, Snapshot now) throws RefusedException {
        Manifest manifest = manifest(build);
        if (manifest == null) {
            throw new RefusedException(
                    Finding.of(
                            Check.ENV_MISMATCH,
                            build + " is no build of " + options.service,
                            "see: nearkv build list --environment " + options.service.environment()),
                    now.unchanged());
        }
        return manifest;
    }
}
