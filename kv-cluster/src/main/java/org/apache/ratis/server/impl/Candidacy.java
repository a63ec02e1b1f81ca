package org.apache.ratis.server.impl;

import org.apache.ratis.server.RaftServer;
import org.jspecify.annotations.NullMarked;

/**
 * Has a follower stand for election once its leader has been silent for long enough. Ratis looks only after each election timeout, and then asks whether the last word is a whole timeout
 * old: a leader that dies in the midst of one is found out at the end of the next, after up to twice the timeout. This is to be asked more often. The conditions are those of {@code FollowerState},
 * which cannot be reached from outside its package. Stateless.
 */
@NullMarked
public final class Candidacy {
    private Candidacy() {}

    /**
     * Begins an election, with the vote before it that a healthy leader survives, if this node follows and has heard nothing from a leader or a candidate for so long.
     *
     * @param silentMillis at least the shortest election timeout: until then others may count on it that nobody stands
     * @return whether it did
     */
    public static boolean stand(RaftServer.Division division, long silentMillis) {
        if (!(division instanceof RaftServerImpl server) || !mayStand(server, silentMillis)) {
            return false;
        }
        synchronized (server) {
            if (!mayStand(server, silentMillis)) {
                return false;
            }
            server.changeToCandidate(false);
            return true;
        }
    }

    private static boolean mayStand(RaftServerImpl server, long silentMillis) {
        FollowerState follower = server.getRole().getFollowerState().orElse(null);
        return follower != null
                && follower.getLastRpcTime().elapsedTimeMs() >= silentMillis
                && follower.getOutstandingOp() == 0
                && server.getInfo().isFollower()
                && !follower.lostMajorityHeartbeatsRecently()
                && server.isRunning();
    }
}
