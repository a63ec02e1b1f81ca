package io.nearkv.core.rocksdb;

import static java.util.Objects.requireNonNull;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.Limits;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.random.RandomGenerator;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** How a {@link RocksStore} is opened: every bound has a default and is listed here. Immutable; made by {@link #builder()}. */
public final class RocksStoreOptions {
    private static final Pattern ENVIRONMENT = Pattern.compile("[a-z0-9][a-z0-9-]{0,62}");

    final String environment;
    final @Nullable AccountInfo initialAccount;
    final String program;
    final InstantSource clock;
    final RandomGenerator random;
    final boolean create;
    final boolean compression;
    final int inlineValueBytes;
    final long cacheBytes;
    final long writeBufferBytes;
    final int queueRequests;
    final long queueBytes;
    final int groupRequests;
    final long groupBytes;
    final long feedRetainBytes;
    final Duration feedRetainTime;
    final int maxSubscribers;
    final Duration sweepInterval;
    final Duration idleFlushTime;
    final int readThreads;
    final int readQueue;
    final int maxOpenReaders;
    final Duration readerIdleTime;
    final int maxUploads;
    final Duration uploadIdleTime;
    final long diskReserveBytes;
    final @Nullable Path backupFolder;
    final Failpoints failpoints;
    final DiskSpace.@Nullable Probe diskProbe;

    private RocksStoreOptions(Builder b) {
        this.environment = b.environment;
        this.initialAccount = b.initialAccount;
        this.program = b.program;
        this.clock = b.clock;
        this.random = b.random;
        this.create = b.create;
        this.compression = b.compression;
        this.inlineValueBytes = b.inlineValueBytes;
        this.cacheBytes = b.cacheBytes;
        this.writeBufferBytes = b.writeBufferBytes;
        this.queueRequests = b.queueRequests;
        this.queueBytes = b.queueBytes;
        this.groupRequests = b.groupRequests;
        this.groupBytes = b.groupBytes;
        this.feedRetainBytes = b.feedRetainBytes;
        this.feedRetainTime = b.feedRetainTime;
        this.maxSubscribers = b.maxSubscribers;
        this.sweepInterval = b.sweepInterval;
        this.idleFlushTime = b.idleFlushTime;
        this.readThreads = b.readThreads;
        this.readQueue = b.readQueue;
        this.maxOpenReaders = b.maxOpenReaders;
        this.readerIdleTime = b.readerIdleTime;
        this.maxUploads = b.maxUploads;
        this.uploadIdleTime = b.uploadIdleTime;
        this.diskReserveBytes = b.diskReserveBytes;
        this.backupFolder = b.backupFolder;
        this.failpoints = b.failpoints;
        this.diskProbe = b.diskProbe;
    }

    /** Returns a builder with the defaults. */
    public static Builder builder() {
        return new Builder();
    }

    /** Returns the options of one of several stores that share the memory, and the room for the change feed, which these give to one. */
    public RocksStoreOptions share(int stores) {
        long least = 1L << 20;
        return new Builder(this)
                .cacheBytes(Math.max(least, cacheBytes / stores))
                .writeBufferBytes(Math.max(least, writeBufferBytes / stores))
                .feedRetainBytes(Math.max(Math.min(least, feedRetainBytes), feedRetainBytes / stores))
                .build();
    }

    /** Returns the environment that the caller serves. */
    public String environment() {
        return environment;
    }

    /** Sets what differs from the defaults; each setter checks its value. Not thread-safe; may build more than once. */
    public static final class Builder {
        private String environment = "development";
        private @Nullable AccountInfo initialAccount;
        private String program = "nearkv";
        private InstantSource clock = InstantSource.system();
        private RandomGenerator random = new SecureRandom();
        private boolean create = true;
        private boolean compression = true;
        private int inlineValueBytes = 4096;
        private long cacheBytes = 256L << 20;
        private long writeBufferBytes = 64L << 20;
        private int queueRequests = 16_384;
        private long queueBytes = 128L << 20;
        private int groupRequests = 4096;
        private long groupBytes = 8L << 20;
        private long feedRetainBytes = 256L << 20;
        private Duration feedRetainTime = Duration.ofHours(24);
        private int maxSubscribers = 1024;
        private Duration sweepInterval = Duration.ofSeconds(1);
        private Duration idleFlushTime = Duration.ofSeconds(5);
        private int readThreads = Math.max(4, Runtime.getRuntime().availableProcessors());
        private int readQueue = 4096;
        private int maxOpenReaders = 256;
        private Duration readerIdleTime = Duration.ofSeconds(60);
        private int maxUploads = 64;
        private Duration uploadIdleTime = Duration.ofMinutes(10);
        private long diskReserveBytes = 64L << 20;
        private @Nullable Path backupFolder;
        private Failpoints failpoints = Failpoints.NONE;
        private DiskSpace.@Nullable Probe diskProbe;

        private Builder() {}

        private Builder(RocksStoreOptions options) {
            environment = options.environment;
            initialAccount = options.initialAccount;
            program = options.program;
            clock = options.clock;
            random = options.random;
            create = options.create;
            compression = options.compression;
            inlineValueBytes = options.inlineValueBytes;
            cacheBytes = options.cacheBytes;
            writeBufferBytes = options.writeBufferBytes;
            queueRequests = options.queueRequests;
            queueBytes = options.queueBytes;
            groupRequests = options.groupRequests;
            groupBytes = options.groupBytes;
            feedRetainBytes = options.feedRetainBytes;
            feedRetainTime = options.feedRetainTime;
            maxSubscribers = options.maxSubscribers;
            sweepInterval = options.sweepInterval;
            idleFlushTime = options.idleFlushTime;
            readThreads = options.readThreads;
            readQueue = options.readQueue;
            maxOpenReaders = options.maxOpenReaders;
            readerIdleTime = options.readerIdleTime;
            maxUploads = options.maxUploads;
            uploadIdleTime = options.uploadIdleTime;
            diskReserveBytes = options.diskReserveBytes;
            backupFolder = options.backupFolder;
            failpoints = options.failpoints;
            diskProbe = options.diskProbe;
        }

        /** The environment that the folder must be of, or is created for: 1 to 63 lower-case letters, digits and dashes. Default {@code development}. */
        @CanIgnoreReturnValue
        public Builder environment(String name) {
            if (!ENVIRONMENT.matcher(requireNonNull(name, "name")).matches()) {
                throw new IllegalArgumentException("environment: '" + name
                        + "' (expected: 1 to 63 lower-case letters, digits and dashes, not a dash first)");
            }
            this.environment = name;
            return this;
        }

        /** The first account of a folder that is created; one that exists is left as it is. By default a new one named {@code default}. */
        @CanIgnoreReturnValue
        public Builder initialAccount(@Nullable AccountInfo account) {
            this.initialAccount = account;
            return this;
        }

        /** What the lock file tells others about who holds the folder. Default {@code nearkv}. */
        @CanIgnoreReturnValue
        public Builder program(String name) {
            this.program = name.lines().findFirst().orElse("");
            return this;
        }

        /** The clock that decides about expirations. Default: the system's. */
        @CanIgnoreReturnValue
        public Builder clock(InstantSource source) {
            this.clock = requireNonNull(source, "source");
            return this;
        }

        /** Where ids and the lineage come from. Default: a secure generator. */
        @CanIgnoreReturnValue
        public Builder random(RandomGenerator generator) {
            this.random = requireNonNull(generator, "generator");
            return this;
        }

        /** Whether an empty or absent folder becomes a new store. Default true. */
        @CanIgnoreReturnValue
        public Builder create(boolean allowed) {
            this.create = allowed;
            return this;
        }

        /** Whether entries are compressed on disk (LZ4; reads from the cache are not slower, what is cached is not compressed). Default true. */
        @CanIgnoreReturnValue
        public Builder compression(boolean on) {
            this.compression = on;
            return this;
        }

        /** The longest value, in bytes, that is stored beside its key; 64 to 16,384. Default 4,096. */
        @CanIgnoreReturnValue
        public Builder inlineValueBytes(int bytes) {
            this.inlineValueBytes = (int) range("inlineValueBytes", bytes, 64, EntryRecord.MAX_INLINE_BYTES);
            return this;
        }

        /** Memory for cached blocks, indexes and filters; at least 1 MiB. Default 256 MiB. */
        @CanIgnoreReturnValue
        public Builder cacheBytes(long bytes) {
            this.cacheBytes = range("cacheBytes", bytes, 1L << 20, 1L << 50);
            return this;
        }

        /** Memory for entries that are not in a table file yet, per buffer, of which there are up to three; 1 MiB to 1 GiB. Default 64 MiB. */
        @CanIgnoreReturnValue
        public Builder writeBufferBytes(long bytes) {
            this.writeBufferBytes = range("writeBufferBytes", bytes, 1L << 20, 1L << 30);
            return this;
        }

        /** Most write requests that wait; more are refused with 503. At least 1. Default 16,384. */
        @CanIgnoreReturnValue
        public Builder queueRequests(int requests) {
            this.queueRequests = (int) range("queueRequests", requests, 1, 1 << 20);
            return this;
        }

        /** Most bytes of write requests that wait; more are refused with 503, but a lone request always fits. Default 128 MiB. */
        @CanIgnoreReturnValue
        public Builder queueBytes(long bytes) {
            this.queueBytes = range("queueBytes", bytes, 1, 1L << 38);
            return this;
        }

        /** Most requests in one commit group. Default 4,096. */
        @CanIgnoreReturnValue
        public Builder groupRequests(int requests) {
            this.groupRequests = (int) range("groupRequests", requests, 1, 1 << 20);
            return this;
        }

        /** Bytes of requests after which a commit group is closed. Default 8 MiB. */
        @CanIgnoreReturnValue
        public Builder groupBytes(long bytes) {
            this.groupBytes = range("groupBytes", bytes, 1, 1L << 30);
            return this;
        }

        /** Bytes of the change feed that are kept at least (and a sixteenth more at most). Default 256 MiB. */
        @CanIgnoreReturnValue
        public Builder feedRetainBytes(long bytes) {
            this.feedRetainBytes = range("feedRetainBytes", bytes, 0, 1L << 50);
            return this;
        }

        /** How long changes are kept, if there is room. Default 24 hours. */
        @CanIgnoreReturnValue
        public Builder feedRetainTime(Duration time) {
            range(
                    "feedRetainTime in ms",
                    time.toMillis(),
                    1,
                    Duration.ofDays(36_500).toMillis());
            this.feedRetainTime = time;
            return this;
        }

        /** Most subscribers of change feeds. Default 1,024. */
        @CanIgnoreReturnValue
        public Builder maxSubscribers(int subscribers) {
            this.maxSubscribers = (int) range("maxSubscribers", subscribers, 0, 1 << 20);
            return this;
        }

        /** How often expired entries are looked for, 1 ms to 1 hour. Default 1 second. */
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

        /** After which time without a write the write buffers are emptied into table files, from which gets are faster; 1 ms to 1 hour. Default 5 seconds. */
        @CanIgnoreReturnValue
        public Builder idleFlushTime(Duration time) {
            range("idleFlushTime in ms", time.toMillis(), 1, Duration.ofHours(1).toMillis());
            this.idleFlushTime = time;
            return this;
        }

        /** Threads for reads that touch the disk. Default: the number of processors, at least 4. */
        @CanIgnoreReturnValue
        public Builder readThreads(int threads) {
            this.readThreads = (int) range("readThreads", threads, 1, 1024);
            return this;
        }

        /** Most reads that wait for such a thread; more are refused with 503. Default 4,096. */
        @CanIgnoreReturnValue
        public Builder readQueue(int reads) {
            this.readQueue = (int) range("readQueue", reads, 1, 1 << 20);
            return this;
        }

        /** Most readers of streamed values that are open; more are refused with 503. Default 256. */
        @CanIgnoreReturnValue
        public Builder maxOpenReaders(int readers) {
            this.maxOpenReaders = (int) range("maxOpenReaders", readers, 0, 1 << 20);
            return this;
        }

        /** After which time without a read a reader is closed, because it keeps old files alive. Default 60 seconds. */
        @CanIgnoreReturnValue
        public Builder readerIdleTime(Duration time) {
            range("readerIdleTime in ms", time.toMillis(), 1, Limits.MAX_TIMEOUT.toMillis());
            this.readerIdleTime = time;
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

        /** Free bytes on the disk below which writes are refused with 503 (deletes below half of it). 0 turns the guard off. Default 64 MiB. */
        @CanIgnoreReturnValue
        public Builder diskReserveBytes(long bytes) {
            this.diskReserveBytes = range("diskReserveBytes", bytes, 0, 1L << 50);
            return this;
        }

        /** Where {@link io.nearkv.core.KvAdmin#backup} puts backups; made if it is missing. By default there is none, and backups are refused. */
        @CanIgnoreReturnValue
        public Builder backupFolder(Path folder) {
            this.backupFolder = requireNonNull(folder, "folder");
            return this;
        }

        /** Where tests stop or fail the store. */
        @CanIgnoreReturnValue
        Builder failpoints(Failpoints points) {
            this.failpoints = points;
            return this;
        }

        /** How tests make a disk full. */
        @CanIgnoreReturnValue
        Builder diskProbe(DiskSpace.Probe probe) {
            this.diskProbe = probe;
            return this;
        }

        /** Returns the options. */
        public RocksStoreOptions build() {
            return new RocksStoreOptions(this);
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
