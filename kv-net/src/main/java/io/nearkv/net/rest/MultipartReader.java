package io.nearkv.net.rest;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import org.jspecify.annotations.Nullable;

/**
 * Reads {@code multipart/form-data} (RFC 7578, RFC 2046 section 5.1) as it arrives, in pieces of any size, and hands on what the parts hold without keeping it. Where pieces end
 * makes no difference to what the sink learns, except into how many slices the data of a part falls.
 *
 * <p>Strict where two readers could disagree: lines of the structure end with CR LF and never with LF alone, a boundary is followed by nothing but spaces, and each part has exactly
 * one name. Bounds are in {@link BodyLimits}. After an exception the reader must not be used again. Confined to one thread.
 */
final class MultipartReader {
    /*
     * The delimiter is CR LF "--" boundary, and CR occurs in it at its beginning only. So when a match breaks off after k bytes, none of these k can begin another match: they are
     * data, and they equal the first k bytes of the delimiter. A match that began in an earlier piece therefore needs no copy of what was read: `matched` says it all.
     *
     * The first boundary has no line end before it if nothing stands before it; the reader begins as if one had been read.
     */

    /** Takes the parts of a form. May throw: the exception leaves {@link #read}. */
    interface Sink {
        /** Begins a part. The file name and the content type are as the client gave them, or null. */
        void beginPart(String name, @Nullable String fileName, @Nullable String contentType);

        /** Takes some bytes of the part that has begun, at least one; a view, valid during the call, whose indexes are the sink's to move. */
        void data(ByteBuf slice);

        /** Ends the part that has begun. */
        void endPart();
    }

    private enum State {
        /** Before the first boundary. */
        PREAMBLE,
        /** After a boundary: two hyphens make it the last one, spaces and a line end begin a part. */
        BOUNDARY,
        /** In the header lines of a part. */
        HEADERS,
        /** In the bytes of a part. */
        DATA,
        /** After the last boundary. */
        EPILOGUE
    }

    private final byte[] delimiter;
    private final ByteBuf delimiterView;

    private State state = State.PREAMBLE;
    private int matched = 2;
    private int preambleBytes;
    private int epilogueBytes;
    private int parts;
    private PartHeaders headers = new PartHeaders();

    /** What has come after the boundary. */
    private final StringBuilder tail = new StringBuilder(2);

    private int tailBytes;

    private MultipartReader(String boundary) {
        delimiter = ("\r\n--" + boundary).getBytes(US_ASCII);
        delimiterView = Unpooled.wrappedBuffer(delimiter).asReadOnly();
    }

    /** Returns whether a body with this {@code Content-Type}, null if the header is missing, is one to read here. */
    static boolean accepts(@Nullable String contentType) {
        String prefix = "multipart/form-data";
        if (contentType == null) {
            return false;
        }
        int semicolon = contentType.indexOf(';');
        return (semicolon < 0 ? contentType : contentType.substring(0, semicolon))
                .strip()
                .equalsIgnoreCase(prefix);
    }

    /**
     * Returns a reader for a body with this {@code Content-Type}.
     *
     * @throws RestException 400 if it is no {@code multipart/form-data} or its boundary is missing or malformed
     */
    static MultipartReader of(String contentType) {
        HeaderValue value = HeaderValue.parse("Content-Type", contentType, HeaderValue.Quoting.STANDARD);
        if (!value.word().equals("multipart/form-data")) {
            throw BodyRefusal.invalid("Content-Type is not multipart/form-data");
        }
        String boundary = value.parameter("boundary");
        if (boundary == null || !isBoundary(boundary)) {
            throw BodyRefusal.invalid("Content-Type has " + (boundary == null ? "no" : "a malformed")
                    + " boundary (expected: 1 to " + BodyLimits.MAX_BOUNDARY_CHARS + " printable characters)");
        }
        return new MultipartReader(boundary);
    }

    /** Wider than RFC 2046 by some punctuation: what matters is that no line end and no space at the end can be in it. */
    private static boolean isBoundary(String text) {
        return !text.isEmpty()
                && text.length() <= BodyLimits.MAX_BOUNDARY_CHARS
                && text.chars().allMatch(c -> c >= ' ' && c < 0x7F)
                && !text.endsWith(" ");
    }

