package io.nearkv.server.command;

import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.net.client.KvClient;
import io.nearkv.net.client.KvClientBuilder;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.ServerAccess;
import io.nearkv.server.config.DataFolder;
import java.io.IOException;
import java.util.function.Function;

/** Connects a command to its server. */
final class ServerConnection {
    private ServerConnection() {}

    /** Returns a connection, which the caller closes. Nothing is sent before the first call. */
    static Kv open(ServerAccess access) {
        KvClientBuilder builder = KvClient.builder().name("nearkv-cli");
        try {
            for (String address : access.addresses()) {
                builder.server(address);
            }
            builder.timeout(access.timeout());
            if (access.tlsCa() != null) {
                builder.trust(access.tlsCa());
            }
            if (access.tlsCertificate() != null && access.tlsKey() != null) {
                builder.clientCertificate(access.tlsCertificate(), access.tlsKey());
            }
        } catch (IllegalArgumentException e) {
            throw CommandException.usage(String.valueOf(e.getMessage()));
        }
        try {
            return builder.token(access.token()).build().kv();
        } catch (IllegalArgumentException | IllegalStateException e) {
            // What is no token at all is found out here and not by the server; it is the same mistake.
            throw new KvException(
                    ErrorCode.UNAUTHORIZED,
                    String.valueOf(e.getMessage()),
                    new KvException.Denial(DenialReason.TOKEN_UNKNOWN, null, null, null),
                    null,
                    e);
        }
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
        try (Kv kv = open(new ServerAccess(address, token, folder, null, null, null, Limits.DEFAULT_TIMEOUT))) {
            return question.apply(kv);
        }
    }

    /** Returns the failure with a hint, where the server was taken from a file that may be older than the server's end. */
    static KvException explained(KvException failure, ServerAccess access) {
        DataFolder recordedIn = access.recordedIn();
        if (failure.code() != ErrorCode.UNAVAILABLE || recordedIn == null) {
            return failure;
        }
        return new KvException(
                failure.code(),
                failure.getMessage() + " ('" + recordedIn.serverAddress() + "' names it; does it still run?)",
                failure.denial(),
                failure.retryAfter(),
                failure);
    }
}
