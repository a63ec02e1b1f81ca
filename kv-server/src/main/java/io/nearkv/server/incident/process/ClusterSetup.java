package io.nearkv.server.incident.process;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.nearkv.core.AccountId;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.Value;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.identity.Permissions;
import io.nearkv.core.identity.TokenRequest;
import io.nearkv.deploy.control.ControlPlane;
import io.nearkv.deploy.control.ControlPlaneOptions;
import io.nearkv.deploy.control.PublishRequest;
import io.nearkv.deploy.control.PublishedBuild;
import io.nearkv.deploy.control.RefusedException;
import io.nearkv.deploy.control.WeightRequest;
import io.nearkv.deploy.environment.EnvironmentKeys;
import io.nearkv.deploy.model.EnvironmentClass;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.net.client.KvClient;
import io.nearkv.net.client.KvTransport;
import io.nearkv.server.incident.cluster.ClusterPlan;
import io.nearkv.server.incident.cluster.ReplayCluster;
import io.nearkv.server.incident.model.Layer;
import io.nearkv.server.incident.model.Tenant;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Starts the processes of a replay in an order in which each has what it needs. Used once. */
final class ClusterSetup {
    private static final Duration DAY = Duration.ofDays(1);
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final String OFF = "off";
    /** The same artefact is built once, tested in staging and published in production. */
    private static final String NEW_DIGEST = "19".repeat(32);

    private static final String NEW_VERSION = "1.9.0";
    private static final String SETUP = "setup";
    private static final int ALL = 10_000;

    private final ChildJvm jvm;
    private final Path folder;
    private final ClusterPlan plan;
    private final FreePorts ports;
    private final InstantSource clock;
    private final Map<String, Child> children = new LinkedHashMap<>();

    ClusterSetup(ChildJvm jvm, Path folder, ClusterPlan plan, long seed, InstantSource clock) {
        this.jvm = jvm;
        this.folder = folder;
        this.plan = plan;
        this.ports = new FreePorts(seed);
        this.clock = clock;
    }

