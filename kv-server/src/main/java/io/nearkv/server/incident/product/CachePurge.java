package io.nearkv.server.incident.product;

import io.nearkv.core.KvNamespace;
import io.nearkv.server.incident.cluster.ReplayCluster;
import io.nearkv.server.incident.measure.Tally;
import io.nearkv.server.incident.model.Effect;
import io.nearkv.server.incident.model.Tenant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * D7: purging files from the caches of data centres, each of which reads its configuration from the store. Some have a private copy of it, which lies before any authorisation and
 * therefore helps; the store's own cache lies behind it and does not.
 */
public final class CachePurge extends Product {
    /** These have a copy from before; those behind them have not, and ask each time. */
    private static final int WITH_COPY = 3;

    private final Tally withCopy =
            users("single file, data centre with a cached config", Tenant.INTERNAL, Effect.UNAFFECTED, "");
    private final Tally without =
            users("single file, data centre without one", Tenant.INTERNAL, Effect.FAILS, "purge unavailable");
    private final Tally byTag = users("by tag", Tenant.INTERNAL, Effect.UNAFFECTED, "");
    private final List<KvNamespace> centres = new ArrayList<>();
    private final Map<Integer, String> copies = new HashMap<>();
    private long round;

    /** Creates it. */
    public CachePurge(Surroundings world) {
        super("D7", "Cache Purge (single file)", world);
    }

    @Override
    public String dependsOn() {
        return "configuration of each data centre";
    }

    @Override
    public String report() {
        return "Partially unavailable: data centres that had \"configuration data locally cached were unaffected\", and so "
                + "were other purges, as by tag.";
    }

    @Override
    public void prepare() {
        for (int centre = 0; centre < ReplayCluster.ROUTERS; centre++) {
            KvNamespace namespace = open(Tenant.INTERNAL, centre);
            namespace
                    .put(key(centre), "{\"zones\":[" + centre + "],\"purge\":\"on\"}")
                    .orThrow();
            centres.add(namespace);
            String config = namespace.getString(key(centre)).orElse("");
            if (centre < WITH_COPY) {
                copies.put(centre, config);
            }
        }
    }

    private static String key(int centre) {
        return "datacentre/" + centre;
    }

    @Override
    public void round() throws InterruptedException {
        int centre = (int) (round++ % ReplayCluster.ROUTERS);
        attempt(centre < WITH_COPY ? withCopy : without, () -> {
            String config = copies.get(centre);
            if (config == null) {
                config = centres.get(centre).getString(key(centre)).orElse("");
            }
            if (!config.contains("\"purge\":\"on\"")) {
                throw new UserFailure("no configuration");
            }
        });
        attempt(byTag, () -> {}); // Goes another way, which needs nothing of this.
    }
}
