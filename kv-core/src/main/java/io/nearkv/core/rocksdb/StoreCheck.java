package io.nearkv.core.rocksdb;

import io.nearkv.core.AccountId;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.NamespaceInfo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;

/**
 * Verifies a stopped data folder and changes nothing in it but its lock file. Three layers, each of which finds what the others cannot: the checksums of every file (which also name the file),
 * the records one by one, and what the records say about each other. Not thread-safe; used once.
 */
public final class StoreCheck {
    /** Beyond this the report ends: a folder with that much damage needs a backup, not a longer list. */
    private static final int MAX_PROBLEMS = 1000;
    /** How often progress is told, in records. */
    private static final int PROGRESS_RECORDS = 10_000;

    private static final Pattern LOG_NUMBER = Pattern.compile("[Ll]og number: ?(\\d{1,18})");

    private final Path folder;
    private final InstantSource clock;
    private final WorkProgress progress;
    private final List<String> problems = new ArrayList<>();
    private final Map<String, Long> counts = new LinkedHashMap<>();
    private boolean tooMany;

    private final EntryRecord.View view = new EntryRecord.View();
    private final ByteBuffer keyBuffer = ByteBuffer.allocate(1024);
    private final CRC32C crc = new CRC32C();
    /** The ids of the values that entries point to. */
    private final IdSet largeValues = new IdSet();
    /** How many pieces these have together. */
    private long piecesOfEntries;

    private StoreCheck(Path folder, InstantSource clock, WorkProgress progress) {
        this.folder = folder;
        this.clock = clock;
        this.progress = progress;
    }

    /**
     * Checks a data folder.
     *
     * @throws KvException {@link ErrorCode#UNAVAILABLE} if a process holds it, {@link ErrorCode#NOT_FOUND} if there is no store in it
     */
    public static CheckReport run(Path folder, InstantSource clock, WorkProgress progress) throws IOException {
        requireStore(folder);
        FolderLock lock = FolderLock.acquire(folder, "nearkv check", clock.instant());
        try {
            return new StoreCheck(folder, clock, progress).check();
        } finally {
            lock.close();
        }
    }

    /** Fails if there is no store in a folder. */
    static void requireStore(Path folder) {
        if (Files.notExists(folder.resolve(StoreStamp.FILE)) && Files.notExists(folder.resolve(Database.FOLDER))) {
            throw new KvException(
                    ErrorCode.NOT_FOUND, "there is no store in '" + folder + "' (expected: a data folder of nearkv)");
        }
    }

    private CheckReport check() throws IOException {
        StoreStamp stamp = checkStamp();
        AckMarker.Reached acknowledged = checkMarker();
        checkFiles();
        try (ReadOnlyDatabase db = ReadOnlyDatabase.open(folder.resolve(Database.FOLDER))) {
            try {
                Map<Integer, NamespaceInfo> namespaces = checkMeta(db, stamp, acknowledged.revision());
                checkEntries(db, namespaces);
                checkValues(db, namespaces);
                checkExpiry(db);
                checkChanges(db, acknowledged.version());
            } catch (RocksDBException e) {
                problem("the database cannot be read: " + e.getMessage());
            }
        } catch (KvException e) {
            problem(String.valueOf(e.getMessage()));
        } catch (RocksDBException e) {
            problem("the database cannot be opened: " + withFile(String.valueOf(e.getMessage())));
        }
        return new CheckReport(problems, counts);
    }

    /** RocksDB speaks of a log by its number. */
    private String withFile(String message) {
        Matcher matcher = LOG_NUMBER.matcher(message);
        return matcher.find()
                ? message + " ("
                        + folder.resolve(Database.FOLDER)
                                .resolve(String.format("%06d.log", Long.parseLong(matcher.group(1))))
                        + ")"
                : message;
    }

    private void problem(String text) {
        if (problems.size() < MAX_PROBLEMS) {
            problems.add(text);
        } else if (!tooMany) {
            tooMany = true;
            problems.add("and more; only the first " + MAX_PROBLEMS + " are listed");
        }
    }

    private void count(String name, long more) {
        counts.merge(name, more, Long::sum);
    }

    private @Nullable StoreStamp checkStamp() {
        try {
            StoreStamp stamp = StoreStamp.read(folder);
            if (stamp == null) {
                problem(folder.resolve(StoreStamp.FILE) + ": missing");
            } else if (stamp.formatVersion() > StoreStamp.CURRENT_FORMAT) {
                throw new KvException(
                        ErrorCode.INTERNAL,
                        folder + " has format version " + stamp.formatVersion() + ", and this program reads up to "
                                + StoreStamp.CURRENT_FORMAT + " (expected: a newer program)");
            }
            return stamp;
        } catch (KvException e) {
            if (e.getMessage() != null && e.getMessage().contains("format version")) {
                throw e;
            }
            problem(String.valueOf(e.getMessage()));
            return null;
        }
    }

