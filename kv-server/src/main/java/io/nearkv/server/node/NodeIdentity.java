package io.nearkv.server.node;

import io.nearkv.core.AccountId;
import io.nearkv.core.identity.Environment;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.rocksdb.StoreStamp;
import java.nio.file.Path;
import java.time.InstantSource;
import org.jspecify.annotations.Nullable;

/**
 * What a data folder says about itself before anything is opened. Immutable.
 *
 * @param identity the folder's identity, or null if it has none yet
 * @param stamp the stamp of its data, or null if there is none yet
 */
record NodeIdentity(
        @Nullable IdentityDirectory identity, @Nullable StoreStamp stamp) {
    /** The environment of a new folder where nobody names one. */
    private static final Environment DEFAULT_ENVIRONMENT = new Environment("development");

    /** Looks at a folder, and changes nothing. */
    static NodeIdentity of(Path dataFolder, @Nullable StoreStamp stamp, InstantSource clock) {
        return new NodeIdentity(
                IdentityDirectory.exists(dataFolder) ? IdentityDirectory.open(dataFolder, clock) : null, stamp);
    }

    /** Returns the environment to serve: the one asked for, else that of the keys, else that of the data, else the default. */
    Environment environment(@Nullable Environment wanted) {
        if (wanted != null) {
            return wanted;
        }
        if (identity != null) {
            return identity.environment();
        }
        return stamp == null ? DEFAULT_ENVIRONMENT : Environment.parse(stamp.environment());
    }

    /** Returns whether the keys or the data are of another environment than the one to serve. */
    boolean isForeignTo(Environment environment) {
        return (identity != null && !identity.environment().equals(environment))
                || (stamp != null && !stamp.environment().equals(environment.name()));
    }

    /** Returns the account that the first start made, or null if there was none yet. */
    @Nullable
    AccountId account() {
        return identity == null ? null : identity.account();
    }
}
