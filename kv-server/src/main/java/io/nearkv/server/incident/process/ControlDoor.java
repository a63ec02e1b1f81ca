package io.nearkv.server.incident.process;

import io.nearkv.core.KvException;
import io.nearkv.deploy.control.BuildItem;
import io.nearkv.deploy.control.BuildListing;
import io.nearkv.deploy.document.DocumentVerifier;
import io.nearkv.deploy.document.Rejected;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.model.Manifest;
import io.nearkv.server.control.ControlAnswer;
import io.nearkv.server.control.ControlClient;
import io.nearkv.server.incident.cluster.ListedBuild;
import io.nearkv.server.incident.cluster.Listing;
import io.nearkv.server.incident.cluster.ReplayCluster;
import io.nearkv.server.incident.cluster.StepResult;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The operators at the control plane of production. Used by one thread at a time. */
final class ControlDoor {
    private static final int ALL = 10_000;

    private final ControlClient client;
    private final World world;
    private final RouteDoor routes;

    ControlDoor(ControlClient client, World world, RouteDoor routes) {
        this.client = client;
        this.world = world;
        this.routes = routes;
    }

    private interface Change {
        ControlAnswer make() throws InterruptedException;
    }

    /** Makes a change, and looks at the routers themselves who gives this build this share then. */
    private StepResult change(Change change, String build, int weight) throws InterruptedException {
        long begun = System.nanoTime();
        try {
            ControlAnswer answer = change.make();
            long millis = ProcessCluster.millisSince(begun);
            ControlAnswer route = answer.part("route");
            return StepResult.done(
                    "epoch " + route.number("epoch") + " seq " + route.number("seq") + ": " + shares(route),
                    millis,
                    routes.following(build, weight),
                    ReplayCluster.ROUTERS);
        } catch (ControlClient.Refused e) {
            return refused(e, begun);
        } catch (KvException e) {
            return StepResult.refused(
                    e.code().label(), String.valueOf(e.getMessage()), ProcessCluster.millisSince(begun));
        }
    }

    private String shares(ControlAnswer route) {
        List<String> shares = new ArrayList<>();
        for (ControlAnswer entry : route.list("entries")) {
            shares.add(name(entry.text("build")) + " " + entry.number("weight") / 100.0 + " %");
        }
        return String.join(", ", shares);
    }

    private String name(String build) {
        if (build.equals(world.foreign())) {
            return "staging-1.9";
        }
        return build.equals(world.good())
                ? "prod-1.9"
                : build.equals(world.known()) ? "prod-1.8" : build.equals(world.older()) ? "prod-1.7" : build;
    }

    private static StepResult refused(ControlClient.Refused refusal, long begun) {
        ControlAnswer finding = refusal.error().list("findings").get(0);
        return StepResult.refused(finding.text("code"), finding.text("found"), ProcessCluster.millisSince(begun));
    }

    StepResult setWeight(String build, int weight, String reason) throws InterruptedException {
        return change(
                () -> client.post(
                        World.PRODUCTION, "route", Map.of("build", build, "weight", weight, "reason", reason)),
                build,
                weight);
    }

    StepResult rollback(String reason) throws InterruptedException {
        return change(() -> client.post(World.PRODUCTION, "rollback", Map.of("reason", reason)), world.known(), ALL);
    }

    StepResult reconcile(String reason) throws InterruptedException {
        return change(() -> client.post(World.PRODUCTION, "reconcile", Map.of("reason", reason)), world.known(), ALL);
    }

    /** Asks for the builds of production; looks at each of them again where that is on. */
    Listing list(boolean verified) throws InterruptedException {
        List<BuildItem> items = new ArrayList<>();
        List<ListedBuild> builds = new ArrayList<>();
        for (ControlAnswer item : client.get(World.PRODUCTION, "builds").list("builds")) {
            BuildItem each = new BuildItem(
                    item.bytes("manifest"), item.text("state"), item.number("ledger"), (int) item.number("weight"));
            items.add(each);
            builds.add(listed(each));
        }
        if (!verified) {
            return new Listing(builds, "");
        }
        BuildListing listing = BuildListing.verify(
                World.PRODUCTION, world.keys().content(), new DocumentVerifier(InstantSource.system()), items);
        return new Listing(
                builds,
                listing.strays().isEmpty() ? "" : listing.strays().get(0).found() + "; it was dropped");
    }

    private static ListedBuild listed(BuildItem item) {
        try {
            Manifest manifest =
                    SignedDocument.parse(item.document().toByteArray()).manifest();
            return new ListedBuild(
                    manifest.build().id(), manifest.build().service().environment(), manifest.version());
        } catch (Rejected e) {
            throw new IllegalStateException("the list has something that is no manifest", e);
        }
    }

    /** Asks whether a build may be given any share; the control plane says so by refusing a share, which changes nothing. */
    StepResult mayGet(ListedBuild build, boolean checked) throws InterruptedException {
        if (!checked) {
            return StepResult.done(build.id() + " is taken for version " + build.version() + " of production", 0, 0, 0);
        }
        return setWeight(build.id(), 1, "is this build one of production?");
    }
}
