package io.nearkv.server.incident.process;

import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.net.client.KvClient;
import io.nearkv.server.control.ControlClient;
import io.nearkv.server.incident.access.TextClient;
import io.nearkv.server.incident.cluster.AuditedFile;
import io.nearkv.server.incident.cluster.ClusterPlan;
import io.nearkv.server.incident.cluster.Evidence;
import io.nearkv.server.incident.cluster.ListedBuild;
import io.nearkv.server.incident.cluster.Listing;
import io.nearkv.server.incident.cluster.ReplayCluster;
import io.nearkv.server.incident.cluster.RestDoor;
import io.nearkv.server.incident.cluster.StepResult;
import io.nearkv.server.incident.model.Layer;
import io.nearkv.server.incident.model.Tenant;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A cluster of real processes on the loopback. */
final class ProcessCluster implements ReplayCluster {
    private static final Duration ASK_TIMEOUT = Duration.ofSeconds(5);
    private static final Duration CHANGE_TIMEOUT = Duration.ofSeconds(20);
    private static final Duration DAY = Duration.ofDays(1);
    private static final int ALL = 10_000;
    private static final long INTRUDER_MILLIS = 15_000;
    private static final int INTRUDER_LOOKS = 20;
    private static final long INTRUDER_PAUSE_MILLIS = 100;
    private static final long WAY_BACK_PAUSE_MILLIS = 20;

    private final World world;
    private final ClusterPlan plan;
    private final ChildJvm jvm;
    private final Map<String, Child> children;
    private final ControlDoor control;
    private final RouteDoor routes;
    private final RouterCounters counters;
    private final TextClient ci;
    private final List<String> processes;
    private final Thread atExit;

    ProcessCluster(World world, ClusterPlan plan, Map<String, Child> children, ChildJvm jvm, InstantSource clock) {
        this.world = world;
        this.plan = plan;
        this.jvm = jvm;
        this.children = new LinkedHashMap<>(children);
        this.routes = new RouteDoor(world, clock);
        this.control = new ControlDoor(
                new ControlClient(child("control").field("url"), world.operatorToken(), CHANGE_TIMEOUT), world, routes);
        this.counters = new RouterCounters(
                        world, routers().stream().map(each -> each.field("ops")).toList())
                .start();
        this.ci = new TextClient(child("ci").field("url"), CHANGE_TIMEOUT);
        this.processes = described(plan);
        // Who stops the replay with Ctrl-C leaves nothing behind.
        this.atExit = new Thread(() -> end(this.children.values()), "replay-end");
        Runtime.getRuntime().addShutdownHook(atExit);
    }

    /** Has everything that operators will use been used once, so that their steps take what they take and not what a first time takes. */
    ProcessCluster warm() throws InterruptedException {
        int unused = routes.following(world.known(), ALL);
        Listing unusedList = control.list(true);
        StepResult unusedSecret = ask("secret");
        counters.look();
        return this;
    }

    private Child child(String name) {
        Child child = children.get(name);
        if (child == null) {
            throw new IllegalStateException("no process " + name);
        }
        return child;
    }

    private List<Child> routers() {
        List<Child> routers = new ArrayList<>();
        for (int i = 0; i < ROUTERS; i++) {
            routers.add(child(World.routerName(i)));
        }
        return routers;
    }

    private List<String> described(ClusterPlan layers) {
        List<String> off = new ArrayList<>();
        for (Layer layer : Layer.values()) {
            if (!layers.has(layer)) {
                off.add(layer.label());
            }
        }
        return List.of(
                children.size() + " processes on the loopback: " + String.join(", ", children.keySet()),
                "core: one node (the report's store was on many; what is replayed here is the way to it)",
                "builds: prod-1.7 " + world.older() + ", prod-1.8 " + world.known() + " (two instances), prod-1.9 "
                        + world.good() + ", and of staging staging-1.9 " + world.foreign(),
                "switched off: " + (off.isEmpty() ? "nothing" : String.join(", ", off))
                        + "; in the build list: the bug");
    }

    @Override
    public List<String> processes() {
        return processes;
    }

    @Override
    public Kv connect(Tenant tenant, int router) {
        return KvClient.builder()
                .server(world.routers().get(router))
                .token(world.token(tenant))
                .name("product")
                .build()
                .kv();
    }

    @Override
    public RestDoor rest(Tenant tenant, int router) {
        return new RestDoor(
                URI.create("http://" + child(World.routerName(router)).field("http") + "/client/v4/accounts/"
                        + world.account(tenant) + "/storage/kv/namespaces"),
                world.token(tenant));
    }

    @Override
    public StepResult startRollout(int basisPoints) throws InterruptedException {
        return control.setWeight(world.good(), basisPoints, "the rollout of 1.9 begins");
    }

