package io.nearkv.server.incident.run;

import io.nearkv.core.AccountId;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.MapStore;
import io.nearkv.core.identity.Environment;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.identity.NodeAuthority;
import io.nearkv.core.identity.Permissions;
import io.nearkv.core.identity.TokenRequest;
import io.nearkv.edge.EdgeCache;
import io.nearkv.net.client.KvClient;
import io.nearkv.net.rest.RestOptions;
import io.nearkv.net.rest.RestServer;
import io.nearkv.net.server.KvServer;
import io.nearkv.net.server.KvServerOptions;
import io.nearkv.server.incident.access.AccessService;
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
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A cluster of one server in this process, whose store refuses by slot what would go to the build of staging. Its protections only say what real ones would say. {@link Fault}s
 * make it behave as it must not.
 */
public final class FakeCluster implements ReplayCluster {
    /** What a test may have gone wrong. */
    public enum Fault {
        /** The build of staging answers as if it were one of production. */
        STAGING_ANSWERS,
        /** The CI gets its secret whatever happens. */
        CI_HAS_ITS_OWN_SECRET,
        /** A protected cluster loses what goes to the first hundredth of the slots. */
        LEAKS,
        /** The pre-check lets everything pass, though it is on. */
        NO_PRE_CHECK,
        /** An audit log was changed. */
        AUDIT_BROKEN,
        /** The rollback by command reaches all routers but one. */
        ONE_ROUTER_UNREACHED,
        /** One router follows the route to the build of staging though that refuses. */
        ONE_ROUTER_STAYS,
        /** A build of staging gets ready before the store of production. */
        FOREIGN_BUILD_JOINS
    }

    private static final Duration DAY = Duration.ofDays(1);
    private static final ListedBuild GOOD = new ListedBuild("p2vd9xp2vd9xp", "production", "1.9.0");
    private static final ListedBuild FOREIGN = new ListedBuild("s9tq4fs9tq4fs", "staging", "1.9.0");

    private final ClusterPlan plan;
    private final Set<Fault> faults;
    private final EdgeCache below;
    private final SplitStore store;
    private final NodeAuthority authority;
    private final KvServer server;
    private final RestServer rest;
    private final Map<Tenant, String> tokens = new EnumMap<>(Tenant.class);
    private final Map<Tenant, AccountId> accounts = new EnumMap<>(Tenant.class);
    private final Kv accessClient;
    private final AccessService access;
    private final AtomicLong foreignDocuments = new AtomicLong();
    private final AtomicLong links = new AtomicLong();
    private volatile boolean dead;

    /** Starts it in a folder of its own. */
    public FakeCluster(Path folder, ClusterPlan plan, Set<Fault> faults) {
        this.plan = plan;
        this.faults = faults.isEmpty() ? EnumSet.noneOf(Fault.class) : EnumSet.copyOf(faults);
        InstantSource clock = InstantSource.system();
        below = EdgeCache.over(new MapStore(new MapStore.Data(), clock));
        for (Tenant tenant : Tenant.values()) {
            accounts.put(
                    tenant, below.admin().createAccount(tenant.label()).join().id());
        }
        IdentityDirectory identity = IdentityDirectory.initialize(
                folder, new Environment("production"), account(Tenant.INTERNAL), "b", clock);
        accounts.forEach((tenant, account) -> tokens.put(
                tenant,
                identity.issueToken(new TokenRequest(tenant.label(), account, Permissions.administrator(), DAY))));
        store = new SplitStore(below, plan.has(Layer.FALLBACK));
        authority = NodeAuthority.open(identity.environment(), identity.files(), null, clock);
        InetSocketAddress any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        server = KvServer.start(
                store.tier(), authority, KvServerOptions.listeningOn(any).withEventLoopThreads(1));
        rest = RestServer.start(server, RestOptions.listeningOn(any).withClock(clock));
        accessClient = connect(Tenant.INTERNAL, 0);
        accessClient.namespaces().create("access");
        access = new AccessService(accessClient.namespace("access"), "key");
        access.prepare(1, "the secret of the CI");
    }

    private AccountId account(Tenant tenant) {
        AccountId account = accounts.get(tenant);
        if (account == null) {
            throw new AssertionError(tenant);
        }
        return account;
    }

    private String token(Tenant tenant) {
        String token = tokens.get(tenant);
        if (token == null) {
            throw new AssertionError(tenant);
        }
        return token;
    }

    @Override
    public List<String> processes() {
        return List.of("no processes: one server inside the test");
    }

    @Override
    public Kv connect(Tenant tenant, int router) {
        return KvClient.connect("kv://127.0.0.1:" + server.address().getPort(), token(tenant));
    }

