package io.nearkv.deploy.analysis;

/**
 * Classes of response times: eight to each doubling, so that a class is at most 12.5 % wide, from one microsecond to about nine minutes. Small enough to be reported every second, and counts of
 * several processes add up.
 */
public final class LatencyBins {
    private static final int PER_DOUBLING_BITS = 3;
    private static final int PER_DOUBLING = 1 << PER_DOUBLING_BITS;
    /** The last class begins at 15/8 of 2^28 microseconds. */
    private static final int DOUBLINGS = 26;

    private static final int NANOS_PER_MICRO = 1_000;

    /** How many classes there are. */
    public static final int COUNT = DOUBLINGS * PER_DOUBLING;

    private LatencyBins() {}

    /** Returns the class of a time; the first of what is below a microsecond, the last of all that is longer. */
    public static int of(long nanos) {
        long micros = nanos / NANOS_PER_MICRO;
        if (micros < PER_DOUBLING) {
            return (int) Math.max(0, micros);
        }
        int doubling = 63 - Long.numberOfLeadingZeros(micros);
        int within = (int) (micros >>> (doubling - PER_DOUBLING_BITS)) & (PER_DOUBLING - 1);
        return Math.min(COUNT - 1, (doubling - PER_DOUBLING_BITS + 1) * PER_DOUBLING + within);
    }

    /** Returns the shortest time of a class, in microseconds. */
    public static double lowerMicros(int bin) {
        if (bin < PER_DOUBLING) {
            return bin;
        }
        int doubling = bin / PER_DOUBLING + PER_DOUBLING_BITS - 1;
        return (double) (PER_DOUBLING + bin % PER_DOUBLING) * (1L << (doubling - PER_DOUBLING_BITS));
    }

    /** Returns the time below which this share of the counts lies, in microseconds, as if they were spread evenly within a class; 0 if there are none. */
    public static double quantileMicros(double[] counts, double quantile) {
        double total = 0;
        for (double count : counts) {
            total += count;
        }
        double wanted = quantile * total;
        double before = 0;
        for (int i = 0; i < counts.length; i++) {
            if (counts[i] > 0 && before + counts[i] >= wanted) {
                double low = lowerMicros(i);
                return low + (lowerMicros(i + 1) - low) * (wanted - before) / counts[i];
            }
            before += counts[i];
        }
        return 0;
    }
}
