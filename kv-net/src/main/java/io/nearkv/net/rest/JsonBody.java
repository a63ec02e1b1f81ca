package io.nearkv.net.rest;

import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.netty.buffer.ByteBuf;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.async.ByteArrayFeeder;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.util.JsonRecyclerPools;

/**
 * A request body of JSON that is parsed as it arrives, in pieces of any size. Where pieces end makes no difference to what comes out. Every body is either understood or refused
 * with a {@link RestException}; after one it must not be used again. Holds heap memory only, and needs no closing. Confined to one thread.
 */
abstract class JsonBody {
    /** How much is parsed at a time; also what {@link #heldBytes} may be wrong by. */
    private static final int PIECE_BYTES = 8 * 1024;

    private final JsonParser parser;
    private final ByteArrayFeeder feeder;
    private final Utf8Check utf8 = new Utf8Check();
    private final SeparatorCheck separators = new SeparatorCheck();
    private final long maxBytes;
    private final int maxTextChars;

    private byte @Nullable [] piece;
    private long receivedBytes;
    private long tokenEndBytes;
    private int depth;
    private int skippedDepth = -1;
    private boolean skipNext;
    private boolean complete;
    private boolean finished;

    /**
     * @param factory one of {@link #factory}
     * @param maxBytes most bytes of the body
     */
    JsonBody(JsonFactory factory, long maxBytes) {
        this.maxBytes = maxBytes;
        maxTextChars = factory.streamReadConstraints().getMaxStringLength();
        parser = factory.createNonBlockingByteArrayParser(ObjectReadContext.empty());
        feeder = (ByteArrayFeeder) parser.nonBlockingInputFeeder();
    }

    /** Returns what makes parsers that refuse texts which are longer; some longer ones may pass, by less than 64 Ki characters. */
    static JsonFactory factory(int maxTextChars) {
        return JsonFactory.builder()
                // A pool would keep the buffers of the largest burst; a parser's own are some KiB beside a body.
                .recyclerPool(JsonRecyclerPools.nonRecyclingPool())
                .streamReadConstraints(StreamReadConstraints.builder()
                        .maxNestingDepth(BodyLimits.MAX_DEPTH)
                        .maxNameLength(BodyLimits.MAX_NAME_BYTES)
                        .maxNumberLength(BodyLimits.MAX_NUMBER_CHARS)
                        .maxStringLength(maxTextChars)
                        .build())
                .build();
    }

    /**
     * Takes all readable bytes; borrows {@code in}.
     *
     * @throws RestException 400 if the body is malformed, 413 or 414 if something in it is too large
     */
    final void read(ByteBuf in) {
        if (in.readableBytes() > maxBytes - receivedBytes) {
            throw BodyRefusal.tooLarge("body of more than " + maxBytes + " bytes");
        }
        while (in.isReadable()) {
            int count = Math.min(in.readableBytes(), PIECE_BYTES);
            if (in.hasArray()) {
                int from = in.arrayOffset() + in.readerIndex();
                in.skipBytes(count);
                feed(in.array(), from, from + count);
            } else {
                byte[] copy = piece;
                if (copy == null) {
                    copy = new byte[PIECE_BYTES];
                    piece = copy;
                }
                in.readBytes(copy, 0, count);
                feed(copy, 0, count);
            }
        }
    }

    /**
     * Ends the body.
     *
     * @throws RestException as {@link #read}, and 400 if the body is cut off
     */
    final void finish() {
        if (finished) {
            return;
        }
        feeder.endOfInput();
        parse();
        if (!complete) {
            throw BodyRefusal.malformed(receivedBytes == 0 ? "body is empty (expected: JSON)" : "body is cut off");
        }
        finished = true;
        piece = null;
    }

    /**
     * Returns about how much memory this holds now. While a text arrives, that is twice its bytes; when it has ended it becomes bytes, and for that moment it is three times
     * as much.
     */
    final long heldBytes() {
        return heldByItems() + (complete ? 0 : 2 * (receivedBytes - tokenEndBytes));
    }

    /** Returns about how much memory is held by what has been understood. */
    abstract long heldByItems();

    /** Takes a token of the document. {@code open} is how many arrays and objects are around it. */
    abstract void accept(JsonToken token, int open);

    /** Returns what messages about the place that is being read begin with, such as {@code item 3: }. */
    String where() {
        return "";
    }

    /** Returns what a text that is too long to be held is refused with; it stands where the next token would. */
    abstract RestException textTooLong();

    /** Throws if the body has not been read to its end. */
    final void requireFinished() {
        if (!finished) {
            throw new IllegalStateException("the body is not finished");
        }
    }