    @Override
    public Listing listBuilds() throws InterruptedException {
        try {
            // It was latent until then.
            Path unused = Files.write(ClusterSetup.listBug(world.folder()), new byte[0]);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        // Without protections whoever asks takes what the server says; with them every item is looked at again.
        return control.list(plan.has(Layer.PRE_CHECKS));
    }

    @Override
    public StepResult choose(ListedBuild build) throws InterruptedException {
        return control.mayGet(build, plan.has(Layer.PRE_CHECKS));
    }

    @Override
    public StepResult route(ListedBuild build, int basisPoints) throws InterruptedException {
        return control.setWeight(build.id(), basisPoints, "the rollout goes on");
    }

    @Override
    public StepResult rollback(ListedBuild listed) throws InterruptedException {
        return plan.has(Layer.PRE_CHECKS)
                ? control.rollback("the old build was fine")
                // What rolled back in the report took its target from the list.
                : control.setWeight(listed.id(), ALL, "rollback to the build from the list");
    }

    @Override
    public StepResult awaitWayBack(long millis) throws InterruptedException {
        long begun = System.nanoTime();
        int back = routes.following(world.known(), ALL);
        while (back < ROUTERS && millisSince(begun) < millis) {
            Thread.sleep(WAY_BACK_PAUSE_MILLIS);
            back = routes.following(world.known(), ALL);
        }
        long took = millisSince(begun);
        return back > 0
                ? StepResult.done("gone back to known-good", took, back, ROUTERS)
                : StepResult.refused("NOT_BACK", "no router has gone back", took);
    }

    @Override
    public StepResult ciSecret() throws InterruptedException {
        return ask("secret");
    }

    @Override
    public StepResult ciRollback() throws InterruptedException {
        StepResult result = ask("rollback");
        return result.accepted()
                ? StepResult.done(result.detail(), result.millis(), routes.following(world.known(), ALL), ROUTERS)
                : result;
    }

    private StepResult ask(String what) throws InterruptedException {
        long begun = System.nanoTime();
        try {
            String said = ci.ask(what);
            return StepResult.done(said, millisSince(begun), 0, 0);
        } catch (KvException e) {
            return StepResult.refused("LOCKED_OUT", String.valueOf(e.getMessage()), millisSince(begun));
        }
    }

    static long millisSince(long begun) {
        return (System.nanoTime() - begun) / 1_000_000;
    }

    @Override
    public StepResult breakGlass(int basisPoints) throws InterruptedException {
        return plan.layers().isEmpty() ? routes.editByHand(basisPoints) : routes.breakGlass();
    }

    @Override
    public StepResult reconcile() throws InterruptedException {
        return control.reconcile("the incident is over");
    }

    @Override
    public void loseStoreAccessAndControl() {
        for (String name : List.of("core", "access", "control")) {
            child(name).kill();
        }
    }

    @Override
    public StepResult rollbackByCommand() throws InterruptedException {
        return routes.rollbackByCommand(jvm);
    }

    @Override
    public StepResult joinForeignBuild() throws InterruptedException {
        long begun = System.nanoTime();
        try {
            IdentityDirectory staging = ControlStore.identity(world.folder().resolve("staging-1.9"));
            Path join = Files.write(
                    world.folder().resolve("intruder.join"),
                    staging.join("intruder", world.foreign(), DAY).toJson());
            Child intruder = Child.start(
                    jvm,
                    world.folder(),
                    "intruder",
                    List.of(
                            "incident",
                            "node",
                            "serve",
                            "--node",
                            "intruder",
                            "--role",
                            "edge",
                            "--upstream",
                            world.core(),
                            "--join",
                            join.toString(),
                            "--data",
                            world.folder().resolve("intruder").toString(),
                            "--listen",
                            World.HOST + ":0",
                            "--http",
                            "off",
                            "--ops",
                            World.HOST + ":0"));
            children.put("intruder", intruder);
            if (!intruder.isReadyWithin(INTRUDER_MILLIS)) {
                return StepResult.refused("NOT_STARTED", intruder.log(), millisSince(begun));
            }
            return readiness(intruder, begun);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Looks for a while whether a node ever says that it may be sent traffic. */
    private static StepResult readiness(Child node, long begun) throws InterruptedException {
        TextClient operations = new TextClient("http://" + node.field("ops"), ASK_TIMEOUT);
        String said = "";
        for (int i = 0; i < INTRUDER_LOOKS; i++) {
            try {
                return StepResult.done("it is ready: " + operations.ask("readyz"), millisSince(begun), 0, 0);
            } catch (KvException e) {
                said = String.valueOf(e.getMessage()).strip();
            }
            Thread.sleep(INTRUDER_PAUSE_MILLIS);
        }
        return StepResult.refused("NEVER_READY", said, millisSince(begun));
    }

    @Override
    public Evidence evidence() {
        try {
            counters.look();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return counters.evidence();
    }

    @Override
    public List<AuditedFile> verifyAudit() {
        return routes.verifyAudit();
    }

    private static void end(Collection<Child> processes) {
        processes.forEach(Child::destroy);
    }

    @Override
    public void close() {
        counters.close();
        routes.close();
        end(children.values());
        children.values().forEach(Child::kill);
        try {
            boolean unused = Runtime.getRuntime().removeShutdownHook(atExit);
        } catch (IllegalStateException e) {
            assert e.getMessage() != null; // This process is ending, and the hook has run or will.
        }
    }
}
