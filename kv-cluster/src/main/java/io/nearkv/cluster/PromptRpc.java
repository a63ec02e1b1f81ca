package io.nearkv.cluster;

import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.apache.ratis.conf.Parameters;
import org.apache.ratis.grpc.GrpcFactory;
import org.apache.ratis.grpc.server.GrpcLogAppender;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotRequestProto;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.rpc.RpcFactory;
import org.apache.ratis.rpc.RpcType;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.leader.FollowerInfo;
import org.apache.ratis.server.leader.LeaderState;
import org.apache.ratis.server.leader.LogAppender;
import org.apache.ratis.statemachine.SnapshotInfo;

/**
 * Ratis' gRPC transport, made to tell followers at once how far the log is committed. By itself it tells them with the next entry or heartbeat, so that on a quiet cluster
 * they show a write half an election timeout late. And it sends snapshots at a pace. Ratis makes it by its name. Thread-safe.
 */
final class PromptRpc implements RpcType {
    /** The senders of a node that leads, one for each follower. */
    static final class Senders {
        private static final long FIRST_PAUSE_MICROS = 500;
        private static final long LAST_PAUSE_MICROS = 100_000;
        /** More than the pause between two heartbeats. */
        private static final long SILENT_MILLIS = 1000;

        private final Set<LogAppender> senders = ConcurrentHashMap.newKeySet();

        private final BooleanSupplier moreComes;
        /** Grows with each commit: whoever tells of an earlier one leaves it to who tells of this. */
        private final AtomicLong round = new AtomicLong();

        private volatile long committed = -1;

        /**
         * Notes senders.
         *
         * @param moreComes whether another entry is under way, which tells the same for nothing
         */
        Senders(BooleanSupplier moreComes) {
            this.moreComes = moreComes;
        }

        /** Has those followers told that do not know yet how far the log is committed. */
        void commitMoved(long index) {
            committed = index;
            tell(round.incrementAndGet(), FIRST_PAUSE_MICROS);
        }

        /** A follower that has not answered for an entry yet is not told of a commit, so that it has to be tried again. */
        private void tell(long of, long pauseMicros) {
            if (moreComes.getAsBoolean() || of != round.get()) {
                return;
            }
            boolean behind = false;
            senders.removeIf(sender -> !sender.isRunning());
            for (LogAppender sender : senders) {
                if (sender.getFollower().getCommitIndex() < committed && answers(sender)) {
                    sender.triggerHeartbeat();
                    behind = true;
                }
            }
            // Otherwise all are told, or it is left to the next heartbeat.
            if (behind && pauseMicros < LAST_PAUSE_MICROS) {
                CompletableFuture.delayedExecutor(pauseMicros, TimeUnit.MICROSECONDS)
                        .execute(() -> tell(of, 2 * pauseMicros));
            }
        }

        /** One that is down or hangs is not told anything, and would only be sent heartbeat upon heartbeat. */
        private static boolean answers(LogAppender sender) {
            return sender.getFollower().getLastRpcResponseTime().elapsedTimeMs() < SILENT_MILLIS;
        }
    }

    private static final String SENDERS = "nearkv.senders";
    private static final String PACE = "nearkv.snapshot.pace";

    /** Makes the type. */
    PromptRpc() {}

    @Override
    public String name() {
        return PromptRpc.class.getName();
    }

    /** Where the senders of each log are noted. */
    @FunctionalInterface
    interface Notes {
        /** Returns the place for those of a log. */
        Senders of(RaftGroupId log);
    }

    /** Puts the places where senders are noted, and the pace of snapshots, into the parameters of a node. */
    static void note(Parameters parameters, Notes notes, SnapshotPace pace) {
        Object unused = parameters.put(SENDERS, notes, Notes.class);
        unused = parameters.put(PACE, pace, SnapshotPace.class);
    }

    @Override
    public RpcFactory newFactory(Parameters parameters) {
        Notes notes = parameters.get(SENDERS, Notes.class);
        SnapshotPace pace = parameters.get(PACE, SnapshotPace.class);
        return new GrpcFactory(parameters) {
            @Override
            public LogAppender newLogAppender(RaftServer.Division server, LeaderState state, FollowerInfo follower) {
                LogAppender sender = pace == null
                        ? super.newLogAppender(server, state, follower)
                        : new GrpcLogAppender(server, state, follower) {
                            @Override
                            public Iterable<InstallSnapshotRequestProto> newInstallSnapshotRequests(
                                    String requestId, SnapshotInfo snapshot) {
                                return pace.paced(super.newInstallSnapshotRequests(requestId, snapshot));
                            }
                        };
                if (notes != null) {
                    notes.of(server.getMemberId().getGroupId()).senders.add(sender);
                }
                return sender;
            }
        };
    }
}
