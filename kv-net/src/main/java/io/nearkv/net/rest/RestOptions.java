package io.nearkv.net.rest;

import static java.util.Objects.requireNonNull;

import io.nearkv.net.server.TlsFiles;
import java.net.InetSocketAddress;
import java.time.InstantSource;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a {@link RestServer} is set up. Bounds are those of the {@link io.nearkv.net.server.KvServer} that it stands beside. Immutable; the {@code with} methods return changed
 * copies.
 *
 * @param address where to listen; port 0 for one that is free
 * @param tls certificates, or null for no TLS. With TLS, HTTP/2 is offered beside HTTP/1.1
 * @param corsOrigins the origins whose pages may call from a browser, {@code *} for all; empty for none
 * @param clock what expirations are compared with, and the {@code Date} header
 */
public record RestOptions(
        InetSocketAddress address, @Nullable TlsFiles tls, List<String> corsOrigins, InstantSource clock) {
    /** Makes the list read-only. */
    public RestOptions {
        requireNonNull(address, "address");
        requireNonNull(clock, "clock");
        corsOrigins = List.copyOf(corsOrigins);
    }

    /** Returns the defaults for this address: no TLS, no CORS, the system's clock. */
    public static RestOptions listeningOn(InetSocketAddress address) {
        return new RestOptions(address, null, List.of(), InstantSource.system());
    }

    /** Returns a copy with these certificates; null for no TLS. */
    public RestOptions withTls(@Nullable TlsFiles newTls) {
        return new RestOptions(address, newTls, corsOrigins, clock);
    }

    /** Returns a copy that lets pages of these origins call. */
    public RestOptions withCorsOrigins(List<String> newOrigins) {
        return new RestOptions(address, tls, newOrigins, clock);
    }

    /** Returns a copy with this clock. */
    public RestOptions withClock(InstantSource newClock) {
        return new RestOptions(address, tls, corsOrigins, newClock);
    }
}
