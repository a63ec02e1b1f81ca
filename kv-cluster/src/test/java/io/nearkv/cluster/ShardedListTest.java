package io.nearkv.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.Cursor;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KeyInfo;
import io.nearkv.core.KvException;
import io.nearkv.core.ListOptions;
import io.nearkv.core.ListPage;
import io.nearkv.core.ReadOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;

class ShardedListTest {
    /** What a partition says that ends a page after so many entries, whatever they are. */
    private static final class Partitions implements ShardedList.Source {
        final List<NavigableMap<Key, Boolean>> entries = new ArrayList<>();
        final AtomicInteger touched = new AtomicInteger();
        final AtomicInteger calls = new AtomicInteger();
        int steps = Integer.MAX_VALUE;
        boolean elsewhere;

        Partitions(int count) {
            for (int i = 0; i < count; i++) {
                entries.add(new TreeMap<>());
            }
        }

        void put(int partition, String key, boolean live) {
            entries.get(partition).put(Key.of(key), live);
        }

        @Override
        public CompletableFuture<ListPage> page(int partition, ListOptions list, ReadOptions options) {
            calls.incrementAndGet();
            return elsewhere
                    ? CompletableFuture.supplyAsync(() -> now(partition, list), ForkJoinPool.commonPool())
                    : CompletableFuture.completedFuture(now(partition, list));
        }

        /** As the engine does it. */
        private ListPage now(int partition, ListOptions list) {
            List<KeyInfo> keys = new ArrayList<>();
            Cursor cursor = list.cursor();
            NavigableMap<Key, Boolean> left = entries.get(partition);
            if (cursor != null) {
                left = left.tailMap(cursor.after(), false);
            }
            int looked = 0;
            for (var entry : left.entrySet()) {
                if (!entry.getKey().toString().startsWith(list.prefix())) {
                    continue;
                }
                if (keys.size() == list.limit()) {
                    return new ListPage(
                            keys, Cursor.after(keys.get(keys.size() - 1).key()));
                }
                touched.incrementAndGet();
                if (entry.getValue()) {
                    keys.add(new KeyInfo(entry.getKey(), 5, null, 0, 1));
                }
                if (++looked == steps) {
                    return new ListPage(keys, Cursor.after(entry.getKey()));
                }
            }
            return new ListPage(keys, null);
        }

        ListPage merged(ListOptions list) throws Exception {
            List<ShardVersions> versions = new ArrayList<>();
            for (int i = 0; i < entries.size(); i++) {
                versions.add(new ShardVersions(entries.size(), i));
            }
            return new ShardedList(entries.size(), list, ReadOptions.STRONG, this, versions)
                    .page()
                    .get(10, TimeUnit.SECONDS);
        }

        List<String> all(ListOptions first) throws Exception {
            List<String> names = new ArrayList<>();
            ListOptions list = first;
            for (int pages = 0; pages < 100_000; pages++) {
                ListPage page = merged(list);
                assertThat(page.keys()).hasSizeLessThanOrEqualTo(list.limit());
                page.keys().forEach(info -> names.add(info.name()));
                if (page.next() == null) {
                    return names;
                }
                list = list.withCursor(page.next());
            }
            throw new AssertionError("the listing has no end");
        }

        /** What one store would say. */
        List<String> expected(String prefix) {
            TreeMap<Key, Boolean> all = new TreeMap<>();
            entries.forEach(all::putAll);
            return all.entrySet().stream()
                    .filter(entry ->
                            entry.getValue() && entry.getKey().toString().startsWith(prefix))
                    .map(entry -> entry.getKey().toString())
                    .toList();
        }
    }

    @RepeatedTest(60)
    void pages_of_partitions_are_merged_into_those_of_one_store(RepetitionInfo repetition) throws Exception {
        Random random = new Random(repetition.getCurrentRepetition());
        int count = 2 + random.nextInt(5);
        Partitions partitions = new Partitions(count);
        partitions.elsewhere = random.nextInt(4) == 0;
        int skewed = random.nextInt(count);
        boolean skew = random.nextInt(3) == 0;
        double live = random.nextInt(3) == 0 ? 0.05 : 0.9;
        for (int i = random.nextInt(600); i > 0; i--) {
            int partition = skew && random.nextInt(10) > 0 ? skewed : random.nextInt(count);
            String name = "abc".charAt(random.nextInt(3)) + "/" + random.nextInt(10_000) + "p" + partition;
            partitions.put(partition, name, random.nextDouble() < live);
        }
        if (random.nextBoolean()) {
            partitions.steps = 1 + random.nextInt(20);
        }
        for (String prefix : List.of("", "a/", "b/1", "x")) {
            for (int limit : new int[] {1, 1 + random.nextInt(20), 1000}) {
                assertThat(partitions.all(ListOptions.prefix(prefix).withLimit(limit)))
                        .as("seed %s, prefix %s, limit %s", repetition.getCurrentRepetition(), prefix, limit)
                        .isEqualTo(partitions.expected(prefix));
            }
        }
    }

