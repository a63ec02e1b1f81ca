package io.nearkv.cluster;

import java.util.concurrent.CompletableFuture;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.util.function.CheckedSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Has the answers for entries of one log wait for all that came before them, over any connection. Ratis says at once that it has an entry when it has been given it before, whether or not that
 * is on the disk yet, or ever will be; so an entry that is sent again is only acknowledged when the first sending is. Once a write to the log has failed, nothing is acknowledged any
 * more until the log is started anew. Thread-safe.
 */
final class AppendOrder {
    private final RaftServer.@Nullable Division log;
    /** Completes when all that came is on the disk. Guarded by this. */
    private CompletableFuture<Void> all = CompletableFuture.completedFuture(null);

    /** Makes it for a log, as it was started this time. */
    AppendOrder(RaftServer.@Nullable Division log) {
        this.log = log;
    }

    boolean isOf(RaftServer.Division division) {
        return log == division;
    }

    /**
     * Appends.
     *
     * @param append what to do; its future completes when Ratis has the entries, and exceptionally if they cannot be written. An exception that it throws itself means that nothing was appended
     */
    <R, E extends Exception> CompletableFuture<R> after(CheckedSupplier<CompletableFuture<R>, E> append) throws E {
        synchronized (this) {
            CompletableFuture<R> appended = append.get();
            CompletableFuture<R> answer = appended.thenCombine(all, (reply, before) -> reply);
            all = answer.thenApply(reply -> null);
            return answer;
        }
    }
}
