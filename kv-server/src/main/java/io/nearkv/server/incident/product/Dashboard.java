package io.nearkv.server.incident.product;

import io.nearkv.core.KvNamespace;
import io.nearkv.server.incident.measure.Tally;
import io.nearkv.server.incident.model.Effect;
import io.nearkv.server.incident.model.Tenant;
import org.jspecify.annotations.Nullable;

/** D13: a dashboard of which some parts need the widget, some the flags in the store, and some neither. */
public final class Dashboard extends Product {
    private static final int FLAGS = 30;
    private static final String ERROR = "error";

    private final Tally login = users("login form (Turnstile)", Tenant.INTERNAL, Effect.FAILS, ERROR);
    private final Tally flagged = users("part behind a feature flag", Tenant.INTERNAL, Effect.FAILS, ERROR);
    private final Tally others = users("other part", Tenant.INTERNAL, Effect.UNAFFECTED, "");
    private @Nullable KvNamespace data;

    /** Creates it. */
    public Dashboard(Surroundings world) {
        super("D13", "Dashboard", world);
    }

    @Override
    public String dependsOn() {
        return "Turnstile, feature flags";
    }

    @Override
    public String report() {
        return "Portions that rely on Turnstile or \"internal feature flag tooling\" returned errors.";
    }

    @Override
    public void prepare() {
        KvNamespace namespace = Turnstile.prepare(open(Tenant.INTERNAL, 4));
        for (int i = 0; i < FLAGS; i++) {
            namespace.put("flag/" + i, "on").orThrow();
        }
        data = namespace;
    }

    @Override
    public void round() throws InterruptedException {
        KvNamespace namespace = namespace(data);
        String flag = "flag/" + random().nextInt(FLAGS);
        attempt(login, () -> Turnstile.start(namespace));
        attempt(flagged, () -> {
            if (!namespace.getString(flag).orElse("").equals("on")) {
                throw new UserFailure("flag lost");
            }
        });
        attempt(others, () -> {});
    }
}
