package io.nearkv.server.cli;

import static java.util.Objects.requireNonNull;

import io.nearkv.server.config.DataFolder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where a server is and what to show it. Immutable; the text form leaves the token out.
 *
 * @param address {@code kv://HOST:PORT} or {@code kvs://HOST:PORT}, or HOST:PORT; of a cluster several, with commas between
 * @param token the token
 * @param recordedIn the data folder that named the address, or null if the user did
 * @param tlsCa certificates to trust, or null for the JDK's
 * @param tlsCertificate the client's own certificate, or null
 * @param tlsKey the private key of that certificate, or null
 * @param timeout how long one request may take
 */
public record ServerAccess(
        String address,
        String token,
        @Nullable DataFolder recordedIn,
        @Nullable Path tlsCa,
        @Nullable Path tlsCertificate,
        @Nullable Path tlsKey,
        Duration timeout) {
    /** Checks that nothing is missing. */
    public ServerAccess {
        requireNonNull(address, "address");
        requireNonNull(token, "token");
        requireNonNull(timeout, "timeout");
        if ((tlsCertificate == null) != (tlsKey == null)) {
            throw CommandException.usage("--tls-cert and --tls-key go together");
        }
        if (!address.contains("kvs://") && (tlsCa != null || tlsCertificate != null)) {
            throw CommandException.usage("TLS options are given for '" + address + "' (expected: kvs://HOST:PORT)");
        }
    }

    /** Returns the addresses, each with its scheme. */
    public List<String> addresses() {
        List<String> addresses = new ArrayList<>();
        for (String each : address.split(",", -1)) {
            addresses.add(each.contains("://") ? each : "kv://" + each);
        }
        return addresses;
    }

    @Override
    public String toString() {
        return address;
    }
}
