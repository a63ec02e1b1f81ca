package io.nearkv.deploy.control;

import static java.util.Objects.requireNonNull;

import io.nearkv.deploy.document.Rejected;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.model.BuildRef;
import io.nearkv.deploy.model.Manifest;
import io.nearkv.deploy.model.ModelLimits;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteEntry;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is checked before a route is changed. All of it is looked at, so that an operator sees at once everything that is wrong; a check that cannot be made because another does
 * not hold says so by its own finding. Changes nothing.
 */
final class RouteChecks {
    private static final int MAX_REFUSALS_TOLD = 3;

    private final ControlPlaneOptions options;
    private final ControlDocuments documents;
    private final InstanceProbe probe;

    RouteChecks(ControlPlaneOptions options, ControlDocuments documents, InstanceProbe probe) {
        this.options = options;
        this.documents = documents;
        this.probe = probe;
    }

    /**
     * Returns what stands against the wish.
     *
     * @param list the list of builds as it was made, with all that is in it
     * @param found the build of that list that is asked for, or null if there is none of this id
     */
    List<Finding> findings(Snapshot now, WeightRequest wish, BuildListing list, @Nullable BuildItem found)
            throws InterruptedException {
        List<Finding> findings = new ArrayList<>();
        findings.addAll(identity(wish, list, found));
        findings.addAll(instances(wish, found));
        findings.addAll(plan(now, wish));
        findings.addAll(list.strays());
        return findings;
    }

    /** P1 and P2: whose build it is, by its own word and by its signature. */
    private List<Finding> identity(WeightRequest wish, BuildListing list, @Nullable BuildItem found) {
        if (found == null) {
            return List.of(Finding.of(
                    Check.ENV_MISMATCH,
                    wish.build() + " is no build of " + options.service,
                    "an id is valid in its own environment alone; see: nearkv build list --environment "
                            + options.service.environment()));
        }
        SignedDocument document = ControlDocuments.parse(found.document(), "the manifest of " + wish.build());
        List<Finding> findings = new ArrayList<>();
        if (!document.service().equals(options.service)) {
            findings.add(Finding.of(
                    Check.ENV_MISMATCH,
                    wish.build() + " belongs to " + document.service() + ", target is " + options.service,
                    "promote its artefact by digest: nearkv build promote"));
        }
        Rejected refusal = documents.refusal(document);
        if (refusal != null) {
            findings.add(Finding.of(
                    Check.BUILD_KEY_ENV,
                    "the manifest of " + wish.build() + " does not count here: " + refusal.getMessage(),
                    "publish the build where the build key of " + options.service.environment() + " is"));
        }
        if (found.state().equals(BuildItem.RETIRED)) {
            findings.add(
                    Finding.of(Check.RETIRED, wish.build() + " was retired", "publish its artefact as a new build"));
        }
        if (list.find(wish.build()) == null && findings.isEmpty()) {
            findings.add(Finding.of(
                    Check.LIST_POLLUTED,
                    wish.build() + " is in the list and does not belong there",
                    "publish it anew"));
        }
        return findings;
    }

    /** P4: whether it runs here, by what its instances prove. */
    private List<Finding> instances(WeightRequest wish, @Nullable BuildItem found) throws InterruptedException {
        String environment = options.service.environment();
        if (found == null) {
            return List.of(Finding.of(
                    Check.NOT_RUNNING_IN_ENV,
                    "0 ready instances in " + environment,
                    "publish the build and start its instances with its build token first"));
        }
        Manifest manifest = ControlDocuments.parse(found.document(), "the manifest of " + wish.build())
                .manifest();
        if (wish.weight() == 0) {
            return List.of(); // It loses what it has; that it is down may be why.
        }
        // Asked as the build that this environment knows, also where the manifest is of another: that is the question.
        BuildRef build = manifest.build().service().equals(options.service)
                ? manifest.build()
                : new BuildRef(
                        options.service,
                        manifest.build().digest(),
                        manifest.build().nonce());
        InstanceProbe.Answer answer = probe.ask(build, manifest.endpoints());
        int needed = wish.minReady() == 0 ? answer.instances() : Math.min(wish.minReady(), answer.instances());
        if (answer.ready() >= needed) {
            return List.of();
        }
        List<String> told = answer.refusals()
                .subList(0, Math.min(MAX_REFUSALS_TOLD, answer.refusals().size()));
        return List.of(Finding.of(
                Check.NOT_RUNNING_IN_ENV,
                answer.ready() + " ready instances in " + environment + " (expected: " + needed + " of "
                        + answer.instances() + ")" + ": " + String.join("; ", told),
                "start the instances with the build token of " + wish.build() + ", or ask for fewer with --min-ready"));
    }

