package io.nearkv.core.rocksdb;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Properties;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.ColumnFamilyOptions;
import org.rocksdb.DBOptions;
import org.rocksdb.Options;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.SstFileReader;
import org.rocksdb.WALRecoveryMode;

/** The RocksDB of a data folder, opened without changing anything in it: the log is replayed into memory. Not thread-safe. */
final class ReadOnlyDatabase implements AutoCloseable {
    private static final List<String> FAMILIES = List.of("default", "entries", "values", "expiry", "changes", "meta");

    final RocksDB rocks;
    final ColumnFamilyHandle entries;
    final ColumnFamilyHandle values;
    final ColumnFamilyHandle expiry;
    final ColumnFamilyHandle changes;
    final ColumnFamilyHandle meta;
    final ReadOptions anywhere;
    /** Reads of much data that is not needed again soon. */
    final ReadOptions scan;

    private final Deque<AutoCloseable> owned;
    private final Path logFolder;

    private ReadOnlyDatabase(
            RocksDB rocks, List<ColumnFamilyHandle> families, Deque<AutoCloseable> owned, Path logFolder) {
        this.rocks = rocks;
        this.entries = families.get(1);
        this.values = families.get(2);
        this.expiry = families.get(3);
        this.changes = families.get(4);
        this.meta = families.get(5);
        this.owned = owned;
        this.logFolder = logFolder;
        this.anywhere = own(owned, new ReadOptions());
        this.scan = own(owned, new ReadOptions().setFillCache(false));
    }

    static ReadOnlyDatabase open(Path folder) throws RocksDBException, IOException {
        LogFileCheck.refuseEndlessTail(folder);
        RocksDB.loadLibrary();
        // RocksDB writes a text log wherever it opens something, which would be a change.
        Path logFolder = Files.createTempDirectory("nearkv-check");
        Deque<AutoCloseable> owned = new ArrayDeque<>();
        boolean opened = false;
        try {
            Properties verified = new Properties();
            verified.setProperty("track_and_verify_wals_in_manifest", "true");
            DBOptions options = own(
                    owned,
                    requireNonNull(DBOptions.getDBOptionsFromProps(verified))
                            .setParanoidChecks(true)
                            .setWalRecoveryMode(WALRecoveryMode.TolerateCorruptedTailRecords)
                            .setDbLogDir(logFolder.toString()));
            List<ColumnFamilyDescriptor> descriptors = new ArrayList<>();
            for (String name : FAMILIES) {
                descriptors.add(new ColumnFamilyDescriptor(
                        name.getBytes(StandardCharsets.US_ASCII), own(owned, new ColumnFamilyOptions())));
            }
            List<ColumnFamilyHandle> families = new ArrayList<>();
            RocksDB rocks = own(owned, RocksDB.openReadOnly(options, folder.toString(), descriptors, families));
            ReadOnlyDatabase database = new ReadOnlyDatabase(rocks, families, owned, logFolder);
            opened = true;
            return database;
        } finally {
            if (!opened) {
                free(owned, logFolder);
            }
        }
    }

    /** Verifies every block of a table file; returns what is wrong, or null. */
    static @Nullable String problemOfTable(Path file) {
        RocksDB.loadLibrary();
        try (Options options = new Options();
                SstFileReader reader = new SstFileReader(options)) {
            reader.open(file.toString());
            reader.verifyChecksum();
            return null;
        } catch (RocksDBException e) {
            return e.getMessage();
        }
    }

    private static <T extends AutoCloseable> T own(Deque<AutoCloseable> owned, T object) {
        owned.push(object);
        return object;
    }

    @Override
    public void close() throws IOException {
        free(owned, logFolder);
    }

    private static void free(Deque<AutoCloseable> owned, Path logFolder) throws IOException {
        while (!owned.isEmpty()) {
            try {
                owned.pop().close();
            } catch (Exception e) {
                throw new IllegalStateException("cannot free a native object", e);
            }
        }
        try (Stream<Path> files = Files.walk(logFolder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
