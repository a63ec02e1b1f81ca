package io.nearkv.net.client;

import static java.util.Objects.requireNonNull;

import java.net.URI;
import java.net.URISyntaxException;

/**
 * Where a server listens. Text form: {@code kv://host:port}, or {@code kvs://host:port} for TLS; without a port, {@link #DEFAULT_PORT}.
 *
 * @param host a name or an address, without the brackets of IPv6
 * @param port 1 to 65535
 * @param tls whether the connection is encrypted
 */
record ServerAddress(String host, int port, boolean tls) {
    /** Where a server listens if nobody says otherwise. */
    static final int DEFAULT_PORT = 7400;

    ServerAddress {
        requireNonNull(host, "host");
        if (host.isEmpty() || port < 1 || port > 65_535) {
            throw new IllegalArgumentException(
                    "server: " + host + ":" + port + " (expected: a host, and a port of 1 to 65535)");
        }
    }

    /** Returns the address with this text form; {@link IllegalArgumentException} if it has not the form of one. */
    static ServerAddress parse(String text) {
        requireNonNull(text, "server");
        try {
            URI uri = new URI(text);
            boolean tls = "kvs".equals(uri.getScheme());
            String host = uri.getHost();
            if ((tls || "kv".equals(uri.getScheme()))
                    && host != null
                    && uri.getUserInfo() == null
                    && uri.getQuery() == null
                    && uri.getFragment() == null
                    && (uri.getPath().isEmpty() || uri.getPath().equals("/"))) {
                boolean literal = host.startsWith("[") && host.endsWith("]");
                return new ServerAddress(
                        literal ? host.substring(1, host.length() - 1) : host,
                        uri.getPort() == -1 ? DEFAULT_PORT : uri.getPort(),
                        tls);
            }
        } catch (URISyntaxException e) {
            throw malformed(text, e);
        }
        throw malformed(text, null);
    }

    private static IllegalArgumentException malformed(String text, @org.jspecify.annotations.Nullable Throwable cause) {
        return new IllegalArgumentException(
                "server: '" + text + "' (expected: kv://HOST:PORT or kvs://HOST:PORT)", cause);
    }

    /** Returns the text form. */
    @Override
    public String toString() {
        return (tls ? "kvs://" : "kv://") + (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
    }
}
