package io.nearkv.core.rocksdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Metadata;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.PutOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;

/**
 * Pins what is on the disk to a file that one can read beside {@code docs/formats/store.md}. To rewrite it after a change that is meant: {@code -Dnearkv.golden.write=true}, and
 * read the difference.
 */
class StoreFormatTest {
    private static final NamespaceId NAMESPACE = new NamespaceId(0x0123456789abcdefL, 0xfedcba9876543210L);

    @TempDir
    Path folder;

    /** One commit of every kind, in order; all that is random is fixed. */
    private void fill(RocksStore store) {
        NamespaceId ns = Engine.await(store.admin().createNamespace(Engine.ACCOUNT, "configuration"))
                .id();
        List<Mutation> mutations = List.of(
                Mutation.put(Key.of("empty"), Value.empty()),
                new Mutation.Put(
                        Key.of("kéy"),
                        Value.of("value"),
                        PutOptions.metadata(Metadata.ofJson("{\"a\":1}"))
                                .withExpiration(java.time.Instant.ofEpochSecond(4_000_000_000L))),
                Mutation.delete(Key.of("gone")));
        Object unused = Engine.await(store.batch(ns, mutations, WriteOptions.DEFAULT));
        unused = Engine.await(
                store.write(ns, Mutation.put(Key.of("large"), Engine.bytes(65_540, 7)), WriteOptions.DEFAULT));
        NamespaceId second = Engine.await(store.admin().createNamespace(Engine.ACCOUNT, "second"))
                .id();
        unused = Engine.await(store.write(second, Mutation.put(Key.of("k"), Value.of("v")), WriteOptions.DEFAULT));
        Object deleted = Engine.await(store.admin().deleteNamespace(second).thenApply(nothing -> true));
        assertThat(deleted).isEqualTo(true);
    }

    private String dump(RocksStore store) throws RocksDBException {
        StringBuilder out = new StringBuilder();
        Database db = store.databaseForTests();
        TreeMap<String, ColumnFamilyHandle> families = new TreeMap<>();
        families.put("entries", db.entries);
        families.put("values", db.values);
        families.put("expiry", db.expiry);
        families.put("changes", db.changes);
        families.put("meta", db.meta);
        for (var family : families.entrySet()) {
            out.append("[").append(family.getKey()).append("]\n");
            try (RocksIterator records = db.rocks.newIterator(family.getValue())) {
                for (records.seekToFirst(); records.isValid(); records.next()) {
                    byte[] value = records.value();
                    String text = family.getKey().equals("meta")
                            ? new String(records.key(), StandardCharsets.US_ASCII)
                            : HexFormat.of().formatHex(records.key());
                    out.append(text)
                            .append("\n    ")
                            .append(HexFormat.of().formatHex(Arrays.copyOf(value, Math.min(value.length, 80))))
                            .append(value.length > 80 ? " and more, " + value.length + " bytes" : "")
                            .append("\n");
                }
                records.status();
            }
        }
        return out.toString();
    }

    private static void assertGolden(String name, String written) throws IOException {
        Path file = Path.of("src/test/resources/golden/store", name);
        if (Boolean.getBoolean("nearkv.golden.write")) {
            Files.writeString(file, written);
        }
        assertThat(written).isEqualTo(Files.readString(file));
    }

    @Test
    void every_record_and_file_is_as_it_was() throws Exception {
        RocksStoreOptions options = Engine.defaults(new io.nearkv.core.TestClock())
                .random(new Random(42))
                .build();
        try (RocksStore store = RocksStore.open(folder, options)) {
            fill(store);
            assertGolden("records.txt", dump(store));
        }
        assertGolden("STAMP", Files.readString(folder.resolve("STAMP")));
        byte[] marker = Files.readAllBytes(folder.resolve("store.ack"));
        assertThat(marker).hasSize(1024);
        HexFormat hex = HexFormat.of();
        assertGolden(
                "store.ack.txt",
                "0    " + hex.formatHex(marker, 0, 24) + "\n512  " + hex.formatHex(marker, 512, 536) + "\n");
    }

