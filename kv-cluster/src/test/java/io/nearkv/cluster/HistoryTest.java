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
import io.nearkv.core.KeyInfo;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.ListOptions;
import io.nearkv.core.ListPage;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.Position;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Sharding;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What clients of all nodes see while the leadership moves and nodes stop and start is what one store alone could have answered. */
class HistoryTest {
    private static final boolean LONG = Boolean.getBoolean("nearkv.test.long");
    private static final Duration TIME = LONG ? Duration.ofMinutes(10) : Duration.ofSeconds(7);
    private static final NamespaceId NAMESPACE = LocalCluster.NAMESPACE.id();
    private static final int KEYS = 6;
    private static final Duration SKEW = Duration.ofMinutes(10);

    private final AtomicBoolean stop = new AtomicBoolean();
    private final AtomicLong values = new AtomicLong();
    private final AtomicLong expirations = new AtomicLong();
    private final Set<Key> writtenOnce = ConcurrentHashMap.newKeySet();
    private final Recorder recorder = new Recorder(LONG ? 2_000_000 : 100_000);

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void histories_are_linearizable_and_feeds_are_whole_whatever_happens_to_the_nodes(int partitions) throws Exception {
        // With several partitions there is a node more than each of them needs, so that they can move.
        List<String> ids = partitions == 1 ? List.of("n1", "n2", "n3") : List.of("n1", "n2", "n3", "n4");
        long seed = Long.getLong("nearkv.test.seed", System.nanoTime());
        Random random = new Random(seed);
        History history;
        try (LocalCluster cluster = new LocalCluster(
                ids.size(),
                ids.size(),
                partitions,
                InstantSource.system(),
                builder -> builder.electionTimeout(Duration.ofMillis(400)).snapshotBytes(1 << 20))) {
            ClusterNode first = cluster.leader();
            Recorder.Subscriber subscriber = recorder.subscriber("feed");
            AtomicLongArray seen = new AtomicLongArray(partitions);
            List<Thread> clients = new ArrayList<>();
            // One node is left alone, so that its feed goes through.
            String kept = first.self().id().equals("n1") ? "n2" : "n1";
            Follower feed = new Follower(cluster.node(kept).store(), subscriber, seen);
            feed.follow(new FeedRequest.Start.Now());
            LocalCluster.await("the feed begins", () -> feed.begun);
            for (int i = 0; i < 6; i++) {
                int client = i;
                Thread thread = new Thread(() -> client(cluster, client, new Random(seed + client)), "client-" + i);
                thread.start();
                clients.add(thread);
            }
            long end = System.nanoTime() + TIME.toNanos();
            while (System.nanoTime() < end) {
                disturb(cluster, ids, kept, random);
            }
            stop.set(true);
            for (Thread thread : clients) {
                thread.join();
            }
            cluster.awaitServing();
            for (int i = 0; i < 8 * partitions; i++) { // Some for each partition.
                long version = ((WriteResult.Applied) cluster.leader()
                                .store()
                                .write(
                                        LocalCluster.NAMESPACE.id(),
                                        Mutation.delete(Key.of("not-recorded-" + i)),
                                        WriteOptions.DEFAULT)
                                .get())
                        .version();
                LocalCluster.await(
                        "the feed has come to version " + version,
                        () -> seen.get((int) (version % partitions)) >= version);
            }
            feed.end();
            subscriber.drained();
            history = recorder.history();
        }
        long answered = history.operations().stream()
                .filter(operation -> !(operation.response() instanceof Operation.Unknown)
                        && !(operation.response() instanceof Operation.Refused))
                .count();
        assertThat(answered).as("seed %d", seed).isGreaterThan(200);
        new LinearizabilityChecker().check(history).throwUnlessGood();
        Sharding sharding = new Sharding(partitions);
        new FeedChecker(key -> sharding.partitionOf(NAMESPACE, Key.of(key).asByteBuffer()), false)
                .check(history)
                .throwUnlessGood();
    }

