package io.nearkv.server.incident.product;

import io.nearkv.core.KvNamespace;
import io.nearkv.server.incident.measure.Tally;
import io.nearkv.server.incident.model.Effect;
import io.nearkv.server.incident.model.Tenant;
import org.jspecify.annotations.Nullable;

/** D11: a widget whose program is an asset in the store. Without it pages do not let anybody pass. */
public final class Turnstile extends Product {
    private static final int ASSET_BYTES = 48 * 1024;

    private final Tally widgets = users("widget starts", Tenant.INTERNAL, Effect.FAILS, "fails closed");
    private @Nullable KvNamespace assets;

    /** Creates it. */
    public Turnstile(Surroundings world) {
        super("D11", "Turnstile", world);
    }

    @Override
    public String dependsOn() {
        return "the asset api.js";
    }

    @Override
    public String report() {
        return "\"The entry point for Turnstile (api.js) was not able to be served\"; widgets could not start and failed "
                + "closed.";
    }

    @Override
    public void prepare() {
        assets = prepare(open(Tenant.INTERNAL, 2));
    }

    /** Puts the widget's program there. */
    static KvNamespace prepare(KvNamespace namespace) {
        namespace.put("turnstile/v0/api.js", new byte[ASSET_BYTES]).orThrow();
        return namespace;
    }

    /** Starts the widget on somebody's page. */
    static void start(KvNamespace namespace) throws UserFailure {
        if (namespace.getBytes("turnstile/v0/api.js").orElse(new byte[0]).length != ASSET_BYTES) {
            throw new UserFailure("no program");
        }
    }

    @Override
    public void round() throws InterruptedException {
        attempt(widgets, () -> start(namespace(assets)));
    }
}
