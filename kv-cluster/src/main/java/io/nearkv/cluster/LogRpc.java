package io.nearkv.cluster;

import static java.util.Objects.requireNonNull;

import java.net.InetSocketAddress;
import java.time.Duration;
import org.apache.ratis.conf.Parameters;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.rpc.RpcFactory;
import org.apache.ratis.rpc.RpcType;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.RaftServerRpc;
import org.apache.ratis.server.ServerFactory;
import org.apache.ratis.server.leader.FollowerInfo;
import org.apache.ratis.server.leader.LeaderState;
import org.apache.ratis.server.leader.LogAppender;
import org.jspecify.annotations.Nullable;

/** Has Ratis use {@link LogTransport}; Ratis makes it by its name. Thread-safe. */
final class LogRpc implements RpcType {
    /** Where the senders of each log are noted. */
    @FunctionalInterface
    interface Notes {
        /** Returns the place for those of a log. */
        CommitNews of(RaftGroupId log);
    }

    /**
     * What a node has of its own.
     *
     * @param address where it listens
     * @param tls null for none
     * @param patience for connecting to another node, and for its answer
     * @param pace of the snapshots that it sends
     * @param connections where those are counted that others make
     */
    record Settings(
            InetSocketAddress address,
            @Nullable LogTls tls,
            Duration patience,
            SnapshotPace pace,
            LogConnections connections,
            Notes notes) {
        private static final String NAME = "nearkv.log";

        /** Returns them as Ratis hands them on. */
        Parameters parameters() {
            Parameters parameters = new Parameters();
            Object unused = parameters.put(NAME, this, Settings.class);
            return parameters;
        }
    }

    /** Makes the type. */
    LogRpc() {}

    @Override
    public String name() {
        return LogRpc.class.getName();
    }

    @Override
    public RpcFactory newFactory(Parameters parameters) {
        Settings settings = requireNonNull(parameters.get(Settings.NAME, Settings.class), "no settings of the log");
        return new Factory(this, settings);
    }

    private record Factory(LogRpc type, Settings settings) implements ServerFactory {
        @Override
        public RpcType getRpcType() {
            return type;
        }

        @Override
        public RaftServerRpc newRaftServerRpc(RaftServer server) {
            return new LogTransport(server, type, settings);
        }

        @Override
        public LogAppender newLogAppender(RaftServer.Division division, LeaderState leader, FollowerInfo follower) {
            EntrySender sender =
                    new EntrySender(division, leader, follower, settings.tls(), settings.patience(), settings.pace());
            settings.notes().of(division.getMemberId().getGroupId()).add(sender);
            return sender;
        }
    }
}
