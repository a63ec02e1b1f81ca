package io.nearkv.net.rest;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.util.AsciiString;
import java.time.Duration;

/** Answers to requests that are refused. Stateless. */
final class Refusals {
    private static final AsciiString BEARER = AsciiString.cached("Bearer");
    private static final int TYPICAL_BYTES = 512;

    private Refusals() {}

    static FullHttpResponse response(RestException refusal, ByteBufAllocator allocator, String date) {
        ByteBuf body = allocator.directBuffer(TYPICAL_BYTES);
        JsonAnswer.error(body, refusal);
        FullHttpResponse response = Responses.full(refusal.status(), Responses.JSON, body, date);
        if (refusal.status() == 401) {
            response.headers().set(HttpHeaderNames.WWW_AUTHENTICATE, BEARER);
        }
        if (refusal.allow() != null) {
            response.headers().set(HttpHeaderNames.ALLOW, refusal.allow());
        }
        if (refusal.contentRange() != null) {
            response.headers().set(HttpHeaderNames.CONTENT_RANGE, refusal.contentRange());
        }
        Duration retryAfter = refusal.error().retryAfter();
        if (retryAfter != null) {
            // Whole seconds, and never none: the header cannot say less.
            response.headers()
                    .set(
                            HttpHeaderNames.RETRY_AFTER,
                            Long.toString(Math.max(1, retryAfter.plusMillis(999).toSeconds())));
        }
        return response;
    }
}