    @Test
    void an_entry_record_that_does_not_add_up_is_damage() {
        ByteBuffer good = ByteBuffer.allocate(200);
        EntryRecord.putHead(good, 9, 77, Metadata.ofJson("[1]"), true);
        EntryRecord.putExternal(good, 5, 100_000, 3);
        int size = good.position();
        EntryRecord.View view = new EntryRecord.View();
        view.read(good, size);
        assertThat(List.of(view.version, view.expiresAt, view.valueId, (long) view.valueBytes))
                .containsExactly(9L, 77L, 5L, 100_000L);
        for (int cut = 0; cut < size; cut++) {
            int shorter = cut;
            assertThatThrownBy(() -> view.read(good, shorter)).isInstanceOf(KvException.class);
        }
        byte[] bytes = good.array();
        bytes[0] = 2;
        assertThatThrownBy(() -> view.read(good, size)).hasMessageContaining("format 2");
    }

    @Test
    void a_change_record_reads_back_and_its_cut_forms_are_damage() {
        ChangeGroup.Encoder encoder = new ChangeGroup.Encoder();
        encoder.begin(7, 1_000);
        encoder.add(NAMESPACE, Key.of("a"), FeedEvent.Kind.PUT, false);
        encoder.add(NAMESPACE, Key.of("é"), FeedEvent.Kind.EXPIRE, true);
        encoder.add(new NamespaceId(1, 2), null, FeedEvent.Kind.NAMESPACE_DELETED, true);
        ByteBuffer record = encoder.finish();
        byte[] bytes = new byte[record.remaining()];
        record.get(bytes);

        ChangeGroup group = ChangeGroup.decode(7, bytes);

        assertThat(group.lastVersion()).isEqualTo(9);
        assertThat(group.commitMillis()).isEqualTo(1_000);
        assertThat(group.item(8)).isEqualTo(new ChangeGroup.Item(NAMESPACE, Key.of("é"), FeedEvent.Kind.EXPIRE, true));
        assertThat(group.item(9).key()).isNull();
        for (int cut = 0; cut < bytes.length; cut++) {
            byte[] shorter = Arrays.copyOf(bytes, cut);
            assertThatThrownBy(() -> ChangeGroup.decode(7, shorter)).isInstanceOf(KvException.class);
        }
    }

    @Test
    void random_bytes_are_damage_or_a_record_but_never_another_exception() {
        Random random = new Random(1);
        EntryRecord.View view = new EntryRecord.View();
        for (int i = 0; i < 20_000; i++) {
            byte[] bytes = new byte[random.nextInt(60)];
            random.nextBytes(bytes);
            if (bytes.length > 0) {
                bytes[0] = 1;
            }
            try {
                view.read(ByteBuffer.wrap(bytes), bytes.length);
                assertThat(view.valueAt + (view.external ? 16 : view.valueBytes))
                        .isEqualTo(bytes.length);
            } catch (KvException e) {
                assertThat(e).hasMessageContaining("damaged");
            }
            try {
                assertThat(ChangeGroup.decode(1, bytes).lastVersion()).isPositive();
            } catch (KvException e) {
                assertThat(e).hasMessageContaining("damaged");
            }
        }
    }

    @Test
    void accounts_and_titles_of_every_script_come_back() {
        AccountInfo account = new AccountInfo(new AccountId(3, 4), "Ünïcödé 数据 😀");
        RocksStoreOptions options = Engine.defaults(new io.nearkv.core.TestClock())
                .initialAccount(account)
                .build();
        try (RocksStore store = RocksStore.open(folder, options)) {
            Object unused = Engine.await(store.admin().createNamespace(account.id(), "名前 😀"));
            assertThat(Engine.failureOf(store.admin().createNamespace(account.id(), "half \uD83D"))
                            .code())
                    .isEqualTo(io.nearkv.core.ErrorCode.INVALID_REQUEST);
        }
        try (RocksStore store = RocksStore.open(folder, options)) {
            assertThat(Engine.await(store.admin().accounts())).containsExactly(account);
            assertThat(Engine.await(store.admin().namespace(account.id(), "名前 😀"))
                            .title())
                    .isEqualTo("名前 😀");
        }
    }
}
