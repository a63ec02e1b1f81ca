package io.nearkv.deploy.analysis;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Watches a candidate beside known-good: an {@link EProcess} for failures, and three for response times beyond known-good's median, 90th and 99th percentile. Deterministic; looks at
 * no clock. Not thread-safe.
 *
 * <p>Requests are compared within a stratum: of one kind, and from one process, because two processes may split the traffic differently at a time. The guess of known-good's rate is common to all strata of a kind.
 * A block is closed when there are requests on both sides, whatever has become of them.
 */
public final class ImpactDetector {
    /**
     * Kinds of answers, which differ in how long they take: reads from the memory of a cache, other reads, writes, listings. A build whose cache is still cold is not to be called slow for that: what it has
     * in memory is compared with what known-good has in memory, and what it has to ask for with what that has to ask for.
     */
    public static final int KINDS = 4;

    /** The group of each kind within which failures are compared: a read that has failed is of no kind yet. */
    private static final int[] GROUPS = {0, 0, 1, 2};

    private static final int GROUP_COUNT = 3;
    /** The first answers of a process are slow whatever it runs, and say nothing of the build. */
    private static final long WARM_UP_ANSWERS = 200;

    /** Less than this is no harm to anybody on the other side of a network. */
    private static final double MIN_SLOWER_MICROS = 500;

    /** At most so many strata; the rest shares the last one of its kind, which costs power and no validity as long as all split alike. */
    private static final int MAX_STRATA = 4_096;

    private static final double[] ERROR_EFFECTS = {0.005, 0.01, 0.03, 0.1, 0.3, 0.9};
    private static final double[] QUANTILES = {0.5, 0.9, 0.99};
    private static final double[][] QUANTILE_EFFECTS = {{0.05, 0.1, 0.25}, {0.03, 0.08, 0.2}, {0.005, 0.015, 0.05}};
    /** The prior of known-good's failure rate, worth so many requests. */
    private static final double PRIOR_REQUESTS = 2_000;

    private static final double PRIOR_RATE = 0.001;
    /** Fewer response times of known-good do not say where its percentiles are. */
    private static final double MIN_LATENCIES = 500;

    private static final double RECENT_HALF_LIFE_SECONDS = 10;
    private static final double MOMENT_HALF_LIFE_SECONDS = 1;
    /** A stall makes many requests slow at once, which is no evidence against a build: it must be slower in most of the last rounds, each of which counts a little less than the next one. */
    private static final double FADING_OF_ROUNDS = 0.95;

    private static final double MIN_ROUNDS = 8;
    /** Response times are compared once a second, and no second may gain more than this: it takes some bad ones, in a row or not. */
    private static final double LATENCY_ROUND_SECONDS = 0.999;

    private static final double MAX_LATENCY_GAIN = Math.log(4);
    private static final double MIN_SHARE_OF_ROUNDS = 0.75;
    private static final double MIN_COMMON_FAILURES = 10;

    private final DetectorSettings settings;
    private final EProcess errors;
    private final Group[] groups = new Group[GROUP_COUNT];
    private final Kind[] kinds = new Kind[KINDS];
    private final Map<String, Pending> pending = new LinkedHashMap<>();
    private final Map<String, PendingLatency> pendingLatency = new LinkedHashMap<>();
    private final Map<String, Long> answers = new HashMap<>();
    private final Recent lately = new Recent(RECENT_HALF_LIFE_SECONDS);
    /** What has happened in the last moment: a build that has just gone bad would look good for a while among what it did before. */
    private final Recent justNow = new Recent(MOMENT_HALF_LIFE_SECONDS);

    private double latencySeconds;
    private long candidateRequests;
    private long candidateFailures;
    private long baseRequests;
    private long baseFailures;

    /** Creates the detector of one rollout. */
    public ImpactDetector(DetectorSettings settings) {
        this.settings = settings;
        this.errors = new EProcess(ERROR_EFFECTS, settings.horizonSeconds());
        for (int i = 0; i < KINDS; i++) {
            kinds[i] = new Kind(settings.horizonSeconds());
        }
        for (int i = 0; i < GROUP_COUNT; i++) {
            groups[i] = new Group();
        }
    }

    /** Requests of one stratum that are not bet on yet, because there are none on the other side. */
    private static final class Pending {
        final int group;
        long nc;
        long yc;
        long nb;
        long yb;

        Pending(int group) {
            this.group = group;
        }
    }