    /**
     * Takes all readable bytes; borrows {@code in}.
     *
     * @throws RestException 400 if the form is malformed, 413 beyond a bound
     */
    void read(ByteBuf in, Sink sink) {
        while (in.isReadable()) {
            switch (state) {
                case PREAMBLE, DATA -> readToDelimiter(in, sink);
                case BOUNDARY -> readBoundaryTail(in);
                case HEADERS -> readHeaders(in, sink);
                case EPILOGUE -> {
                    epilogueBytes = bounded(epilogueBytes, in.readableBytes(), "after its last boundary");
                    in.skipBytes(in.readableBytes());
                }
            }
        }
    }

    /**
     * Ends the body.
     *
     * @throws RestException 400 if the closing boundary has not come
     */
    void end() {
        if (state != State.EPILOGUE) {
            throw BodyRefusal.invalid("the form ends without its closing boundary");
        }
    }

    private void readToDelimiter(ByteBuf in, Sink sink) {
        int start = in.readerIndex();
        int end = in.writerIndex();
        int at = start;
        // So many of the matched bytes came before this piece.
        int carried = matched;
        while (at < end && matched < delimiter.length) {
            if (matched == 0) {
                int cr = in.indexOf(at, end, (byte) '\r');
                if (cr < 0) {
                    at = end;
                } else {
                    at = cr + 1;
                    matched = 1;
                }
            } else if (in.getByte(at) == delimiter[matched]) {
                at++;
                matched++;
            } else {
                if (carried > 0) {
                    data(delimiterView.slice(0, carried), sink);
                    carried = 0;
                }
                matched = 0; // The byte that differs may be a CR, and is looked at again.
            }
        }
        int dataEnd = at - (matched - carried);
        if (dataEnd > start) {
            data(in.slice(start, dataEnd - start), sink);
        }
        in.readerIndex(at);
        if (matched == delimiter.length) {
            if (state == State.DATA) {
                sink.endPart();
            }
            matched = 0;
            tail.setLength(0);
            tailBytes = 0;
            state = State.BOUNDARY;
        }
    }

    private void data(ByteBuf slice, Sink sink) {
        if (state == State.DATA) {
            sink.data(slice);
        } else {
            preambleBytes = bounded(preambleBytes, slice.readableBytes(), "before its first boundary");
        }
    }

    private static int bounded(int sum, int more, String where) {
        if (more > BodyLimits.MAX_AROUND_PARTS_BYTES - sum) {
            throw BodyRefusal.tooLarge(
                    "the form has more than " + BodyLimits.MAX_AROUND_PARTS_BYTES + " bytes " + where);
        }
        return sum + more;
    }

    private void readBoundaryTail(ByteBuf in) {
        char c = (char) (in.readByte() & 0xFF);
        tailBytes++;
        // Spaces may stand between a boundary and its line end ("transport padding").
        if (tail.isEmpty() && (c == ' ' || c == '\t') && tailBytes <= BodyLimits.MAX_PART_HEADER_BYTES) {
            return;
        }
        tail.append(c);
        switch (tail.toString()) {
            case "\r" -> {}
            case "-" -> {
                if (tailBytes > 1) {
                    throw malformedBoundary();
                }
            }
            case "--" -> state = State.EPILOGUE;
            case "\r\n" -> {
                parts++;
                if (parts > BodyLimits.MAX_PARTS) {
                    throw BodyRefusal.invalid("the form has more than " + BodyLimits.MAX_PARTS + " parts");
                }
                headers = new PartHeaders();
                state = State.HEADERS;
            }
            default -> throw malformedBoundary();
        }
    }

    private static RestException malformedBoundary() {
        return BodyRefusal.invalid("a boundary of the form is followed by something else than a line end");
    }

    private void readHeaders(ByteBuf in, Sink sink) {
        if (headers.read(in)) {
            sink.beginPart(headers.name(), headers.fileName(), headers.contentType());
            // The line end before a boundary is never that of the empty line: a boundary right after it is data, and
            // the form ends unclosed.
            state = State.DATA;
        }
    }
}