    /** P8, P10 and P11: whether the wish fits what is in force. */
    private List<Finding> plan(Snapshot now, WeightRequest wish) throws InterruptedException {
        List<Finding> findings = new ArrayList<>();
        ControlState.Frozen frozen = now.frozen();
        if (frozen != null) {
            findings.add(frozen(frozen));
        }
        Route route = now.route();
        if (route == null) {
            if (wish.weight() != ModelLimits.TOTAL_WEIGHT) {
                findings.add(Finding.of(
                        Check.PLAN_INVALID,
                        "there is no route yet, and " + Snapshot.percent(wish.weight()) + " leaves the rest to nobody",
                        "give the first build everything: --weight 100%"));
            }
            return findings;
        }
        boolean isBaseline = route.baseline().id().equals(wish.build());
        boolean isInRoute = now.weightOf(wish.build()) > 0;
        if (isBaseline && wish.weight() < ModelLimits.TOTAL_WEIGHT) {
            findings.add(Finding.of(
                    Check.PLAN_INVALID,
                    wish.build() + " is what the others take from",
                    "set the weight of the build that is to take over"));
        } else if (!isInRoute && wish.weight() == 0) {
            findings.add(Finding.of(
                    Check.PLAN_INVALID, wish.build() + " is not in the route", "there is nothing to withdraw"));
        } else if (!isInRoute && route.entries().size() > 1) {
            findings.add(Finding.of(
                    Check.BUSY,
                    "a rollout of " + route.entries().get(0).id() + " is under way",
                    "finish it (--weight 100%) or go back (nearkv rollback), then begin this one"));
        }
        if (!isBaseline && wish.weight() > 0) {
            findings.addAll(knownGood(now, wish));
        }
        return findings;
    }

    /** P8: something to go back to, that runs. */
    private List<Finding> knownGood(Snapshot now, WeightRequest wish) throws InterruptedException {
        RouteEntry target = null;
        for (RouteEntry entry : RoutePlanner.knownGood(now.ledger(), build -> true)) {
            if (!entry.id().equals(wish.build())) {
                target = entry;
                break;
            }
        }
        Route route = requireNonNull(now.route(), "route");
        if (target == null) {
            return List.of(Finding.of(
                    Check.NO_KNOWN_GOOD,
                    "the ledger has no build but " + wish.build() + " to go back to",
                    "add what is in force: nearkv ledger add "
                            + route.baseline().id()));
        }
        InstanceProbe.Answer answer = probe.ask(target.build(), target.endpoints());
        if (answer.ready() > 0) {
            return List.of();
        }
        return List.of(Finding.of(
                Check.NO_KNOWN_GOOD,
                "known-good " + target.id() + " (ledger #" + target.ledgerNumber() + ") does not run: "
                        + answer.refusals().get(0),
                "start it again; the way back must be open before anything goes forward"));
    }

    static Finding frozen(ControlState.Frozen frozen) {
        return Finding.of(
                Check.FROZEN,
                "nodes follow epoch " + frozen.epoch() + " seq " + frozen.seq() + " (" + frozen.endpoint()
                        + "), which this control plane has not published",
                "look at why, then: nearkv reconcile");
    }
}
