package io.nearkv.server.command;

import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.KvNamespace;
import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.ConnectionOptions;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.ServerAccess;
import io.nearkv.server.config.DataFolder;
import java.io.IOException;
import picocli.CommandLine.Mixin;

/** A command that talks to a server. */
abstract class ClientCommand extends BaseCommand {
    @Mixin
    private final ConnectionOptions connection = new ConnectionOptions();

    ClientCommand(Console console) {
        super(console);
    }

    /** Checks what can be checked without a server, so that a mistake on the command line is told as such. */
    void check() throws IOException {}

    /** Does the work over a connection, which the caller closes. */
    abstract ExitCode run(Kv kv) throws Exception;

    @Override
    protected final ExitCode run() throws Exception {
        check();
        ServerAccess access = connection.resolve(console());
        try (Kv kv = ServerConnection.open(access)) {
            return run(kv);
        } catch (KvException e) {
            throw ServerConnection.explained(e, access);
        }
    }

    /** Returns the data folder that the user gave. */
    final DataFolder folder() {
        return connection.folder(console());
    }

    /** Returns a namespace whose calls take at most the time that the user gave. */
    final KvNamespace namespace(Kv kv, String titleOrId) {
        return kv.namespace(titleOrId).withTimeout(connection.timeout());
    }
}
