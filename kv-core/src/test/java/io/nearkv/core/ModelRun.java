package io.nearkv.core;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** One run of random operations against a store and a sorted map side by side; every answer, listing and change is compared. */
final class ModelRun {
    /** Around every size at which a store may go another way, and 25 MiB left to the tests of limits. */
    private static final int[] SIZES = {0, 0, 1, 10, 100, 4095, 4096, 4097, 65_535, 65_536, 65_537, 200 * 1024};

    private static final String[] PREFIXES = {
        "", "", "a", "a/", "a%", "b/", "é", "\uFF61", "\uD83D\uDE00", "\uDBFF\uDFFF", "x"
    };

    private static final int KEYS_PER_PREFIX = 12;

    private record Entry(Value value, @Nullable Metadata metadata, long version, long expiresAt) {}

    private record Logged(long version, Key key, FeedEvent.Kind kind, boolean endsCommit, long expiresAt) {}

    private final ContractSupport suite;
    private final Random random;
    private final NavigableMap<Key, Entry> model = new TreeMap<>();
    private final List<Logged> log = new ArrayList<>();
    private final List<FeedEvent.Change> received = new ArrayList<>();
    private FeedProbe feed;
    /** Where the subscription began. */
    private Position begin;

    /** By partition. */
    private final Map<Integer, Long> lastVersions = new HashMap<>();

    private int operationsDone;
    private String lastOperation = "none";

    ModelRun(ContractSupport suite, Random random) {
        this.suite = suite;
        this.random = random;
        // What an earlier run has left in this namespace, and what expired and only waits for the store to remove it.
        List<Mutation> deletes = new ArrayList<>();
        for (String prefix : new TreeSet<>(List.of(PREFIXES))) {
            for (int i = 0; i < KEYS_PER_PREFIX; i++) {
                deletes.add(Mutation.delete(Key.of(prefix + i)));
            }
        }
        Object unused = suite.await(suite.store().writeAll(suite.ns(), deletes, WriteOptions.BUFFERED));
        this.feed = suite.watchFromNow();
        this.begin = feed.lastPosition();
    }

    int operationsDone() {
        return operationsDone;
    }

    String lastOperation() {
        return lastOperation;
    }

    void run(int operations) throws Exception {
        for (; operationsDone < operations; operationsDone++) {
            step();
        }
        compareAll();
        compareFeed();
        feed.close();
    }

    private void step() throws Exception {
        int dice = random.nextInt(1000);
        if (dice < 300) {
            lastOperation = "put";
            write(randomPut());
        } else if (dice < 400) {
            lastOperation = "delete";
            write(randomDelete());
        } else if (dice < 460) {
            lastOperation = "writeAll";
            writeAll();
        } else if (dice < 540) {
            lastOperation = "batch";
            batch();
        } else if (dice < 600) {
            lastOperation = "upload";
            upload();
        } else if (dice < 720) {
            lastOperation = "get";
            compareGet(randomKey());
        } else if (dice < 760) {
            lastOperation = "getAll";
            compareGetAll();
        } else if (dice < 800) {
            lastOperation = "open";
            compareOpen(randomKey());
        } else if (dice < 900) {
            lastOperation = "list";
            compareList();
        } else if (dice < 960) {
            lastOperation = "clock";
            moveClock();
        } else if (dice < 975) {
            lastOperation = "feed";
            compareFeed();
        } else if (dice < 995) {
            lastOperation = "feed again";
            watchAgain();
        } else if (suite.fixture().canReopen()) {
            lastOperation = "reopen";
            feed.close();
            suite.fixture().reopen();
            watchAgain();
            compareAll();
        }
    }

    // What is done

    private Key randomKey() {
        String prefix = PREFIXES[random.nextInt(PREFIXES.length)];
        return Key.of(prefix + random.nextInt(KEYS_PER_PREFIX));
    }

    private Value randomValue() {
        int size = SIZES[random.nextInt(SIZES.length)];
        return suite.bytes(size, random.nextLong());
    }