    /** Answers of one stratum that are not bet on yet. */
    private static final class PendingLatency {
        final int kind;
        final long[] candidate = new long[LatencyBins.COUNT];
        final long[] base = new long[LatencyBins.COUNT];

        PendingLatency(int kind) {
            this.kind = kind;
        }
    }

    /** Known-good's failure rate in one group, from earlier blocks. */
    private static final class Group {
        double requests;
        double failures;

        double rate() {
            return (failures + PRIOR_RATE * PRIOR_REQUESTS) / (requests + PRIOR_REQUESTS);
        }
    }

    /** Sums that fade away. */
    private static final class Recent {
        final double halfLifeSeconds;
        double candidateRequests;
        double candidateFailures;
        double baseRequests;
        double baseFailures;

        Recent(double halfLifeSeconds) {
            this.halfLifeSeconds = halfLifeSeconds;
        }

        void add(Sample candidate, Sample base) {
            candidateRequests += candidate.requests();
            candidateFailures += candidate.failures();
            baseRequests += base.requests();
            baseFailures += base.failures();
        }

        void fade(double seconds) {
            double factor = Math.exp(-Math.log(2) * seconds / halfLifeSeconds);
            candidateRequests *= factor;
            candidateFailures *= factor;
            baseRequests *= factor;
            baseFailures *= factor;
        }

        double candidate() {
            return candidateRequests == 0 ? 0 : candidateFailures / candidateRequests;
        }

        double base() {
            return baseRequests == 0 ? 0 : baseFailures / baseRequests;
        }
    }

    /** What is known of one kind of answers: known-good's response times, from earlier blocks, and the tests. */
    private static final class Kind {
        final double[] base = new double[LatencyBins.COUNT];
        /** Known-good's response times of this round: known from the next one on. */
        final double[] coming = new double[LatencyBins.COUNT];

        final double[] recentBase = new double[LatencyBins.COUNT];
        final double[] recentCandidate = new double[LatencyBins.COUNT];
        final EProcess[] slow = new EProcess[QUANTILES.length];
        final double[] rounds = new double[QUANTILES.length];
        final double[] slower = new double[QUANTILES.length];

        Kind(double horizonSeconds) {
            for (int q = 0; q < QUANTILES.length; q++) {
                slow[q] = new EProcess(QUANTILE_EFFECTS[q], horizonSeconds);
            }
        }

        /** Returns the last class that is not beyond known-good's percentile, by earlier blocks; negative while nobody knows. */
        int threshold(double quantile) {
            double total = sum(base, -1);
            if (total < MIN_LATENCIES) {
                return -1;
            }
            double before = 0;
            for (int i = 0; i < base.length; i++) {
                before += base[i];
                if (before >= quantile * total) {
                    return i;
                }
            }
            return base.length - 1;
        }

        double logLatency() {
            double sum = Double.NEGATIVE_INFINITY;
            for (EProcess each : slow) {
                sum = EProcess.logAdd(sum, each.logE());
            }
            return sum - Math.log(QUANTILES.length);
        }
    }

    private static double sum(double[] counts, int above) {
        double sum = 0;
        for (int i = above + 1; i < counts.length; i++) {
            sum += counts[i];
        }
        return sum;
    }

    private static long sum(long[] counts, int above) {
        long sum = 0;
        for (int i = above + 1; i < counts.length; i++) {
            sum += counts[i];
        }
        return sum;
    }

    /**
     * Takes in what has happened in one stratum since the last time.
     *
     * @param process who has split the traffic
     * @param kind of the answers, 0 to {@link #KINDS} - 1; requests that have failed may be told as any kind of their group
     */
    public void add(String process, int kind, Sample candidate, Sample base) {
        if (candidate.requests() == 0 && base.requests() == 0) {
            return;
        }
        String stratum = pending.size() + pendingLatency.size() < MAX_STRATA ? process : "";
        int group = GROUPS[kind];
        Pending of = pending.computeIfAbsent(stratum + "/" + group, unused -> new Pending(group));
        of.nc += candidate.requests();
        of.yc += candidate.failures();
        of.nb += base.requests();
        of.yb += base.failures();
        long before = answers.merge(stratum + "/" + kind, candidate.requests() - candidate.failures(), Long::sum)
                - (candidate.requests() - candidate.failures());
        if (before >= WARM_UP_ANSWERS) {
            PendingLatency times =
                    pendingLatency.computeIfAbsent(stratum + "/" + kind, unused -> new PendingLatency(kind));
            add(times.candidate, candidate);
            add(times.base, base);
        } else {
            // What known-good takes is to be known by then.
            for (int i = 0; i < LatencyBins.COUNT; i++) {
                kinds[kind].coming[i] += base.latency(i);
            }
        }
        candidateRequests += candidate.requests();
        candidateFailures += candidate.failures();
        baseRequests += base.requests();
        baseFailures += base.failures();
        lately.add(candidate, base);
        justNow.add(candidate, base);
    }

