package io.nearkv.deploy.control;

import io.nearkv.core.KvException;
import io.nearkv.deploy.control.DocumentPush.Target;
import io.nearkv.deploy.model.RejectReason;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The nodes and instances that are to follow, and what each has said last. Thread-safe. */
final class Fleet implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Fleet.class);

    /** After which time an instance that follows no route is asked again whether it does now. */
    private static final Duration OUTSIDE_INTERVAL = Duration.ofSeconds(60);

    private final ControlPlaneOptions options;
    private final ControlState state;
    private final DocumentPush push;
    private final Map<String, NodeReport> last = new ConcurrentHashMap<>();

    /** The instances of the route before the present one: they must learn that they are not in it any more. */
    private volatile Set<String> former = Set.of();

    private volatile Set<String> present = Set.of();

    private volatile long allAskedNanos;

    Fleet(ControlPlaneOptions options, ControlState state, DocumentPush push) {
        this.options = options;
        this.state = state;
        this.push = push;
        this.allAskedNanos = options.nanoTime.getAsLong();
    }

    /**
     * What the nodes say that the control plane must act upon.
     *
     * @param ahead a node that follows a route which is newer than any that was published, or null
     * @param pulled a node that has pulled the present route or its rollout, so that all are to follow it, or null
     * @param alone nodes that have done so by their own traffic, too few to make the others follow: one sick node must not move everybody
     */
    record Signals(@Nullable NodeReport ahead, @Nullable NodeReport pulled, List<NodeReport> alone) {}

    /** So many nodes are no accident any more, or a fifth of all, or all of them. */
    private static final int PULLED_NODES = 3;

    private static final int PULLED_SHARE = 5;

    /** What a node says of itself where its own traffic has shown that the candidate hurts, before the kind of harm: {@code impact_errors}. */
    static final String IMPACT = "impact_";

    /** Returns whether a node has gone back by its own traffic. */
    static boolean isByImpact(NodeReport node) {
        return node.pulledBecause().startsWith(IMPACT);
    }

    /** Returns what the candidate has done to a node that has gone back by its own traffic, such as {@code errors}. */
    static String harm(NodeReport node) {
        return node.pulledBecause().substring(IMPACT.length());
    }

    /** Returns how many nodes make the others follow them. */
    static int quorum(ControlPlaneOptions options) {
        int nodes = Math.max(1, options.nodes.size());
        return Math.min(nodes, Math.max(PULLED_NODES, (nodes + PULLED_SHARE - 1) / PULLED_SHARE));
    }

    Collection<Target> targets(Snapshot now) {
        Set<String> instances = Set.copyOf(now.instances());
        if (!instances.equals(present)) {
            former = present;
            present = instances;
        }
        Set<String> all = new LinkedHashSet<>(now.instances());
        all.addAll(former);
        return DocumentPush.targets(options.nodes, all);
    }

    /** Pushes what is in force to everybody, and waits until all follow, or the time is over. */
    Coverage publish(Snapshot now, byte[] trust) throws InterruptedException {
        Coverage coverage = push.push(now.documents(trust), targets(now), options.publishTimeout, this::note);
        coverage.nodes().forEach(this::note);
        return coverage;
    }

    /** Asks everybody what they follow; those that follow no route by their own settings once in a while only. */
    Coverage ask(Snapshot now) throws InterruptedException {
        long nanos = options.nanoTime.getAsLong();
        boolean all = nanos - allAskedNanos >= OUTSIDE_INTERVAL.toNanos();
        if (all) {
            allAskedNanos = nanos;
        }
        List<Target> asked = new ArrayList<>();
        for (Target target : targets(now)) {
            NodeReport report = last.get(target.endpoint());
            if (all || report == null || report.state() != NodeReport.State.OUTSIDE) {
                asked.add(target);
            }
        }
        return push.status(asked, Duration.ZERO);
    }

    /** Judges what everybody follows against what is in force, pushes it to those who do not follow, and returns what that brought to light. */
    Signals bring(Snapshot now, Coverage asked, byte[] trust) throws InterruptedException {
        List<Target> behind = new ArrayList<>();
        NodeReport ahead = null;
        NodeReport pulled = null;
        List<NodeReport> alone = new ArrayList<>();
        long epoch = now.route() == null ? 0 : now.route().epoch();
        long seq = now.route() == null ? 0 : now.route().seq();
        for (NodeReport report : asked.nodes()) {
            NodeReport judged = report.comparedWith(now.hash());
            note(judged);
            if (judged.state() != NodeReport.State.REJECTED) {
                continue;
            }
            if (judged.epoch() > epoch || (judged.epoch() == epoch && judged.seq() > seq + 1)) {
                ahead = ahead == null || judged.epoch() > ahead.epoch() ? judged : ahead;
            } else if (isByImpact(judged)) {
                alone.add(judged);
            } else if (judged.epoch() == epoch && judged.seq() == seq + 1) {
                pulled = judged;
            } else {
                behind.add(new Target(judged.endpoint(), options.nodes.contains(judged.endpoint())));
            }
        }
        if (ahead == null && pulled == null && now.current() != null && !behind.isEmpty()) {
            Coverage pushed = push.push(now.documents(trust), behind, Duration.ZERO, this::note);
            pushed.nodes().forEach(this::note);
            for (NodeReport report : pushed.nodes()) {
                if (report.reason().equals(RejectReason.ROLLOUT_PULLED.label())) {
                    pulled = report;
                }
            }
        }
        if (pulled == null && alone.size() >= quorum(options)) {
            pulled = alone.get(0);
        }
        return new Signals(ahead, pulled, alone);
    }

    private void note(NodeReport report) {
        NodeReport before = last.put(report.endpoint(), report);
        if (before != null && before.state() == report.state() && before.hash().equals(report.hash())) {
            return;
        }
        try {
            state.report(
                    report.endpoint(),
                    report.state().label() + " epoch " + report.epoch() + " seq " + report.seq()
                            + (report.detail().isEmpty() ? "" : " " + report.detail()));
        } catch (KvException e) {
            // For the record alone: what a node follows does not depend on the disk here.
            log.atDebug().addKeyValue("node", report.endpoint()).setCause(e).log("a report was not kept");
        }
    }

    /** Returns what everybody who is to follow has said last. */
    Coverage known(Snapshot now) {
        List<NodeReport> reports = new ArrayList<>();
        for (Target target : targets(now)) {
            NodeReport report = last.get(target.endpoint());
            reports.add(
                    report == null
                            ? NodeReport.unreachable(target.endpoint(), "was not asked yet")
                            : report.comparedWith(now.hash()));
        }
        return new Coverage(reports, Duration.ZERO);
    }

    @Override
    public void close() {
        push.close();
    }
}
