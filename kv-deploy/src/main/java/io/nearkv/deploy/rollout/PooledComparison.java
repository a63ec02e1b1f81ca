package io.nearkv.deploy.rollout;

import io.nearkv.deploy.analysis.DetectorSettings;
import io.nearkv.deploy.analysis.Impact;
import io.nearkv.deploy.analysis.ImpactDetector;
import io.nearkv.deploy.analysis.LatencyBins;
import io.nearkv.deploy.analysis.Sample;
import io.nearkv.deploy.report.BuildOutcome;
import io.nearkv.deploy.report.OutcomeReport;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Compares two builds over the traffic of all nodes, from what these tell. A slot that fails at several nodes is one unit and counts once. Not thread-safe.
 *
 * <p>Counts are since a process began: what is lost on the way comes with the next report, and one from another process begins anew.
 */
public final class PooledComparison {
    /** The pooled test has one half of what may go wrong by accident, the nodes share the other. */
    private static final double SHARE_OF_POOL = 0.5;
    /** Nodes that are remembered; more are not compared. */
    private static final int MAX_NODES = 512;

    private static final long WINDOW_MILLIS = 10_000;
    /** So many failures less than expected are no accident: with five expected, seven in a thousand see none. */
    private static final double MIN_EXPECTED = 5;

    private static final double[] QUANTILES = {0.5, 0.9, 0.99};
    /** Less than this share of what one node sees, seen by all others together, does not bear it out. */
    private static final double MIN_SHARE_OF_EXCESS = 0.1;

    private final String candidate;
    private final String base;
    private final ImpactDetector detector =
            new ImpactDetector(DetectorSettings.DEFAULT.withShareOfAlpha(SHARE_OF_POOL));
    private final Map<String, OutcomeReport> before = new HashMap<>();
    private final Map<String, Counts> counts = new HashMap<>();
    private final BitSet failedCandidate = new BitSet();
    private final BitSet failedBase = new BitSet();
    private long window;

    /** Creates the comparison of a candidate with known-good, by their ids. */
    public PooledComparison(String candidate, String base) {
        this.candidate = candidate;
        this.base = base;
    }

    /** Returns whether it compares these two. */
    public boolean isOf(String candidateId, String baseId) {
        return candidate.equals(candidateId) && base.equals(baseId);
    }

    /**
     * Takes in what a node has told.
     *
     * @param nowMillis by the clock of this process
     */
    public void add(String node, OutcomeReport report, long nowMillis) {
        if (nowMillis / WINDOW_MILLIS != window) {
            window = nowMillis / WINDOW_MILLIS;
            failedCandidate.clear();
            failedBase.clear();
        }
        OutcomeReport last = before.get(node);
        if (last == null && before.size() >= MAX_NODES) {
            return;
        }
        before.put(node, report);
        if (last == null || last.process() != report.process()) {
            return;
        }
        BuildOutcome candidateNow = report.find(candidate);
        BuildOutcome baseNow = report.find(base);
        BuildOutcome candidateBefore = last.find(candidate);
        BuildOutcome baseBefore = last.find(base);
        if (candidateNow == null || baseNow == null || candidateBefore == null || baseBefore == null) {
            return;
        }
        long candidateTwice = twice(failedCandidate, candidateNow, candidateBefore);
        long baseTwice = twice(failedBase, baseNow, baseBefore);
        for (int kind = 0; kind < ImpactDetector.KINDS; kind++) {
            Sample ofCandidate = candidateNow.kind(kind).since(candidateBefore.kind(kind));
            Sample ofBase = baseNow.kind(kind).since(baseBefore.kind(kind));
            if (ofCandidate.requests() < 0
                    || ofBase.requests() < 0
                    || ofCandidate.failures() < 0
                    || ofBase.failures() < 0) {
                continue; // It counts backwards: no node of ours does.
            }
            long candidateHere = Math.min(candidateTwice, ofCandidate.failures());
            long baseHere = Math.min(baseTwice, ofBase.failures());
            candidateTwice -= candidateHere;
            baseTwice -= baseHere;
            Sample newOfCandidate = ofCandidate.without(candidateHere);
            Sample newOfBase = ofBase.without(baseHere);
            detector.add(node, kind, newOfCandidate, newOfBase);
            counts.computeIfAbsent(node, unused -> new Counts()).add(newOfCandidate, newOfBase);
        }
    }

    /** Returns how many slots have failed now that another node has seen fail in these ten seconds, and notes those that are new. */
    private static long twice(BitSet seen, BuildOutcome now, @Nullable BuildOutcome earlier) {
        BitSet fresh = BitSet.valueOf(now.failedSlots().toArray());
        if (earlier != null) {
            fresh.andNot(BitSet.valueOf(earlier.failedSlots().toArray()));
        }
        BitSet both = (BitSet) fresh.clone();
        both.and(seen);
        seen.or(fresh);
        return both.cardinality();
    }