    private static void add(long[] to, Sample more) {
        for (int i = 0; i < to.length; i++) {
            to[i] += more.latency(i);
        }
    }

    /** Judges, after all strata of a round were taken in; some time after the round before. */
    public Impact judge(double seconds) {
        errors.elapsed(seconds);
        List<Pending> closed = new ArrayList<>();
        for (Pending of : pending.values()) {
            if (of.nc > 0 && of.nb > 0) {
                closed.add(of);
            }
        }
        latencySeconds += seconds;
        List<PendingLatency> timed = new ArrayList<>();
        if (latencySeconds >= LATENCY_ROUND_SECONDS) {
            for (PendingLatency of : pendingLatency.values()) {
                if (sum(of.candidate, -1) > 0 && sum(of.base, -1) > 0) {
                    timed.add(of);
                }
            }
            double fading = Math.exp(-Math.log(2) * latencySeconds / RECENT_HALF_LIFE_SECONDS);
            for (Kind kind : kinds) {
                for (EProcess each : kind.slow) {
                    each.elapsed(latencySeconds);
                }
                fade(kind.recentBase, fading);
                fade(kind.recentCandidate, fading);
            }
            latencySeconds = 0;
        }
        // All bets first: a guess that has seen a part of the round already would not be one.
        for (Pending of : closed) {
            errors.block(groups[of.group].rate(), of.nc, of.yc, of.nb, of.yb);
        }
        errors.close(Double.POSITIVE_INFINITY);
        for (int k = 0; k < KINDS; k++) {
            compareLatency(kinds[k], timed, k);
        }
        for (Pending of : closed) {
            groups[of.group].requests += of.nb;
            groups[of.group].failures += of.yb;
        }
        for (PendingLatency of : timed) {
            Kind kind = kinds[of.kind];
            for (int i = 0; i < LatencyBins.COUNT; i++) {
                kind.coming[i] += of.base[i];
                kind.recentBase[i] += of.base[i];
                kind.recentCandidate[i] += of.candidate[i];
            }
        }
        for (Kind kind : kinds) {
            for (int i = 0; i < LatencyBins.COUNT; i++) {
                kind.base[i] += kind.coming[i];
                kind.coming[i] = 0;
            }
        }
        pending.values().removeAll(closed);
        pendingLatency.values().removeAll(timed);
        Impact impact = impact();
        lately.fade(seconds);
        justNow.fade(seconds);
        return impact;
    }

    private static void fade(double[] counts, double factor) {
        for (int i = 0; i < counts.length; i++) {
            counts[i] *= factor;
        }
    }

    private static void compareLatency(Kind kind, List<PendingLatency> timed, int index) {
        for (int q = 0; q < QUANTILES.length; q++) {
            int threshold = kind.threshold(QUANTILES[q]);
            if (threshold < 0) {
                return;
            }
            double rate = sum(kind.base, threshold) / sum(kind.base, -1);
            double candidates = 0;
            double slowCandidates = 0;
            for (PendingLatency of : timed) {
                if (of.kind == index) {
                    long nc = sum(of.candidate, -1);
                    long yc = sum(of.candidate, threshold);
                    kind.slow[q].block(rate, nc, yc, sum(of.base, -1), sum(of.base, threshold));
                    candidates += nc;
                    slowCandidates += yc;
                }
            }
            kind.slow[q].close(MAX_LATENCY_GAIN);
            if (candidates > 0) {
                kind.rounds[q] = FADING_OF_ROUNDS * kind.rounds[q] + 1;
                kind.slower[q] = FADING_OF_ROUNDS * kind.slower[q] + (slowCandidates / candidates > rate ? 1 : 0);
            }
        }
    }

