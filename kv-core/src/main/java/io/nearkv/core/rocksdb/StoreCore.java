package io.nearkv.core.rocksdb;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.Position;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** What the parts of one store share: the state that readers see, which the writer thread alone changes. Thread-safe. */
final class StoreCore {
    final Path folder;
    final RocksStoreOptions options;
    final StoreStamp stamp;
    /** The database, or null while there is none: after a failure, and after the end. */
    volatile @Nullable Database database;

    volatile Catalogue catalogue = Catalogue.EMPTY;
    /** The version of the last change that is committed. Set before anybody is told about the commit. */
    volatile long lastVersion;
    /** Whether any value may be in {@code values}: as long as none is, a put need not look for one that it replaces. */
    volatile boolean hasLargeValues;

    volatile boolean closed;
    /** Why there is no database. */
    volatile KvException unavailable = new KvException(ErrorCode.UNAVAILABLE, "the store is opening");
    /** The number of this opening in the high bits; see {@link #newValueId()}. */
    final AtomicLong valueIds = new AtomicLong();

    StoreCore(Path folder, RocksStoreOptions options, StoreStamp stamp) {
        this.folder = folder;
        this.options = options;
        this.stamp = stamp;
    }

    /** Throws if the store is closed, as every method of the contract does. */
    void checkOpen() {
        if (closed) {
            throw new IllegalStateException("the store is closed");
        }
    }

    /**
     * Returns the database.
     *
     * @throws KvException {@link ErrorCode#UNAVAILABLE} if there is none at the moment
     */
    Database database() {
        Database current = database;
        if (current == null) {
            throw unavailable;
        }
        return current;
    }

    /**
     * Enters the database; the caller leaves it.
     *
     * @throws KvException {@link ErrorCode#UNAVAILABLE} if it is being closed
     */
    Lanes.Lane enter(Database db) {
        Lanes.Lane lane = db.lanes.enter();
        if (lane == null) {
            throw closed ? closing() : unavailable;
        }
        return lane;
    }

    /** Sets why there is no database from now on, and takes it away from new callers. */
    void withdraw(KvException reason) {
        unavailable = reason;
        database = null;
    }

    static KvException closing() {
        return new KvException(ErrorCode.UNAVAILABLE, "the store is shutting down");
    }

    static KvException overloaded(String what) {
        return new KvException(ErrorCode.UNAVAILABLE, "overloaded: " + what, null, Duration.ofMillis(100), null);
    }

    long nowMillis() {
        return options.clock.millis();
    }

    Position position(long version) {
        return Position.of(stamp.lineage(), version);
    }

    /** Returns a number that no value of this store has had: the opening, counted in {@code meta}, and a count within it. */
    long newValueId() {
        return valueIds.getAndIncrement();
    }
}
