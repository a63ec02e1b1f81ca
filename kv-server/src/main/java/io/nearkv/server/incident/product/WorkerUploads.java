package io.nearkv.server.incident.product;

import io.nearkv.core.KvNamespace;
import io.nearkv.server.incident.measure.Tally;
import io.nearkv.server.incident.model.Effect;
import io.nearkv.server.incident.model.Tenant;
import org.jspecify.annotations.Nullable;

/** D8: uploading programs, by three ways that end in the same data; programs that run already. */
public final class WorkerUploads extends Product {
    private static final int SCRIPT_BYTES = 32 * 1024;
    private static final String ERROR = "error";

    private final Tally dashboard = users("upload by dashboard", Tenant.INTERNAL, Effect.FAILS, ERROR);
    private final Tally wrangler = users("upload by wrangler", Tenant.INTERNAL, Effect.FAILS, ERROR);
    private final Tally api = users("upload by API", Tenant.INTERNAL, Effect.FAILS, ERROR);
    private final Tally deployed = users("deployed Worker without KV", Tenant.INTERNAL, Effect.UNAFFECTED, "");
    private @Nullable KvNamespace data;
    private long round;

    /** Creates it. */
    public WorkerUploads(Surroundings world) {
        super("D8", "Workers (upload, edit)", world);
    }

    @Override
    public String dependsOn() {
        return "control data of scripts";
    }

    @Override
    public String report() {
        return "Uploading or editing by \"the dashboard, wrangler or API returned errors\"; deployed Workers went on unless "
                + "they used KV.";
    }

    @Override
    public void prepare() {
        KvNamespace namespace = open(Tenant.INTERNAL, 4);
        namespace.put("routes", "{\"example.com/*\":\"script-1\"}").orThrow();
        data = namespace;
    }

    @Override
    public void round() throws InterruptedException {
        long n = round++;
        Tally by = n % 3 == 0 ? dashboard : n % 3 == 1 ? wrangler : api;
        attempt(by, () -> {
            KvNamespace namespace = namespace(data);
            if (namespace.getString("routes").isEmpty()) {
                throw new UserFailure("not found");
            }
            namespace.put("script/" + n % 100, new byte[SCRIPT_BYTES]).orThrow();
        });
        attempt(deployed, () -> {});
    }
}