    /** Starts everything; what was started is ended again if that fails. */
    ProcessCluster start() throws IOException, InterruptedException {
        Files.createDirectories(folder);
        boolean done = false;
        try {
            ProcessCluster cluster = startAll();
            done = true;
            return cluster;
        } catch (RefusedException e) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST, "the control plane refuses to set up the replay: " + e.getMessage(), e);
        } finally {
            if (!done) {
                children.values().forEach(Child::destroy);
            }
        }
    }

    private ProcessCluster startAll() throws IOException, InterruptedException, RefusedException {
        int corePort = ports.next();
        int stagingPort = ports.next();
        Path core = folder.resolve("core");
        Path staging = folder.resolve("staging-1.9");
        node("core", core, corePort, "--environment", "production");
        // Five routers of one address come back again and again in the replay of the incident, and are to be told 401
        // each time.
        node(
                "staging-1.9",
                staging,
                stagingPort,
                "--environment",
                "staging",
                "--max-failed-hellos-per-minute",
                "1000000");
        child("core").awaitReady();
        IdentityDirectory identity = ControlStore.identity(core);
        EnvironmentKeys.Created keys = EnvironmentKeys.create(
                core, folder.resolve("keys"), World.PRODUCTION, EnvironmentClass.PRODUCTION, World.OPERATORS, clock);
        String operatorToken = Files.readString(core.resolve("admin.token")).strip();
        Map<Tenant, AccountId> accounts = accounts(World.address(corePort), operatorToken, identity.account());
        Map<Tenant, String> tokens = new EnumMap<>(Tenant.class);
        accounts.forEach((tenant, account) -> tokens.put(
                tenant,
                identity.issueToken(new TokenRequest(tenant.label(), account, Permissions.administrator(), DAY))));
        child("staging-1.9").awaitReady();
        String foreign = publishInStaging(staging, stagingPort);
        List<String> routers = new ArrayList<>();
        for (int i = 0; i < ReplayCluster.ROUTERS; i++) {
            routers.add(World.address(ports.next()));
        }
        World world;
        Path bundle = folder.resolve("service.bundle");
        try (KvTransport transport = transport(operatorToken);
                ControlPlane control = ControlStore.open(
                        folder.resolve("control"),
                        transport,
                        options(World.PRODUCTION, folder.resolve("control"), identity, keys)
                                .build())) {
            String older = build(control, identity, corePort, "prod-1.7", "1.7.4", "17".repeat(32), 1);
            String known = build(control, identity, corePort, "prod-1.8", "1.8.2", "18".repeat(32), 2);
            String good = build(control, identity, corePort, "prod-1.9", NEW_VERSION, NEW_DIGEST, 1);
            for (Child each : children.values()) {
                each.awaitReady();
            }
            for (String build : List.of(older, known)) {
                var unused = control.setWeight(new WeightRequest(build, ALL, null, 0, SETUP, SETUP));
                var unusedEntry = control.addToLedger(build, "it has run for weeks", SETUP);
            }
            Files.write(bundle, control.bundle().toByteArray());
            world = new World(
                    folder,
                    World.address(corePort),
                    routers,
                    keys,
                    accounts,
                    tokens,
                    operatorToken,
                    good,
                    known,
                    older,
                    foreign);
        }
        startRouters(world, identity, bundle);
        startServices(world);
        return new ProcessCluster(world, plan, children, jvm, clock).warm();
    }

    private Map<Tenant, AccountId> accounts(String core, String token, AccountId internal) {
        Map<Tenant, AccountId> accounts = new EnumMap<>(Tenant.class);
        accounts.put(Tenant.INTERNAL, internal);
        try (KvClient client =
                KvClient.builder().server(core).token(token).timeout(PATIENCE).build()) {
            for (Tenant tenant : Tenant.values()) {
                if (tenant != Tenant.INTERNAL) {
                    accounts.put(
                            tenant,
                            client.store()
                                    .admin()
                                    .createAccount(tenant.label())
                                    .join()
                                    .id());
                }
            }
        }
        return accounts;
    }

    /** Publishes the new artefact as a build of staging, where it was tested, and has its node run it. */
    private String publishInStaging(Path data, int port) throws IOException {
        IdentityDirectory identity = ControlStore.identity(data);
        EnvironmentKeys.Created keys = EnvironmentKeys.create(
                data, folder.resolve("staging-keys"), World.STAGING, EnvironmentClass.STAGING, List.of("carol"), clock);
        Path state = folder.resolve("staging-control");
        String token = Files.readString(data.resolve("admin.token")).strip();
        try (KvTransport transport = transport(token);
                ControlPlane control = ControlStore.open(
                        state,
                        transport,
                        options(World.STAGING, state, identity, keys).build())) {
            PublishedBuild published =
                    control.publishBuild(request(NEW_VERSION, NEW_DIGEST, List.of(World.address(port))), SETUP);
            identity.installBuildToken(published.id(), DAY);
            Files.write(strayManifest(folder), published.document().toByteArray());
            return published.id();
        }
    }

    /** Returns the file of the manifest of staging that the list of production has in it. */
    static Path strayManifest(Path folder) {
        return folder.resolve("staging-1.9.manifest");
    }

    /** Returns the file whose presence lets that bug out. */
    static Path listBug(Path folder) {
        return folder.resolve("list-bug");
    }

    private static PublishRequest request(String version, String digest, List<String> endpoints) {
        return new PublishRequest(digest, version, endpoints, 1, 1, 1, "the replay of the incident", DAY);
    }

    private static ControlPlaneOptions.Builder options(
            ServiceId service, Path state, IdentityDirectory identity, EnvironmentKeys.Created keys)
            throws IOException {
        return ControlPlaneOptions.builder(
                service, state, identity, keys.routeKey(), Value.wrap(Files.readAllBytes(keys.trust())));
    }

    /** Publishes a build of production and starts its instances before the core. */
    private String build(
            ControlPlane control,
            IdentityDirectory identity,
            int corePort,
            String name,
            String version,
            String digest,
            int instances)
            throws IOException {
        List<Integer> listening = new ArrayList<>();
        for (int i = 0; i < instances; i++) {
            listening.add(ports.next());
        }
        String id = control.publishBuild(
                        request(
                                version,
                                digest,
                                listening.stream().map(World::address).toList()),
                        SETUP)
                .id();
        for (int i = 0; i < instances; i++) {
            String node = instances == 1 ? name : name + "-" + (char) ('a' + i);
            node(
                    node,
                    folder.resolve(node),
                    listening.get(i),
                    "--role",
                    "edge",
                    "--upstream",
                    World.address(corePort),
                    "--join",
                    join(identity, node, id).toString());
        }
        return id;
    }

    private Path join(IdentityDirectory identity, String node, String build) throws IOException {
        return Files.write(
                folder.resolve(node + ".join"), identity.join(node, build, DAY).toJson());
    }

    private void node(String name, Path data, int port, String... more) throws IOException {
        List<String> arguments = new ArrayList<>(List.of("incident", "node"));
        arguments.addAll(List.of("serve", "--node", name, "--data", data.toString()));
        arguments.addAll(List.of("--listen", World.HOST + ":" + port, "--http", OFF, "--ops", World.HOST + ":0"));
        arguments.addAll(List.of(more));
        children.put(name, Child.start(jvm, folder, name, arguments));
    }

    private void startRouters(World world, IdentityDirectory identity, Path bundle)
            throws IOException, InterruptedException {
        for (int i = 0; i < world.routers().size(); i++) {
            String name = World.routerName(i);
            List<String> arguments = new ArrayList<>(List.of("incident", "node"));
            for (Layer layer : Layer.values()) {
                if (!plan.has(layer)) {
                    arguments.addAll(List.of("--off", layer.name()));
                }
            }
            arguments.addAll(List.of(
                    "serve", "--node", name, "--data", folder.resolve(name).toString()));
            arguments.addAll(List.of("--role", "edge", "--memory-cache-mib", "0"));
            arguments.addAll(List.of("--service-route", bundle.toString()));
            arguments.addAll(List.of("--join", join(identity, name, "router").toString()));
            arguments.addAll(List.of("--listen", world.routers().get(i).substring("kv://".length())));
            arguments.addAll(List.of("--http", World.HOST + ":0", "--ops", World.HOST + ":0"));
            children.put(name, Child.start(jvm, folder, name, arguments));
        }
        List<String> control = new ArrayList<>(List.of("incident", "control", "--data", folder.toString()));
        world.routers().forEach(router -> control.addAll(List.of("--router", router)));
        if (!plan.has(Layer.PRE_CHECKS)) {
            control.add("--no-checks");
        }
        children.put("control", Child.start(jvm, folder, "control", control));
        for (Child each : children.values()) {
            each.awaitReady();
        }
    }

    /** The access service reads from the store, through a router as everybody; the CI has its secret from it. */
    private void startServices(World world) throws IOException, InterruptedException {
        Path token = folder.resolve("access.token");
        Files.writeString(token, world.token(Tenant.INTERNAL), UTF_8);
        children.put(
                "access",
                Child.start(
                        jvm,
                        folder,
                        "access",
                        List.of(
                                "incident",
                                "access",
                                "--server",
                                world.routers().get(0),
                                "--token-file",
                                token.toString(),
                                "--secret-file",
                                folder.resolve("core").resolve("admin.token").toString())));
        child("access").awaitReady();
        children.put(
                "ci",
                Child.start(
                        jvm,
                        folder,
                        "ci",
                        List.of(
                                "incident",
                                "ci",
                                "--access",
                                child("access").field("url"),
                                "--control",
                                child("control").field("url"))));
        child("ci").awaitReady();
    }

    private Child child(String name) {
        Child child = children.get(name);
        if (child == null) {
            throw new IllegalStateException("no process " + name);
        }
        return child;
    }

    static KvTransport transport(String token) {
        return KvTransport.of(KvClient.builder().name("replay").token(token).connectTimeout(Duration.ofSeconds(2)));
    }
}