    @Test
    void a_page_touches_few_more_keys_than_it_gives() throws Exception {
        Random random = new Random(1);
        Partitions partitions = new Partitions(4);
        for (int i = 0; i < 20_000; i++) {
            partitions.put(random.nextInt(4), String.format("k%05d", i), true);
        }

        assertThat(partitions.merged(ListOptions.ALL).keys()).hasSize(1000);
        assertThat(partitions.touched.get()).isLessThan(1250);
        assertThat(partitions.calls.get()).isLessThanOrEqualTo(6);
    }

    @Test
    void keys_that_all_lie_in_one_partition_take_two_rounds() throws Exception {
        Partitions partitions = new Partitions(4);
        for (int i = 0; i < 2000; i++) {
            partitions.put(2, String.format("k%05d", i), true);
        }

        assertThat(partitions.merged(ListOptions.ALL).keys()).hasSize(1000);
        assertThat(partitions.calls.get()).isEqualTo(5);
        assertThat(partitions.touched.get()).isEqualTo(1000);
    }

    @Test
    void a_page_among_expired_entries_ends_in_time_and_the_next_goes_on() throws Exception {
        Partitions partitions = new Partitions(2);
        partitions.steps = 10;
        for (int i = 0; i < 5000; i++) {
            partitions.put(0, String.format("k%05d", i), false);
        }
        partitions.put(1, "k00005", true);
        partitions.put(1, "k04000", true);

        ListPage first = partitions.merged(ListOptions.ALL);

        assertThat(first.keys()).extracting(KeyInfo::name).containsExactly("k00005");
        assertThat(first.next())
                .isEqualTo(Cursor.after(Key.of(String.format("k%05d", 10 * ShardedList.MAX_ROUNDS - 1))));
        assertThat(partitions.calls.get()).isEqualTo(ShardedList.MAX_ROUNDS + 1);
        assertThat(partitions.all(ListOptions.ALL)).containsExactly("k00005", "k04000");
    }

    @Test
    void versions_are_those_of_the_outside() throws Exception {
        Partitions partitions = new Partitions(3);
        partitions.put(0, "a", true);
        partitions.put(2, "b", true);
        assertThat(partitions.merged(ListOptions.ALL).keys())
                .extracting(KeyInfo::version)
                .containsExactly(15L, 17L);
    }

    @Test
    void the_last_page_says_so_although_it_is_full() throws Exception {
        Partitions partitions = new Partitions(2);
        partitions.put(0, "a", true);
        partitions.put(1, "b", true);
        assertThat(partitions.merged(ListOptions.ALL.withLimit(2)).complete()).isTrue();
        assertThat(partitions.merged(ListOptions.ALL.withLimit(1)).complete()).isFalse();
    }

    @Test
    void a_partition_that_does_not_answer_fails_the_page() throws Exception {
        Partitions partitions = new Partitions(2);
        partitions.put(0, "a", true);
        ShardedList.Source source = (partition, list, options) -> partition == 0
                ? partitions.page(partition, list, options)
                : CompletableFuture.failedFuture(new KvException(ErrorCode.UNAVAILABLE, "gone"));
        CompletableFuture<ListPage> page = new ShardedList(
                        2,
                        ListOptions.ALL,
                        ReadOptions.STRONG,
                        source,
                        List.of(new ShardVersions(2, 0), new ShardVersions(2, 1)))
                .page();
        assertThat(page)
                .failsWithin(java.time.Duration.ofSeconds(10))
                .withThrowableOfType(ExecutionException.class)
                .satisfies(e -> assertThat(KvException.from(e).code()).isEqualTo(ErrorCode.UNAVAILABLE));
    }
}
