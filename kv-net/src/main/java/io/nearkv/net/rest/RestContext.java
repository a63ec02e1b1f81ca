package io.nearkv.net.rest;

import io.nearkv.net.server.ServerContext;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** What all connections of the HTTP face share. Thread-safe. */
final class RestContext {
    /** IMF-fixdate (RFC 9110, section 5.6.7); the formatter of the JDK does not pad the day. */
    private static final DateTimeFormatter DATE = DateTimeFormatter.ofPattern(
                    "EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.ENGLISH)
            .withZone(ZoneOffset.UTC);

    private final ServerContext server;
    private final RestOptions options;
    private final @Nullable Cors cors;
    private volatile Date date = new Date(Long.MIN_VALUE, "");
    private final AtomicInteger connections = new AtomicInteger();
    private volatile boolean draining;

    private record Date(long epochSecond, String text) {}

    RestContext(ServerContext server, RestOptions options) {
        this.server = server;
        this.options = options;
        this.cors = Cors.of(options.corsOrigins());
    }

    ServerContext server() {
        return server;
    }

    RestOptions options() {
        return options;
    }

    /** Returns which pages may call, or null if CORS is off. */
    @Nullable
    Cors cors() {
        return cors;
    }

    InstantSource clock() {
        return options.clock();
    }

    /** Open connections. */
    AtomicInteger connections() {
        return connections;
    }

    boolean isDraining() {
        return draining;
    }

    void startDraining() {
        draining = true;
    }

    /** Returns the {@code Date} header of this second. Made once a second; that two threads make it at the same time does no harm. */
    String date() {
        long second = Math.floorDiv(options.clock().millis(), 1000L);
        Date known = date;
        if (known.epochSecond != second) {
            known = new Date(second, DATE.format(Instant.ofEpochSecond(second)));
            date = known;
        }
        return known.text;
    }
}