    private Condition randomCondition(Key key) {
        return switch (random.nextInt(10)) {
            case 0 -> Condition.IF_ABSENT;
            case 1 -> Condition.IF_PRESENT;
            case 2 -> {
                long version = liveVersion(key);
                yield Condition.ifVersion(version > 0 && random.nextInt(4) > 0 ? version : 1 + random.nextInt(1000));
            }
            default -> Condition.NONE;
        };
    }

    private PutOptions randomOptions(Key key) {
        PutOptions options = PutOptions.when(randomCondition(key));
        if (random.nextInt(3) == 0) {
            options = options.withMetadata(Metadata.ofJson("\"" + "m".repeat(random.nextInt(1000)) + "\""));
        }
        TestClock clock = suite.fixture().clock();
        if (random.nextInt(4) == 0) {
            options = options.withTtl(Duration.ofSeconds(clock == null ? 100_000 : 1 + random.nextInt(20)));
        } else if (clock != null && random.nextInt(6) == 0) {
            // A clock between two seconds: two seconds are at least one ahead, however a store rounds.
            options = options.withExpiration(clock.instant().plusSeconds(2 + random.nextInt(20)));
        }
        return options;
    }

    private Mutation randomPut() {
        Key key = randomKey();
        return new Mutation.Put(key, randomValue(), randomOptions(key));
    }

    private Mutation randomDelete() {
        Key key = randomKey();
        return new Mutation.Delete(key, randomCondition(key));
    }

    private List<Mutation> randomMutations(int most) {
        List<Mutation> mutations = new ArrayList<>();
        int count = 1 + random.nextInt(most);
        for (int i = 0; i < count; i++) {
            mutations.add(random.nextInt(3) == 0 ? randomDelete() : randomPut());
        }
        return mutations;
    }

    private void write(Mutation mutation) {
        expect(mutation, suite.write(mutation));
    }

    private void writeAll() {
        List<Mutation> mutations = randomMutations(15);
        List<WriteResult> results = suite.await(suite.store().writeAll(suite.ns(), mutations, WriteOptions.BUFFERED));
        assertThat(results).hasSameSizeAs(mutations);
        for (int i = 0; i < results.size(); i++) {
            expect(mutations.get(i), results.get(i));
        }
    }

    private void batch() {
        List<Mutation> mutations = randomMutations(6);
        int partition = suite.partitionOf(mutations.get(0).key());
        mutations.removeIf(mutation -> suite.partitionOf(mutation.key()) != partition);
        BatchResult result = suite.await(suite.store().batch(suite.ns(), mutations, WriteOptions.DEFAULT));
        // The model first tries the batch on the versions alone: 0 is absent, -1 was written by this very batch.
        Map<Key, Long> versions = new HashMap<>();
        for (int i = 0; i < mutations.size(); i++) {
            Mutation mutation = mutations.get(i);
            Key key = mutation.key();
            long current = versions.computeIfAbsent(key, this::liveVersion);
            if (!mutation.condition().holds(current)) {
                assertThat(result).isInstanceOf(BatchResult.ConditionFailed.class);
                BatchResult.ConditionFailed failed = (BatchResult.ConditionFailed) result;
                assertThat(failed.index()).isEqualTo(i);
                if (current != -1) {
                    assertThat(failed.currentVersion()).isEqualTo(current);
                }
                return;
            }
            versions.put(key, mutation instanceof Mutation.Put ? -1L : 0L);
        }
        assertThat(result).isInstanceOf(BatchResult.Applied.class);
        BatchResult.Applied applied = (BatchResult.Applied) result;
        assertThat(applied.lastVersion() - applied.firstVersion())
                .isEqualTo((mutations.size() - 1) * suite.versionStep());
        for (int i = 0; i < mutations.size(); i++) {
            apply(mutations.get(i), applied.firstVersion() + i * suite.versionStep(), i == mutations.size() - 1);
        }
    }

