package io.nearkv.core.rocksdb;

import io.nearkv.core.Key;
import io.nearkv.core.Limits;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;

/** The list of expirations of a store. */
final class Expirations {
    private Expirations() {}

    /** Returns those that are over by the store's clock, oldest first, at most {@code limit}. */
    static List<ReplicaCommand.Expiration> due(StoreCore core, int limit) {
        long nowSeconds = Math.floorDiv(core.nowMillis(), 1000);
        Database db = core.database();
        Lanes.Lane lane = core.enter(db);
        try (RocksIterator records = db.rocks.newIterator(db.expiry, db.scan)) {
            List<ReplicaCommand.Expiration> piece = new ArrayList<>();
            ByteBuffer key = lane.key;
            for (records.seekToFirst(); records.isValid() && piece.size() < limit; records.next()) {
                int size = records.key(key.clear());
                if (size <= Long.BYTES + Integer.BYTES || size > Long.BYTES + Integer.BYTES + Limits.MAX_KEY_BYTES) {
                    throw EntryRecord.damaged("the list of expirations has a key of " + size + " bytes");
                }
                key.limit(size).position(0);
                long expiresAt = key.getLong();
                if (expiresAt > nowSeconds) {
                    break;
                }
                piece.add(new ReplicaCommand.Expiration(expiresAt, key.getInt(), Key.ofUtf8(key)));
            }
            records.status();
            return piece;
        } catch (RocksDBException e) {
            throw db.failure("cannot be read", e);
        } finally {
            db.lanes.leave(lane);
        }
    }
}
