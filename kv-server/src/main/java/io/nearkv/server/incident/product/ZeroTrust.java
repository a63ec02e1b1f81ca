package io.nearkv.server.incident.product;

import io.nearkv.core.KvNamespace;
import io.nearkv.server.incident.measure.Tally;
import io.nearkv.server.incident.model.Effect;
import io.nearkv.server.incident.model.Tenant;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * D5: devices. One that is enrolled has its configuration with it, and once it has authorised itself it may go on without asking until its session ends: that is its own cache,
 * before any authorisation.
 */
public final class ZeroTrust extends Product {
    private static final int DEVICES = 50;

    private final Tally registrations = users("new device", Tenant.INTERNAL, Effect.FAILS, "cannot register");
    private final Tally postures =
            users("resource with a device policy", Tenant.INTERNAL, Effect.FAILS, "cannot connect");
    private final Tally timeouts =
            users("session ends, device re-authorises", Tenant.INTERNAL, Effect.FAILS, "cannot connect");
    private final Tally enrolled = users("enrolled device, plain resource", Tenant.INTERNAL, Effect.UNAFFECTED, "");
    private final Tally authorised = users("re-authorised outside the window", Tenant.INTERNAL, Effect.UNAFFECTED, "");
    private final Set<Integer> authorisedBefore = new HashSet<>();
    private @Nullable KvNamespace data;
    private long round;

    /** Creates it. */
    public ZeroTrust(Surroundings world) {
        super("D5", "WARP / Zero Trust", world);
    }

    @Override
    public String dependsOn() {
        return "device registration, posture, session timeout";
    }

    @Override
    public String report() {
        return "New devices could not register, posture checks and session timeouts failed; devices enrolled, resources "
                + "without posture and those \"re-authorized outside of this window\" went on.";
    }

    @Override
    public void prepare() {
        KvNamespace namespace = open(Tenant.INTERNAL, 2);
        namespace.put("policy/registration", "{\"allowed\":true}").orThrow();
        for (int i = 0; i < DEVICES; i++) {
            namespace.put("posture/" + i, "{\"firewall\":true}").orThrow();
            if (namespace.getString("posture/" + i).isPresent()) {
                authorisedBefore.add(i); // Its session is longer than the incident.
            }
        }
        data = namespace;
    }

    @Override
    public void round() throws InterruptedException {
        long n = round++;
        KvNamespace namespace = namespace(data);
        int device = random().nextInt(DEVICES);
        attempt(postures, () -> read(namespace, "posture/" + device));
        attempt(enrolled, () -> {}); // Its configuration is on the device.
        attempt(authorised, () -> {
            if (!authorisedBefore.contains(device)) {
                throw new UserFailure("not authorised");
            }
        });
        if (n % 2 == 0) {
            attempt(registrations, () -> {
                read(namespace, "policy/registration");
                namespace.put("device/" + n % 1000, "{\"enrolled\":true}").orThrow();
            });
            attempt(timeouts, () -> {
                read(namespace, "posture/" + (device + 1) % DEVICES);
                namespace.put("authorised/" + device, "{\"round\":" + n + "}").orThrow();
            });
        }
    }

    private static void read(KvNamespace namespace, String key) throws UserFailure {
        if (namespace.getString(key).isEmpty()) {
            throw new UserFailure("not found");
        }
    }
}
