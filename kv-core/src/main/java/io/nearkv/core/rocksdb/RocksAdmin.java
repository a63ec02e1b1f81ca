package io.nearkv.core.rocksdb;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.BackupInfo;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvAdmin;
import io.nearkv.core.KvException;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.core.WriteOptions;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.rocksdb.RocksDBException;

/** The catalogue: read from memory, changed by the writer. Thread-safe. */
final class RocksAdmin implements KvAdmin {
    private static final int REQUEST_BYTES = 2048;

    private final StoreCore core;
    private final Writer writer;
    private final AtomicBoolean backingUp = new AtomicBoolean();

    RocksAdmin(StoreCore core, Writer writer) {
        this.core = core;
        this.writer = writer;
    }

    private <T> CompletableFuture<T> read(Supplier<T> read) {
        core.checkOpen();
        try {
            var unused = core.database(); // What is known while there is none may be older than what was acknowledged.
            return CompletableFuture.completedFuture(read.get());
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    /** A change of the catalogue. */
    private interface Change<R> {
        R apply(Group group) throws RocksDBException;
    }

    private <R> CompletableFuture<R> change(boolean makesRoom, Change<R> change) {
        core.checkOpen();
        return writer.submit(new WriteOp<R>(REQUEST_BYTES, WriteOptions.DEFAULT) {
            @Override
            R prepare(Group group) throws RocksDBException {
                return change.apply(group);
            }

            @Override
            boolean makesRoom() {
                return makesRoom;
            }
        });
    }

    @Override
    public CompletableFuture<List<AccountInfo>> accounts() {
        return read(() -> core.catalogue.accounts());
    }

    @Override
    public CompletableFuture<AccountInfo> createAccount(String name) {
        requireNonNull(name, "name");
        return change(
                false, group -> group.createAccount(new AccountInfo(AccountId.random(core.options.random), name)));
    }

    @Override
    public CompletableFuture<List<NamespaceInfo>> namespaces(AccountId account) {
        requireNonNull(account, "account");
        return read(() -> core.catalogue.namespaces(account));
    }

    @Override
    public CompletableFuture<NamespaceInfo> namespace(NamespaceId namespace) {
        requireNonNull(namespace, "namespace");
        return read(() -> core.catalogue.namespace(namespace).info());
    }

    @Override
    public CompletableFuture<NamespaceInfo> namespace(AccountId account, String title) {
        requireNonNull(account, "account");
        requireNonNull(title, "title");
        return read(() -> core.catalogue.namespace(account, title).info());
    }

    @Override
    public CompletableFuture<NamespaceInfo> createNamespace(AccountId account, String title) {
        requireNonNull(account, "account");
        requireNonNull(title, "title");
        return change(
                false,
                group -> group.createNamespace(
                        new NamespaceInfo(NamespaceId.random(core.options.random), account, title)));
    }

    @Override
    public CompletableFuture<NamespaceInfo> renameNamespace(NamespaceId namespace, String title) {
        requireNonNull(namespace, "namespace");
        requireNonNull(title, "title");
        return change(false, group -> group.renameNamespace(namespace, title));
    }

    @Override
    public CompletableFuture<Void> deleteNamespace(NamespaceId namespace) {
        requireNonNull(namespace, "namespace");
        return change(true, group -> {
                    group.deleteNamespace(group.catalogue().namespace(namespace));
                    return namespace;
                })
                .thenApply(deleted -> null);
    }

    @Override
    public CompletableFuture<BackupInfo> backup() {
        core.checkOpen();
        Path folder = core.options.backupFolder;
        if (folder == null) {
            return CompletableFuture.failedFuture(new KvException(
                    ErrorCode.UNAVAILABLE, "this store keeps no backups (expected: a backup folder in its options)"));
        }
        if (!backingUp.compareAndSet(false, true)) {
            return CompletableFuture.failedFuture(
                    StoreCore.overloaded("a backup is under way (expected: one at a time)"));
        }
        CompletableFuture<BackupInfo> made = new CompletableFuture<>();
        // A thread of its own: backups are rare and long, and nobody else is to wait behind one.
        StoreThreads.named("nearkv-backup")
                .newThread(() -> {
                    try {
                        BackupInfo info = StoreBackups.create(core, folder);
                        backingUp.set(false);
                        made.complete(info);
                    } catch (Throwable e) {
                        backingUp.set(false);
                        made.completeExceptionally(KvException.from(e));
                    }
                })
                .start();
        return made;
    }
}