    /** Returns the state up to which writes were acknowledged, or none if the marker does not tell. */
    private AckMarker.Reached checkMarker() throws IOException {
        try {
            return AckMarker.open(folder).reached();
        } catch (KvException e) {
            problem(String.valueOf(e.getMessage()));
            return AckMarker.Reached.NOTHING;
        }
    }

    /** Verifies every table and blob file, also where the database as a whole cannot be opened. */
    private void checkFiles() throws IOException {
        List<Path> files;
        try (Stream<Path> entries = Files.list(folder.resolve(Database.FOLDER))) {
            files = entries.filter(file -> isTable(file) || isBlobFile(file) || isLog(file))
                    .sorted()
                    .toList();
        } catch (NoSuchFileException e) {
            problem(folder.resolve(Database.FOLDER) + ": missing");
            return;
        }
        long total = 0;
        for (Path file : files) {
            total += Files.size(file);
        }
        long done = 0;
        for (Path file : files) {
            String problem = isTable(file)
                    ? ReadOnlyDatabase.problemOfTable(file)
                    : isLog(file) ? LogFileCheck.problem(file) : BlobFileCheck.problem(file);
            if (problem != null) {
                problem(file + ": " + problem);
            }
            done += Files.size(file);
            progress.advanced("files", done, total);
        }
        count("files", files.size());
        count("bytes in files", total);
    }

    private static boolean isTable(Path file) {
        return file.toString().endsWith(".sst");
    }

    private static boolean isLog(Path file) {
        return file.toString().endsWith(".log");
    }

    private static boolean isBlobFile(Path file) {
        return file.toString().endsWith(".blob");
    }

    /** Returns the namespaces by their number. */
    private Map<Integer, NamespaceInfo> checkMeta(
            ReadOnlyDatabase db, @Nullable StoreStamp stamp, long acknowledgedRevision) throws RocksDBException {
        Map<Integer, NamespaceInfo> byNumber = new HashMap<>();
        try {
            byte[] record = db.rocks.get(db.meta, MetaRecords.name(MetaRecords.STAMP));
            if (record == null) {
                problem("the database has no stamp");
            } else if (stamp != null) {
                StoreStamp inside = MetaRecords.stamp(record);
                if (!inside.environment().equals(stamp.environment()) || inside.lineage() != stamp.lineage()) {
                    problem("the folder is put together from two stores: " + StoreStamp.FILE + " says '"
                            + stamp.environment() + "', " + hex(stamp.lineage()) + "; the data says '"
                            + inside.environment() + "', " + hex(inside.lineage()));
                }
            }
            Catalogue catalogue = MetaRecords.readCatalogue(db.rocks, db.meta, db.anywhere);
            if (catalogue.revision() < acknowledgedRevision) {
                problem("acknowledged changes of the catalogue are missing: it has " + catalogue.revision()
                        + " changes, and " + acknowledgedRevision + " were acknowledged");
            }
            Set<AccountId> accounts = new HashSet<>();
            catalogue.accounts().forEach(account -> accounts.add(account.id()));
            Set<String> titles = new HashSet<>();
            for (Catalogue.Namespace namespace : catalogue.allNamespaces()) {
                NamespaceInfo info = namespace.info();
                String name = "namespace " + info.id() + " ('" + Key.display(info.title()) + "')";
                if (!accounts.contains(info.account())) {
                    problem(name + ": its account " + info.account() + " does not exist");
                }
                if (!titles.add(info.account() + "/" + info.title())) {
                    problem(name + ": another namespace of its account has the same title");
                }
                if (namespace.number() < 1 || namespace.number() >= catalogue.nextNumber()) {
                    problem(name + ": its number " + namespace.number() + " was never given out");
                }
                NamespaceInfo other = byNumber.put(namespace.number(), info);
                if (other != null) {
                    problem(name + ": has the number of namespace " + other.id());
                }
            }
            count("accounts", accounts.size());
            count("namespaces", byNumber.size());
        } catch (KvException e) {
            problem(String.valueOf(e.getMessage()));
        }
        return byNumber;
    }

    private static String hex(long lineage) {
        return HexFormat.of().toHexDigits(lineage);
    }

