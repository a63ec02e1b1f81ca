package io.nearkv.server.config;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import java.net.InetSocketAddress;

/**
 * Where to listen. Text form: {@code HOST:PORT}, with brackets around an IPv6 address. Immutable.
 *
 * @param host a name or an address, without brackets
 * @param port 0 (one that is free) to 65535
 */
public record ListenAddress(String host, int port) {
    /** Loopback: who wants to be reached from elsewhere says so. */
    public static final String DEFAULT = "127.0.0.1:7400";

    /** Checks that a host is given. */
    public ListenAddress {
        requireNonNull(host, "host");
    }

    /**
     * Returns the address with this text form.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if it is malformed
     */
    public static ListenAddress parse(String text) {
        int colon = text.lastIndexOf(':');
        if (colon > 0 && text.length() - colon <= 6) {
            String host = text.substring(0, colon);
            boolean literal = host.startsWith("[") && host.endsWith("]");
            String bare = literal ? host.substring(1, host.length() - 1) : host;
            if (!bare.isEmpty() && literal == (bare.indexOf(':') >= 0)) {
                try {
                    int port = Integer.parseUnsignedInt(text, colon + 1, text.length(), 10);
                    if (port <= 65_535) {
                        return new ListenAddress(bare, port);
                    }
                } catch (NumberFormatException e) {
                    throw malformed(text, e);
                }
            }
        }
        throw malformed(text, null);
    }

    private static KvException malformed(String text, @org.jspecify.annotations.Nullable Throwable cause) {
        return new KvException(
                ErrorCode.INVALID_REQUEST,
                "address '" + Key.display(text) + "' (expected: HOST:PORT, with PORT 0 to 65535)",
                cause);
    }

    /** Returns the address with its host looked up, unresolved if it cannot be. */
    public InetSocketAddress resolve() {
        return new InetSocketAddress(host, port);
    }

    /** Returns the text form. */
    @Override
    public String toString() {
        return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
    }
}
