package io.nearkv.deploy.analysis;

import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** Traffic that never was, on a clock that is not there, for the real detector. */
final class Rollouts {
    /** Seconds and shares of a plan. */
    static final double[][] PLAN = {{30, 0.01}, {30, 0.05}, {60, 0.1}, {60, 0.25}, {60, 0.5}, {60, 0.99}};

    private final SplittableRandom random;
    final ImpactDetector detector;

    Rollouts(long seed) {
        this(seed, DetectorSettings.DEFAULT);
    }

    Rollouts(long seed, DetectorSettings settings) {
        random = new SplittableRandom(seed);
        detector = new ImpactDetector(settings);
    }

    /** Returns how many of so many requests fail; by how far it is to the next one that does. */
    long binomial(long n, double p) {
        if (n <= 0 || p <= 0) {
            return 0;
        }
        if (p > 0.5) {
            return n - binomial(n, 1 - p);
        }
        double step = Math.log1p(-p);
        long failures = 0;
        long at = 0;
        while (true) {
            at += (long) (Math.log(1 - random.nextDouble()) / step) + 1;
            if (at > n) {
                return failures;
            }
            failures++;
        }
    }

    double chance() {
        return random.nextDouble();
    }

    /** A moment of traffic: so many requests, of which the candidate gets a share. */
    Impact tick(double requests, double share, double candidateRate, double baseRate, double seconds) {
        long all = Math.round(requests * seconds);
        long candidate = binomial(all, share);
        long base = all - candidate;
        detector.add(
                "node",
                1,
                Sample.of(candidate, binomial(candidate, candidateRate)),
                Sample.of(base, binomial(base, baseRate)));
        return detector.judge(seconds);
    }

    /** How a healthy service may look. */
    enum Case {
        QUIET_LOW,
        QUIET_HIGH,
        BUSY_LOW,
        BUSY_HIGH,
        BURSTS,
        CLUSTERED
    }

    /** Walks a healthy build through a whole plan; returns what was held against it, or null. */
    @Nullable
    Impact healthy(Case which) {
        double requests = switch (which) {
            case QUIET_LOW, QUIET_HIGH -> 5;
            case BUSY_LOW, BUSY_HIGH -> 10_000;
            case BURSTS, CLUSTERED -> 500;
        };
        double normal = which == Case.QUIET_HIGH || which == Case.BUSY_HIGH ? 0.009 : 0.001;
        for (double[] step : PLAN) {
            for (int second = 0; second < step[0]; second++) {
                double rate = which == Case.BURSTS && chance() < 0.02 ? 0.3 * chance() : normal;
                Impact impact = which == Case.CLUSTERED
                        ? clustered(requests, step[1], rate)
                        : tick(requests, step[1], rate, rate, 1);
                if (impact.isAgainstCandidate()) {
                    return impact;
                }
            }
        }
        return null;
    }

    /** Some users fail all the time, and ask often: with one failure for each in ten seconds, as it is counted. */
    private Impact clustered(double requests, double share, double rate) {
        double unlucky = chance() < 0.1 ? 1 : 0;
        boolean atCandidate = chance() < share;
        long all = Math.round(requests);
        long candidate = binomial(all, share);
        long base = all - candidate;
        long candidateFailures = binomial(candidate, rate) + (atCandidate ? (long) unlucky : 0);
        long baseFailures = binomial(base, rate) + (atCandidate ? 0 : (long) unlucky);
        detector.add(
                "node",
                1,
                Sample.of(candidate + (atCandidate ? (long) unlucky : 0), candidateFailures),
                Sample.of(base + (atCandidate ? 0 : (long) unlucky), baseFailures));
        return detector.judge(1);
    }
}
