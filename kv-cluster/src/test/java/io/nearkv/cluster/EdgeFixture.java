package io.nearkv.cluster;

import io.nearkv.core.AccountId;
import io.nearkv.core.KvStore;
import io.nearkv.core.StoreFixture;
import io.nearkv.core.TestClock;
import io.nearkv.edge.EdgeCache;
import io.nearkv.edge.EdgeOptions;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** A cache over the store of another fixture, on its clock. */
final class EdgeFixture implements StoreFixture {
    private final StoreFixture below;
    private EdgeCache cache;

    /** Takes the fixture over. */
    EdgeFixture(StoreFixture below) {
        this.below = below;
        this.cache = openCache();
    }

    private EdgeCache openCache() {
        EdgeOptions.Builder options = EdgeOptions.builder().memoryBytes(16 << 20);
        TestClock clock = below.clock();
        if (clock != null) {
            options.clock(clock).ticker(System::nanoTime);
        }
        return EdgeCache.open(below.store(), options.build());
    }

    @Override
    public KvStore store() {
        return cache;
    }

    @Override
    public AccountId account() {
        return below.account();
    }

    @Override
    public @Nullable TestClock clock() {
        return below.clock();
    }

    @Override
    public boolean isCache() {
        return true;
    }

    @Override
    public boolean canReopen() {
        return below.canReopen();
    }

    @Override
    public void reopen() throws Exception {
        cache.close();
        below.reopen();
        cache = openCache();
    }

    @Override
    public boolean sweep() {
        return below.sweep();
    }

    @Override
    public void close() throws IOException {
        cache.close();
        below.close();
    }
}
