package io.nearkv.bench.micro;

import io.nearkv.bench.macro.KeySpace;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.CompressionType;
import org.rocksdb.DataBlockIndexType;
import org.rocksdb.FlushOptions;
import org.rocksdb.HyperClockCache;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

/**
 * RocksDB without us: with the engine's options, or with RocksDB's own. Keys and values as they are, one column family, no versions, no expirations, no feed. Thread-safe.
 */
final class RawRocks implements AutoCloseable {
    /** Which options. */
    enum Tuning {
        /** Those of our engine's entries: filters of files and of the write buffer, hash index in data blocks, HyperClockCache, LZ4. */
        OURS,
        /** RocksDB's defaults, with a block cache of the same size, so that size does not decide. */
        DEFAULTS
    }

    private final Deque<AutoCloseable> owned = new ArrayDeque<>();
    final RocksDB db;
    final ReadOptions reads;
    final WriteOptions synced;
    final WriteOptions buffered;

    RawRocks(Path folder, Tuning tuning, long cacheBytes, long writeBufferBytes) throws RocksDBException {
        RocksDB.loadLibrary();
        BlockBasedTableConfig table = new BlockBasedTableConfig();
        Options options = own(new Options()).setCreateIfMissing(true).setWriteBufferSize(writeBufferBytes);
        if (tuning == Tuning.OURS) {
            table.setBlockCache(own(new HyperClockCache(cacheBytes, 0, -1, false)))
                    .setFilterPolicy(own(new BloomFilter(10)))
                    .setDataBlockIndexType(DataBlockIndexType.kDataBlockBinaryAndHash)
                    .setDataBlockHashTableUtilRatio(0.75);
            options.setParanoidChecks(true)
                    .setAllowConcurrentMemtableWrite(true)
                    .setCompressionType(CompressionType.LZ4_COMPRESSION)
                    .setMemtablePrefixBloomSizeRatio(0.05)
                    .setMemtableWholeKeyFiltering(true)
                    .setMaxWriteBufferNumber(3);
        } else {
            table.setBlockCache(own(new LRUCache(cacheBytes)));
        }
        options.setTableFormatConfig(table);
        this.db = own(RocksDB.open(options, folder.toString()));
        this.reads = own(new ReadOptions());
        this.synced = own(new WriteOptions().setSync(true));
        this.buffered = own(new WriteOptions());
    }

    private <T extends AutoCloseable> T own(T object) {
        owned.push(object);
        return object;
    }

    /** Puts every key; to files if asked for. Not compacted by hand, as our engine is not. */
    void fill(KeySpace space, byte[][] keys, boolean toFiles) throws RocksDBException {
        byte[][] values = space.values();
        int[] order = space.everyKeyOnce();
        for (int from = 0; from < order.length; from += 1000) {
            try (WriteBatch batch = new WriteBatch()) {
                for (int i = from; i < Math.min(order.length, from + 1000); i++) {
                    batch.put(keys[order[i]], values[order[i] % values.length]);
                }
                db.write(buffered, batch);
            }
        }
        if (toFiles) {
            try (FlushOptions flush = new FlushOptions().setWaitForFlush(true)) {
                db.flush(flush);
            }
        }
    }

    @Override
    public void close() {
        while (!owned.isEmpty()) {
            try {
                owned.pop().close();
            } catch (Exception e) {
                throw new IllegalStateException("cannot free a native object", e);
            }
        }
    }
}
