package io.nearkv.server.command;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.server.cli.ServerAccess;
import io.nearkv.server.config.DataFolder;
import java.io.IOException;
import java.util.function.Function;

/** Connects a command to its server. */
final class ServerConnection {
    private ServerConnection() {}

    /** Returns a connection, which the caller closes. */
    static Kv open(ServerAccess access) {
        return java.util.Optional.<Kv>empty().orElseThrow(() -> new KvException(ErrorCode.UNAVAILABLE, "no client yet: " + access));
    }

    /** Asks the server that runs on this data folder, as its administrator. */
    static <T> T withLocalServer(DataFolder folder, Function<Kv, T> question) throws IOException {
        String address = folder.readServerAddress();
        String token = folder.readAdminToken();
        if (address == null || token == null) {
            throw new KvException(
                    ErrorCode.UNAVAILABLE,
                    "a namespace is given by its title, and no server runs on '" + folder.path()
                            + "' to look it up; start one, or give the namespace's id");
        }
        try (Kv kv = open(
                new ServerAccess(address, token, folder, null, null, null, Limits.DEFAULT_TIMEOUT))) {
            return question.apply(kv);
        }
    }
}
