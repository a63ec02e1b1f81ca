package io.nearkv.core.rocksdb;

import io.nearkv.core.Cursor;
import io.nearkv.core.Key;
import io.nearkv.core.KeyInfo;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.ListOptions;
import io.nearkv.core.ListPage;
import io.nearkv.core.NamespaceId;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.rocksdb.ReadOptions;
import org.rocksdb.ReadTier;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.Slice;

/** Listings: pages of {@code entries} alone. Each page sees one state of the store. */
final class Listings {
    /** Entries that one page looks at, live or expired; then it ends, however short it is. */
    private static final int MAX_STEPS = 10_000;
    /** More names than this would hold up an event loop, wherever they are. */
    private static final int MAX_NAMES_ON_CALLER = 128;
    /** Expired entries that a page on the caller's thread steps over. */
    private static final int MAX_EXPIRED_ON_CALLER = 128;
    /** Deleted and overwritten entries that RocksDB may pass in each of its steps. */
    private static final int MAX_PASSED_ON_CALLER = 16;

    private Listings() {}

    /**
     * Reads a page: one that turns out to be short on the caller's thread if all of it is in memory, like a point read, and any other on the pool.
     *
     * @param mayStay whether the caller's thread is to be had for a page
     */
    static CompletableFuture<ListPage> page(
            StoreCore core, Reads reads, NamespaceId namespace, ListOptions list, Duration timeout, boolean mayStay) {
        if (mayStay) {
            try {
                ListPage page = inMemory(core, namespace, list);
                if (page != null) {
                    return CompletableFuture.completedFuture(page);
                }
            } catch (KvException e) {
                return CompletableFuture.failedFuture(e);
            }
        }
        return reads.onPool(timeout, (db, lane) -> {
            int number = core.catalogue.namespace(namespace).number();
            try (ReadOptions options = new ReadOptions()) {
                return page(core, db, lane, number, list, options, MAX_STEPS);
            }
        });
    }

    /** Returns the page if it is short, in memory, and takes few steps, or null. */
    private static @Nullable ListPage inMemory(StoreCore core, NamespaceId namespace, ListOptions list) {
        Database db = core.database();
        int number = core.catalogue.namespace(namespace).number();
        ListOptions few = list.withLimit(Math.min(list.limit(), MAX_NAMES_ON_CALLER));
        int steps = few.limit() + MAX_EXPIRED_ON_CALLER;
        Lanes.Lane lane = core.enter(db);
        try (ReadOptions options = new ReadOptions()
                .setReadTier(ReadTier.BLOCK_CACHE_TIER)
                .setMaxSkippableInternalKeys(MAX_PASSED_ON_CALLER)
                // Whoever ends with a state of the store last would remove its files.
                .setBackgroundPurgeOnIteratorCleanup(true)) {
            ListPage page = page(core, db, lane, number, few, options, steps);
            return page.complete() || page.keys().size() == list.limit() ? page : null;
        } catch (RocksDBException e) {
            if (Database.isIncomplete(e)) {
                return null;
            }
            throw db.failure("cannot be read", e);
        } finally {
            db.lanes.leave(lane);
        }
    }

    private static ListPage page(
            StoreCore core,
            Database db,
            Lanes.Lane lane,
            int namespace,
            ListOptions list,
            ReadOptions options,
            int maxSteps)
            throws RocksDBException {
        byte[] prefix = list.prefix().getBytes(StandardCharsets.UTF_8);
        byte[] start = scoped(namespace, prefix);
        Cursor cursor = list.cursor();
        byte[] from = cursor == null ? start : after(namespace, start, cursor);
        try (Slice end = new Slice(successor(start));
                RocksIterator entries = db.rocks.newIterator(db.entries, options.setIterateUpperBound(end))) {
            List<KeyInfo> keys = new ArrayList<>(Math.min(list.limit(), 128));
            Cursor next = null;
            int steps = 0;
            for (entries.seek(from); entries.isValid(); entries.next()) {
                if (keys.size() == list.limit()) {
                    next = Cursor.after(keys.get(keys.size() - 1).key());
                    break;
                }
                Key key = key(entries, lane.key);
                KeyInfo info = info(core, entries, lane, key);
                if (info != null) {
                    keys.add(info);
                }
                if (++steps == maxSteps) {
                    next = Cursor.after(key);
                    break;
                }
            }
            entries.status();
            return new ListPage(keys, next);
        }
    }

    private static Key key(RocksIterator entries, ByteBuffer buffer) {
        int size = entries.key(buffer.clear());
        if (size <= Integer.BYTES || size > Integer.BYTES + Limits.MAX_KEY_BYTES) {
            throw EntryRecord.damaged("an entry has a key of " + size + " bytes");
        }
        try {
            return Key.ofUtf8(buffer.limit(size).position(Integer.BYTES));
        } catch (KvException e) {
            throw EntryRecord.damaged("an entry has a malformed key: " + e.getMessage());
        }
    }

    private static @Nullable KeyInfo info(StoreCore core, RocksIterator entries, Lanes.Lane lane, Key key) {
        // Only the head of the record is copied: the buffer ends before the value could make that expensive.
        ByteBuffer head = lane.value.clear().limit(EntryRecord.MAX_HEADER_BYTES);
        int size = entries.value(head);
        EntryRecord.View view = lane.view;
        view.read(lane.value.clear(), size);
        return view.isExpired(core)
                ? null
                : new KeyInfo(key, view.version, view.metadata(lane.value), view.expiresAt, view.valueBytes);
    }

    private static byte[] scoped(int namespace, byte[] prefix) {
        return ByteBuffer.allocate(Integer.BYTES + prefix.length)
                .putInt(namespace)
                .put(prefix)
                .array();
    }

    /** Returns where a page begins: behind the cursor, but never before the prefix, wherever the cursor comes from. */
    private static byte[] after(int namespace, byte[] start, Cursor cursor) {
        ByteBuffer from =
                ByteBuffer.allocate(Integer.BYTES + cursor.after().length() + 1).putInt(namespace);
        cursor.after().putTo(from);
        byte[] next = from.put((byte) 0).array(); // The very next string.
        return Arrays.compareUnsigned(next, start) < 0 ? start : next;
    }

    /** Returns the first key after all that begin with these bytes. There is one, because namespace numbers are far from the largest. */
    private static byte[] successor(byte[] prefix) {
        int end = prefix.length;
        while (prefix[end - 1] == (byte) 0xFF) {
            end--;
        }
        byte[] successor = Arrays.copyOf(prefix, end);
        successor[end - 1]++;
        return successor;
    }
}
