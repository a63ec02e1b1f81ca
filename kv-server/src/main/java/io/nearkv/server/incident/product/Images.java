package io.nearkv.server.incident.product;

import io.nearkv.core.KvNamespace;
import io.nearkv.server.incident.measure.Tally;
import io.nearkv.server.incident.model.Effect;
import io.nearkv.server.incident.model.Tenant;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** D6: an API on the store before images that are delivered from elsewhere. */
public final class Images extends Product {
    private static final int IMAGES = 100;

    private final Tally api = users("API", Tenant.INTERNAL, Effect.FAILS, "API error");
    private final Tally delivery = users("delivery of an existing image", Tenant.INTERNAL, Effect.UNAFFECTED, "");
    private final Map<Integer, byte[]> delivered = new HashMap<>();
    private @Nullable KvNamespace data;

    /** Creates it. */
    public Images(Surroundings world) {
        super("D6", "Images", world);
    }

    @Override
    public String dependsOn() {
        return "its API only";
    }

    @Override
    public String report() {
        return "The API returned errors; \"existing image delivery was not impacted\".";
    }

    @Override
    public void prepare() {
        KvNamespace namespace = open(Tenant.INTERNAL, 3);
        for (int i = 0; i < IMAGES; i++) {
            namespace.put("image/" + i, "{\"variants\":[\"public\"]}").orThrow();
            delivered.put(i, new byte[1024]);
        }
        data = namespace;
    }

    @Override
    public void round() throws InterruptedException {
        int image = random().nextInt(IMAGES);
        attempt(api, () -> {
            KvNamespace namespace = namespace(data);
            if (namespace.getString("image/" + image).isEmpty()) {
                throw new UserFailure("not found");
            }
        });
        attempt(delivery, () -> {
            if (!delivered.containsKey(image)) {
                throw new UserFailure("not found");
            }
        });
    }
}
