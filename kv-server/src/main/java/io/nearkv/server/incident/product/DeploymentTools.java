package io.nearkv.server.incident.product;

import io.nearkv.server.incident.access.AccessService;
import io.nearkv.server.incident.cluster.StepResult;
import io.nearkv.server.incident.measure.Tally;
import io.nearkv.server.incident.model.Effect;
import io.nearkv.server.incident.model.Tenant;
import org.jspecify.annotations.Nullable;

/** D14: those who would roll back, by a CI whose secret lies behind Access, and by a dashboard behind the same login; Access reads from the store. */
public final class DeploymentTools extends Product {
    private final Tally ci = users("CI job fetches its secret", Tenant.INTERNAL, Effect.FAILS, "locked out");
    private final Tally tools =
            users("operator logs in to the rollback tool", Tenant.INTERNAL, Effect.FAILS, "locked out");
    private @Nullable AccessService access;
    private long round;

    /** Creates it. */
    public DeploymentTools(Surroundings world) {
        super("D14", "Deployment, CI and rollback tools", world);
    }

    @Override
    public String dependsOn() {
        return "Access, which depends on KV";
    }

    @Override
    public String report() {
        return "The rollback was automated, but its secrets lay behind Access, and Access was down; so was the dashboard.";
    }

    @Override
    public int roundsPerSecond() {
        return 10;
    }

    @Override
    public void prepare() {
        AccessService made = new AccessService(open(Tenant.INTERNAL, 0), id());
        made.prepare(1, "not used here");
        access = made;
    }

    @Override
    public void round() throws InterruptedException {
        long n = round++;
        attempt(ci, () -> {
            StepResult fetched = cluster().ciSecret();
            if (!fetched.accepted()) {
                throw new UserFailure(fetched.code());
            }
        });
        attempt(tools, () -> {
            if (access == null) {
                throw new IllegalStateException("not prepared");
            }
            access.login("operator-" + n % 10);
        });
    }
}
