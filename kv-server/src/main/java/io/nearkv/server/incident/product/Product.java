package io.nearkv.server.incident.product;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.KvNamespace;
import io.nearkv.server.incident.cluster.ReplayCluster;
import io.nearkv.server.incident.measure.Check;
import io.nearkv.server.incident.measure.Recorder;
import io.nearkv.server.incident.measure.Tally;
import io.nearkv.server.incident.model.Effect;
import io.nearkv.server.incident.model.Mode;
import io.nearkv.server.incident.model.Tenant;
import io.nearkv.server.incident.model.UserClass;
import io.nearkv.server.incident.model.Window;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * One row of the impact table. It works on a namespace of its own through the public client, and has {@link #round} called by one thread, again and again; what its users ask for
 * and get is counted by class.
 */
public abstract class Product implements AutoCloseable {
    /** Long enough for any pause of a loaded machine: what is counted here are refusals. */
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final String id;
    private final String name;
    private final Surroundings world;
    private final Random random;
    private final List<Kv> clients = new ArrayList<>();

    /** Something that a user asks for. */
    interface Request {
        void run() throws UserFailure, IOException, InterruptedException;
    }

    /** Creates a product; nothing is connected yet. */
    protected Product(String id, String name, Surroundings world) {
        this.id = requireNonNull(id, "id");
        this.name = requireNonNull(name, "name");
        this.world = requireNonNull(world, "world");
        this.random = new Random(world.seed() * 31 + id.hashCode());
    }

    /** Returns its row, such as {@code D4}. */
    public final String id() {
        return id;
    }

    /** Returns its name. */
    public final String name() {
        return name;
    }

    /** Returns what it needs the store for. */
    public abstract String dependsOn();

    /** Returns what the report says became of it. */
    public abstract String report();

    /** Returns how many rounds a second it is to be given. */
    public int roundsPerSecond() {
        return 20;
    }

    /** Connects, writes its data and fills its caches. */
    public abstract void prepare() throws IOException, InterruptedException;

    /** Has its users do what they do, once. */
    public abstract void round() throws IOException, InterruptedException;

    /**
     * Returns what it must show beyond what the effects of its classes say.
     *
     * @param impact the minutes in which all of production was routed to the wrong build
     */
    public List<Check> checks(Mode mode, Window impact) {
        return List.of();
    }

    /** Ends its connections. */
    @Override
    public void close() {
        clients.forEach(Kv::close);
        clients.clear();
    }

    final ReplayCluster cluster() {
        return world.cluster();
    }

    final Recorder recorder() {
        return world.recorder();
    }

    final Random random() {
        return random;
    }

    /** Returns its namespace, made if it is missing, by a connection of its own to a router. */
    final KvNamespace open(Tenant tenant, int router) {
        Kv kv = world.cluster().connect(tenant, router);
        clients.add(kv);
        String title = id.toLowerCase(Locale.ROOT);
        kv.namespaces().findOrCreate(title);
        return kv.namespace(title).withTimeout(PATIENCE);
    }

    /** Returns what {@link #prepare} has opened. */
    static KvNamespace namespace(@Nullable KvNamespace opened) {
        if (opened == null) {
            throw new IllegalStateException("not prepared");
        }
        return opened;
    }

    final Tally users(String what, Tenant tenant, Effect effect, String symptom) {
        return world.recorder().tally(new UserClass(id, what, tenant, effect, symptom));
    }

    /** Counts a request, and returns whether it succeeded. */
    static boolean attempt(Tally users, Request request) throws InterruptedException {
        long begun = users.begin();
        String failure = null;
        try {
            request.run();
        } catch (KvException e) {
            failure = label(e);
        } catch (UserFailure e) {
            failure = String.valueOf(e.getMessage());
        } catch (IOException e) {
            failure = "io: " + e.getClass().getSimpleName();
        }
        if (Thread.currentThread().isInterrupted()) {
            // Whoever ends the replay interrupts what hangs: that is no answer that a user got.
            throw new InterruptedException();
        }
        users.record(begun, failure);
        return failure == null;
    }

    /** Returns what an error says in a few words: the reason of a refusal, else the row of the error table. */
    static String label(KvException e) {
        KvException.Denial denial = e.denial();
        return denial == null
                ? e.code().label()
                : e.code().httpStatus() + " " + denial.reason().label();
    }
}
