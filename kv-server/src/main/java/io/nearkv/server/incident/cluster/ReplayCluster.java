package io.nearkv.server.incident.cluster;

import io.nearkv.core.Kv;
import io.nearkv.server.incident.model.Tenant;
import java.util.List;

/**
 * What the replay's operators and users work on: a core, builds of two environments, routers before them, a control plane, an access service that reads from the store, and a
 * CI whose secret lies behind it. Which of the protections are on was said when it was made.
 *
 * <p>Steps answer; only what breaks the replay itself is thrown. Steps are called by one thread at a time, everything else by many.
 */
public interface ReplayCluster extends AutoCloseable {
    /** How many routers there are: one stands for each data centre. */
    int ROUTERS = 5;

    /** Returns what was started, one line each, for people. */
    List<String> processes();

    /** Returns a new client of a tenant at a router, 0 to {@link #ROUTERS} - 1. The caller closes it. */
    Kv connect(Tenant tenant, int router);

    /** Returns where a tenant reaches the HTTP API of a router. */
    RestDoor rest(Tenant tenant, int router);

    /** Gives the good new build of production a share, in basis points. */
    StepResult startRollout(int basisPoints) throws InterruptedException;

    /** Asks the control plane of production for its builds. The bug is in: those of staging are among them. */
    Listing listBuilds() throws InterruptedException;

    /** Names a build as the next of the rollout; nothing is sent to it yet. */
    StepResult choose(ListedBuild build) throws InterruptedException;

    /** Gives a build a share, in basis points; known-good has the rest. */
    StepResult route(ListedBuild build, int basisPoints) throws InterruptedException;

    /**
     * Rolls back by the control plane's API.
     *
     * @param listed what the list says was the build before: where rollback asks the list, it goes there
     */
    StepResult rollback(ListedBuild listed) throws InterruptedException;

    /**
     * Waits until all routers have gone back to known-good by themselves.
     *
     * @param millis how long at most
     */
    StepResult awaitWayBack(long millis) throws InterruptedException;

    /** Has the CI fetch its secret and do nothing with it. */
    StepResult ciSecret() throws InterruptedException;

    /** Has the CI roll back: it fetches its secret, and calls the control plane with it. */
    StepResult ciRollback() throws InterruptedException;

    /**
     * Edits the routes by hand, past the control plane.
     *
     * @param basisPoints what known-good is to have; where the emergency edit is a signed one, it is always all
     */
    StepResult breakGlass(int basisPoints) throws InterruptedException;

    /** Makes the control plane take over what was done by hand. */
    StepResult reconcile() throws InterruptedException;

    /** Kills core, access service and control plane. */
    void loseStoreAccessAndControl() throws InterruptedException;

    /** Rolls back by the command, with nothing but what lies on the disks and the routers themselves. */
    StepResult rollbackByCommand() throws InterruptedException;

    /** Starts a build of staging before the store of production, and says whether it was refused there and never got ready. */
    StepResult joinForeignBuild() throws InterruptedException;

    /** Returns what the machines have counted. */
    Evidence evidence();

    /** Verifies the audit logs of all processes. */
    List<AuditedFile> verifyAudit();

    /** Ends all of it. */
    @Override
    void close();
}
