package io.nearkv.cluster;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.ratis.RaftConfigKeys;
import org.apache.ratis.conf.Parameters;
import org.apache.ratis.conf.RaftProperties;
import org.apache.ratis.server.RaftServerConfigKeys;
import org.apache.ratis.util.SizeInBytes;
import org.apache.ratis.util.TimeDuration;

/** How Ratis is set. */
final class RaftSettings {
    /** The longest entry: the longest write whose values have gone ahead. */
    private static final SizeInBytes ENTRY_LIMIT = SizeInBytes.valueOf("20MB");

    private RaftSettings() {}

    /**
     * Returns the settings of a node.
     *
     * @param folder where Ratis keeps the log
     * @param isNew whether there was no log before
     */
    static RaftProperties of(ClusterOptions options, Path folder, boolean isNew) {
        RaftProperties properties = new RaftProperties();
        RaftServerConfigKeys.setStorageDir(properties, List.of(folder.toFile()));
        RaftServerConfigKeys.setRemovedGroupsDir(
                properties, folder.resolve("removed").toFile());
        RaftConfigKeys.Rpc.setType(properties, new LogRpc());
        timeouts(options, properties, isNew);
        log(properties);
        return properties;
    }

    private static void timeouts(ClusterOptions options, RaftProperties properties, boolean isNew) {
        long millis = options.electionTimeout().toMillis();
        RaftServerConfigKeys.Rpc.setTimeoutMin(properties, millis(millis));
        RaftServerConfigKeys.Rpc.setTimeoutMax(properties, millis(millis + millis / 2));
        // Nobody leads a new cluster yet: there is nothing to wait for. Later, somebody may have a lease to which this
        // node
        // has agreed before it was restarted.
        RaftServerConfigKeys.Rpc.setFirstElectionTimeoutMin(properties, millis(isNew ? Math.min(150, millis) : millis));
        RaftServerConfigKeys.Rpc.setFirstElectionTimeoutMax(
                properties, millis(isNew ? Math.min(450, millis + 150) : millis + millis / 2));
        RaftServerConfigKeys.Rpc.setSlownessTimeout(properties, TimeDuration.valueOf(10, TimeUnit.MINUTES));
        RaftServerConfigKeys.setCloseThreshold(properties, TimeDuration.valueOf(10, TimeUnit.MINUTES));
        RaftServerConfigKeys.setSleepDeviationThreshold(properties, millis(Math.max(300, millis / 2)));
        RaftServerConfigKeys.LeaderElection.setLeaderStepDownWaitTime(properties, millis(2 * millis));
        // Whoever proposes learns of the outcome from the log, and never asks twice.
        RaftServerConfigKeys.RetryCache.setExpiryTime(properties, TimeDuration.valueOf(5, TimeUnit.SECONDS));
    }

    private static void log(RaftProperties properties) {
        RaftServerConfigKeys.Log.setSegmentSizeMax(properties, SizeInBytes.valueOf("32MB"));
        RaftServerConfigKeys.Log.setPreallocatedSize(properties, SizeInBytes.valueOf("4MB"));
        RaftServerConfigKeys.Log.setWriteBufferSize(properties, SizeInBytes.valueOf("21MB"));
        RaftServerConfigKeys.Log.setSegmentCacheNumMax(properties, 2);
        RaftServerConfigKeys.Log.setSegmentCacheSizeMax(properties, SizeInBytes.valueOf("64MB"));
        RaftServerConfigKeys.Log.setLogMetadataEnabled(properties, false);
        // With it a follower hands each entry to two more threads, one of them made for it on two processors. What it
        // also keeps is kept by AppendOrder and LogTransport: an entry is acknowledged when all up to it are synced.
        RaftServerConfigKeys.Log.setAppendEntriesComposeEnabled(properties, false);
        RaftServerConfigKeys.Log.Appender.setBufferByteLimit(properties, ENTRY_LIMIT);
        // A heartbeat waits for what is being sent.
        RaftServerConfigKeys.Log.Appender.setBufferElementLimit(properties, 16);
        RaftServerConfigKeys.Log.Appender.setWaitTimeMin(properties, millis(0));
        RaftServerConfigKeys.Log.Appender.setInstallSnapshotEnabled(properties, true);
        RaftServerConfigKeys.Log.Appender.setSnapshotChunkSizeMax(properties, SizeInBytes.valueOf("1MB"));
        RaftServerConfigKeys.Snapshot.setAutoTriggerEnabled(properties, false); // SnapshotSchedule says when.
        RaftServerConfigKeys.Snapshot.setTriggerWhenStopEnabled(properties, false);
        // Ratis cuts off what all members have, and Partition what is too much or too old to wait for the others. A
        // number of entries
        // that always stay would be kept for ever where little is written.
        RaftServerConfigKeys.Log.setPurgeUptoSnapshotIndex(properties, false);
        RaftServerConfigKeys.Log.setPurgePreservationLogNum(properties, 0);
        RaftServerConfigKeys.Log.setPurgeGap(properties, 1);
        RaftServerConfigKeys.Write.setElementLimit(properties, 1024);
        RaftServerConfigKeys.Write.setByteLimit(properties, SizeInBytes.valueOf("64MB"));
    }

    private static TimeDuration millis(long millis) {
        return TimeDuration.valueOf(millis, TimeUnit.MILLISECONDS);
    }

    /** Returns what is no text: how this node reaches the others. */
    static Parameters parameters(
            ClusterOptions options,
            ClusterMember self,
            LogRpc.Notes notes,
            SnapshotPace pace,
            LogConnections connections)
            throws IOException {
        int colon = self.raft().lastIndexOf(':');
        InetSocketAddress address = new InetSocketAddress(
                self.raft().substring(0, colon), Integer.parseInt(self.raft().substring(colon + 1)));
        ClusterOptions.Tls tls = options.tls();
        long patienceMillis = Math.max(1000, 2 * options.electionTimeout().toMillis());
        return new LogRpc.Settings(
                        address,
                        tls == null ? null : new LogTls(tls),
                        Duration.ofMillis(patienceMillis),
                        pace,
                        connections,
                        notes)
                .parameters();
    }
}
