package io.nearkv.bench.macro;

import java.util.random.RandomGenerator;

/**
 * Draws ranks 1 to n with the probability of rank k in proportion to 1 / k^exponent, by rejection-inversion: W. Hörmann and G. Derflinger, "Rejection-inversion to generate
 * variates from monotone discrete distributions", ACM TOMACS 6 (1996). Exact, for any n without a table. Immutable; the generator given to {@link #next} is the
 * caller's.
 */
public final class ZipfRanks {
    private final int ranks;
    private final double exponent;
    private final double integralOfFirst;
    private final double integralOfLast;
    private final double acceptBelow;

    /**
     * Creates a distribution.
     *
     * @param ranks how many ranks, at least 1
     * @param exponent how skewed, more than 0
     */
    public ZipfRanks(int ranks, double exponent) {
        if (ranks < 1) {
            throw new IllegalArgumentException("ranks: " + ranks + " (expected: >= 1)");
        }
        if (!(exponent > 0)) {
            throw new IllegalArgumentException("exponent: " + exponent + " (expected: > 0)");
        }
        this.ranks = ranks;
        this.exponent = exponent;
        this.integralOfFirst = integral(1.5) - 1;
        this.integralOfLast = integral(ranks + 0.5);
        this.acceptBelow = 2 - inverseIntegral(integral(2.5) - density(2));
    }

    /** Returns the next rank, 1 to {@code ranks}. */
    public int next(RandomGenerator random) {
        while (true) {
            double u = integralOfLast + random.nextDouble() * (integralOfFirst - integralOfLast);
            double x = inverseIntegral(u);
            int rank = (int) Math.max(1, Math.min(ranks, Math.round(x)));
            if (rank - x <= acceptBelow || u >= integral(rank + 0.5) - density(rank)) {
                return rank;
            }
        }
    }

    private double density(double x) {
        return Math.exp(-exponent * Math.log(x));
    }

    /** An integral of the density; written so that it stays exact where the exponent is close to 1. */
    private double integral(double x) {
        double logX = Math.log(x);
        return expm1OverX((1 - exponent) * logX) * logX;
    }

    private double inverseIntegral(double y) {
        double t = Math.max(-1, y * (1 - exponent));
        return Math.exp(log1pOverX(t) * y);
    }

    private static double expm1OverX(double x) {
        return Math.abs(x) > 1e-8 ? Math.expm1(x) / x : 1 + x / 2 * (1 + x / 3);
    }

    private static double log1pOverX(double x) {
        return Math.abs(x) > 1e-8 ? Math.log1p(x) / x : 1 - x * (0.5 - x / 3);
    }
}
