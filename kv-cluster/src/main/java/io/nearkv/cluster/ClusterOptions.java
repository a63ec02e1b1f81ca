package io.nearkv.cluster;

import static java.util.Objects.requireNonNull;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import org.jspecify.annotations.Nullable;

/** How a node takes part in a cluster: every bound has a default and is listed here. Immutable; made by {@link #builder()}. */
public final class ClusterOptions {
    /**
     * With what the nodes prove to each other who they are.
     *
     * @param certificate the certificate of this node, with its chain (PEM)
     * @param key its private key (PEM, PKCS #8, not encrypted)
     * @param roots the roots of the certificates of all nodes (PEM)
     */
    public record Tls(Path certificate, Path key, Path roots) {
        /** Checks that nothing is missing. */
        public Tls {
            requireNonNull(certificate, "certificate");
            requireNonNull(key, "key");
            requireNonNull(roots, "roots");
        }
    }

    private final InstantSource clock;
    private final Duration electionTimeout;
    private final int queueRequests;
    private final long queueBytes;
    private final int waitingRequests;
    private final int maxUploads;
    private final Duration uploadIdleTime;
    private final Duration sweepInterval;
    private final long snapshotBytes;
    private final Duration snapshotAge;
    private final int retainedEntries;
    private final long snapshotBytesPerSecond;
    private final @Nullable Path backups;
    private final @Nullable Tls tls;

    private ClusterOptions(Builder b) {
        this.clock = b.clock;
        this.electionTimeout = b.electionTimeout;
        this.queueRequests = b.queueRequests;
        this.queueBytes = b.queueBytes;
        this.waitingRequests = b.waitingRequests;
        this.maxUploads = b.maxUploads;
        this.uploadIdleTime = b.uploadIdleTime;
        this.sweepInterval = b.sweepInterval;
        this.snapshotBytes = b.snapshotBytes;
        this.snapshotAge = b.snapshotAge;
        this.retainedEntries = b.retainedEntries;
        this.snapshotBytesPerSecond = b.snapshotBytesPerSecond;
        this.backups = b.backups;
        this.tls = b.tls;
    }

    /** Returns a builder with the defaults. */
    public static Builder builder() {
        return new Builder();
    }

    InstantSource clock() {
        return clock;
    }

    Duration electionTimeout() {
        return electionTimeout;
    }

    int queueRequests() {
        return queueRequests;
    }

    long queueBytes() {
        return queueBytes;
    }

    int waitingRequests() {
        return waitingRequests;
    }

    int maxUploads() {
        return maxUploads;
    }

    Duration uploadIdleTime() {
        return uploadIdleTime;
    }

    Duration sweepInterval() {
        return sweepInterval;
    }

    long snapshotBytes() {
        return snapshotBytes;
    }

    Duration snapshotAge() {
        return snapshotAge;
    }

    int retainedEntries() {
        return retainedEntries;
    }

    long snapshotBytesPerSecond() {
        return snapshotBytesPerSecond;
    }

    @Nullable
    Path backups() {
        return backups;
    }

    @Nullable
    Tls tls() {
        return tls;
    }

    /** Sets what differs from the defaults; each setter checks its value. Not thread-safe. */
    public static final class Builder {
        private InstantSource clock = InstantSource.system();
        private Duration electionTimeout = Duration.ofMillis(800);
        private int queueRequests = 16_384;
        private long queueBytes = 64L << 20;
        private int waitingRequests = 16_384;
        private int maxUploads = 64;
        private Duration uploadIdleTime = Duration.ofMinutes(10);
        private Duration sweepInterval = Duration.ofSeconds(1);
        private long snapshotBytes = 64L << 20;
        private Duration snapshotAge = Duration.ofHours(1);
        private int retainedEntries = 10_000;
        private long snapshotBytesPerSecond = 64L << 20;
        private @Nullable Path backups;
        private @Nullable Tls tls;

        private Builder() {}

        /** The clock that a leader stamps entries with, which decides about expirations. Default: the system's. */
        @CanIgnoreReturnValue
        public Builder clock(InstantSource source) {
            this.clock = requireNonNull(source, "source");
            return this;
        }

        /** After which time without a word of the leader a node stands for election, up to one and a half times that; 100 ms to 1 minute. Default 800 ms. */
        @CanIgnoreReturnValue
        public Builder electionTimeout(Duration timeout) {
            range("electionTimeout in ms", timeout.toMillis(), 100, 60_000);
            this.electionTimeout = timeout;
            return this;
        }