    private void upload() {
        Key key = randomKey();
        Value value = randomValue();
        PutOptions options = randomOptions(key);
        try (ValueWriter writer = suite.upload(key.toString(), options)) {
            suite.writePieces(writer, value, 1 + random.nextInt(100_000) + value.length() / 50);
            if (random.nextInt(3) == 0) {
                write(new Mutation.Put(key, randomValue(), PutOptions.DEFAULT));
            }
            if (random.nextInt(4) > 0) {
                expect(new Mutation.Put(key, value, options), suite.await(writer.commit()));
            }
        }
    }

    private void moveClock() {
        TestClock clock = suite.fixture().clock();
        if (clock != null) {
            clock.advance(Duration.ofMillis(random.nextInt(4000)));
            if (random.nextInt(3) == 0) {
                boolean unused = suite.fixture().sweep();
            }
        }
    }

    // What it must come to

    private void expect(Mutation mutation, WriteResult result) {
        long current = liveVersion(mutation.key());
        if (mutation.condition().holds(current)) {
            assertThat(result).isInstanceOf(WriteResult.Applied.class);
            apply(mutation, ((WriteResult.Applied) result).version(), true);
        } else {
            assertThat(result).isEqualTo(new WriteResult.ConditionFailed(current));
        }
    }

    private void apply(Mutation mutation, long version, boolean endsCommit) {
        if (mutation instanceof Mutation.Put put) {
            PutOptions options = put.options();
            TestClock clock = suite.fixture().clock();
            long expiresAt = options.expiresAt();
            if (options.ttlSeconds() != 0) {
                // Without the store's clock only the store can tell.
                expiresAt = clock == null
                        ? suite.found(put.key().toString()).expiresAt()
                        : clock.epochSecond() + options.ttlSeconds();
            }
            model.put(put.key(), new Entry(put.value(), options.metadata(), version, expiresAt));
            log(version, put.key(), FeedEvent.Kind.PUT, endsCommit, expiresAt);
        } else {
            model.remove(mutation.key());
            log(version, mutation.key(), FeedEvent.Kind.DELETE, endsCommit, 0);
        }
    }

    private void log(long version, Key key, FeedEvent.Kind kind, boolean endsCommit, long expiresAt) {
        Long last = lastVersions.put(suite.partitionOf(key), version);
        assertThat(version).as("version after " + last).isGreaterThan(last == null ? 0 : last);
        log.add(new Logged(version, key, kind, endsCommit, expiresAt));
    }

    private boolean isLive(Entry entry) {
        TestClock clock = suite.fixture().clock();
        return entry.expiresAt() == 0 || clock == null || clock.instant().toEpochMilli() < entry.expiresAt() * 1000;
    }

    private @Nullable Entry live(Key key) {
        Entry entry = model.get(key);
        return entry != null && isLive(entry) ? entry : null;
    }

    private long liveVersion(Key key) {
        Entry entry = live(key);
        return entry == null ? 0 : entry.version();
    }

    private void compare(Key key, GetResult result) {
        Entry entry = live(key);
        if (entry == null) {
            assertThat(result).as(key.toDisplayString()).isEqualTo(GetResult.Missing.INSTANCE);
        } else {
            assertThat(result).as(key.toDisplayString()).isInstanceOf(GetResult.Found.class);
            GetResult.Found found = (GetResult.Found) result;
            assertThat(found.value().equals(entry.value()))
                    .as("value of " + key.toDisplayString())
                    .isTrue();
            assertThat(found.metadata()).isEqualTo(entry.metadata());
            assertThat(found.version()).isEqualTo(entry.version());
            assertThat(found.expiresAt()).isEqualTo(entry.expiresAt());
        }
    }

    private void compareGet(Key key) {
        compare(key, suite.get(key.toString()));
    }

    private void compareGetAll() {
        List<Key> keys = new ArrayList<>();
        for (int i = random.nextInt(10); i >= 0; i--) {
            keys.add(randomKey());
        }
        List<GetResult> results = suite.await(suite.store().getAll(suite.ns(), keys, suite.reads()));
        for (int i = 0; i < keys.size(); i++) {
            compare(keys.get(i), results.get(i));
        }
    }

