package io.nearkv.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.cluster.history.FeedChecker;
import io.nearkv.cluster.history.History;
import io.nearkv.cluster.history.LinearizabilityChecker;
import io.nearkv.cluster.history.Operation;
import io.nearkv.cluster.history.Recorder;
import io.nearkv.core.Condition;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What clients of all nodes see while the leadership moves and nodes stop and start is what one store alone could have answered. */
class HistoryTest {
    private static final boolean LONG = Boolean.getBoolean("nearkv.test.long");
    private static final Duration TIME = LONG ? Duration.ofMinutes(10) : Duration.ofSeconds(9);
    private static final NamespaceId NAMESPACE = LocalCluster.NAMESPACE.id();
    private static final int KEYS = 6;

    private final AtomicBoolean stop = new AtomicBoolean();
    private final AtomicLong values = new AtomicLong();
    private final Recorder recorder = new Recorder(LONG ? 2_000_000 : 100_000);

    @Test
    void histories_are_linearizable_and_feeds_are_whole_whatever_happens_to_the_nodes() throws Exception {
        long seed = Long.getLong("nearkv.test.seed", System.nanoTime());
        Random random = new Random(seed);
        History history;
        try (LocalCluster cluster = new LocalCluster(
                3,
                java.time.InstantSource.system(),
                builder -> builder.electionTimeout(Duration.ofMillis(400)).snapshotBytes(1 << 20))) {
            ClusterNode first = cluster.leader();
            Recorder.Subscriber subscriber = recorder.subscriber("feed");
            AtomicLong seen = new AtomicLong();
            List<Thread> clients = new ArrayList<>();
            Follower feed = new Follower(subscriber, seen);
            // One node is left alone, so that its feed goes through.
            String kept = first.self().id().equals("n1") ? "n2" : "n1";
            cluster.node(kept)
                    .store()
                    .watch(FeedRequest.of(null, new FeedRequest.Start.Now()))
                    .subscribe(feed);
            LocalCluster.await("the feed begins", () -> feed.begun);
            for (int i = 0; i < 6; i++) {
                int client = i;
                Thread thread = new Thread(() -> client(cluster, client, new Random(seed + client)), "client-" + i);
                thread.start();
                clients.add(thread);
            }
            long end = System.nanoTime() + TIME.toNanos();
            while (System.nanoTime() < end) {
                disturb(cluster, kept, random);
            }
            stop.set(true);
            for (Thread thread : clients) {
                thread.join();
            }
            ClusterNode leader = cluster.leader();
            long version = ((WriteResult.Applied) leader.store()
                            .write(
                                    LocalCluster.NAMESPACE.id(),
                                    Mutation.delete(Key.of("not-recorded")),
                                    WriteOptions.DEFAULT)
                            .get())
                    .version();
            LocalCluster.await("the feed has come to version " + version, () -> seen.get() >= version);
            subscriber.drained();
            history = recorder.history();
        }
        long answered = history.operations().stream()
                .filter(operation -> !(operation.response() instanceof Operation.Unknown)
                        && !(operation.response() instanceof Operation.Refused))
                .count();
        assertThat(answered).as("seed %d", seed).isGreaterThan(200);
        new LinearizabilityChecker().check(history).throwUnlessGood();
        new FeedChecker(key -> 0, false).check(history).throwUnlessGood();
    }

