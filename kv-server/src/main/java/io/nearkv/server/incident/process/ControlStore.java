package io.nearkv.server.incident.process;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.rocksdb.EmbeddedKv;
import io.nearkv.core.rocksdb.RocksStoreOptions;
import io.nearkv.core.route.RouteTransport;
import io.nearkv.deploy.control.ControlPlane;
import io.nearkv.deploy.control.ControlPlaneOptions;
import io.nearkv.deploy.control.RefusedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Opens the control plane of a replay, in whatever process. */
final class ControlStore {
    private static final int SMALL = 1 << 20;

    private ControlStore() {}

    /** Opens it over the store in a folder. */
    static ControlPlane open(Path folder, RouteTransport transport, ControlPlaneOptions options) {
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new KvException(ErrorCode.INTERNAL, "'" + folder + "' cannot be made", e);
        }
        Kv kv = EmbeddedKv.open(
                folder.resolve("store"),
                RocksStoreOptions.builder()
                        .environment("control")
                        .cacheBytes(SMALL)
                        .writeBufferBytes(SMALL)
                        .build());
        try {
            return ControlPlane.open(kv, transport, options);
        } catch (RefusedException e) {
            kv.close();
            throw new KvException(ErrorCode.INVALID_REQUEST, String.valueOf(e.getMessage()), e);
        } catch (RuntimeException e) {
            kv.close();
            throw e;
        }
    }

    /** Returns the identity of an environment from the data folder of its core. */
    static IdentityDirectory identity(Path dataFolder) {
        return IdentityDirectory.open(dataFolder, java.time.InstantSource.system());
    }
}
