package io.nearkv.cluster;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.ratis.util.function.CheckedSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has the answers for entries of one log wait for all that came before them, over any connection. Ratis says at once that it has an entry when it has been given it before, whether or not that
 * is on the disk yet, or ever will be; so an entry that is sent again is only acknowledged when the first sending is. Once a write to the log has failed, nothing is acknowledged any
 * more until the log is started anew. Thread-safe.
 */
final class AppendOrder {
    private static final Logger log = LoggerFactory.getLogger(AppendOrder.class);

    private final String name;
    /** Completes when all that came is on the disk, and exceptionally if something of it never will be. Guarded by this. */
    private CompletableFuture<@Nullable Void> all = CompletableFuture.completedFuture(null);

    /** Makes it for a log, as it was started this time. */
    AppendOrder(String name) {
        this.name = name;
    }

    /**
     * Appends.
     *
     * @param append what to do; its future fails with an {@link IOException} if the entries could not be written. An exception that it throws itself, and any other failure, means
     *     nothing for what comes after
     */
    <R, E extends Exception> CompletableFuture<R> after(CheckedSupplier<CompletableFuture<R>, E> append) throws E {
        synchronized (this) {
            CompletableFuture<R> appended = append.get();
            CompletableFuture<R> answer = appended.thenCombine(all, (reply, before) -> reply);
            CompletableFuture<@Nullable Void> before = all;
            all = answer.handle((reply, failed) -> {
                IOException unwritten = unwritten(failed);
                if (unwritten != null) {
                    if (!before.isCompletedExceptionally()) {
                        log.atError()
                                .setCause(unwritten)
                                .addArgument(name)
                                .log(
                                        "{}: the log could not be written to; this node acknowledges nothing of it any more until it is started again");
                    }
                    throw new CompletionException(unwritten);
                }
                return null;
            });
            return answer;
        }
    }

    private static @Nullable IOException unwritten(@Nullable Throwable failed) {
        Throwable reason = failed instanceof CompletionException ? failed.getCause() : failed;
        return reason instanceof IOException io ? io : null;
    }

    /**
     * Does something while nothing is being appended.
     *
     * @param patience for how long to wait for that
     * @throws IOException if something still is, or a write to the log has failed
     */
    <R> R alone(Duration patience, CheckedSupplier<R, IOException> task) throws IOException {
        synchronized (this) {
            try {
                Object unused = all.get(patience.toMillis(), TimeUnit.MILLISECONDS);
            } catch (ExecutionException e) {
                throw new IOException(name + ": the log could not be written to", e.getCause());
            } catch (TimeoutException e) {
                throw new IOException(
                        name + ": entries have been waiting for the disk for " + patience.toMillis() + " ms", e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException(name + ": interrupted");
            }
            return task.get();
        }
    }
}
