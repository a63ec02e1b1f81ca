package io.nearkv.deploy.control;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.KvException;
import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.deploy.report.OutcomeReport;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What is known of one node: whether it follows what it was sent. Immutable.
 *
 * @param endpoint where it is
 * @param node what it calls itself, empty while it has not answered
 * @param state whether it follows
 * @param reason why it has refused what was offered, such as {@code rollout_pulled}; empty if it has not
 * @param detail why it does not follow, for people; empty if it does
 * @param epoch of the route that it follows, 0 for none or not known
 * @param seq of that route
 * @param hash of that route, in hex; empty for none
 * @param active that route's builds and weights, for people
 * @param outcomes what its requests have come to, where it was asked and tells; else null
 */
public record NodeReport(
        String endpoint,
        String node,
        State state,
        String reason,
        String detail,
        long epoch,
        long seq,
        String hash,
        String active,
        @Nullable OutcomeReport outcomes) {
    /** How a node stands to what it was sent. */
    public enum State {
        /** It follows. */
        HOLDS,
        /** It has answered, and follows something else. */
        REJECTED,
        /** It has not answered. */
        UNREACHABLE,
        /** It need not follow: an instance of a build that is no node of the route, and follows none by its own settings or is away. */
        OUTSIDE;

        /** Returns the name in tables, such as {@code holds}. */
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Checks that nothing is missing. */
    public NodeReport {
        requireNonNull(endpoint, "endpoint");
        requireNonNull(node, "node");
        requireNonNull(state, "state");
        requireNonNull(reason, "reason");
        requireNonNull(detail, "detail");
        requireNonNull(hash, "hash");
        requireNonNull(active, "active");
    }

    static NodeReport unreachable(String endpoint, String detail) {
        return new NodeReport(endpoint, "", State.UNREACHABLE, "", detail, 0, 0, "", "", null);
    }

    static NodeReport of(String endpoint, KvException failure) {
        return unreachable(endpoint, String.valueOf(failure.getMessage()));
    }

    static NodeReport of(String endpoint, DocumentVerdict verdict, boolean holds) {
        String detail = "";
        if (!holds) {
            detail = verdict.reason().isEmpty()
                    ? "follows epoch " + verdict.epoch() + " seq " + verdict.seq()
                    : verdict.reason()
                            + (verdict.detail().isEmpty() ? "" : ": " + verdict.detail())
                            + (verdict.epoch() == 0
                                    ? ""
                                    : " (follows epoch " + verdict.epoch() + " seq " + verdict.seq() + ")");
        }
        return new NodeReport(
                endpoint,
                verdict.node(),
                holds ? State.HOLDS : State.REJECTED,
                verdict.reason(),
                detail,
                verdict.epoch(),
                verdict.seq(),
                verdict.hash(),
                verdict.active(),
                OutcomeReport.parse(verdict.report()));
    }

    NodeReport outside() {
        return new NodeReport(endpoint, node, State.OUTSIDE, reason, detail, epoch, seq, hash, active, outcomes);
    }

    /** Returns the same, judged by what it follows and not by its answer: for a node that was only asked. */
    NodeReport comparedWith(String wantedHash) {
        if (state != State.HOLDS || hash.equals(wantedHash)) {
            return this;
        }
        String follows = epoch == 0 ? "follows no route yet" : "follows epoch " + epoch + " seq " + seq;
        return new NodeReport(endpoint, node, State.REJECTED, "", follows, epoch, seq, hash, active, outcomes);
    }

    /** Returns why the node has taken the way back by itself, such as {@code impact}; empty if it has not, or does not say. */
    String pulledBecause() {
        OutcomeReport report = outcomes;
        return report == null ? "" : report.pulled();
    }

    /** Returns whether nothing is left to be done for this node. */
    public boolean settled() {
        return state == State.HOLDS || state == State.OUTSIDE;
    }
}
