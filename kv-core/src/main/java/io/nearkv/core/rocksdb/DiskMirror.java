package io.nearkv.core.rocksdb;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.OrderedStorage;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.rocksdb.Options;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteBatch;

/** The disk of a full copy, in a RocksDB of its own: nothing is dropped for want of space, and everything is in order. Not thread-safe. */
public final class DiskMirror extends CopyDatabase implements OrderedStorage {
    private static final long WRITE_BUFFER_BYTES = 32 << 20;

    private DiskMirror(Path folder, String stamp) {
        super(folder, stamp);
    }

    /**
     * Opens the copy in a folder, which is made if it is missing. One that is damaged, or was made under another stamp, is emptied.
     *
     * @param stamp whose data it is, such as the name of an environment
     * @throws KvException {@link ErrorCode#UNAVAILABLE} if the folder cannot be written, or another process has it open
     */
    public static DiskMirror open(Path folder, String stamp) {
        DiskMirror mirror = new DiskMirror(folder, stamp);
        mirror.begin();
        return mirror;
    }

    @Override
    void shape(Options options, Opened owner) {
        Options unused = options.setLevelCompactionDynamicLevelBytes(true)
                .setWriteBufferSize(WRITE_BUFFER_BYTES)
                .setMaxTotalWalSize(2 * WRITE_BUFFER_BYTES);
    }

    @Override
    public void scan(byte[] from, Visitor visitor) {
        boolean unused = run(
                db -> {
                    try (RocksIterator records = db.rocks.newIterator(db.reads)) {
                        records.seek(entryKey(from));
                        while (records.isValid()) {
                            byte[] full = records.key();
                            if (!visitor.visit(Arrays.copyOfRange(full, 1, full.length), records.value())) {
                                break;
                            }
                            records.next();
                        }
                        records.status();
                    }
                    return true;
                },
                false);
    }

    @Override
    public void putAll(List<byte[]> keys, List<byte[]> records) {
        boolean unused = run(
                db -> {
                    try (WriteBatch batch = new WriteBatch()) {
                        for (int i = 0; i < keys.size(); i++) {
                            byte[] record = records.get(i);
                            if (record.length == 0) {
                                batch.delete(entryKey(keys.get(i)));
                            } else {
                                batch.put(entryKey(keys.get(i)), record);
                            }
                        }
                        db.rocks.write(db.writes, batch);
                    }
                    return true;
                },
                false);
    }
}