    private static void disturb(LocalCluster cluster, String kept, Random random) throws InterruptedException {
        try {
            if (random.nextBoolean()) {
                cluster.leader().transferLeadership(0, null);
            } else {
                List<String> ids = new ArrayList<>(List.of("n1", "n2", "n3"));
                ids.remove(kept);
                String id = ids.get(random.nextInt(ids.size()));
                cluster.stop(id);
                LocalCluster.await(
                        "a leader without " + id,
                        () -> cluster.running().stream().anyMatch(node -> node.leads(0)));
                cluster.start(id);
            }
        } catch (KvException e) {
            assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE); // Nobody led at that moment, or could take over.
        }
        // Between two disturbances the others work; how long is no condition that could be waited for.
        Thread.sleep(random.nextInt(600));
    }

    private void client(LocalCluster cluster, int client, Random random) {
        while (!stop.get() && recorder.hasRoom()) {
            List<ClusterNode> running = cluster.running();
            if (running.isEmpty()) {
                continue;
            }
            KvStore store = running.get(random.nextInt(running.size())).store();
            String key = "k" + random.nextInt(KEYS);
            int choice = random.nextInt(10);
            if (choice < 4) {
                get(store, client, key);
            } else if (choice < 9) {
                put(store, client, key, random.nextInt(3) == 0 ? random.nextInt(3) : 0);
            } else {
                delete(store, client, key);
            }
        }
    }

    private void get(KvStore store, int client, String key) {
        var call = recorder.begin(client, key, new Operation.Get());
        try {
            GetResult result = store.get(NAMESPACE, Key.of(key), ReadOptions.STRONG.withTimeout(Duration.ofSeconds(2)))
                    .get();
            call.end(
                    result instanceof GetResult.Found found
                            ? new Operation.Found(found.value().asString(), found.version())
                            : new Operation.Absent());
        } catch (ExecutionException | InterruptedException | RuntimeException e) {
            call.end(failure(e));
        }
    }

    private void put(KvStore store, int client, String key, int kind) {
        String value = "v" + values.incrementAndGet();
        Condition condition = kind == 1 ? Condition.IF_ABSENT : kind == 2 ? Condition.IF_PRESENT : Condition.NONE;
        Operation.Condition recorded = kind == 1
                ? Operation.Condition.IF_ABSENT
                : kind == 2 ? Operation.Condition.IF_PRESENT : Operation.Condition.NONE;
        var call = recorder.begin(client, key, new Operation.Put(value, recorded));
        try {
            call.end(answer(store.write(
                            NAMESPACE,
                            new Mutation.Put(Key.of(key), Value.of(value), PutOptions.when(condition)),
                            WriteOptions.DEFAULT.withTimeout(Duration.ofSeconds(2)))
                    .get()));
        } catch (ExecutionException | InterruptedException | RuntimeException e) {
            call.end(failure(e));
        }
    }

    private void delete(KvStore store, int client, String key) {
        var call = recorder.begin(client, key, new Operation.Delete(Operation.Condition.NONE));
        try {
            call.end(answer(store.write(
                            NAMESPACE,
                            Mutation.delete(Key.of(key)),
                            WriteOptions.DEFAULT.withTimeout(Duration.ofSeconds(2)))
                    .get()));
        } catch (ExecutionException | InterruptedException | RuntimeException e) {
            call.end(failure(e));
        }
    }

    private static Operation.Response answer(WriteResult result) {
        return result instanceof WriteResult.Applied applied
                ? new Operation.Applied(applied.version())
                : new Operation.ConditionFailed(((WriteResult.ConditionFailed) result).currentVersion());
    }

    private static Operation.Response failure(Exception e) {
        if (e instanceof IllegalStateException) {
            return new Operation.Refused("closed");
        }
        ErrorCode code = KvException.from(e).code();
        return code.applied() == ErrorCode.Applied.NO
                ? new Operation.Refused(code.label())
                : new Operation.Unknown(code.label());
    }

    /** Hands what a feed brings to the recorder. */
    private static final class Follower implements Flow.Subscriber<FeedEvent> {
        private final Recorder.Subscriber subscriber;
        private final AtomicLong seen;
        volatile boolean begun;

        Follower(Recorder.Subscriber subscriber, AtomicLong seen) {
            this.subscriber = subscriber;
            this.seen = seen;
        }

        @Override
        public void onSubscribe(Flow.Subscription subscription) {
            subscription.request(Long.MAX_VALUE);
        }

        @Override
        public void onNext(FeedEvent event) {
            if (event instanceof FeedEvent.Heartbeat beat) {
                subscriber.caughtUp(0, beat.position().version());
                begun = true;
            } else if (event instanceof FeedEvent.Change change) {
                @Nullable Key key = change.key();
                if (key != null && key.toString().startsWith("k")) {
                    subscriber.change(new History.Change(
                            0,
                            change.version(),
                            key.toString(),
                            change.kind() == FeedEvent.Kind.PUT ? History.ChangeKind.PUT : History.ChangeKind.DELETE));
                }
                seen.set(change.version());
            }
        }

        @Override
        public void onError(Throwable failure) {
            seen.set(-1);
        }

        @Override
        public void onComplete() {
            seen.set(-1);
        }
    }
}
