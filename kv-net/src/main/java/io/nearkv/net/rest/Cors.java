package io.nearkv.net.rest;

import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which pages of other origins a browser lets call (Fetch standard, section 3.2). Stands where requests are answered, not before them, so that an answer is described by its own request's origin and
 * keeps its place among pipelined ones. Immutable.
 *
 * @param any whether every origin may
 * @param origins those that may
 */
record Cors(boolean any, Set<String> origins) {
    private static final String ANY_ORIGIN = "*";
    private static final String METHODS = "GET, HEAD, PUT, POST, DELETE";
    private static final String REQUEST_HEADERS =
            "authorization, content-type, if-match, if-none-match, if-range, range, last-event-id";
    private static final String ANSWER_HEADERS =
            "etag, expiration, content-range, retry-after, age, nearkv-cache-status";
    private static final String PREFLIGHT_SECONDS = "3600";

    Cors {
        origins = Set.copyOf(origins);
    }

    /** Returns what these origins may; null if there are none. */
    static @Nullable Cors of(List<String> origins) {
        return origins.isEmpty() ? null : new Cors(origins.contains(ANY_ORIGIN), Set.copyOf(origins));
    }

    private boolean allows(@Nullable String origin) {
        return origin != null && (any || origins.contains(origin));
    }

    /** Returns whether a browser asks whether it may ask; it does so without a token. */
    static boolean isPreflight(HttpRequest request) {
        HttpHeaders headers = request.headers();
        return request.method().equals(HttpMethod.OPTIONS)
                && headers.contains(HttpHeaderNames.ORIGIN)
                && headers.contains(HttpHeaderNames.ACCESS_CONTROL_REQUEST_METHOD);
    }

    /** Returns the answer to a preflight; {@link #describe} adds whether the origin may. */
    FullHttpResponse preflight(@Nullable String origin, String date) {
        FullHttpResponse response =
                new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.NO_CONTENT, Unpooled.EMPTY_BUFFER);
        response.headers().set(HttpHeaderNames.DATE, date);
        if (allows(origin)) {
            response.headers()
                    .set(HttpHeaderNames.ACCESS_CONTROL_ALLOW_METHODS, METHODS)
                    .set(HttpHeaderNames.ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS)
                    .set(HttpHeaderNames.ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS);
        }
        return response;
    }

    /** Says in the head of an answer whether a page of this origin, null for none, may read it. */
    void describe(HttpHeaders headers, @Nullable String origin) {
        if (!any) {
            headers.add(HttpHeaderNames.VARY, HttpHeaderNames.ORIGIN);
        }
        if (origin != null && allows(origin)) {
            headers.set(HttpHeaderNames.ACCESS_CONTROL_ALLOW_ORIGIN, any ? ANY_ORIGIN : origin)
                    .set(HttpHeaderNames.ACCESS_CONTROL_EXPOSE_HEADERS, ANSWER_HEADERS);
        }
    }
}
