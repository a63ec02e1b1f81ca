package io.nearkv.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/** Many callers at once. */
public interface ConcurrencyContract extends ContractSupport {
    /** Runs tasks at the same time and throws what one of them throws. */
    private static void together(List<Callable<String>> tasks) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(tasks.size());
        try {
            for (Future<String> task : threads.invokeAll(tasks, 120, TimeUnit.SECONDS)) {
                assertThat(task.isCancelled()).as("still running").isFalse();
                task.get();
            }
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    default void no_update_is_lost_between_conditional_writers() throws Exception {
        int writers = 4;
        int each = LONG ? 500 : 50;
        put("counter", "0");
        Callable<String> writer = () -> {
            for (int done = 0; done < each; ) {
                GetResult.Found found = found("counter");
                String next = Integer.toString(Integer.parseInt(found.value().asString()) + 1);
                PutOptions unchanged = PutOptions.when(Condition.ifVersion(found.version()));
                if (writeBuffered(new Mutation.Put(key("counter"), Value.of(next), unchanged))
                        .applied()) {
                    done++;
                }
            }
            return "";
        };
        together(IntStream.range(0, writers).mapToObj(i -> writer).toList());
        assertThat(found("counter").value()).isEqualTo(Value.of(Integer.toString(writers * each)));
    }

    @Test
    default void only_one_of_many_puts_if_absent_wins() throws Exception {
        for (int round = 0; round < (LONG ? 200 : 20); round++) {
            String name = "k" + round;
            List<String> winners = java.util.Collections.synchronizedList(new ArrayList<>());
            List<Callable<String>> tasks = IntStream.range(0, 4)
                    .<Callable<String>>mapToObj(i -> () -> {
                        PutOptions absent = PutOptions.when(Condition.IF_ABSENT);
                        if (writeBuffered(new Mutation.Put(key(name), Value.of("w" + i), absent))
                                .applied()) {
                            winners.add("w" + i);
                        }
                        return "";
                    })
                    .toList();
            together(tasks);
            assertThat(winners).hasSize(1);
            assertThat(found(name).value()).isEqualTo(Value.of(winners.get(0)));
        }
    }

    @Test
    default void readers_see_batches_whole_or_not_at_all_and_never_go_back() throws Exception {
        int batches = LONG ? 3000 : 300;
        Object unused = batch(putOf("a", "0"), putOf("b", "0"));
        AtomicBoolean done = new AtomicBoolean();
        Callable<String> writer = () -> {
            try {
                for (int i = 1; i <= batches; i++) {
                    List<Mutation> both = List.of(putOf("a", Integer.toString(i)), putOf("b", Integer.toString(i)));
                    Object ignored = await(store().batch(ns(), both, WriteOptions.BUFFERED));
                }
            } finally {
                done.set(true);
            }
            return "";
        };
        Callable<String> reader = () -> {
            int lastA = 0;
            while (!done.get()) {
                // b is written by the batch that writes a: who has seen a of a batch sees b of that batch or a later
                // one.
                int a = latest("a");
                int b = latest("b");
                assertThat(a).isGreaterThanOrEqualTo(lastA);
                assertThat(b).isGreaterThanOrEqualTo(a);
                lastA = a;
            }
            return "";
        };
        together(List.of(writer, reader, reader));
    }

    /** Returns the number that a key has now; a copy, where reads may be answered from one, need not be of the same moment as another copy. */
    private int latest(String key) {
        GetResult.Found found = (GetResult.Found) await(store().get(ns(), key(key), ReadOptions.STRONG));
        return Integer.parseInt(found.value().asString());
    }

    @Test
    default void a_listing_under_writers_gives_what_stays_exactly_once() throws Exception {
        int stable = LONG ? 3000 : 400;
        List<Mutation> mutations = IntStream.range(0, stable)
                .mapToObj(i -> putOf(String.format("k%05d", i * 10), "v"))
                .toList();
        Object unused = await(store().writeAll(ns(), mutations, WriteOptions.DEFAULT));
        List<String> expected =
                mutations.stream().map(mutation -> mutation.key().toString()).toList();
        AtomicBoolean done = new AtomicBoolean();
        Callable<String> writer = () -> {
            Random random = new Random(1);
            while (!done.get()) {
                String name = String.format("k%05d", random.nextInt(stable) * 10 + 1 + random.nextInt(9));
                Mutation mutation = random.nextBoolean() ? putOf(name, "x") : Mutation.delete(key(name));
                Object ignored = await(store().write(ns(), mutation, WriteOptions.BUFFERED));
            }
            return "";
        };
        Callable<String> lister = () -> {
            try {
                Random random = new Random(2);
                for (int walk = 0; walk < (LONG ? 50 : 8); walk++) {
                    List<String> names = listAll(ListOptions.ALL.withLimit(1 + random.nextInt(100))).stream()
                            .map(KeyInfo::name)
                            .toList();
                    assertThat(names).isSorted().doesNotHaveDuplicates();
                    assertThat(names.stream().filter(name -> name.endsWith("0")).toList())
                            .isEqualTo(expected);
                }
            } finally {
                done.set(true);
            }
            return "";
        };
        together(List.of(writer, writer, lister));
    }

    @Test
    default void the_feed_of_many_writers_has_every_write_once_in_the_order_of_versions() throws Exception {
        int each = LONG ? 2000 : 150;
        try (FeedProbe feed = watchFromNow()) {
            List<Callable<String>> writers = IntStream.range(0, 4)
                    .<Callable<String>>mapToObj(writer -> () -> {
                        for (int i = 0; i < each; i++) {
                            if (i % 10 == 0) {
                                Object unused = batch(putOf(writer + "-" + i, "v"), putOf(writer + "-b-" + i, "v"));
                            } else {
                                put(writer + "-" + i, "v");
                            }
                        }
                        return "";
                    })
                    .toList();
            together(writers);
            int expected = 4 * (each + each / 10);
            List<FeedEvent.Change> changes = feed.awaitChanges(expected);
            assertThat(changes).extracting(FeedEvent.Change::version).isSorted().doesNotHaveDuplicates();
            assertThat(changes).extracting(FeedEvent.Change::key).doesNotHaveDuplicates();
            for (FeedEvent.Change change : changes) {
                assertThat(found(String.valueOf(change.key())).version()).isEqualTo(change.version());
            }
        }
    }

    @Test
    default void giving_up_answers_harms_nobody_else() {
        put("k", bytes(300_000, 1), PutOptions.DEFAULT);
        // More readers and writers than any tier can have open at once: those that nobody waits for must be given back.
        for (int i = 0; i < 900; i++) {
            CompletableFuture<?> call = switch (i % 8) {
                case 0 -> store().get(ns(), key("k"), reads());
                case 1 -> store().write(ns(), putOf("w" + i, "v"), WriteOptions.BUFFERED);
                case 2 -> store().list(ns(), ListOptions.ALL, reads());
                case 3 -> store().upload(ns(), key("u" + i), PutOptions.DEFAULT, WriteOptions.DEFAULT);
                case 4 -> store().batch(ns(), List.of(putOf("b" + i, "v")), WriteOptions.BUFFERED);
                default -> store().open(ns(), key("k"), reads());
            };
            if (!call.cancel(true)) {
                giveBack(call);
            }
        }
        Awaitility.await()
                .pollInterval(Duration.ofMillis(20))
                .atMost(Duration.ofSeconds(20))
                .ignoreException(KvException.class)
                .untilAsserted(() -> {
                    try (ValueReader reader = reader("k");
                            ValueWriter writer = upload("v", PutOptions.DEFAULT)) {
                        assertThat(readRest(reader)).isEqualTo(bytes(300_000, 1));
                        assertThat(await(writer.commit()).applied()).isTrue();
                    }
                });
        long version = put("after", "v");
        assertThat(found("after").version()).isEqualTo(version);
        assertThat(names("u")).isEmpty();
    }

    /** Closes what a call brought that was faster than the one who gave it up. */
    private static void giveBack(CompletableFuture<?> call) {
        Object result = call.exceptionally(busy -> null).join();
        if (result instanceof OpenResult.Opened opened) {
            opened.reader().close();
        } else if (result instanceof ValueWriter writer) {
            writer.close();
        }
    }

    @Test
    default void a_large_value_is_never_seen_half_written() throws Exception {
        AtomicBoolean done = new AtomicBoolean();
        put("k", Value.wrap(filled(0)), PutOptions.DEFAULT);
        Callable<String> writer = () -> {
            try {
                for (int i = 1; i <= (LONG ? 300 : 40); i++) {
                    put("k", Value.wrap(filled(i)), PutOptions.DEFAULT);
                }
            } finally {
                done.set(true);
            }
            return "";
        };
        Callable<String> reader = () -> {
            while (!done.get()) {
                assertUniform(found("k").value());
                try (ValueReader pieces = reader("k")) {
                    assertUniform(readRest(pieces));
                }
            }
            return "";
        };
        together(List.of(writer, reader, reader));
    }

    private static byte[] filled(int i) {
        byte[] bytes = new byte[150_000 + i];
        java.util.Arrays.fill(bytes, (byte) i);
        return bytes;
    }

    private static void assertUniform(Value value) {
        byte[] bytes = value.toByteArray();
        assertThat(bytes.length).isBetween(150_000, 151_000);
        byte[] expected = filled(bytes.length - 150_000);
        assertThat(java.util.Arrays.equals(bytes, expected))
                .as("value of one writer")
                .isTrue();
    }
}
