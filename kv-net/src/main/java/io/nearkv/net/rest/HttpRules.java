package io.nearkv.net.rest;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.TooLongFrameException;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpRequestDecoder;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.TooLongHttpLineException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What HTTP/1.1 asks for beyond what the codec checks: whatever two readers could understand differently is refused, and the connection closed, because nobody knows where the next
 * request begins (RFC 9112, sections 3.2, 6.1 and 11.2). Stateless.
 */
final class HttpRules {
    /** A path with a key of 512 bytes, each percent-encoded, is under 2 KiB; a prefix and a cursor beside it as much again. */
    private static final int MAX_LINE_BYTES = 8 * 1024;

    /** A token has at most 8 KiB; browsers send some more. */
    private static final int MAX_HEADER_BYTES = 16 * 1024;

    private static final int MAX_CHUNK_BYTES = 64 * 1024;

    private HttpRules() {}

    /** Returns a decoder that takes no more than it should. */
    static HttpRequestDecoder decoder() {
        return new Decoder(new HttpDecoderConfig()
                .setMaxInitialLineLength(MAX_LINE_BYTES)
                .setMaxHeaderSize(MAX_HEADER_BYTES)
                .setMaxChunkSize(MAX_CHUNK_BYTES)
                .setStrictLineParsing(true)
                .setUseRfc9112TransferEncoding(true)
                .setAllowDuplicateContentLengths(false));
    }

    private static final class Decoder extends HttpRequestDecoder {
        Decoder(HttpDecoderConfig config) {
            super(config);
        }

        @Override
        protected void handleTransferEncodingChunkedWithContentLength(HttpMessage message) {
            throw new IllegalArgumentException("both Transfer-Encoding and Content-Length");
        }
    }

    /** Throws 400 or 505 for a head that the codec has taken and that is ambiguous all the same. */
    static void check(HttpRequest request) {
        HttpVersion version = request.protocolVersion();
        boolean http11 = version.equals(HttpVersion.HTTP_1_1);
        if (!http11 && !version.equals(HttpVersion.HTTP_1_0)) {
            throw new RestException(
                    505,
                    WorkersCodes.ofStatus(505),
                    new KvException(ErrorCode.INVALID_REQUEST, "HTTP version (expected: 1.1)"));
        }
        HttpHeaders headers = request.headers();
        int hosts = headers.getAll(HttpHeaderNames.HOST).size();
        if (hosts > 1 || (hosts == 0 && http11)) {
            throw malformed("a request with " + hosts + " Host headers (expected: 1)");
        }
        List<String> encodings = headers.getAll(HttpHeaderNames.TRANSFER_ENCODING);
        if (!encodings.isEmpty()) {
            if (encodings.size() > 1 || !encodings.get(0).equalsIgnoreCase("chunked") || !http11) {
                throw malformed("Transfer-Encoding (expected: chunked, once, over HTTP/1.1)");
            }
            if (headers.contains(HttpHeaderNames.CONTENT_LENGTH)) {
                throw malformed("both Transfer-Encoding and Content-Length");
            }
        }
    }

    private static RestException malformed(String what) {
        return RestException.invalid(WorkersCodes.VALIDATION, "malformed HTTP: " + what);
    }

    /** Returns the path and query of a request target, which may also be a whole URI (RFC 9112, section 3.2.2). Throws 400 for anything else. */
    static String pathOf(String target) {
        if (target.startsWith("/")) {
            return target;
        }
        int scheme = target.indexOf("://");
        if (scheme > 0
                && (target.regionMatches(true, 0, "http", 0, scheme)
                        || target.regionMatches(true, 0, "https", 0, scheme))) {
            int path = target.indexOf('/', scheme + 3);
            return path < 0 ? "/" : target.substring(path);
        }
        throw malformed("request target '" + Key.display(target) + "' (expected: a path)");
    }

    /** Returns the answer to what the codec could not understand, in the head or in the body of a request. */
    static RestException refusalOf(@Nullable Throwable cause, boolean inBody) {
        if (inBody) {
            return malformed("the body breaks the rules of HTTP/1.1 (RFC 9112)");
        }
        if (cause instanceof TooLongHttpLineException) {
            return new RestException(
                    414,
                    WorkersCodes.ofStatus(414),
                    new KvException(
                            ErrorCode.TOO_LARGE, "request line (expected: at most " + MAX_LINE_BYTES + " bytes)"));
        }
        if (cause instanceof TooLongFrameException) {
            return malformed("headers of more than " + MAX_HEADER_BYTES + " bytes");
        }
        return malformed("it breaks the rules of HTTP/1.1 (RFC 9112)");
    }

    /** Returns whether the client waits for a word before it sends the body. Throws 417 if it expects anything else. */
    static boolean expectsContinue(HttpRequest request) {
        String expected = request.headers().get(HttpHeaderNames.EXPECT);
        if (expected == null || request.protocolVersion().equals(HttpVersion.HTTP_1_0)) {
            return false;
        }
        if (HttpHeaderValues.CONTINUE.contentEqualsIgnoreCase(expected)) {
            return true;
        }
        throw new RestException(
                417,
                WorkersCodes.ofStatus(417),
                new KvException(ErrorCode.INVALID_REQUEST, "Expect (expected: 100-continue or no such header)"));
    }

    static FullHttpResponse continueResponse() {
        return new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.CONTINUE, Unpooled.EMPTY_BUFFER);
    }

    /** Returns whether an {@code Accept-Encoding} header takes gzip. */
    static boolean acceptsGzip(@Nullable String header) {
        if (header == null) {
            return false;
        }
        boolean any = false;
        for (String each : header.split(",", -1)) {
            int semicolon = each.indexOf(';');
            String coding = (semicolon < 0 ? each : each.substring(0, semicolon)).strip();
            boolean wanted =
                    semicolon < 0 || !isZero(each.substring(semicolon + 1).strip());
            if (coding.equalsIgnoreCase("gzip") || coding.equalsIgnoreCase("x-gzip")) {
                return wanted;
            }
            any |= coding.equals("*") && wanted;
        }
        return any;
    }

    private static boolean isZero(String weight) {
        return weight.regionMatches(true, 0, "q=0", 0, 3)
                && weight.substring(3).chars().allMatch(c -> c == '.' || c == '0');
    }
}
