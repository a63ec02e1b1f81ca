package io.nearkv.cluster;

import io.nearkv.core.KvException;
import io.nearkv.core.rocksdb.ReplicaStore;
import java.util.List;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.statemachine.TransactionContext;
import org.jspecify.annotations.Nullable;

/** An entry that this node has proposed and of which it does not know yet what became. */
final class Entry {
    final long callId;
    final List<Proposal> proposals;
    /** Set by Ratis' thread once the entry is on its way into the log of this node. */
    volatile @Nullable TransactionContext context;
    /** Whether the proposer has counted it as no longer under way. */
    private boolean settled;
    /** When it was handed to Ratis, on the clock of {@link System#nanoTime}. */
    final long submittedNanos = System.nanoTime();

    Entry(long callId, List<Proposal> proposals) {
        this.callId = callId;
        this.proposals = proposals;
    }

    /** Returns where it is in the log of this node, or null if it never got there. */
    ReplicaStore.@Nullable LogIndex place() {
        TransactionContext known = context;
        LogEntryProto entry = known == null ? null : known.getLogEntry();
        return entry == null ? null : new ReplicaStore.LogIndex(entry.getTerm(), entry.getIndex());
    }

    /** Returns true the first time. */
    synchronized boolean settle() {
        boolean first = !settled;
        settled = true;
        return first;
    }

    /** Answers all proposals. */
    void applied(List<ReplicaStore.Outcome> outcomes) {
        int next = 0;
        for (Proposal proposal : proposals) {
            if (proposal.command == null) {
                proposal.complete(null);
            } else {
                ReplicaStore.Outcome outcome = outcomes.get(next++);
                KvException refusal = outcome.refusal();
                if (refusal != null) {
                    proposal.completeExceptionally(refusal);
                } else {
                    proposal.complete(outcome.value());
                }
            }
        }
    }

    /** Fails all proposals. */
    void failed(KvException reason) {
        for (Proposal proposal : proposals) {
            proposal.completeExceptionally(reason);
        }
    }
}
