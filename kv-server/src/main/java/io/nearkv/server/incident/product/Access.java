package io.nearkv.server.incident.product;

import io.nearkv.server.incident.access.AccessService;
import io.nearkv.server.incident.measure.Check;
import io.nearkv.server.incident.measure.Share;
import io.nearkv.server.incident.measure.Tally;
import io.nearkv.server.incident.model.Effect;
import io.nearkv.server.incident.model.Mode;
import io.nearkv.server.incident.model.Tenant;
import io.nearkv.server.incident.model.Window;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * D4: people behind a login. The report gives no numbers for the kinds of sessions, so these are ours: of the sessions that exist, 40 % are of applications with a device policy,
 * 25 % of applications that fetch the certificates, 35 % of neither.
 */
public final class Access extends Product {
    private static final int SESSIONS = 60;
    private static final int POSTURE = SESSIONS * 40 / 100;
    private static final int CERTIFICATES = SESSIONS * 25 / 100;
    private static final int SESSIONS_A_ROUND = 4;
    /** So that the kinds alternate; has no divisor in common with their number. */
    private static final int STRIDE = 23;

    private final Tally logins = users("new login", Tenant.INTERNAL, Effect.FAILS, "cannot log in");
    private final Tally certificates = users("session: app fetches /certs", Tenant.INTERNAL, Effect.FAILS, "403");
    private final Tally postures = users("session: app with a device policy", Tenant.INTERNAL, Effect.FAILS, "403");
    private final Tally others = users("session: neither", Tenant.INTERNAL, Effect.UNAFFECTED, "");
    /** The minutes in which each session was used, and those in which it was refused. */
    private final List<BitSet> used = new ArrayList<>();

    private final List<BitSet> refused = new ArrayList<>();
    private @Nullable AccessService service;
    private int next;
    private long round;

    /** Creates it. */
    public Access(Surroundings world) {
        super("D4", "Access", world);
    }

    @Override
    public String dependsOn() {
        return "login, /certs, posture policies";
    }

    @Override
    public String report() {
        return "New logins failed, /certs failed, \"any application with a device posture policy failed for all users\"; "
                + "sessions with neither went on; a large share of sessions was hit.";
    }

    @Override
    public void prepare() {
        AccessService made = new AccessService(open(Tenant.INTERNAL, 1), id());
        made.prepare(POSTURE, "not used here");
        service = made;
        for (int i = 0; i < SESSIONS; i++) {
            used.add(new BitSet());
            refused.add(new BitSet());
        }
    }

    @Override
    public void round() throws InterruptedException {
        long n = round++;
        AccessService access = service();
        if (n % 2 == 0) {
            attempt(logins, () -> access.login("user-" + n % 500));
        }
        for (int i = 0; i < SESSIONS_A_ROUND; i++) {
            int session = next;
            next = (next + STRIDE) % SESSIONS;
            boolean served = visit(access, session);
            double minute = recorder().clock().minute();
            if (minute >= 0) {
                (served ? used : refused).get(session).set((int) minute);
            }
        }
    }

    private static void require(boolean holds, String failure) throws UserFailure {
        if (!holds) {
            throw new UserFailure(failure);
        }
    }

    private boolean visit(AccessService access, int session) throws InterruptedException {
        if (session < POSTURE) {
            return attempt(postures, () -> require(access.posture(session), "posture wrong"));
        }
        if (session < POSTURE + CERTIFICATES) {
            return attempt(certificates, () -> require(access.certificates().contains("kid"), "certificates wrong"));
        }
        String token = access.token("user-" + session);
        return attempt(others, () -> require(access.verify(token), "session lost"));
    }

    private AccessService service() {
        if (service == null) {
            throw new IllegalStateException("not prepared");
        }
        return service;
    }

    @Override
    public List<Check> checks(Mode mode, Window impact) {
        int hit = 0;
        int seen = 0;
        for (int i = 0; i < used.size(); i++) {
            boolean lost = !refused.get(i).get(impact.from(), impact.to()).isEmpty();
            hit += lost ? 1 : 0;
            seen += lost || !used.get(i).get(impact.from(), impact.to()).isEmpty() ? 1 : 0;
        }
        Share share = new Share(hit, seen);
        return List.of(
                mode == Mode.LEGACY
                        ? new Check("D4", "sessions hit", "> 50 %", share.toString(), share.value() > 0.5)
                        : new Check("D4", "sessions hit", "0", share.toString(), share.failed() == 0));
    }
}
