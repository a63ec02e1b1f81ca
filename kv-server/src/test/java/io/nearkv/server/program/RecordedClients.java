package io.nearkv.server.program;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.cluster.history.History;
import io.nearkv.cluster.history.LinearizabilityChecker;
import io.nearkv.cluster.history.Operation;
import io.nearkv.cluster.history.Recorder;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.WriteResult;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Clients in threads of their own that write and read a key without end. All that they ask and are answered is recorded, so that a checker can say whether one store alone could
 * have answered so: nothing acknowledged is lost, no strong read is stale.
 */
final class RecordedClients implements AutoCloseable {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int MOST_CALLS = 1_000_000;

    /** The key. There is one only, so that whoever reads what is stale reads what is wrong. */
    private final String name;

    private final Recorder recorder = new Recorder(MOST_CALLS);
    private final AtomicBoolean stop = new AtomicBoolean();
    private final AtomicInteger clients = new AtomicInteger();
    private final AtomicInteger values = new AtomicInteger();
    private final AtomicInteger written = new AtomicInteger();
    private final AtomicInteger read = new AtomicInteger();
    private final AtomicLong lastWriteNanos = new AtomicLong(System.nanoTime());
    private final AtomicLong longestGapNanos = new AtomicLong();
    private final List<Thread> threads = new ArrayList<>();
    private final List<CompletableFuture<?>> pending = new ArrayList<>();

    /**
     * Makes some that do nothing yet.
     *
     * @param name the key, which nobody has written before
     */
    RecordedClients(String name) {
        this.name = name;
    }

    /** Has one more write through this connection. */
    RecordedClients writing(Kv kv) {
        KvNamespace namespace = kv.namespace("default");
        int client = clients.incrementAndGet();
        start("writer-" + client, () -> write(client, namespace));
        return this;
    }

    /** Has one more ask for strong reads through this connection. */
    RecordedClients reading(Kv kv) {
        KvNamespace namespace = kv.namespace("default").withReadOptions(ReadOptions.STRONG);
        int client = clients.incrementAndGet();
        start("reader-" + client, () -> {
            var call = recorder.begin(client, name, new Operation.Get());
            try {
                call.end(answer(namespace.get(name)));
                read.incrementAndGet();
            } catch (KvException e) {
                call.end(failure(e));
            }
        });
        return this;
    }

    /** Sends a strong read, without waiting for its answer. */
    void send(Kv kv) {
        var call = recorder.begin(clients.incrementAndGet(), name, new Operation.Get());
        pending.add(kv.async()
                .namespace("default")
                .withReadOptions(ReadOptions.STRONG)
                .get(name)
                .handle((result, failure) ->
                        call.end(failure == null ? answer(result) : failure(KvException.from(failure)))));
    }

    private void start(String threadName, Runnable step) {
        Thread thread = new Thread(
                () -> {
                    while (!stop.get() && recorder.hasRoom()) {
                        step.run();
                    }
                },
                threadName);
        threads.add(thread);
        thread.start();
    }

    private void write(int client, KvNamespace namespace) {
        String value = "v" + values.incrementAndGet();
        var call = recorder.begin(client, name, new Operation.Put(value, Operation.Condition.NONE));
        try {
            call.end(new Operation.Applied(((WriteResult.Applied) namespace.put(name, value)).version()));
            written.incrementAndGet();
            long now = System.nanoTime();
            long gap = now - lastWriteNanos.getAndSet(now);
            longestGapNanos.accumulateAndGet(gap, Math::max);
        } catch (KvException e) {
            call.end(failure(e));
        }
    }

    private static Operation.Response answer(GetResult result) {
        return result instanceof GetResult.Found found
                ? new Operation.Found(found.value().asString(), found.version())
                : new Operation.Absent();
    }

    private static Operation.Response failure(KvException e) {
        return e.code().applied() == ErrorCode.Applied.NO
                ? new Operation.Refused(e.code().label())
                : new Operation.Unknown(e.code().label());
    }

    /** Returns how many writes have been acknowledged. */
    int written() {
        return written.get();
    }

    /** Returns how many reads have been answered to those who wait for each. */
    int read() {
        return read.get();
    }

    /** Waits until this many more writes are acknowledged. */
    void awaitWrites(int more) {
        int before = written.get();
        await(more + " writes").atMost(LIMIT).until(() -> written.get() >= before + more);
    }

    /** Waits until this many more reads are answered. */
    void awaitReads(int more) {
        int before = read.get();
        await(more + " reads").atMost(LIMIT).until(() -> read.get() >= before + more);
    }

    /** Returns the longest time between two acknowledged writes since this was asked last, or until now. */
    Duration longestGap() {
        long now = System.nanoTime();
        return Duration.ofNanos(Math.max(longestGapNanos.getAndSet(0), now - lastWriteNanos.get()));
    }

    /** Ends all clients, and fails unless one store alone could have answered what they were answered. */
    void check() throws InterruptedException {
        stop.set(true);
        for (Thread thread : threads) {
            thread.join();
        }
        CompletableFuture.allOf(pending.toArray(CompletableFuture[]::new)).join();
        History history = recorder.history();
        assertThat(history.operations()).hasSizeGreaterThan(100);
        new LinearizabilityChecker().check(history).throwUnlessGood();
    }

    @Override
    public void close() {
        stop.set(true);
    }
}