    private void feed(byte[] bytes, int from, int to) {
        if (receivedBytes == 0 && bytes[from] == (byte) 0xEF) {
            // The parser would take it for a byte order mark; nothing else that is JSON begins so.
            throw BodyRefusal.malformed("body is not JSON: it begins with a byte order mark");
        }
        // What is wrong before the first error of these checks is found by the parser, and is what the body is refused
        // for.
        int notUtf8 = utf8.firstError(bytes, from, to);
        int wellFormed = notUtf8 < 0 ? to : notUtf8;
        int dangling = separators.firstError(bytes, from, wellFormed);
        int end = dangling < 0 ? wellFormed : dangling;
        receivedBytes += end - from;
        if (end > from) {
            feeder.feedInput(bytes, from, end);
            parse();
        }
        if (dangling >= 0) {
            throw BodyRefusal.malformed("body is not JSON (at byte " + receivedBytes + ")");
        }
        if (notUtf8 >= 0) {
            throw BodyRefusal.malformed("body is not UTF-8 (at byte " + receivedBytes + ")");
        }
    }

    private void parse() {
        JsonToken token = next();
        while (token != null && token != JsonToken.NOT_AVAILABLE) {
            tokenEndBytes = receivedBytes;
            if (complete) {
                throw BodyRefusal.malformed("body goes on after its JSON document");
            }
            if (token.isStructEnd()) {
                depth--;
            }
            if (!skips(token)) {
                accept(token, depth);
            }
            if (token.isStructStart()) {
                depth++;
            }
            complete = depth == 0;
            token = next();
        }
    }

    private @Nullable JsonToken next() {
        try {
            return parser.nextToken();
        } catch (StreamConstraintsException e) {
            if (receivedBytes - tokenEndBytes >= maxTextChars) {
                throw textTooLong();
            }
            throw BodyRefusal.malformed("body is nested deeper than " + BodyLimits.MAX_DEPTH
                    + ", or has a name or number longer than " + BodyLimits.MAX_NAME_BYTES + " bytes" + location(e));
        } catch (JacksonException e) {
            // Not its message and not as the cause: both may quote the body.
            throw BodyRefusal.malformed("body is not JSON" + location(e));
        }
    }

    private static String location(JacksonException e) {
        TokenStreamLocation location = e.getLocation();
        return location == null ? "" : " (at line " + location.getLineNr() + ", column " + location.getColumnNr() + ")";
    }

    private boolean skips(JsonToken token) {
        if (skipNext) {
            skipNext = false;
            skippedDepth = token.isStructStart() ? depth : -1;
            return true;
        }
        if (skippedDepth < 0) {
            return false;
        }
        if (token.isStructEnd() && depth == skippedDepth) {
            skippedDepth = -1;
        }
        return true;
    }

    /** Passes over the value that comes next, whatever it is. */
    final void skipValue() {
        skipNext = true;
    }

    /** Returns the name of the member that begins. */
    final String name() {
        return parser.currentName();
    }

    /** Returns the text of the string or number that was read. */
    final String text() {
        return parser.getString();
    }

    /** Returns the number of characters of the text that was read, at no cost. */
    final int textLength() {
        return parser.getStringLength();
    }

    /** Returns the text that was read as UTF-8, or null if it has a surrogate without its other half, which has no bytes in UTF-8. */
    final byte @Nullable [] textUtf8(int maxBytes) {
        Utf8Text bytes = new Utf8Text(parser.getStringLength(), maxBytes);
        parser.getString(bytes);
        if (bytes.isTooLong()) {
            throw textTooLong();
        }
        return bytes.toByteArray();
    }

    /** Returns the text that was read as a key. */
    final Key key(JsonToken token) {
        if (token != JsonToken.VALUE_STRING) {
            throw BodyRefusal.invalid(where() + "key is not a string");
        }
        try {
            // Before it becomes a string: it may have millions of characters.
            if (textLength() > Limits.MAX_KEY_BYTES) {
                throw keyTooLong();
            }
            return Key.of(parser.getString());
        } catch (KvException e) {
            throw BodyRefusal.ofKey(where(), e);
        }
    }

    /** Returns what a key that is much too long is refused with. */
    final RestException keyTooLong() {
        return BodyRefusal.keyTooLong(where() + "key of more than " + Limits.MAX_KEY_BYTES
                + " bytes (expected: at most " + Limits.MAX_KEY_BYTES + ")");
    }

    /** Returns the flag that was read, false for null. */
    final boolean flag(JsonToken token, String name) {
        if (token != JsonToken.VALUE_TRUE && token != JsonToken.VALUE_FALSE && token != JsonToken.VALUE_NULL) {
            throw BodyRefusal.invalid(where() + name + " is not true or false");
        }
        return token == JsonToken.VALUE_TRUE;
    }
}