        /** Most writes that wait for an entry of the log; more are refused with 503. Default 16,384. */
        @CanIgnoreReturnValue
        public Builder queueRequests(int requests) {
            this.queueRequests = (int) range("queueRequests", requests, 1, 1 << 20);
            return this;
        }

        /** Most bytes of writes that wait for an entry of the log; more are refused with 503, but a lone one always fits. Default 64 MiB. */
        @CanIgnoreReturnValue
        public Builder queueBytes(long bytes) {
            this.queueBytes = range("queueBytes", bytes, 1, 1L << 38);
            return this;
        }

        /** Most requests that wait for a leader; more are refused with 503. Default 16,384. */
        @CanIgnoreReturnValue
        public Builder waitingRequests(int requests) {
            this.waitingRequests = (int) range("waitingRequests", requests, 1, 1 << 20);
            return this;
        }

        /** Most uploads that are under way; more are refused with 503. Default 64. */
        @CanIgnoreReturnValue
        public Builder maxUploads(int uploads) {
            this.maxUploads = (int) range("maxUploads", uploads, 0, 1 << 20);
            return this;
        }

        /** After which time without a piece an upload is given up. Default 10 minutes. */
        @CanIgnoreReturnValue
        public Builder uploadIdleTime(Duration time) {
            range("uploadIdleTime in ms", time.toMillis(), 1, Duration.ofDays(1).toMillis());
            this.uploadIdleTime = time;
            return this;
        }

        /** How often the leader looks for expired entries, 1 ms to 1 hour. Default 1 second. */
        @CanIgnoreReturnValue
        public Builder sweepInterval(Duration interval) {
            range(
                    "sweepInterval in ms",
                    interval.toMillis(),
                    1,
                    Duration.ofHours(1).toMillis());
            this.sweepInterval = interval;
            return this;
        }

        /** Bytes of the log after which a snapshot is taken, so that the log can be cut; at least 1 MiB. Default 64 MiB. */
        @CanIgnoreReturnValue
        public Builder snapshotBytes(long bytes) {
            this.snapshotBytes = range("snapshotBytes", bytes, 1L << 20, 1L << 40);
            return this;
        }

        /**
         * How old the first entry since the last snapshot may get, 1 ms to 30 days; then another one is taken, so that the log can be cut. For nodes that do not have them, entries stay until the
         * one after that. Default 1 hour.
         */
        @CanIgnoreReturnValue
        public Builder snapshotAge(Duration age) {
            range("snapshotAge in ms", age.toMillis(), 1, Duration.ofDays(30).toMillis());
            this.snapshotAge = age;
            return this;
        }

        /** Most entries that are kept behind a snapshot because a node does not have them, so that one which was away for a moment needs no snapshot. Default 10,000. */
        @CanIgnoreReturnValue
        public Builder retainedEntries(int count) {
            this.retainedEntries = (int) range("retainedEntries", count, 0, 1 << 30);
            return this;
        }

        /** How fast snapshots are sent to nodes that catch up, all of them together; 64 KiB to 1 TiB a second. Default 64 MiB a second. */
        @CanIgnoreReturnValue
        public Builder snapshotBytesPerSecond(long bytes) {
            this.snapshotBytesPerSecond = range("snapshotBytesPerSecond", bytes, 64L << 10, 1L << 40);
            return this;
        }

        /** The folder of {@link ClusterBackups} that has what the layout says the cluster begins with; asked for at the first start of a node that begins it. Default: none. */
        @CanIgnoreReturnValue
        public Builder backups(@Nullable Path folder) {
            this.backups = folder;
            return this;
        }

        /** The certificates of the nodes, on both sides of each connection. By default there are none, and the nodes trust their network. */
        @CanIgnoreReturnValue
        public Builder tls(@Nullable Tls material) {
            this.tls = material;
            return this;
        }

        /** Returns the options. */
        public ClusterOptions build() {
            return new ClusterOptions(this);
        }

        @CanIgnoreReturnValue
        private static long range(String name, long value, long min, long max) {
            if (value < min || value > max) {
                throw new IllegalArgumentException(name + ": " + value + " (expected: " + min + " to " + max + ")");
            }
            return value;
        }
    }
}
