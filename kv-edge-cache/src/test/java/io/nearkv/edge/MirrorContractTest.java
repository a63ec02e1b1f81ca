package io.nearkv.edge;

import io.nearkv.core.AccountId;
import io.nearkv.core.KvStore;
import io.nearkv.core.KvStoreContract;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.StoreFixture;
import io.nearkv.core.TestClock;
import io.nearkv.core.rocksdb.DiskMirror;
import io.nearkv.core.rocksdb.RocksStoreFixture;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.io.TempDir;

/** The contract of every tier, by a mirror of everything over the engine: who writes through it reads nothing older from it. */
class MirrorContractTest extends KvStoreContract {
    private static final AtomicInteger COUNTER = new AtomicInteger();

    @TempDir
    static Path folder;

    @Override
    protected StoreFixture open() throws IOException {
        return new Fixture(folder.resolve("mirror-" + COUNTER.incrementAndGet()));
    }

    @Override
    public ReadOptions reads() {
        return ReadOptions.EVENTUAL;
    }

    private static final class Fixture implements StoreFixture {
        private final RocksStoreFixture below = new RocksStoreFixture();
        private final Path folder;
        private MirrorStore mirror;

        Fixture(Path folder) throws IOException {
            this.folder = folder;
            this.mirror = openMirror();
        }

        private MirrorStore openMirror() {
            EdgeOptions options = EdgeOptions.builder()
                    .clock(below.clock())
                    .ticker(System::nanoTime)
                    .build();
            return MirrorStore.open(below.store(), DiskMirror.open(folder, "test"), null, options);
        }

        @Override
        public KvStore store() {
            return mirror;
        }

        @Override
        public AccountId account() {
            return below.account();
        }

        @Override
        public TestClock clock() {
            return below.clock();
        }

        @Override
        public boolean canReopen() {
            return true;
        }

        @Override
        public void reopen() {
            mirror.close();
            below.reopen();
            mirror = openMirror();
        }

        @Override
        public boolean sweep() {
            return below.sweep();
        }

        @Override
        public void close() throws IOException {
            mirror.close();
            below.close();
        }
    }
}
