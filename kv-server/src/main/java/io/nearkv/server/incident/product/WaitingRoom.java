package io.nearkv.server.incident.product;

import io.nearkv.core.KvException;
import io.nearkv.core.KvNamespace;
import io.nearkv.server.incident.measure.Check;
import io.nearkv.server.incident.measure.Share;
import io.nearkv.server.incident.measure.Tally;
import io.nearkv.server.incident.model.Effect;
import io.nearkv.server.incident.model.Mode;
import io.nearkv.server.incident.model.Tenant;
import io.nearkv.server.incident.model.Window;
import java.util.List;
import java.util.Locale;
import java.util.PriorityQueue;
import org.jspecify.annotations.Nullable;

/**
 * D10: a queue before a site that is too small. Its configuration says how many visitors may be inside; without it everybody is let in. When it is back, more are inside than may be, and
 * whoever comes then waits until enough have left: the surge.
 *
 * <p>A visitor stays {@value #STAY_MINUTES} minutes, more or less by a half. How many fit in is settled by how many come in the first minutes: three quarters of them, so that normally one in four is
 * queued, on a fast machine as on a slow one.
 */
public final class WaitingRoom extends Product {
    /** Beside requests: who was sent to the queue. */
    public static final String QUEUED = "queued";
    /** Beside requests: who was let in because nobody knew better. */
    public static final String ADMITTED_OPEN = "let in unchecked";

    private static final int STAY_MINUTES = 8;
    /** The minute at which it is known how many come. */
    private static final int SETTLED = STAY_MINUTES + 2;

    private static final int ARRIVALS = 3;
    private static final double FIT = 0.75;
    private static final int SURGE_MINUTES = 3;
    private static final String CONFIG = "room/checkout";

    private final Tally visitors = users("visitor", Tenant.INTERNAL, Effect.FAILS_OPEN, "let in unchecked");
    private final Tally changes =
            users("configuration change", Tenant.INTERNAL, Effect.FAILS, "configuration unavailable");
    /** When those who are inside leave, in nanoseconds since the start. */
    private final PriorityQueue<Long> inside = new PriorityQueue<>();

    private @Nullable KvNamespace data;
    /** How many came in the minutes that settle it, and how many may be inside since then. */
    private int came;

    private int capacity = Integer.MAX_VALUE;
    private boolean open;
    private double restored = -1;
    private long round;

    /** Creates it. */
    public WaitingRoom(Surroundings world) {
        super("D10", "Waiting Room", world);
    }

    @Override
    public String dependsOn() {
        return "configuration at the edge";
    }

    @Override
    public String report() {
        return "Configurations and changes were unavailable \"and the service failed open\"; when KV was back, some users "
                + "were queued.";
    }

    @Override
    public void prepare() {
        KvNamespace namespace = open(Tenant.INTERNAL, 1);
        namespace.put(CONFIG, "{\"queue\":\"on\"}").orThrow();
        data = namespace;
    }

    @Override
    public void round() throws InterruptedException {
        if (!recorder().clock().isStarted()) {
            return;
        }
        long now = recorder().clock().nanos();
        for (Long leaves = inside.peek(); leaves != null && leaves <= now; leaves = inside.peek()) {
            inside.remove();
        }
        settle(recorder().clock().minute());
        boolean[] known = new boolean[1];
        for (int i = 0; i < ARRIVALS; i++) {
            attempt(visitors, () -> {
                known[0] = known();
                admit(known[0], now);
            });
        }
        if (open && known[0]) {
            restored = recorder().clock().minute();
        }
        open = !known[0];
        if (round++ % 4 == 0) {
            attempt(changes, () -> {
                KvNamespace namespace = namespace(data);
                namespace.put(CONFIG, "{\"queue\":\"on\"}").orThrow();
            });
        }
    }

    private void settle(double minute) {
        if (capacity < Integer.MAX_VALUE) {
            return;
        }
        if (minute >= SETTLED) {
            capacity = Math.max(1, (int) Math.round(FIT * came));
        } else if (minute >= SETTLED - STAY_MINUTES) {
            came += ARRIVALS;
        }
    }

    private boolean known() {
        try {
            return namespace(data).getString(CONFIG).isPresent();
        } catch (KvException e) {
            return false; // Whatever it is: better too many inside than nobody.
        }
    }

    private void admit(boolean known, long now) {
        boolean full = inside.size() >= capacity;
        if (known && full) {
            recorder().add(id(), QUEUED, 1);
            return;
        }
        if (!known) {
            recorder().add(id(), ADMITTED_OPEN, 1);
        }
        double stay = STAY_MINUTES * (0.5 + random().nextDouble());
        inside.add(now + Math.round(stay * recorder().clock().timeline().minuteNanos()));
    }

    private long counted(String name, Window window) {
        List<Long> counts = recorder().series(id()).getOrDefault(name, List.of());
        return counts.subList(Math.min(window.from(), counts.size()), Math.min(window.to(), counts.size())).stream()
                .mapToLong(Long::longValue)
                .sum();
    }

    private Share queued(Window window) {
        long came = recorder().classes(id()).stream()
                .filter(each -> each.who().equals(visitors.who()))
                .mapToLong(each -> each.requests(window))
                .sum();
        return new Share(counted(QUEUED, window), came);
    }

    @Override
    public List<Check> checks(Mode mode, Window impact) {
        Window whole = new Window(0, recorder().clock().timeline().minutes());
        // The first of them may still have to leave.
        Window before = new Window(Math.min(SETTLED + STAY_MINUTES, impact.from()), impact.from());
        Share normal = queued(before);
        Share during = queued(impact);
        long unchecked = counted(ADMITTED_OPEN, whole);
        if (mode != Mode.LEGACY) {
            return List.of(
                    new Check("D10", "visitors let in unchecked", "0", Long.toString(unchecked), unchecked == 0));
        }
        int from = (int) Math.floor(restored);
        Share after = restored < 0 ? new Share(0, 0) : queued(new Window(from, from + SURGE_MINUTES));
        return List.of(
                new Check(
                        "D10",
                        "queued while it is open",
                        "0",
                        during.toString(),
                        during.failed() == 0 && during.requests() > 0 && counted(ADMITTED_OPEN, impact) > 0),
                new Check(
                        "D10",
                        "surge: queued in the " + SURGE_MINUTES + " minutes after the configuration is back",
                        "> 1.5 times the normal " + normal.percent(),
                        after + String.format(Locale.ROOT, ", %.1f times", after.value() / normal.value()),
                        after.value() > 1.5 * normal.value() && normal.failed() > 0));
    }
}
