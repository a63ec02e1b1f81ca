package io.nearkv.server.command;

import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.identity.Environment;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.config.DataFolder;
import io.nearkv.server.config.ListenAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What a server is and where: the folder, the environment, the address, certificates, logs. */
final class ServeOptions implements SettingDefaults.Settings {
    private static final String OFF = "off";
    private static final int MAX_NODE_CHARS = 128;

    @Option(
            names = "--data",
            order = 1,
            paramLabel = "DIR",
            defaultValue = DataFolder.DEFAULT,
            description = "The data folder; made if it is missing. Default: ./data.")
    private Path data = Path.of(DataFolder.DEFAULT);

    @Option(
            names = "--environment",
            order = 2,
            paramLabel = "NAME",
            description =
                    "The environment to serve. If the data is of another, every operation is answered 401 and nothing "
                            + "on disk is changed. Default: that of the data folder; 'development' for a new one.")
    private @Nullable Environment environment;

    @Option(
            names = "--listen",
            order = 3,
            paramLabel = "HOST:PORT",
            defaultValue = ListenAddress.DEFAULT,
            description = "Where to listen; port 0 for one that is free. Default: ${DEFAULT-VALUE}.")
    private ListenAddress listen = ListenAddress.parse(ListenAddress.DEFAULT);

    @Option(
            names = "--http",
            order = 3,
            paramLabel = "HOST:PORT|off",
            defaultValue = "127.0.0.1:8787",
            description =
                    "Where to answer the REST API of Workers KV, below /client/v4; with --tls-cert over TLS, and HTTP/2 too. "
                            + "Port 0 for one that is free. Default: ${DEFAULT-VALUE}.")
    private String http = OFF;

    @Option(
            names = "--http-cors",
            order = 3,
            paramLabel = "ORIGIN",
            split = ",",
            description =
                    "Origins whose pages may use the REST API from a browser, such as https://app.example; * for all. "
                            + "Default: none.")
    private List<String> corsOrigins = List.of();

    @Option(
            names = "--ops",
            order = 3,
            paramLabel = "HOST:PORT|off",
            defaultValue = "127.0.0.1:8788",
            description =
                    "Where to answer /healthz, /readyz and /metrics over HTTP, to anybody who asks: keep it on loopback or a "
                            + "private network. Port 0 for one that is free. Default: ${DEFAULT-VALUE}.")
    private String operations = OFF;

    @Option(
            names = "--node",
            order = 3,
            paramLabel = "NAME",
            description = "What this node calls itself in its metrics. Default: the name of the host.")
    private @Nullable String node;

    @Option(
            names = "--build-token",
            order = 4,
            paramLabel = "FILE",
            description =
                    "The permission of this build to serve the environment. Without a good one every operation is "
                            + "answered 401. Default: the data folder's own.")
    private @Nullable Path buildToken;

    @Option(
            names = "--backups",
            order = 5,
            paramLabel = "DIR",
            description = "Where 'nearkv backup' puts backups. Default: the folder 'backups' in the data folder.")
    private @Nullable Path backups;

    @Option(
            names = "--drain-timeout",
            order = 6,
            paramLabel = "TIME",
            defaultValue = "10s",
            description = "How long SIGTERM waits for requests in flight. Default: ${DEFAULT-VALUE}.")
    private Duration drainTimeout = Duration.ZERO;

    @Option(
            names = "--threads",
            order = 7,
            paramLabel = "N",
            description = "Threads that serve connections. Default: one for each processor.")
    private @Nullable Integer threads;

    @Option(
            names = "--spin",
            order = 8,
            defaultValue = "false",
            arity = "0..1",
            paramLabel = "true|false",
            description =
                    "Wait for requests without sleep while there is traffic: a lone request takes a fifth of the time, "
                            + "and each thread a whole core. Default: ${DEFAULT-VALUE}.")
    private boolean spin;

    @Option(
            names = "--tls-cert",
            order = 100,
            paramLabel = "FILE",
            description = "Serve TLS with this certificate chain (PEM). Needs --tls-key.")
    private @Nullable Path tlsCertificate;

    @Option(
            names = "--tls-key",
            order = 101,
            paramLabel = "FILE",
            description = "The private key of the certificate (PEM, PKCS #8, not encrypted).")
    private @Nullable Path tlsKey;

    @Option(
            names = "--tls-client-ca",
            order = 102,
            paramLabel = "FILE",
            description = "Ask clients for a certificate under one of these roots (PEM).")
    private @Nullable Path tlsClientRoots;

    @Option(
            names = "--log-level",
            order = 400,
            paramLabel = "LEVEL",
            defaultValue = "info",
            description = "error, warn, info, debug or trace. Default: ${DEFAULT-VALUE}; debug with --verbose.")
    private String logLevel = "info";

    @Option(
            names = "--log-format",
            order = 401,
            paramLabel = "FORMAT",
            defaultValue = "auto",
            description =
                    "text, json (one object a line), or auto: text on a terminal, JSON otherwise. Logs go to standard "
                            + "error. Default: ${DEFAULT-VALUE}.")
    private String logFormat = "auto";

    DataFolder folder() {
        return new DataFolder(data);
    }

    @Nullable
    Environment environment() {
        return environment;
    }

    ListenAddress listen() {
        return listen;
    }

    /** Returns where to answer the REST API, or null for nowhere. */
    @Nullable
    ListenAddress http() {
        return addressOrOff("--http", http);
    }

    List<String> corsOrigins() {
        return corsOrigins;
    }

    /** Returns where to answer for health and metrics, or null for nowhere. */
    @Nullable
    ListenAddress operations() {
        return addressOrOff("--ops", operations);
    }

    private static @Nullable ListenAddress addressOrOff(String option, String text) {
        if (text.equals(OFF)) {
            return null;
        }
        try {
            return ListenAddress.parse(text);
        } catch (KvException e) {
            throw CommandException.usage(option + ": " + e.getMessage() + ", or off");
        }
    }

    /** Returns what the node calls itself, or null for the name of its host. */
    @Nullable
    String node() {
        String name = node;
        if (name != null && (name.isBlank() || name.length() > MAX_NODE_CHARS)) {
            throw CommandException.usage(
                    "--node: '" + Key.display(name) + "' (expected: 1 to " + MAX_NODE_CHARS + " characters)");
        }
        return name;
    }

    @Nullable
    Path buildToken() {
        return buildToken;
    }

    Path backups() {
        return backups == null ? folder().backups() : backups;
    }

    Duration drainTimeout() {
        return drainTimeout;
    }

    @Nullable
    Integer threads() {
        return threads;
    }

    boolean spin() {
        return spin;
    }

    @Nullable
    Path tlsCertificate() {
        return tlsCertificate;
    }

    @Nullable
    Path tlsKey() {
        return tlsKey;
    }

    @Nullable
    Path tlsClientRoots() {
        return tlsClientRoots;
    }

    String logLevel() {
        return logLevel;
    }

    String logFormat() {
        return logFormat;
    }
}
