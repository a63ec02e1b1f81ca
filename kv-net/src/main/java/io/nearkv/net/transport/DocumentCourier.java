package io.nearkv.net.transport;

import io.nearkv.core.route.DocumentExchange;
import io.nearkv.core.route.DocumentVerdict;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries documents from event loops to an exchange, which verifies signatures and waits for the disk: one after the other, on a thread of its own, which ends when nothing comes.
 * Bounded: what finds the queue full is not taken. Thread-safe.
 */
public final class DocumentCourier implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(DocumentCourier.class);
    private static final int MAX_WAITING = 64;
    private static final long KEEP_ALIVE_SECONDS = 5;

    private final DocumentExchange documents;
    private final ThreadPoolExecutor thread;
    private final LongAdder dropped = new LongAdder();

    /** Creates a courier to this exchange, whose thread bears this name. */
    public DocumentCourier(DocumentExchange documents, String threadName) {
        this.documents = documents;
        this.thread = new ThreadPoolExecutor(
                1, 1, KEEP_ALIVE_SECONDS, TimeUnit.SECONDS, new ArrayBlockingQueue<>(MAX_WAITING), task -> {
                    Thread made = new Thread(task, threadName);
                    made.setDaemon(true);
                    return made;
                });
        thread.allowCoreThreadTimeOut(true);
    }

    /** Returns where the documents go. */
    public DocumentExchange documents() {
        return documents;
    }

    /** Returns how many documents found the queue full. */
    public long dropped() {
        return dropped.sum();
    }

    /**
     * Hands a document over.
     *
     * @param verdict takes what the exchange says, on the courier's thread
     * @return false if too many wait already, or the courier is closed: then nothing happens
     */
    public boolean offer(byte[] document, String from, Consumer<DocumentVerdict> verdict) {
        try {
            thread.execute(() -> {
                try {
                    verdict.accept(document.length == 0 ? documents.status() : documents.offer(document, from));
                } catch (RuntimeException e) {
                    log.atError().addKeyValue("from", from).setCause(e).log("a document could not be judged");
                }
            });
            return true;
        } catch (RejectedExecutionException e) {
            dropped.increment();
            return false;
        }
    }

    /** Takes no more; what waits is dropped. Does not wait. */
    @Override
    public void close() {
        var unused = thread.shutdownNow();
    }
}
