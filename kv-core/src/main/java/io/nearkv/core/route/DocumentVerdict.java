package io.nearkv.core.route;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.Value;
import java.util.Locale;
import java.util.Set;

/**
 * What a node says of a signed document that was offered to it, and which route it follows now. Immutable.
 *
 * @param outcome what became of the document
 * @param reason a reason code such as {@code bad_signature}; empty unless it was rejected
 * @param detail one line for people; empty where there is nothing to say
 * @param epoch of the route that the node follows after this, 0 for none
 * @param seq of that route
 * @param hash of that route: the SHA-256 of its body in hex, empty for none
 * @param active that route's builds and weights in basis points, such as {@code p7k3mq=9900 p2vd9x=100}, for people
 * @param node what the node calls itself
 * @param report where the node was only asked: what its requests have come to, by build, for whoever compares builds; empty if it sends none by route
 */
public record DocumentVerdict(
        Outcome outcome,
        String reason,
        String detail,
        long epoch,
        long seq,
        String hash,
        String active,
        String node,
        Value report) {
    private static final String UNSUPPORTED = "unsupported";

    /** What became of a document. */
    public enum Outcome {
        /** It is verified, on the disk and in force. */
        ACCEPTED,
        /** The node has it already. */
        KNOWN,
        /** It changes nothing; {@link DocumentVerdict#reason()} says why. */
        REJECTED,
        /** Nothing was offered: the node was only asked. */
        STATUS;

        /** Returns the name in messages, such as {@code accepted}. */
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Checks that nothing is missing. */
    public DocumentVerdict {
        requireNonNull(outcome, "outcome");
        requireNonNull(reason, "reason");
        requireNonNull(detail, "detail");
        requireNonNull(hash, "hash");
        requireNonNull(active, "active");
        requireNonNull(node, "node");
        requireNonNull(report, "report");
    }

    /** Creates a verdict without a report. */
    public DocumentVerdict(
            Outcome outcome,
            String reason,
            String detail,
            long epoch,
            long seq,
            String hash,
            String active,
            String node) {
        this(outcome, reason, detail, epoch, seq, hash, active, node, Value.empty());
    }

    /** Returns the same verdict with a report. */
    public DocumentVerdict withReport(Value value) {
        return new DocumentVerdict(outcome, reason, detail, epoch, seq, hash, active, node, value);
    }

    /** Reasons for which a document is rejected although somebody who is trusted has signed it, or that cost the node nothing. */
    private static final Set<String> OF_GOOD_FAITH = Set.of(
            "unsupported",
            "wrong_predecessor",
            "bad_weights",
            "foreign_build",
            "too_few_known_good",
            "bad_parachute",
            "endpoint_refused",
            "frozen",
            "rollout_pulled",
            "not_in_ledger",
            "expired",
            "storage");

    /** Returns whether it was rejected as anybody's document might be: malformed, signed by nobody who is trusted, or an old one over again. */
    public boolean isGarbage() {
        return outcome == Outcome.REJECTED && !OF_GOOD_FAITH.contains(reason);
    }

    /** Returns whether the node follows, or goes on following, what was offered. */
    public boolean holds() {
        return outcome == Outcome.ACCEPTED || outcome == Outcome.KNOWN;
    }

    /** Returns whether it is the verdict of a node that has no routes at all. */
    public boolean isUnsupported() {
        return outcome == Outcome.REJECTED && reason.equals(UNSUPPORTED);
    }

    /** Returns the verdict of a node that has no routes at all. */
    public static DocumentVerdict unsupported(String node) {
        return new DocumentVerdict(Outcome.REJECTED, UNSUPPORTED, "this node follows no route", 0, 0, "", "", node);
    }
}
