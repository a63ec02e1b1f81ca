package io.nearkv.core.rocksdb;

import static io.nearkv.core.rocksdb.Engine.await;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.KeyInfo;
import io.nearkv.core.ListOptions;
import io.nearkv.core.ListPage;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ListingsTest {
    @TempDir
    Path folder;

    private Engine engine;

    @BeforeEach
    void open() {
        engine = new Engine(folder.resolve("store"));
    }

    @AfterEach
    void close() {
        engine.close();
    }

    private static String name(int number) {
        return String.format(Locale.ROOT, "k%05d", number);
    }

    private void put(int from, int to, int valueBytes, PutOptions options) {
        List<CompletableFuture<?>> writes = new ArrayList<>();
        for (int i = from; i < to; i++) {
            String value = "v".repeat(valueBytes);
            writes.add(engine.put(name(i), value, options));
        }
        writes.forEach(Engine::await);
    }

    private List<String> pages(int limit) {
        List<String> names = new ArrayList<>();
        ListOptions next = ListOptions.ALL.withLimit(limit);
        while (true) {
            ListPage page = await(engine.store.list(engine.ns, next, ReadOptions.STRONG));
            page.keys().stream().map(KeyInfo::name).forEach(names::add);
            if (page.complete()) {
                return names;
            }
            next = next.withCursor(page.next());
        }
    }

    private static List<String> names(int from, int to) {
        List<String> names = new ArrayList<>();
        for (int i = from; i < to; i++) {
            names.add(name(i));
        }
        return names;
    }

    @Test
    void a_short_page_of_what_is_in_memory_is_there_at_once() {
        put(0, 300, 100, PutOptions.DEFAULT);

        var page = engine.store.list(engine.ns, ListOptions.ALL.withLimit(100), ReadOptions.STRONG);

        assertThat(page).isDone();
        assertThat(await(page).keys()).extracting(KeyInfo::name).isEqualTo(names(0, 100));
        assertThat(await(page).complete()).isFalse();
        assertThat(pages(100)).isEqualTo(names(0, 300));

        var prefix = engine.store.list(engine.ns, ListOptions.prefix("k001"), ReadOptions.STRONG);
        assertThat(prefix).as("short, though it might have been long").isDone();
        assertThat(await(prefix).keys()).extracting(KeyInfo::name).isEqualTo(names(100, 200));
        assertThat(await(prefix).complete()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 100, 128, 129, 1000})
    void pages_of_what_is_on_the_disk_are_whole(int limit) {
        put(0, 400, 20_000, PutOptions.DEFAULT);
        engine.reopen(); // Nothing is in the cache then.

        assertThat(pages(limit)).isEqualTo(names(0, 400));
    }

    @Test
    void what_is_deleted_or_expired_is_stepped_over_however_much_it_is() {
        put(0, 1000, 10, PutOptions.DEFAULT);
        put(1000, 1400, 10, PutOptions.expiresAfter(Duration.ofHours(1)));
        put(1400, 1450, 10, PutOptions.DEFAULT);
        names(0, 1000).forEach(name -> await(engine.delete(name)));
        engine.clock.advance(Duration.ofHours(2));

        ListPage page = await(engine.store.list(engine.ns, ListOptions.ALL.withLimit(100), ReadOptions.STRONG));

        assertThat(page.keys()).extracting(KeyInfo::name).isEqualTo(names(1400, 1450));
        assertThat(page.complete()).isTrue();
    }
}
