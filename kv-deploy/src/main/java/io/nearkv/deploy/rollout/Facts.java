package io.nearkv.deploy.rollout;

import io.nearkv.deploy.analysis.Impact;
import java.time.Duration;

/**
 * What is known in one round. Immutable.
 *
 * @param nowMillis since 1970, for the record alone
 * @param inStep how long the build has had its share, by a clock that does not jump, since all nodes have followed
 * @param units what the comparison is worth since then
 * @param frozen whether a break-glass is in force
 * @param ours whether the route in force is this rollout's, or it has not published one yet
 * @param routeReason why the route in force is what it is, for people
 * @param followed whether all nodes follow the route in force
 * @param notFollowedFor how long they have not; zero if they do
 * @param weight the share that the build has by the route in force
 * @param inLedger whether the build is the newest one that is known to be good; while it goes back not where that cannot be mended
 * @param probed whether the probes, and the way back on every node, were found good
 * @param checks what does not hold, empty if everything does or nothing was checked
 * @param impact what is to be thought of the build
 * @param pulledNodes how many nodes have gone back by their own traffic, too few for all to follow them
 * @param command what an operator wants
 */
public record Facts(
        long nowMillis,
        Duration inStep,
        double units,
        boolean frozen,
        boolean ours,
        String routeReason,
        boolean followed,
        Duration notFollowedFor,
        int weight,
        boolean inLedger,
        boolean probed,
        String checks,
        Impact impact,
        int pulledNodes,
        Command command) {
    /** Returns the same with what the checks have found, which are asked last and without waiting for anybody meanwhile. */
    public Facts withChecks(String found) {
        return new Facts(
                nowMillis,
                inStep,
                units,
                frozen,
                ours,
                routeReason,
                followed,
                notFollowedFor,
                weight,
                inLedger,
                probed,
                found,
                impact,
                pulledNodes,
                command);
    }

    /** What an operator wants. */
    public enum Command {
        /** Nothing. */
        NONE,
        /** Stay. */
        HOLD,
        /** Go on. */
        RESUME,
        /** Go back. */
        ABORT
    }
}
