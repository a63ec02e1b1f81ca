package io.nearkv.server.incident.product;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.KvException;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.ListOptions;
import io.nearkv.core.Metadata;
import io.nearkv.core.Origin;
import io.nearkv.core.PutOptions;
import io.nearkv.core.Value;
import io.nearkv.server.incident.cluster.ReplayCluster;
import io.nearkv.server.incident.measure.Check;
import io.nearkv.server.incident.measure.ClassResult;
import io.nearkv.server.incident.measure.Tally;
import io.nearkv.server.incident.model.Effect;
import io.nearkv.server.incident.model.Mode;
import io.nearkv.server.incident.model.Tenant;
import io.nearkv.server.incident.model.Window;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** D1: programs of two customers on the store itself, over the client and over the HTTP API, at every router, with every operation. */
public final class StoreClient extends Product {
    /** Beside requests, how many reads were refused of what a cache had answered before. */
    static final String CACHE_HIT_DENIED = "cache hits denied";

    private static final int KEYS = 2000;
    private static final int BULK = 100;
    private static final int GETS_A_ROUND = 8;
    private static final String REFUSED = "401";

    private final Tally cached = clientUsers("get, pair in the cache");
    private final Tally fresh = clientUsers("get, pair never read before");
    private final Tally many = clientUsers("get many");
    private final Tally puts = clientUsers("put");
    private final Tally deletes = clientUsers("delete");
    private final Tally lists = clientUsers("list");
    private final Tally restGets = restUsers("get");
    private final Tally restMetadata = restUsers("get metadata");
    private final Tally restMany = restUsers("get many");
    private final Tally restPuts = restUsers("put");
    private final Tally restDeletes = restUsers("delete");
    private final Tally restLists = restUsers("list");

    private final boolean[] fromCache = new boolean[KEYS];
    private final List<KvNamespace> clients = new ArrayList<>();
    private final List<RestClient> rest = new ArrayList<>();
    private long round;

    /** Creates it. */
    public StoreClient(Surroundings world) {
        super("D1", "Workers KV", world);
    }

    private Tally clientUsers(String what) {
        return users("client: " + what, Tenant.CUSTOMER_A, Effect.FAILS, REFUSED);
    }

    private Tally restUsers(String what) {
        return users("REST: " + what, Tenant.CUSTOMER_B, Effect.FAILS, REFUSED);
    }

    @Override
    public String dependsOn() {
        return "everything";
    }

    @Override
    public String report() {
        return "Applications failed, with \"both the KV API within Workers, and the REST API\"; 401 for any get, put, "
                + "delete or list, cached or not.";
    }

    @Override
    public int roundsPerSecond() {
        return 60;
    }

    @Override
    public void prepare() throws IOException, InterruptedException {
        for (int router = 0; router < ReplayCluster.ROUTERS; router++) {
            clients.add(open(Tenant.CUSTOMER_A, router));
            KvNamespace other = open(Tenant.CUSTOMER_B, router);
            rest.add(new RestClient(
                    cluster().rest(Tenant.CUSTOMER_B, router), other.info().id()));
            if (router == 0) {
                fill(clients.get(0));
                fill(other);
            }
        }
        for (KvNamespace client : clients) {
            for (int i = 0; i < KEYS; i += BULK) {
                if (client.getAll(keys(i, BULK)).size() != BULK) {
                    throw new KvException(ErrorCode.NOT_FOUND, "what was written cannot be read");
                }
            }
        }
    }

    private static void fill(KvNamespace namespace) {
        Map<String, Value> entries = new LinkedHashMap<>();
        for (int i = 0; i < KEYS; i++) {
            entries.put(key(i), Value.of("{\"feature\":" + i + ",\"enabled\":true}"));
        }
        namespace
                .putAll(entries, PutOptions.metadata(Metadata.ofJson("{\"owner\":\"app\"}")))
                .values()
                .forEach(each -> each.orThrow());
    }

    private static String key(int index) {
        return "config/" + index;
    }

    private static List<String> keys(int from, int count) {
        List<String> keys = new ArrayList<>(count);
        for (int i = from; i < from + count; i++) {
            keys.add(key(i % KEYS));
        }
        return keys;
    }

    @Override
    public void round() throws IOException, InterruptedException {
        long n = round++;
        KvNamespace client = clients.get((int) (n % clients.size()));
        for (int i = 0; i < GETS_A_ROUND; i++) {
            int index = random().nextInt(KEYS);
            attempt(cached, () -> get(client, index));
        }
        attempt(fresh, () -> client.get("new/" + n));
        attempt(
                puts,
                () -> client.put("own/" + n % KEYS, "{\"round\":" + n + "}").orThrow());
        attempt(deletes, () -> client.delete("own/" + (n + KEYS / 2) % KEYS).orThrow());
        if (n % 4 == 0) {
            attempt(many, () -> client.getAll(keys(random().nextInt(KEYS), 10)));
            // The prefixes differ, so that listings are spread over the builds as keys are.
            attempt(
                    lists,
                    () -> client.listPage(
                            ListOptions.prefix(key(random().nextInt(KEYS))).withLimit(10)));
        }
        if (n % 2 == 0) {
            overRest(n);
        }
    }

    private void get(KvNamespace client, int index) throws UserFailure {
        try {
            GetResult found = client.get(key(index));
            if (!(found instanceof GetResult.Found)) {
                throw new UserFailure("pair lost");
            }
            fromCache[index] = found.origin().source() == Origin.Source.MEMORY;
        } catch (KvException e) {
            if (e.code() == ErrorCode.UNAUTHORIZED && fromCache[index]) {
                recorder().add(id(), CACHE_HIT_DENIED, 1);
            }
            throw e;
        }
    }

    private void overRest(long n) throws InterruptedException {
        RestClient client = rest.get((int) (n / 2 % rest.size()));
        attempt(restGets, () -> client.get(key(random().nextInt(KEYS))));
        attempt(restPuts, () -> client.put("own/" + n % KEYS, "{\"round\":" + n + "}"));
        attempt(restDeletes, () -> client.delete("own/" + (n + KEYS / 2) % KEYS));
        if (n % 4 == 0) {
            attempt(restMetadata, () -> client.metadata(key(random().nextInt(KEYS))));
            attempt(restMany, () -> client.getAll(keys(random().nextInt(KEYS), 5)));
            attempt(restLists, () -> client.list(key(random().nextInt(KEYS))));
        }
    }

    @Override
    public List<Check> checks(Mode mode, Window impact) {
        if (mode != Mode.LEGACY) {
            return List.of();
        }
        long denied = recorder().series(id()).getOrDefault(CACHE_HIT_DENIED, List.of()).stream()
                .mapToLong(Long::longValue)
                .sum();
        long failed = 0;
        long unexplained = 0;
        for (ClassResult each : recorder().classes(id())) {
            for (Map.Entry<String, Long> reason : each.reasons().entrySet()) {
                failed += reason.getValue();
                unexplained += reason.getKey().startsWith("401 ") ? 0 : reason.getValue();
            }
        }
        return List.of(
                new Check("A5", "reads of cached pairs that were refused", "> 0", Long.toString(denied), denied > 0),
                new Check(
                        "A4",
                        "failures that are a 401 with a reason",
                        "all",
                        failed - unexplained + " of " + failed,
                        failed > 0 && unexplained == 0));
    }
}