    private void checkEntries(ReadOnlyDatabase db, Map<Integer, NamespaceInfo> namespaces) throws RocksDBException {
        long entries = 0;
        long expired = 0;
        long valueBytes = 0;
        try (RocksIterator records = db.rocks.newIterator(db.entries, db.scan)) {
            for (records.seekToFirst(); records.isValid(); records.next()) {
                byte[] key = records.key();
                byte[] record = records.value();
                try {
                    checkEntry(db, namespaces, key, record);
                    valueBytes += view.valueBytes;
                    expired += view.expiresAt != 0 && clock.millis() >= view.expiresAt * 1000 ? 1 : 0;
                } catch (KvException e) {
                    problem(nameOf(key) + ": " + e.getMessage());
                }
                entries++;
                if (entries % PROGRESS_RECORDS == 0) {
                    progress.advanced("entries", entries, 0);
                }
            }
            records.status();
        } catch (RocksDBException e) {
            problem("entries cannot be read after the first " + entries + ": " + e.getMessage());
        }
        count("entries", entries);
        count("expired entries not swept yet", expired);
        count("bytes of values", valueBytes);
        count("large values", largeValues.size());
    }

    private void checkEntry(ReadOnlyDatabase db, Map<Integer, NamespaceInfo> namespaces, byte[] key, byte[] record)
            throws RocksDBException {
        if (key.length <= Integer.BYTES) {
            throw EntryRecord.damaged("an entry key has " + key.length + " bytes");
        }
        int namespace = ByteBuffer.wrap(key).getInt();
        Key name = Key.ofUtf8(ByteBuffer.wrap(key, Integer.BYTES, key.length - Integer.BYTES));
        view.read(ByteBuffer.wrap(record), record.length);
        if (!namespaces.containsKey(namespace)) {
            problem(nameOf(key) + ": its namespace does not exist");
        }
        if (view.expiresAt != 0) {
            EntryRecord.putExpiryKey(keyBuffer.clear(), view.expiresAt, namespace, name);
            if (db.rocks.get(db.expiry, db.anywhere, written()) == null) {
                problem(nameOf(key) + ": it is not in the index of expirations, and would never be removed");
            }
        }
        if (view.external) {
            checkLargeValue(db, key, namespace, name);
        }
    }

    private byte[] written() {
        byte[] bytes = new byte[keyBuffer.position()];
        keyBuffer.flip().get(bytes);
        return bytes;
    }

    /** Reads a value that is stored apart, piece by piece. */
    private void checkLargeValue(ReadOnlyDatabase db, byte[] entryKey, int namespace, Key name)
            throws RocksDBException {
        long valueId = view.valueId;
        int chunks = EntryRecord.chunks(view.valueBytes);
        largeValues.add(valueId);
        piecesOfEntries += chunks;
        EntryRecord.putPointerKey(keyBuffer.clear(), namespace, name);
        byte[] pointer = db.rocks.get(db.values, db.anywhere, written());
        ByteBuffer expected = ByteBuffer.allocate(EntryRecord.POINTER_BYTES);
        EntryRecord.putPointer(expected, valueId, view.valueBytes);
        if (pointer == null || !ByteBuffer.wrap(pointer).equals(expected.flip())) {
            problem(nameOf(entryKey) + ": the pointer to its value is " + (pointer == null ? "missing" : "another"));
        }
        crc.reset();
        for (int index = 0; index < chunks; index++) {
            EntryRecord.putChunkKey(keyBuffer.clear(), namespace, valueId, index);
            byte[] chunk;
            try {
                chunk = db.rocks.get(db.values, db.scan, written());
            } catch (RocksDBException e) {
                problem(nameOf(entryKey) + ": piece " + index + " of its value cannot be read: " + e.getMessage());
                return;
            }
            int length = Math.min(Limits.CHUNK_BYTES, view.valueBytes - index * Limits.CHUNK_BYTES);
            if (chunk == null || chunk.length != length) {
                problem(nameOf(entryKey) + ": piece " + index + " of its value "
                        + (chunk == null ? "is missing" : "has " + chunk.length + " bytes in place of " + length));
                return;
            }
            crc.update(chunk);
        }
        if ((int) crc.getValue() != view.crc32c) {
            problem(nameOf(entryKey) + ": the checksum of its value does not match");
        }
    }

    private static String nameOf(byte[] entryKey) {
        if (entryKey.length <= Integer.BYTES) {
            return "entry 0x" + HexFormat.of().formatHex(entryKey);
        }
        return "entry '"
                + Key.display(new String(
                        entryKey,
                        Integer.BYTES,
                        entryKey.length - Integer.BYTES,
                        java.nio.charset.StandardCharsets.UTF_8))
                + "' of namespace number " + ByteBuffer.wrap(entryKey).getInt();
    }

