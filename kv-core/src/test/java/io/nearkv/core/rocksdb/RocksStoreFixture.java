package io.nearkv.core.rocksdb;

import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.StoreFixture;
import io.nearkv.core.TestClock;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.SecureRandom;
import java.util.random.RandomGenerator;

/** The engine in a folder of its own, on a clock that tests move. */
public final class RocksStoreFixture implements StoreFixture {
    private static final AccountInfo ACCOUNT = new AccountInfo(new AccountId(0xACC, 0x7E57), "test");

    private final Path folder;
    private final TestClock clock;
    private final RandomGenerator random;
    private RocksStore store;

    /** Opens a store over an empty folder. */
    public RocksStoreFixture() throws IOException {
        this(new TestClock(), new SecureRandom());
    }

    /** Opens a store over an empty folder; its lineage is the first number of the generator, and each namespace has the next two as its id. */
    public RocksStoreFixture(TestClock clock, RandomGenerator random) throws IOException {
        this.clock = clock;
        this.random = random;
        this.folder = Files.createTempDirectory("nearkv-engine");
        this.store = RocksStore.open(folder, options().build());
    }

    private RocksStoreOptions.Builder options() {
        return RocksStoreOptions.builder()
                .initialAccount(ACCOUNT)
                .clock(clock)
                .random(random)
                .cacheBytes(16 << 20)
                .writeBufferBytes(4 << 20)
                .diskReserveBytes(0);
    }

    @Override
    public RocksStore store() {
        return store;
    }

    @Override
    public AccountId account() {
        return ACCOUNT.id();
    }

    @Override
    public TestClock clock() {
        return clock;
    }

    @Override
    public boolean canReopen() {
        return true;
    }

    @Override
    public void reopen() {
        store.close();
        store = RocksStore.open(folder, options().build());
    }

    @Override
    public boolean sweep() {
        store.sweep();
        return true;
    }

    @Override
    public void close() throws IOException {
        store.close();
        deleteFolder(folder);
    }

    /** Deletes a folder with everything in it. */
    static void deleteFolder(Path folder) throws IOException {
        Files.walkFileTree(folder, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(
                    Path visited, @org.jspecify.annotations.Nullable IOException failure) throws IOException {
                Files.delete(visited);
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
