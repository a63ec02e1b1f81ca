package io.nearkv.server.incident.product;

import io.nearkv.core.KvNamespace;
import io.nearkv.server.incident.measure.Tally;
import io.nearkv.server.incident.model.Effect;
import io.nearkv.server.incident.model.Tenant;
import org.jspecify.annotations.Nullable;

/** D12: visitors who are challenged by the widget of D11 before they may pass; most are not. */
public final class ChallengePages extends Product {
    private final Tally challenged = users("challenged visitor", Tenant.INTERNAL, Effect.FAILS, "blocked");
    private final Tally others = users("visitor who is not challenged", Tenant.INTERNAL, Effect.UNAFFECTED, "");
    private @Nullable KvNamespace assets;

    /** Creates it. */
    public ChallengePages(Surroundings world) {
        super("D12", "Challenge Pages", world);
    }

    @Override
    public String dependsOn() {
        return "Turnstile";
    }

    @Override
    public String report() {
        return "Uses Turnstile, and so \"blocked users who were presented with a challenge\".";
    }

    @Override
    public void prepare() {
        assets = Turnstile.prepare(open(Tenant.INTERNAL, 3));
    }

    @Override
    public void round() throws InterruptedException {
        attempt(challenged, () -> Turnstile.start(namespace(assets)));
        for (int i = 0; i < 3; i++) {
            attempt(others, () -> {});
        }
    }
}
