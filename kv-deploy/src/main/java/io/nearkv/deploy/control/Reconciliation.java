package io.nearkv.deploy.control;

import io.nearkv.core.KvException;
import io.nearkv.core.route.RouteTransport;
import io.nearkv.deploy.document.Rejected;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.model.Route;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Finds the route that nodes follow and a control plane has not published. */
final class Reconciliation {
    private Reconciliation() {}

    /** Returns the nodes that follow the newest route, which is newer than ours. */
    static List<NodeReport> newest(Snapshot now, Coverage asked) throws RefusedException {
        Route ours = now.route();
        List<NodeReport> newest = new ArrayList<>();
        for (NodeReport report : asked.nodes()) {
            boolean beyond = report.epoch() > 0
                    && (ours == null
                            || report.epoch() > ours.epoch()
                            || (report.epoch() == ours.epoch() && report.seq() > ours.seq() + 1));
            if (!beyond) {
                continue;
            }
            int order = newest.isEmpty() ? 1 : compare(report, newest.get(0));
            if (order > 0) {
                newest.clear();
            }
            if (order >= 0) {
                newest.add(report);
            }
        }
        if (newest.isEmpty()) {
            throw new RefusedException(
                    Finding.of(
                            Check.NOTHING_TO_RECONCILE,
                            "no node that answers follows anything newer than what was published here",
                            now.frozen() == null
                                    ? "there is nothing to do"
                                    : "start a node that follows it, such as "
                                            + now.frozen().endpoint() + ", or make a break-glass anew"),
                    now.unchanged());
        }
        List<String> different =
                newest.stream().map(NodeReport::hash).distinct().toList();
        if (different.size() > 1) {
            throw new RefusedException(
                    Finding.of(
                            Check.FROZEN,
                            "the nodes do not agree: " + different.size() + " routes have epoch "
                                    + newest.get(0).epoch() + " seq "
                                    + newest.get(0).seq(),
                            "make one more break-glass, which all of them take, then reconcile"),
                    now.unchanged());
        }
        return newest;
    }

    private static int compare(NodeReport one, NodeReport other) {
        int epochs = Long.compare(one.epoch(), other.epoch());
        return epochs != 0 ? epochs : Long.compare(one.seq(), other.seq());
    }

    /** Fetches the route from one of these nodes, and verifies it. */
    static SignedDocument fetch(
            List<NodeReport> nodes,
            RouteTransport transport,
            ControlDocuments documents,
            Duration timeout,
            Snapshot now)
            throws RefusedException {
        List<String> failures = new ArrayList<>();
        for (NodeReport node : nodes) {
            try {
                return documents.routeAmong(transport.documents(node.endpoint(), timeout), node.hash());
            } catch (KvException | Rejected e) {
                failures.add(node.endpoint() + ": " + e.getMessage());
            }
        }
        throw new RefusedException(
                Finding.of(
                        Check.FROZEN,
                        "the route could not be fetched from those that follow it: " + String.join("; ", failures),
                        "see that one of them can be reached, then reconcile again"),
                now.unchanged());
    }
}
