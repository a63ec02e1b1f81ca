package io.nearkv.net.rest;

import io.nearkv.core.Origin;
import io.netty.buffer.ByteBuf;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpHeadersFactory;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpHeadersFactory;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.util.AsciiString;

/** The heads of answers. Stateless. */
final class Responses {
    static final AsciiString OCTETS = AsciiString.cached("application/octet-stream");
    static final AsciiString JSON = AsciiString.cached("application/json");
    static final AsciiString EVENTS = AsciiString.cached("text/event-stream");
    private static final AsciiString CACHE_STATUS = AsciiString.cached("nearkv-cache-status");
    private static final AsciiString HIT = AsciiString.cached("HIT");
    private static final AsciiString DISK = AsciiString.cached("DISK");
    private static final AsciiString MISS = AsciiString.cached("MISS");
    private static final AsciiString STALE = AsciiString.cached("STALE");
    static final AsciiString EXPIRATION = AsciiString.cached("expiration");

    private static final AsciiString BYTES = AsciiString.cached("bytes");

    // Every name and value that is set here is ours, or a number; checking them again costs as much as making them.
    private static final HttpHeadersFactory HEADERS =
            DefaultHttpHeadersFactory.headersFactory().withValidation(false);

    private Responses() {}

    /** Returns an answer with its body; takes it over. */
    static FullHttpResponse full(int status, AsciiString type, ByteBuf body, String date) {
        FullHttpResponse response = new DefaultFullHttpResponse(
                HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(status), body, HEADERS, HEADERS);
        response.headers()
                .set(HttpHeaderNames.CONTENT_TYPE, type)
                .set(HttpHeaderNames.CONTENT_LENGTH, Integer.toString(body.readableBytes()))
                .set(HttpHeaderNames.DATE, date);
        return response;
    }

    /** Returns the head of an answer whose body follows in pieces, {@code length} bytes of it; a negative length if nobody knows. */
    static HttpResponse head(int status, AsciiString type, int length, String date) {
        HttpResponse response =
                new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(status), HEADERS);
        response.headers().set(HttpHeaderNames.CONTENT_TYPE, type).set(HttpHeaderNames.DATE, date);
        if (length >= 0) {
            response.headers().set(HttpHeaderNames.CONTENT_LENGTH, Integer.toString(length));
        }
        return response;
    }

    /** Says where an answer of a cache comes from, and its age in seconds; nothing where the owner of the data has answered. */
    static void origin(HttpHeaders headers, Origin origin) {
        if (origin != Origin.OWNER) {
            headers.set(CACHE_STATUS, statusOf(origin.source()))
                    .set(HttpHeaderNames.AGE, Long.toString(origin.age().toSeconds()));
        }
    }

    /** Returns the words of {@code CF-Cache-Status}, where it has one. */
    private static AsciiString statusOf(Origin.Source source) {
        return switch (source) {
            case MEMORY -> HIT;
            case DISK -> DISK;
            case STALE, SUBSTITUTE -> STALE;
            case UPSTREAM, OWNER -> MISS;
        };
    }

    /** Says what is known of the value that is answered. */
    static void describe(HttpHeaders headers, long version, long expiresAt, Origin origin) {
        origin(headers, origin);
        headers.set(HttpHeaderNames.ETAG, EntityTag.of(version)).set(HttpHeaderNames.ACCEPT_RANGES, BYTES);
        if (expiresAt != 0) {
            headers.set(EXPIRATION, Long.toString(expiresAt));
        }
    }
}