    private Impact impact() {
        double logErrors = errors.logE();
        double logLatency = 0;
        String slower = null;
        for (Kind kind : kinds) {
            // Kinds share what may go wrong by accident: an equal part each.
            logLatency = Math.max(logLatency, kind.logLatency() - Math.log(KINDS));
            if (kind.logLatency() - Math.log(KINDS) >= -Math.log(settings.latencyAlpha())) {
                slower = slower == null ? slower(kind) : slower;
            }
        }
        Impact.Kind found = Impact.Kind.NONE;
        String text = "nothing against it";
        Recent telling = justNow.candidate() - justNow.base() > lately.candidate() - lately.base() ? justNow : lately;
        double pc = telling.candidate();
        double pb = telling.base();
        boolean baseFails = lately.base() >= settings.commonModeRate() || justNow.base() >= settings.commonModeRate();
        if (baseFails && lately.baseFailures >= MIN_COMMON_FAILURES) {
            found = Impact.Kind.COMMON_MODE;
            text = "known-good fails as well: " + percent(lately.base())
                    + " lately; it is the environment, and no build";
        } else if (logErrors >= -Math.log(settings.errorAlpha())
                && candidateFailures >= settings.minFailures()
                && pc - pb >= settings.minEffect()) {
            found = Impact.Kind.ERRORS;
            text = "error test e=" + number(logErrors) + ", candidate " + percent(pc) + " vs known-good " + percent(pb)
                    + ", " + candidateFailures + " failing units";
        } else if (slower != null) {
            found = Impact.Kind.LATENCY;
            text = "latency test e=" + number(logLatency) + ", " + slower;
        }
        double nc = candidateRequests;
        double nb = baseRequests;
        return new Impact(
                found,
                logErrors,
                logLatency,
                Sample.of(candidateRequests, candidateFailures),
                Sample.of(baseRequests, baseFailures),
                nc + nb == 0 ? 0 : nc * nb / (nc + nb),
                text);
    }

    /** Returns where the candidate is slower, lately and all the time, by enough that somebody would mind; or null. */
    private @org.jspecify.annotations.Nullable String slower(Kind kind) {
        for (int q = 0; q < QUANTILES.length; q++) {
            double base = LatencyBins.quantileMicros(kind.recentBase, QUANTILES[q]);
            double candidate = LatencyBins.quantileMicros(kind.recentCandidate, QUANTILES[q]);
            if (kind.rounds[q] >= MIN_ROUNDS
                    && kind.slower[q] >= MIN_SHARE_OF_ROUNDS * kind.rounds[q]
                    && base > 0
                    && candidate >= settings.latencyGuard() * base
                    && candidate - base >= MIN_SLOWER_MICROS) {
                return String.format(
                        Locale.ROOT, "p%.0f %.0f us vs known-good %.0f us", QUANTILES[q] * 100, candidate, base);
            }
        }
        return null;
    }

    static String percent(double share) {
        return String.format(Locale.ROOT, "%.2f %%", share * 100);
    }

    /** Returns e to this power, for people. */
    static String number(double log) {
        return log > 300 ? "1e300+" : String.format(Locale.ROOT, "%.2g", Math.exp(log));
    }

    /**
     * Returns by how much more often a candidate must fail to be found among so many requests, most of the time: the smallest effect whose expected evidence is one and a half times what is needed.
     *
     * @param baseRate known-good's failure rate
     * @return a share of the requests; 1 if nothing would be found
     */
    public static double detectable(double candidateRequests, double baseRequests, double baseRate, double alpha) {
        if (candidateRequests <= 0 || baseRequests <= 0) {
            return 1;
        }
        double tb = Math.min(EProcess.MAX_RATE, Math.max(EProcess.MIN_RATE, baseRate));
        double needed = 1.5 * Math.log(2 * ERROR_EFFECTS.length / alpha);
        for (double effect = 0.001; effect < 1 - tb; effect *= 1.1) {
            double tc = tb + effect;
            double t0 = (candidateRequests * tc + baseRequests * tb) / (candidateRequests + baseRequests);
            if (candidateRequests * divergence(tc, t0) + baseRequests * divergence(tb, t0) >= needed
                    && candidateRequests * tc >= 3) {
                return effect;
            }
        }
        return 1;
    }

    /** The Kullback-Leibler divergence of two coins. */
    private static double divergence(double p, double q) {
        return p * Math.log(p / q) + (p >= 1 ? 0 : (1 - p) * Math.log((1 - p) / (1 - q)));
    }
}
