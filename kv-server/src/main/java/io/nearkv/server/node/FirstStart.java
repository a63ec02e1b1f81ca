package io.nearkv.server.node;

import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.identity.Environment;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.rocksdb.RocksStore;
import io.nearkv.core.rocksdb.RocksStoreOptions;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;

/** What is made once in a new data folder: a store with an account and a namespace, and the identity of the environment. */
public final class FirstStart {
    private static final String DEFAULT_ACCOUNT = "default";
    private static final String DEFAULT_NAMESPACE = "default";

    private FirstStart() {}

    /**
     * Makes all of it, and closes the store again: for whoever needs the keys before anything serves.
     *
     * @throws KvException as a start of the node in this folder
     */
    public static void make(Path folder, Environment environment, String program, String build, InstantSource clock) {
        RocksStoreOptions options = RocksStoreOptions.builder()
                .environment(environment.name())
                .program(program)
                .clock(clock)
                .build();
        try (RocksStore store = RocksStore.open(folder, options)) {
            var unused = identity(folder, store, environment, build, clock);
        }
    }

    /** Makes what is missing around a new store; returns the identity, which comes last: its absence is what marks a first start that was cut short. */
    static IdentityDirectory identity(
            Path folder, RocksStore store, Environment environment, String build, InstantSource clock) {
        AccountId account = firstAccount(store);
        if (store.admin().namespaces(account).join().isEmpty()) {
            store.admin().createNamespace(account, DEFAULT_NAMESPACE).join();
        }
        return IdentityDirectory.initialize(folder, environment, account, build, clock);
    }

    private static AccountId firstAccount(KvStore store) {
        List<AccountInfo> accounts = store.admin().accounts().join();
        for (AccountInfo account : accounts) {
            if (account.name().equals(DEFAULT_ACCOUNT)) {
                return account.id();
            }
        }
        return accounts.get(0).id();
    }
}
