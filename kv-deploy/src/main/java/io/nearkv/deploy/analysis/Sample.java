package io.nearkv.deploy.analysis;

/** What one build has done with requests of one kind, in some time. Immutable. */
public final class Sample {
    /** Nothing has happened. */
    public static final Sample NONE = new Sample(0, 0, new long[0]);

    private final long requests;
    private final long failures;
    private final long[] latency;

    private Sample(long requests, long failures, long[] latency) {
        this.requests = requests;
        this.failures = failures;
        this.latency = latency;
    }

    /** Returns a sample in which all answers were timed. */
    public static Sample of(long failures, long[] latency) {
        return of(failures, 0, latency);
    }

    /**
     * Returns a sample: those that were answered, a part of them by how long it took, and those that failed.
     *
     * @param failures how many failed, each unit of users at most once in ten seconds
     * @param untimed how many were answered of which nobody knows how long it took
     * @param latency how many answers took how long, by {@link LatencyBins}; taken over
     */
    public static Sample of(long failures, long untimed, long[] latency) {
        long answers = untimed;
        for (long count : latency) {
            answers += count;
        }
        return new Sample(answers + failures, failures, latency);
    }

    /** Returns a sample without response times. */
    public static Sample of(long requests, long failures) {
        return new Sample(requests, failures, NONE.latency);
    }

    /** Returns how many requests there were. */
    public long requests() {
        return requests;
    }

    /** Returns how many of them failed. */
    public long failures() {
        return failures;
    }

    /** Returns how many answers there were in a class of {@link LatencyBins}. */
    public long latency(int bin) {
        return bin < latency.length ? latency[bin] : 0;
    }

    /** Returns what has come since an earlier total. */
    public Sample since(Sample earlier) {
        long[] bins = latency.clone();
        for (int i = 0; i < bins.length; i++) {
            bins[i] -= earlier.latency(i);
        }
        return new Sample(requests - earlier.requests, failures - earlier.failures, bins);
    }

    /** Returns the same with so many failing requests fewer: those that another process has counted already. */
    public Sample without(long duplicates) {
        long fewer = Math.min(duplicates, failures);
        return new Sample(requests - fewer, failures - fewer, latency);
    }
}