    @Override
    public RestDoor rest(Tenant tenant, int router) {
        return new RestDoor(
                URI.create("http://127.0.0.1:" + rest.address().getPort() + "/client/v4/accounts/" + account(tenant)
                        + "/storage/kv/namespaces"),
                token(tenant));
    }

    @Override
    public StepResult startRollout(int basisPoints) {
        if (faults.contains(Fault.LEAKS)) {
            store.share(basisPoints, false);
        }
        return StepResult.done(GOOD.id() + " has its share", 1, ROUTERS, ROUTERS);
    }

    /** Sends these slots, in basis points, to the build of staging. */
    public void refuse(int basisPoints) {
        store.share(basisPoints, true);
    }

    private boolean preChecks() {
        return plan.has(Layer.PRE_CHECKS) && !faults.contains(Fault.NO_PRE_CHECK);
    }

    @Override
    public Listing listBuilds() {
        return new Listing(List.of(GOOD, FOREIGN), preChecks() ? "one is of another environment" : "");
    }

    @Override
    public StepResult choose(ListedBuild build) {
        return preChecks()
                ? StepResult.refused("ENV_MISMATCH", build.id() + " belongs to " + build.environment(), 1)
                : StepResult.done(build.id() + " is next", 1, 0, 0);
    }

    @Override
    public StepResult route(ListedBuild build, int basisPoints) {
        if (preChecks()) {
            return choose(build);
        }
        if (plan.has(Layer.ACCEPTANCE)) {
            foreignDocuments.addAndGet(ROUTERS);
            return StepResult.done("published", 1, 0, ROUTERS);
        }
        if (plan.has(Layer.HANDSHAKE)) {
            links.addAndGet(ROUTERS);
        } else if (!faults.contains(Fault.STAGING_ANSWERS)) {
            store.share(basisPoints, true);
        }
        return StepResult.done("published", 1, ROUTERS, ROUTERS);
    }

    @Override
    public StepResult rollback(ListedBuild listed) {
        return preChecks() ? StepResult.done("to the ledger's", 1, ROUTERS, ROUTERS) : route(listed, 10_000);
    }

    @Override
    public StepResult awaitWayBack(long millis) {
        return StepResult.done(
                "gone back", 1, faults.contains(Fault.ONE_ROUTER_STAYS) ? ROUTERS - 1 : ROUTERS, ROUTERS);
    }

    @Override
    public StepResult ciSecret() {
        if (faults.contains(Fault.CI_HAS_ITS_OWN_SECRET)) {
            return StepResult.done("it has it", 1, 0, 0);
        }
        if (dead) {
            return StepResult.refused("access_unavailable", "nothing answers", 1);
        }
        try {
            String secret = access.secret("ci");
            return StepResult.done(secret.length() + " characters", 1, 0, 0);
        } catch (KvException e) {
            return StepResult.refused("access_unavailable", String.valueOf(e.getMessage()), 1);
        }
    }

    @Override
    public StepResult ciRollback() {
        StepResult secret = ciSecret();
        return secret.accepted() ? StepResult.done("rolled back", 1, ROUTERS, ROUTERS) : secret;
    }

    @Override
    public StepResult breakGlass(int basisPoints) {
        if (preChecks()) {
            return StepResult.done("signed by two", 1, ROUTERS, ROUTERS);
        }
        if (store.share() > 0) {
            store.share(10_000 - basisPoints, true);
        }
        return StepResult.done("edited", 1, ROUTERS, ROUTERS);
    }

    @Override
    public StepResult reconcile() {
        return StepResult.done("taken over", 1, 0, 0);
    }

    @Override
    public void loseStoreAccessAndControl() {
        dead = true;
    }

    @Override
    public StepResult rollbackByCommand() {
        return StepResult.done(
                "pulled", 12, faults.contains(Fault.ONE_ROUTER_UNREACHED) ? ROUTERS - 1 : ROUTERS, ROUTERS);
    }

    @Override
    public StepResult joinForeignBuild() {
        return faults.contains(Fault.FOREIGN_BUILD_JOINS)
                ? StepResult.done("it is ready", 1, 0, 0)
                : StepResult.refused("environment_mismatch", "never ready", 1);
    }

    @Override
    public Evidence evidence() {
        return new Evidence(foreignDocuments.get(), links.get(), store.refusals(), store.refusals(), store.fallbacks());
    }

    @Override
    public List<AuditedFile> verifyAudit() {
        return List.of(new AuditedFile("router-1", 7, !faults.contains(Fault.AUDIT_BROKEN), "line 3"));
    }

    @Override
    public void close() {
        accessClient.close();
        rest.close();
        server.close();
        authority.close();
        below.close();
    }
}
