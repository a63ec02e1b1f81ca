package io.nearkv.server.incident.product;

import io.nearkv.core.KvNamespace;
import io.nearkv.server.incident.measure.Tally;
import io.nearkv.server.incident.model.Effect;
import io.nearkv.server.incident.model.Tenant;
import org.jspecify.annotations.Nullable;

/** D9: a proxy that looks up its route table with every request, and has no copy of it. */
public final class AiGateway extends Product {
    private static final int ROUTES = 200;

    private final Tally proxied = users("proxied request", Tenant.INTERNAL, Effect.FAILS, "cannot be proxied");
    private @Nullable KvNamespace routes;

    /** Creates it. */
    public AiGateway(Surroundings world) {
        super("D9", "AI Gateway", world);
    }

    @Override
    public String dependsOn() {
        return "routing and configuration";
    }

    @Override
    public String report() {
        return "\"Was not able to proxy requests\" for the duration of the incident.";
    }

    @Override
    public int roundsPerSecond() {
        return 40;
    }

    @Override
    public void prepare() {
        KvNamespace namespace = open(Tenant.INTERNAL, 0);
        for (int i = 0; i < ROUTES; i++) {
            namespace
                    .put("route/" + i, "{\"provider\":\"https://model-" + i + ".example\"}")
                    .orThrow();
        }
        routes = namespace;
    }

    @Override
    public void round() throws InterruptedException {
        String key = "route/" + random().nextInt(ROUTES);
        attempt(proxied, () -> {
            if (!namespace(routes).getString(key).orElse("").contains("provider")) {
                throw new UserFailure("no route");
            }
        });
    }
}
