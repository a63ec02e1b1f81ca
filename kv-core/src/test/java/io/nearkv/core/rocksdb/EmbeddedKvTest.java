package io.nearkv.core.rocksdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedIterator;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.KeyInfo;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.KvMap;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.core.PutOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.json.JsonCodec;
import io.nearkv.core.transfer.ExportOptions;
import io.nearkv.core.transfer.ImportOptions;
import io.nearkv.core.transfer.JsonLines;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmbeddedKvTest {
    record Route(String host, int weight) {}

    @TempDir
    private Path folder = Path.of("");

    @Test
    void the_example_of_the_documentation_works_and_survives_reopening() {
        try (Kv kv = EmbeddedKv.open(folder)) {
            kv.namespaces().create("config");
            KvNamespace config = kv.namespace("config");
            config.put("theme", "dark", PutOptions.expiresAfter(Duration.ofHours(1)));
            config.as(JsonCodec.of(Route.class)).put("routes/a", new Route("a.example", 3));
        }
        try (Kv kv = EmbeddedKv.open(folder)) {
            KvNamespace config = kv.namespace("config");
            Optional<String> theme = config.getString("theme");
            assertThat(theme).contains("dark");
            List<String> names = new ArrayList<>();
            for (KeyInfo key : config.list("routes/")) {
                names.add(key.name());
            }
            assertThat(names).containsExactly("routes/a");
            KvMap<Route> routes = config.as(JsonCodec.of(Route.class));
            assertThat(routes.get("routes/a")).contains(new Route("a.example", 3));
        }
    }

    @Test
    void a_new_folder_has_an_account_and_a_namespace_default_and_keeps_them() {
        AccountId account;
        List<NamespaceInfo> namespaces;
        try (Kv kv = EmbeddedKv.open(folder)) {
            account = kv.account();
            namespaces = kv.namespaces().list();
            assertThat(namespaces).extracting(NamespaceInfo::title).containsExactly("default");
        }
        try (Kv kv = EmbeddedKv.open(folder)) {
            assertThat(kv.account()).isEqualTo(account);
            assertThat(kv.namespaces().list()).isEqualTo(namespaces);
        }
    }

    @Test
    void a_feed_goes_on_where_it_was_after_reopening() {
        FeedRequest.Start start;
        try (Kv kv = EmbeddedKv.open(folder);
                FeedIterator feed = kv.namespace("default").watch("", new FeedRequest.Start.Now())) {
            kv.namespace("default").put("a", "1");
            feed.next();
            start = new FeedRequest.Start.After(feed.position().orElseThrow());
            kv.namespace("default").put("b", "1");
        }
        try (Kv kv = EmbeddedKv.open(folder);
                FeedIterator feed = kv.namespace("default").watch("", start)) {
            assertThat(String.valueOf(feed.next())).contains("key=b");
        }
    }

    @Test
    void a_folder_of_several_accounts_wants_one_called_default() {
        RocksStoreOptions options = RocksStoreOptions.builder()
                .initialAccount(new AccountInfo(new AccountId(1, 2), "mine"))
                .build();
        try (Kv kv = EmbeddedKv.open(folder, options)) {
            assertThat(kv.account()).isEqualTo(new AccountId(1, 2));
            kv.store().admin().createAccount("other").join();
        }
        assertThatExceptionOfType(KvException.class)
                .isThrownBy(() -> EmbeddedKv.open(folder))
                .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_REQUEST))
                .withMessageContaining("2 accounts");
        // What was refused has let go of the folder.
        try (RocksStore store =
                RocksStore.open(folder, RocksStoreOptions.builder().build())) {
            store.admin().createAccount("default").join();
        }
        try (Kv kv = EmbeddedKv.open(folder)) {
            assertThat(kv.account()).isNotEqualTo(new AccountId(1, 2));
        }
    }

    @Test
    void a_folder_of_another_environment_is_refused_with_401() {
        RocksStoreOptions production =
                RocksStoreOptions.builder().environment("production").build();
        EmbeddedKv.open(folder, production).close();
        assertThatExceptionOfType(KvException.class)
                .isThrownBy(() -> EmbeddedKv.open(folder))
                .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAUTHORIZED));
        EmbeddedKv.open(folder, production).close();
    }

    @Test
    void a_namespace_moves_from_engine_to_engine_as_json_lines() throws IOException {
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        Random random = new Random(1);
        try (Kv from = EmbeddedKv.open(folder.resolve("from"));
                Kv to = EmbeddedKv.open(folder.resolve("to"))) {
            KvNamespace source = from.namespace("default");
            for (int i = 0; i < 1500; i++) {
                byte[] bytes = new byte[i % 100 == 0 ? i * 500 : i % 50];
                random.nextBytes(bytes);
                source.withWriteOptions(WriteOptions.BUFFERED).put("k" + i, Value.wrap(bytes));
            }
            JsonLines.export(source, file, ExportOptions.DEFAULT);
            JsonLines.importInto(
                    to.namespace("default"), new ByteArrayInputStream(file.toByteArray()), ImportOptions.DEFAULT);
            List<String> keys = new ArrayList<>();
            source.list().forEach(info -> keys.add(info.name()));
            assertThat(keys).hasSize(1500);
            for (String key : keys) {
                assertThat(to.namespace("default").get(key).toOptional())
                        .isEqualTo(source.get(key).toOptional());
            }
        }
    }
}