    private void compareOpen(Key key) {
        Entry entry = live(key);
        OpenResult result = suite.await(suite.store().open(suite.ns(), key, suite.reads()));
        if (entry == null) {
            assertThat(result).isEqualTo(OpenResult.Missing.INSTANCE);
            return;
        }
        assertThat(result).isInstanceOf(OpenResult.Opened.class);
        try (ValueReader reader = ((OpenResult.Opened) result).reader()) {
            assertThat(reader.length()).isEqualTo(entry.value().length());
            assertThat(reader.version()).isEqualTo(entry.version());
            assertThat(suite.readRest(reader).equals(entry.value())).isTrue();
        }
    }

    private void compareList() {
        String prefix = PREFIXES[random.nextInt(PREFIXES.length)];
        Cursor cursor = random.nextInt(3) == 0 ? Cursor.after(randomKey()) : null;
        ListOptions options = new ListOptions(prefix, cursor, 1 + random.nextInt(random.nextBoolean() ? 5 : 1000));
        List<KeyInfo> expected = new ArrayList<>();
        model.forEach((key, entry) -> {
            if (isLive(entry)
                    && key.toString().startsWith(prefix)
                    && (cursor == null || key.compareTo(cursor.after()) > 0)) {
                expected.add(new KeyInfo(
                        key,
                        entry.version(),
                        entry.metadata(),
                        entry.expiresAt(),
                        entry.value().length()));
            }
        });
        assertThat(suite.listAll(options)).as(options.toString()).isEqualTo(expected);
    }

    private void compareAll() {
        model.keySet().forEach(this::compareGet);
    }

    // The feed

    /** Goes on with a new subscription where the last one was, wherever that is. */
    private void watchAgain() {
        feed.close();
        List<FeedEvent> events =
                feed.events(); // Taken once: some may still come, and are left to the next subscription.
        Position position = null;
        for (FeedEvent event : events) {
            if (event instanceof FeedEvent.Change change) {
                received.add(change);
                position = change.position();
            } else if (event instanceof FeedEvent.Heartbeat heartbeat) {
                position = heartbeat.position();
            }
        }
        if (position == null) {
            position = begin;
        }
        begin = position;
        FeedRequest.Start start = new FeedRequest.Start.After(position);
        feed = suite.watch(FeedRequest.of(suite.ns(), start));
        feed.request(Long.MAX_VALUE);
    }

    private void compareFeed() {
        int before = (int) received.stream()
                .filter(change -> change.kind() != FeedEvent.Kind.EXPIRE)
                .count();
        Object unused = feed.awaitChanges(log.size() - before);
        List<FeedEvent.Change> all = new ArrayList<>(received);
        all.addAll(feed.allChanges());

        Map<Key, Long> expirations = new HashMap<>();
        Map<Integer, Deque<Logged>> expected = new HashMap<>();
        for (Logged logged : log) {
            expected.computeIfAbsent(suite.partitionOf(logged.key()), partition -> new ArrayDeque<>())
                    .add(logged);
        }
        Map<Integer, Long> last = new HashMap<>();
        for (FeedEvent.Change change : all) {
            Key key = requireNonNull(change.key());
            int partition = suite.partitionOf(key);
            Long previous = last.put(partition, change.version());
            assertThat(change.version()).as("order of versions").isGreaterThan(previous == null ? 0 : previous);
            if (change.kind() == FeedEvent.Kind.EXPIRE) {
                Long expiration = expirations.remove(key);
                assertThat(expiration).as("expiration of " + change).isNotNull();
                continue;
            }
            Logged logged = expected.getOrDefault(partition, new ArrayDeque<>()).poll();
            assertThat(logged).as("what was logged of " + change).isNotNull();
            assertThat(change)
                    .extracting(
                            FeedEvent.Change::version,
                            FeedEvent.Change::key,
                            FeedEvent.Change::kind,
                            FeedEvent.Change::endsCommit)
                    .containsExactly(
                            requireNonNull(logged).version(), logged.key(), logged.kind(), logged.endsCommit());
            if (logged.expiresAt() != 0) {
                expirations.put(logged.key(), logged.expiresAt());
            } else {
                expirations.remove(logged.key());
            }
        }
        assertThat(expected.values()).allMatch(Deque::isEmpty);
    }
}
