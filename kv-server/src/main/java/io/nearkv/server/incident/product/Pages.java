package io.nearkv.server.incident.product;

import io.nearkv.core.KvNamespace;
import io.nearkv.core.Value;
import io.nearkv.server.incident.measure.Tally;
import io.nearkv.server.incident.model.Effect;
import io.nearkv.server.incident.model.Tenant;
import org.jspecify.annotations.Nullable;

/** D3: sites whose assets lie in the store: pages of some kilobytes, a bundle of a megabyte, and new deployments of both. */
public final class Pages extends Product {
    private static final int SITES = 40;
    private static final int PAGE_BYTES = 12 * 1024;
    private static final int BUNDLE_BYTES = 1024 * 1024;
    private static final int BUNDLE_EVERY = 10;
    private static final int DEPLOY_EVERY = 4;
    private static final String REFUSED = "HTTP 500";

    private final Tally sites = users("site: page", Tenant.INTERNAL, Effect.FAILS, REFUSED);
    private final Tally bundles = users("site: asset of 1 MB", Tenant.INTERNAL, Effect.FAILS, REFUSED);
    private final Tally deployments = users("new deployment", Tenant.INTERNAL, Effect.FAILS, REFUSED);
    private @Nullable KvNamespace assets;
    private long round;

    /** Creates it. */
    public Pages(Surroundings world) {
        super("D3", "Pages", world);
    }

    @Override
    public String dependsOn() {
        return "site assets, new deployments";
    }

    @Override
    public String report() {
        return "Sites were unreachable and \"returned HTTP 500 errors to users\"; new deployments too.";
    }

    @Override
    public void prepare() {
        KvNamespace namespace = open(Tenant.INTERNAL, 0);
        byte[] page = new byte[PAGE_BYTES];
        random().nextBytes(page);
        for (int i = 0; i < SITES; i++) {
            namespace.put("site/" + i + "/index.html", page).orThrow();
        }
        byte[] bundle = new byte[BUNDLE_BYTES];
        random().nextBytes(bundle);
        namespace.put("bundle/app.js", Value.of(bundle)).orThrow();
        assets = namespace;
    }

    @Override
    public void round() throws InterruptedException {
        long n = round++;
        attempt(sites, () -> read("site/" + random().nextInt(SITES) + "/index.html", PAGE_BYTES));
        if (n % BUNDLE_EVERY == 0) {
            attempt(bundles, () -> read("bundle/app.js", BUNDLE_BYTES));
        }
        if (n % DEPLOY_EVERY == 0) {
            attempt(
                    deployments,
                    () -> namespace(assets)
                            .put("site/new-" + n % SITES + "/index.html", new byte[PAGE_BYTES])
                            .orThrow());
        }
    }

    private void read(String key, int bytes) throws UserFailure {
        int found = namespace(assets).getBytes(key).orElse(new byte[0]).length;
        if (found != bytes) {
            throw new UserFailure("asset damaged");
        }
    }
}