    /** Looks for what nothing points to. The pieces themselves were read with their entries. */
    private void checkValues(ReadOnlyDatabase db, Map<Integer, NamespaceInfo> namespaces) throws RocksDBException {
        Set<Long> staged = new HashSet<>();
        MetaRecords.forEach(
                db.rocks,
                db.meta,
                db.anywhere,
                MetaRecords.STAGING,
                (id, record) -> staged.add(HexFormat.fromHexDigitsToLong(id)));
        long pointers = 0;
        long pieces = 0;
        long orphans = 0;
        Set<Long> unfinished = new HashSet<>();
        try (RocksIterator records = db.rocks.newIterator(db.values, db.scan)) {
            for (records.seekToFirst(); records.isValid(); records.next()) {
                byte[] key = records.key();
                ByteBuffer in = ByteBuffer.wrap(key);
                if (key.length <= Integer.BYTES) {
                    problem("a key of a value has " + key.length + " bytes");
                    continue;
                }
                int namespace = in.getInt();
                byte kind = in.get();
                if (kind == EntryRecord.POINTER) {
                    pointers++;
                } else if (kind != EntryRecord.CHUNK || key.length != EntryRecord.CHUNK_KEY_BYTES) {
                    problem("a key of a value is malformed: 0x" + HexFormat.of().formatHex(key));
                } else {
                    long valueId = in.getLong();
                    int index = in.getInt();
                    if (staged.contains(valueId)) {
                        unfinished.add(valueId);
                    } else if (largeValues.contains(valueId) && namespaces.containsKey(namespace)) {
                        pieces++;
                    } else {
                        orphans++;
                        problem("piece " + index + " of value " + Long.toHexString(valueId) + " in namespace number "
                                + namespace + " belongs to no entry");
                    }
                }
            }
            records.status();
        } catch (RocksDBException e) {
            problem("values cannot be read to the end, so that pieces without an entry may not be listed: "
                    + e.getMessage());
            return;
        }
        if (pointers != largeValues.size()) {
            problem("there are " + pointers + " pointers to values and " + largeValues.size()
                    + " entries that have one");
        }
        if (pieces > piecesOfEntries) {
            problem((pieces - piecesOfEntries) + " pieces of values are beyond the end of their value");
        }
        count("unfinished uploads", unfinished.size());
        count("pieces without an entry", orphans);
    }

    /** An overwritten entry leaves its old record to the sweeper, so records without an entry are no damage. */
    private void checkExpiry(ReadOnlyDatabase db) throws RocksDBException {
        long records = 0;
        try (RocksIterator expirations = db.rocks.newIterator(db.expiry, db.scan)) {
            for (expirations.seekToFirst(); expirations.isValid(); expirations.next()) {
                records++;
                if (expirations.key().length <= Long.BYTES + Integer.BYTES) {
                    problem("a record of the index of expirations is malformed: 0x"
                            + HexFormat.of().formatHex(expirations.key()));
                }
            }
            expirations.status();
        }
        count("records of the index of expirations", records);
    }

    private void checkChanges(ReadOnlyDatabase db, long acknowledged) throws RocksDBException {
        byte[] trimmedRecord = db.rocks.get(db.meta, MetaRecords.name(MetaRecords.TRIMMED));
        long trimmed = trimmedRecord == null ? 0 : MetaRecords.number(MetaRecords.TRIMMED, trimmedRecord);
        long last = trimmed;
        long changes = 0;
        try (RocksIterator records = db.rocks.newIterator(db.changes, db.scan)) {
            for (records.seekToFirst(); records.isValid(); records.next()) {
                long first = ByteBuffer.wrap(records.key()).getLong();
                if (first != last + 1) {
                    problem("the change feed has a gap: version " + first + " comes after " + last);
                }
                try {
                    ChangeGroup group = ChangeGroup.decode(first, records.value());
                    last = group.lastVersion();
                    changes += last - first + 1;
                } catch (KvException e) {
                    problem(String.valueOf(e.getMessage()));
                    last = first;
                }
            }
            records.status();
        } catch (RocksDBException e) {
            problem("the change feed cannot be read after version " + last + ": " + e.getMessage());
            return;
        }
        if (last < acknowledged) {
            problem("acknowledged writes are missing: the data ends at version " + last + ", and version "
                    + acknowledged + " was acknowledged; the log in " + folder.resolve(Database.FOLDER)
                    + " is cut short or damaged");
        }
        count("changes in the feed", changes);
        count("last version", last);
    }

    /** Ids of values, 8 bytes each: there may be millions. */
    private static final class IdSet {
        private long[] ids = new long[64];
        private int size;
        private boolean sorted;

        void add(long id) {
            if (size == ids.length) {
                ids = Arrays.copyOf(ids, ids.length * 2);
            }
            ids[size++] = id;
            sorted = false;
        }

        int size() {
            return size;
        }

        boolean contains(long id) {
            if (!sorted) {
                Arrays.sort(ids, 0, size);
                sorted = true;
            }
            return Arrays.binarySearch(ids, 0, size, id) >= 0;
        }
    }
}
