package io.nearkv.core.rocksdb;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.DirectReader;
import io.nearkv.core.FeedProbe;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.ListOptions;
import io.nearkv.core.Mutation;
import io.nearkv.core.OpenResult;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.ValueReader;
import io.nearkv.core.ValueWriter;
import io.nearkv.core.WriteOptions;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Closing, and recovering, under calls of every kind from many threads: a native call on a freed database would end this process, not only a test. */
class CloseTest {
    private static final int ROUNDS = Integer.getInteger("nearkv.test.close.rounds", 4);

    @TempDir
    Path folder;

    /** One kind of call, again and again. */
    private interface Call {
        void run(int i) throws Exception;
    }

    private final ConcurrentLinkedQueue<Throwable> unexpected = new ConcurrentLinkedQueue<>();
    private final AtomicLong calls = new AtomicLong();

    private List<Thread> hammer(Engine engine, CountDownLatch end) {
        RocksStore store = engine.store;
        DirectReader direct = store.directReader();
        List<Call> kinds = List.of(
                i -> Engine.await(engine.store.get(engine.ns, Key.of("k" + i % 100), ReadOptions.STRONG)),
                i -> direct.read(
                        engine.ns,
                        ByteBuffer.wrap(("k" + i % 100).getBytes(StandardCharsets.UTF_8)),
                        (value, metadata, version, expiresAt) ->
                                assertThat(value.remaining()).isPositive()),
                i -> Engine.await(store.write(
                        engine.ns,
                        Mutation.put(Key.of("k" + i % 100), Engine.bytes(1 + i % 7 * 20_000, i)),
                        WriteOptions.BUFFERED)),
                i -> Engine.await(store.list(engine.ns, ListOptions.ALL, ReadOptions.STRONG)),
                i -> readStream(engine, i),
                i -> writeStream(engine, i),
                i -> {
                    FeedProbe feed = new FeedProbe(store.watch(engine.feed(new FeedRequest.Start.Oldest())));
                    feed.request(500);
                    if (i % 3 == 0) {
                        feed.close();
                    }
                },
                i -> assertThat(store.stats().lastVersion()).isNotNegative());
        List<Thread> threads = new ArrayList<>();
        for (Call call : kinds) {
            Thread thread = new Thread(() -> {
                for (int i = 0; end.getCount() > 0; i++) {
                    try {
                        call.run(i);
                    } catch (KvException | IllegalStateException e) {
                        // Refused, which is the right answer at such a time.
                    } catch (Throwable e) {
                        unexpected.add(e);
                        return;
                    }
                    calls.incrementAndGet();
                }
            });
            thread.start();
            threads.add(thread);
        }
        return threads;
    }

    private static void readStream(Engine engine, int i) {
        OpenResult result = Engine.await(engine.store.open(engine.ns, Key.of("k" + i % 100), ReadOptions.STRONG));
        if (result instanceof OpenResult.Opened opened) {
            ValueReader reader = opened.reader();
            Object unused = Engine.await(reader.read());
            if (i % 4 > 0) {
                reader.close();
            }
        }
    }

    private static void writeStream(Engine engine, int i) {
        ValueWriter writer = Engine.await(
                engine.store.upload(engine.ns, Key.of("u" + i % 10), PutOptions.DEFAULT, WriteOptions.BUFFERED));
        Object unused = Engine.await(writer.write(Engine.bytes(150_000, i).asByteBuffer()));
        if (i % 4 > 0) {
            unused = Engine.await(writer.commit());
        }
    }

    private void finish(CountDownLatch end, List<Thread> threads) throws InterruptedException {
        end.countDown();
        for (Thread thread : threads) {
            thread.join(TimeUnit.SECONDS.toMillis(60));
            assertThat(thread.isAlive()).isFalse();
        }
        assertThat(unexpected).isEmpty();
    }

    private void awaitCalls(long more) {
        long target = calls.get() + more;
        Awaitility.await().atMost(60, TimeUnit.SECONDS).until(() -> calls.get() >= target || !unexpected.isEmpty());
    }

    @Test
    void closing_under_calls_of_every_kind_is_safe_and_leaves_a_good_store() throws Exception {
        for (int round = 0; round < ROUNDS; round++) {
            Engine engine = round == 0 ? new Engine(folder) : reopened();
            CountDownLatch end = new CountDownLatch(1);
            List<Thread> threads = hammer(engine, end);
            awaitCalls(2000);
            engine.store.close();
            awaitCalls(2000);
            finish(end, threads);
        }
        try (Engine engine = reopened()) {
            assertThat(engine.hasMeta(MetaRecords.STAGING)).isFalse();
        }
    }

    private Engine reopened() {
        return Engine.reopened(folder, options -> options);
    }

    @Test
    void recovering_under_calls_of_every_kind_is_safe() throws Exception {
        StepGate gate = new StepGate();
        try (Engine engine = new Engine(folder, options -> options.failpoints(gate))) {
            CountDownLatch end = new CountDownLatch(1);
            List<Thread> threads = hammer(engine, end);
            for (int round = 1; round <= ROUNDS; round++) {
                awaitCalls(500);
                gate.failOnce(round % 2 == 0 ? Failpoints.Step.BEFORE_WRITE : Failpoints.Step.AFTER_WRITE);
                int expected = round;
                Awaitility.await()
                        .atMost(60, TimeUnit.SECONDS)
                        .until(() -> engine.store.stats().reopenings() >= expected);
            }
            awaitCalls(500);
            finish(end, threads);
            engine.assertApplied(engine.put("after", "v"));
        }
    }
}
