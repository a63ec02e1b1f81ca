package io.nearkv.deploy.analysis;

/**
 * A test of "the candidate fails more often than known-good" that may be looked at after every block of requests, for ever: an e-process. If both fail with the same probability, then
 * however this probability moves over time, and whatever share of the traffic the candidate has, the chance that {@link #logE} ever reaches {@code ln(1/alpha)} is at most alpha.
 *
 * <p>One block has n_c requests of the candidate with y_c failures, and n_b with y_b of known-good. For an effect d and a guess tb of known-good's failure rate, with tc = tb + d and
 * t0 = (n_c tc + n_b tb) / (n_c + n_b), the block multiplies the capital by the likelihood ratio of (tc, tb) against (t0, t0). Why that is fair: if every request fails with probability θ,
 * the expected factor of one request is 1 + (θ - t0)(t - t0) / (t0 (1 - t0)) with t = tc or tb; the mean of (t - t0) over the block is 0 because t0 is the weighted mean of tc and tb, so by
 * the inequality of arithmetic and geometric means the expected product is at most 1, whatever θ is. A product of fair bets is a supermartingale from 1, and Ville's inequality bounds its
 * maximum. What tb is only decides how fast capital grows, not whether the bets are fair, as long as it is known before the block.
 *
 * <p>Capital is spread in advance over several effects, half of it betting from the beginning, the other half beginning at every moment within a horizon, for builds that go bad late.
 * (Shafer, Testing by betting, 2021; Ramdas et al., Game-theoretic statistics and safe anytime-valid inference, 2023.)
 *
 * <p>The failures must be of units that were assigned at random, and nearly independent: one unlucky user who tries again and again is one failure. Not thread-safe.
 */
public final class EProcess {
    /** Guesses of the failure rate are kept away from the ends, where a single outcome would decide everything. */
    static final double MIN_RATE = 1e-5;

    static final double MAX_RATE = 0.9;
    private static final double MAX_CANDIDATE_RATE = 0.999;
    private static final double LN_2 = Math.log(2);

    private final double[] effects;
    private final double horizonSeconds;
    private final double[] fromStart;
    private final double[] fromLater;
    private final double[] round;
    private double startedSeconds;

    /**
     * Creates the test, with capital 1.
     *
     * @param effects by how much more often the candidate may fail, each above 0 and below 1
     * @param horizonSeconds over which time the late beginnings are spread
     */
    public EProcess(double[] effects, double horizonSeconds) {
        this.effects = effects.clone();
        this.horizonSeconds = horizonSeconds;
        this.fromStart = new double[effects.length];
        this.fromLater = new double[effects.length];
        this.round = new double[effects.length];
        java.util.Arrays.fill(fromLater, Double.NEGATIVE_INFINITY);
    }

    /** Says that some time has gone by, before the blocks of that time are bet on. */
    public void elapsed(double seconds) {
        double left = Math.min(seconds, horizonSeconds - startedSeconds);
        if (left <= 0) {
            return;
        }
        startedSeconds += left;
        double mass = Math.log(left / (2 * horizonSeconds));
        for (int j = 0; j < effects.length; j++) {
            fromLater[j] = logAdd(fromLater[j], mass);
        }
    }

    /**
     * Bets on one block of a round. A block without requests on one of the sides changes nothing.
     *
     * @param baseRate the guess of known-good's failure rate, made before the block was seen
     */
    public void block(
            double baseRate, long candidateRequests, long candidateFailures, long baseRequests, long baseFailures) {
        if (candidateRequests <= 0 || baseRequests <= 0) {
            return;
        }
        double tb = Math.min(MAX_RATE, Math.max(MIN_RATE, baseRate));
        double nc = candidateRequests;
        double nb = baseRequests;
        for (int j = 0; j < effects.length; j++) {
            double tc = Math.min(MAX_CANDIDATE_RATE, tb + effects[j]);
            double t0 = (nc * tc + nb * tb) / (nc + nb);
            double gain = candidateFailures * Math.log(tc / t0)
                    + (nc - candidateFailures) * Math.log((1 - tc) / (1 - t0))
                    + baseFailures * Math.log(tb / t0)
                    + (nb - baseFailures) * Math.log((1 - tb) / (1 - t0));
            round[j] += gain;
        }
    }

    /**
     * Ends a round of blocks.
     *
     * @param maxGain how much one round may gain at most, as a logarithm: what is given away makes no bet unfair, and no single moment, in which many requests share one fate, can decide
     */
    public void close(double maxGain) {
        for (int j = 0; j < effects.length; j++) {
            double gain = Math.min(round[j], maxGain);
            fromStart[j] += gain;
            fromLater[j] += gain;
            round[j] = 0;
        }
    }

    /** Returns the natural logarithm of the capital: the evidence against the candidate. 0 at the beginning. */
    public double logE() {
        double sum = Double.NEGATIVE_INFINITY;
        for (int j = 0; j < effects.length; j++) {
            sum = logAdd(sum, logAdd(fromStart[j] - LN_2, fromLater[j]));
        }
        // What has not begun yet is kept and counts as it is.
        double kept = 0.5 * (1 - startedSeconds / horizonSeconds);
        double all = sum - Math.log(effects.length);
        return kept > 0 ? logAdd(all, Math.log(kept)) : all;
    }

    /** Returns ln(exp(a) + exp(b)). */
    static double logAdd(double a, double b) {
        double high = Math.max(a, b);
        if (high == Double.NEGATIVE_INFINITY) {
            return high;
        }
        return high + Math.log1p(Math.exp(Math.min(a, b) - high));
    }
}