    @Test
    void replicas_are_the_same_and_histories_linearizable_whatever_the_clocks_say() throws Exception {
        long seed = Long.getLong("nearkv.test.seed", System.nanoTime());
        Random random = new Random(seed);
        // One is slow, one is fast, and one jumps.
        Map<String, WrongClock> clocks = Map.of(
                "n1", new WrongClock(SKEW.negated()),
                "n2", new WrongClock(SKEW),
                "n3", new WrongClock(Duration.ZERO));
        try (LocalCluster cluster = new LocalCluster(
                3,
                3,
                1,
                id -> Objects.requireNonNull(clocks.get(id)),
                builder -> builder.electionTimeout(Duration.ofMillis(400)))) {
            ClusterNode unused = cluster.leader();
            cluster.awaitServing();
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                int client = i;
                Random chance = new Random(seed + client);
                threads.add(new Thread(
                        client < 2 ? () -> client(cluster, client, chance) : () -> expiring(cluster, chance),
                        "client-" + i));
            }
            threads.forEach(Thread::start);
            long end = System.nanoTime() + (LONG ? Duration.ofMinutes(5) : Duration.ofSeconds(4)).toNanos();
            Duration jumped = SKEW;
            while (System.nanoTime() < end) {
                // The time of the log does not go back, so that only what is ahead of all that was makes keys expire.
                jumped = jumped.plusSeconds(random.nextInt(5));
                Objects.requireNonNull(clocks.get("n3")).set(random.nextBoolean() ? jumped : SKEW.negated());
                // So that each clock is the one that entries are stamped with.
                String next = "n" + (1 + random.nextInt(3));
                try {
                    cluster.leader().transferLeadership(0, next);
                } catch (KvException e) {
                    assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE);
                }
                // Between two changes the clients work; how long is no condition that could be waited for.
                Thread.sleep(random.nextInt(300));
            }
            stop.set(true);
            for (Thread thread : threads) {
                thread.join();
            }
            // Long ago nothing had expired yet: what is listed now is all that the replicas have.
            clocks.values().forEach(clock -> clock.set(Duration.ofDays(-1)));
            // They come as far, one after the other.
            org.awaitility.Awaitility.await().atMost(Duration.ofSeconds(30)).untilAsserted(() -> {
                Map<String, KeyInfo> expected = contents(cluster.node("n1"));
                assertThat(expected.keySet()).as("seed %d", seed).anyMatch(key -> key.startsWith("t"));
                assertThat(contents(cluster.node("n2"))).as("seed %d", seed).isEqualTo(expected);
                assertThat(contents(cluster.node("n3"))).as("seed %d", seed).isEqualTo(expected);
            });
        }
        assertThat(expirations.get()).as("seed %d", seed).isPositive();
        new LinearizabilityChecker().check(recorder.history()).throwUnlessGood();
    }

    /** A clock that is wrong, by as much as was set last. */
    private static final class WrongClock implements InstantSource {
        private volatile Duration error;

        WrongClock(Duration error) {
            this.error = error;
        }

        void set(Duration wrongBy) {
            error = wrongBy;
        }

        @Override
        public Instant instant() {
            return Instant.now().plus(error);
        }
    }

    /** Writes keys that expire, and asks for conditions that depend on whether they have. Not recorded: when they have is a matter of clocks. */
    private void expiring(LocalCluster cluster, Random random) {
        while (!stop.get()) {
            KvStore store = cluster.node("n" + (1 + random.nextInt(3))).store();
            Key key = Key.of("t" + random.nextInt(20));
            PutOptions options = PutOptions.expiresAfter(Duration.ofSeconds(1 + random.nextInt(3)));
            int kind = random.nextInt(4);
            if (kind == 1) {
                options = options.withCondition(Condition.IF_ABSENT);
            } else if (kind == 2) {
                options = options.withCondition(Condition.IF_PRESENT);
            }
            try {
                WriteResult result = store.write(
                                NAMESPACE,
                                new Mutation.Put(key, Value.of("v" + values.incrementAndGet()), options),
                                WriteOptions.DEFAULT.withTimeout(Duration.ofSeconds(2)))
                        .get();
                if (result instanceof WriteResult.Applied && !writtenOnce.add(key) && kind == 1) {
                    expirations.incrementAndGet(); // It had been there, and nobody deletes these.
                }
            } catch (ExecutionException e) {
                assertThat(KvException.from(e).code())
                        .isIn(ErrorCode.UNAVAILABLE, ErrorCode.OUTCOME_UNKNOWN, ErrorCode.DEADLINE_EXCEEDED);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }

    private static Map<String, KeyInfo> contents(ClusterNode node) throws Exception {
        Map<String, KeyInfo> contents = new TreeMap<>();
        ListOptions page = ListOptions.ALL;
        while (true) {
            ListPage found =
                    node.store().list(NAMESPACE, page, ReadOptions.EVENTUAL).get();
            found.keys().forEach(info -> contents.put(info.key().toString(), info));
            if (found.next() == null) {
                return contents;
            }
            page = page.withCursor(found.next());
        }
    }

    private static void disturb(LocalCluster cluster, List<String> ids, String kept, Random random)
            throws InterruptedException {
        int partitions = cluster.layout().partitions();
        try {
            int choice = random.nextInt(partitions == 1 ? 2 : 3);
            if (choice == 0) {
                int log = random.nextInt(cluster.layout().logs());
                for (ClusterNode node : cluster.running()) {
                    if (node.leads(log)) {
                        node.transferLeadership(log, null);
                    }
                }
            } else if (choice == 1) {
                List<String> others = new ArrayList<>(ids);
                others.remove(kept);
                String id = others.get(random.nextInt(others.size()));
                cluster.stop(id);
                LocalCluster.await(
                        "a leader without " + id,
                        () -> cluster.running().stream().anyMatch(node -> node.leads(0)));
                cluster.start(id);
            } else {
                move(cluster, ids, 1 + random.nextInt(partitions));
            }
        } catch (KvException e) {
            assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE); // Nobody led at that moment, or could take over.
        }
        // Between two disturbances the others work; how long is no condition that could be waited for.
        Thread.sleep(random.nextInt(600));
    }

    /** Moves a partition to the node that does not have it, if its leader and all nodes are there. */
    private static void move(LocalCluster cluster, List<String> ids, int partition) {
        cluster.awaitServing();
        for (ClusterNode node : cluster.running()) {
            ClusterView.Part part = node.status().logs().get(partition).part();
            if (node.self().id().equals(part.leader())) {
                List<String> without = new ArrayList<>(ids);
                part.members().forEach(member -> without.remove(member.node()));
                if (without.size() == 1) {
                    cluster.drive(new ClusterQuestion.Move(
                            partition, part.members().get(0).node(), without.get(0)));
                }
                return;
            }
        }
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

    /** Hands what a feed brings to the recorder; goes on where it was if the feed ends, as when a partition leaves the node. */
    private static final class Follower implements Flow.Subscriber<FeedEvent> {
        private final KvStore store;
        private final Recorder.Subscriber subscriber;
        private final AtomicLongArray seen;
        private volatile boolean ended;
        private volatile Flow.@Nullable Subscription subscription;
        private volatile @Nullable Position position;
        volatile boolean begun;

        Follower(KvStore store, Recorder.Subscriber subscriber, AtomicLongArray seen) {
            this.store = store;
            this.subscriber = subscriber;
            this.seen = seen;
        }

        void follow(FeedRequest.Start from) {
            store.watch(FeedRequest.of(null, from).withHeartbeat(Duration.ofMillis(100)))
                    .subscribe(this);
        }

        void end() {
            ended = true;
            Flow.Subscription current = subscription;
            if (current != null) {
                current.cancel();
            }
        }

        @Override
        public void onSubscribe(Flow.Subscription fresh) {
            subscription = fresh;
            fresh.request(Long.MAX_VALUE);
        }

        @Override
        public void onNext(FeedEvent event) {
            int partitions = seen.length();
            if (event instanceof FeedEvent.Heartbeat beat) {
                position = beat.position();
                for (int partition = 0; partition < partitions; partition++) {
                    subscriber.caughtUp(partition, beat.position().versions().get(partition) * partitions + partition);
                }
                begun = true;
            } else if (event instanceof FeedEvent.Change change) {
                position = change.position();
                int partition = (int) (change.version() % partitions);
                @Nullable Key key = change.key();
                if (key != null && key.toString().startsWith("k")) {
                    subscriber.change(new History.Change(
                            partition,
                            change.version(),
                            key.toString(),
                            change.kind() == FeedEvent.Kind.PUT ? History.ChangeKind.PUT : History.ChangeKind.DELETE));
                }
                seen.set(partition, change.version());
            }
        }

        @Override
        public void onError(Throwable failure) {
            again();
        }

        @Override
        public void onComplete() {
            again();
        }

        private void again() {
            Position from = position;
            if (!ended) {
                FeedRequest.Start start =
                        from == null ? new FeedRequest.Start.Now() : new FeedRequest.Start.After(from);
                CompletableFuture.delayedExecutor(50, TimeUnit.MILLISECONDS).execute(() -> follow(start));
            }
        }
    }
}
