package io.nearkv.core.rocksdb;

import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletionException;

/** The whole store inside the application's own process: no server, no network, no token. */
public final class EmbeddedKv {
    /** What an account is called where nobody gave it another name. */
    private static final String DEFAULT_ACCOUNT = "default";

    /** The namespace that every new folder has. */
    private static final String DEFAULT_NAMESPACE = "default";

    private EmbeddedKv() {}

    /**
     * Opens the store of a folder with the default options, that is, for the environment {@code development}; makes one with an account and a namespace {@code default} if
     * the folder is empty or absent. Closing the result closes the store.
     *
     * @throws KvException as {@link RocksStore#open}
     */
    public static Kv open(Path folder) {
        return open(folder, RocksStoreOptions.builder().build());
    }

    /**
     * Opens the store of a folder as {@link #open(Path)} does, with options.
     *
     * @throws KvException as {@link RocksStore#open}, and {@link ErrorCode#INVALID_REQUEST} if the folder has several accounts and none, or more than one, is called
     *     {@code default}: {@link Kv#over} takes any of them
     */
    public static Kv open(Path folder, RocksStoreOptions options) {
        RocksStore store = RocksStore.open(folder, options);
        try {
            Kv kv = Kv.over(store, account(folder, store.admin().accounts().join()));
            kv.namespaces().findOrCreate(DEFAULT_NAMESPACE);
            return kv;
        } catch (CompletionException e) {
            store.close();
            throw KvException.from(e);
        } catch (RuntimeException e) {
            store.close();
            throw e;
        }
    }

    private static AccountId account(Path folder, List<AccountInfo> accounts) {
        List<AccountInfo> candidates = accounts.size() == 1
                ? accounts
                : accounts.stream()
                        .filter(account -> account.name().equals(DEFAULT_ACCOUNT))
                        .toList();
        if (candidates.size() != 1) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    folder + " has " + accounts.size() + " accounts (expected: one, or one called " + DEFAULT_ACCOUNT
                            + "; Kv.over takes any of them)");
        }
        return candidates.get(0).id();
    }
}
