package io.nearkv.server.cli;

import io.nearkv.core.Limits;
import io.nearkv.server.config.DataFolder;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** How a command finds the server and the token: by flag, then by environment variable, then in the local data folder. */
public final class ConnectionOptions {
    @Option(
            names = "--server",
            order = 700,
            paramLabel = "ADDRESS",
            description =
                    "The server: kv://HOST:PORT, kvs://HOST:PORT for TLS, or HOST:PORT; of a cluster several, with commas "
                            + "between. Default: NEARKV_SERVER, or the server of the data folder.")
    private @Nullable String server;

    @Option(
            names = "--token",
            order = 701,
            paramLabel = "TOKEN",
            description = "The token. Other users of the machine can see it in the list of processes: prefer "
                    + "--token-file or NEARKV_TOKEN.")
    private @Nullable String token;

    @Option(
            names = "--token-file",
            order = 702,
            paramLabel = "FILE",
            description = "A file with the token. Default: NEARKV_TOKEN, or the data folder's admin.token.")
    private @Nullable Path tokenFile;

    @Option(
            names = "--tls-ca",
            order = 703,
            paramLabel = "FILE",
            description = "Certificates (PEM) to trust in place of the JDK's. Only with kvs://.")
    private @Nullable Path tlsCa;

    @Option(
            names = "--tls-cert",
            order = 704,
            paramLabel = "FILE",
            description = "The client's own certificate (PEM), where the server asks for one.")
    private @Nullable Path tlsCertificate;

    @Option(
            names = "--tls-key",
            order = 705,
            paramLabel = "FILE",
            description = "The private key (PEM, PKCS #8) of the client's certificate.")
    private @Nullable Path tlsKey;

    @Option(
            names = "--timeout",
            order = 706,
            paramLabel = "TIME",
            defaultValue = "10s",
            description = "How long one request may take, such as 500ms or 30s. Default: 10s.")
    private Duration timeout = Limits.DEFAULT_TIMEOUT;

    @Mixin
    private final DataFolderOption data = new DataFolderOption();

    /** Returns the data folder. */
    public DataFolder folder(Console console) {
        return data.folder(console);
    }

    /** Returns how long one request may take. */
    public Duration timeout() {
        if (timeout.isZero() || timeout.compareTo(Limits.MAX_TIMEOUT) > 0) {
            throw CommandException.usage("--timeout: " + timeout.toMillis() + " ms (expected: more than 0, at most "
                    + Limits.MAX_TIMEOUT.toHours() + "h)");
        }
        return timeout;
    }

    /** Returns whether the user names a server, by flag or variable. */
    public boolean namesServer(Console console) {
        return server != null || console.environment().containsKey("NEARKV_SERVER");
    }

    /** Returns where the server is and what to show it; fails with a line that says what is missing. */
    public ServerAccess resolve(Console console) throws IOException {
        DataFolder folder = folder(console);
        Map<String, String> environment = console.environment();
        String address = server != null ? server : environment.get("NEARKV_SERVER");
        boolean recorded = address == null;
        if (address == null) {
            address = folder.readServerAddress();
        }
        if (address == null) {
            throw new CommandException(
                    ExitCode.UNAVAILABLE,
                    "unavailable",
                    "no server is running on the data folder '" + folder.path()
                            + "'; start one with 'nearkv serve', or name one with --server or NEARKV_SERVER",
                    null);
        }
        return new ServerAccess(
                address,
                resolveToken(folder, environment),
                recorded ? folder : null,
                tlsCa,
                tlsCertificate,
                tlsKey,
                timeout());
    }

    private String resolveToken(DataFolder folder, Map<String, String> environment) throws IOException {
        if (token != null && tokenFile != null) {
            throw CommandException.usage("--token and --token-file exclude each other");
        }
        String text = token;
        if (tokenFile != null) {
            text = DataFolder.readOneLine(tokenFile);
            if (text == null) {
                throw CommandException.failed("io", tokenFile + ": no such file", null);
            }
        }
        if (text == null) {
            text = environment.get("NEARKV_TOKEN");
        }
        if (text == null) {
            text = folder.readAdminToken();
        }
        if (text == null) {
            throw new CommandException(
                    ExitCode.DENIED,
                    "unauthorized",
                    "no token: give one with --token-file or NEARKV_TOKEN, or the folder of a server with --data ('"
                            + folder.adminToken() + "' is not there)",
                    null);
        }
        return text.strip();
    }
}
