package io.nearkv.server.incident.product;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.nearkv.server.incident.measure.Tally;
import io.nearkv.server.incident.model.Effect;
import io.nearkv.server.incident.model.Tenant;
import java.util.zip.CRC32;

/** D2: programs that do not use the store. The negative control: if one of them fails, the replay itself is at fault. */
public final class NoStore extends Product {
    private final Tally requests = users("Worker without KV", Tenant.CUSTOMER_A, Effect.UNAFFECTED, "");

    /** Creates it. */
    public NoStore(Surroundings world) {
        super("D2", "Workers without KV", world);
    }

    @Override
    public String dependsOn() {
        return "nothing";
    }

    @Override
    public String report() {
        return "\"Workers applications not using KV were not impacted.\"";
    }

    @Override
    public void prepare() {}

    @Override
    public void round() throws InterruptedException {
        attempt(requests, () -> {
            String page = "hello " + random().nextInt();
            CRC32 sum = new CRC32();
            sum.update(page.getBytes(UTF_8));
            if (sum.getValue() == 0 && page.isEmpty()) {
                throw new UserFailure("wrong sum");
            }
        });
    }
}