    /** Judges, after all nodes were asked. */
    public Impact judge(double seconds) {
        Impact impact = detector.judge(seconds);
        String alone = switch (impact.kind()) {
            case ERRORS -> alone(failures());
            case LATENCY -> alone(slowAnswers());
            default -> "";
        };
        return alone.isEmpty()
                ? impact
                : impact.as(
                        Impact.Kind.ONE_NODE,
                        alone + " alone sees " + (impact.kind() == Impact.Kind.ERRORS ? "failures" : "slow answers")
                                + ", and the others do not, with as many requests: " + impact.text());
    }

    private Map<String, Share> failures() {
        Map<String, Share> shares = new HashMap<>();
        counts.forEach((node, each) -> shares.put(
                node, new Share(each.candidateRequests, each.candidateFailures, each.baseRequests, each.baseFailures)));
        return shares;
    }

    /** Returns what of each node's answers is beyond the percentile of all known-good answers at which the candidate stands out most. */
    private Map<String, Share> slowAnswers() {
        long[] base = new long[LatencyBins.COUNT];
        counts.values().forEach(each -> add(base, each.base));
        Map<String, Share> best = Map.of();
        double mostDeviations = 0;
        for (double quantile : QUANTILES) {
            int beyond = bin(base, quantile);
            Map<String, Share> shares = new HashMap<>();
            Share all = Share.NONE;
            for (Map.Entry<String, Counts> each : counts.entrySet()) {
                Share share = each.getValue().beyond(beyond);
                shares.put(each.getKey(), share);
                all = all.and(share);
            }
            double deviations = all.excess() * Math.sqrt(all.candidate) / Math.sqrt(quantile * (1 - quantile));
            if (deviations > mostDeviations) {
                mostDeviations = deviations;
                best = shares;
            }
        }
        return best;
    }

    private static int bin(long[] counts, double quantile) {
        double wanted = quantile * LongStream.of(counts).sum();
        double before = 0;
        int bin = 0;
        while (bin < counts.length - 1 && before + counts[bin] < wanted) {
            before += counts[bin++];
        }
        return bin;
    }

    private static void add(long[] to, long[] more) {
        for (int i = 0; i < to.length; i++) {
            to[i] += more[i];
        }
    }

    /**
     * Returns the node that nobody bears out, or nothing. Such a node is sick itself, or does not tell the truth: a build that fails, or is slow, does and is so at the others too. They count only if they
     * would have seen five bad answers if it were as bad there, so that where most of the traffic is at one node, that node is believed.
     */
    private static String alone(Map<String, Share> shares) {
        String worst = "";
        double most = 0;
        for (Map.Entry<String, Share> each : shares.entrySet()) {
            double more = each.getValue().excess() * each.getValue().candidate;
            if (more > most) {
                most = more;
                worst = each.getKey();
            }
        }
        Share others = Share.NONE;
        for (Map.Entry<String, Share> each : shares.entrySet()) {
            if (!each.getKey().equals(worst)) {
                others = others.and(each.getValue());
            }
        }
        double excess = shares.getOrDefault(worst, Share.NONE).excess();
        boolean wouldSee = others.candidate * excess >= MIN_EXPECTED;
        return wouldSee && others.excess() < MIN_SHARE_OF_EXCESS * excess ? worst : "";
    }

    /** How many answers of each build there were, and how many of them were bad. */
    private record Share(double candidate, double badOfCandidate, double base, double badOfBase) {
        static final Share NONE = new Share(0, 0, 0, 0);

        Share and(Share other) {
            return new Share(
                    candidate + other.candidate,
                    badOfCandidate + other.badOfCandidate,
                    base + other.base,
                    badOfBase + other.badOfBase);
        }

        /** Returns by which share of the answers more of the candidate's are bad. */
        double excess() {
            return badOfCandidate / Math.max(1, candidate) - badOfBase / Math.max(1, base);
        }
    }

    /** What one node has told, since the comparison began. */
    private static final class Counts {
        double candidateRequests;
        double candidateFailures;
        double baseRequests;
        double baseFailures;
        final long[] candidate = new long[LatencyBins.COUNT];
        final long[] base = new long[LatencyBins.COUNT];

        void add(Sample ofCandidate, Sample ofBase) {
            candidateRequests += ofCandidate.requests();
            candidateFailures += ofCandidate.failures();
            baseRequests += ofBase.requests();
            baseFailures += ofBase.failures();
            for (int i = 0; i < LatencyBins.COUNT; i++) {
                candidate[i] += ofCandidate.latency(i);
                base[i] += ofBase.latency(i);
            }
        }

        Share beyond(int bin) {
            return new Share(sum(candidate, -1), sum(candidate, bin), sum(base, -1), sum(base, bin));
        }

        private static double sum(long[] bins, int above) {
            return LongStream.of(bins).skip(above + 1L).sum();
        }
    }
}
