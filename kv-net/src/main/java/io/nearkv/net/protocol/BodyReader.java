package io.nearkv.net.protocol;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.Parser;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.util.Arrays;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Reads the body of a CALL or REPLY as it arrives: the header and then the items, each as soon as it is complete, so that at no time more than one item
 * is held as bytes. Not thread-safe: one at a time may use it.
 *
 * <p>Use: {@link #begin} with the frame, which makes {@link #header} and {@link #totalBytes} known; then {@link #items}, which gives out the items that came with it;
 * then {@link #data} for each DATA frame. All bytes are there when {@link #isDone}.
 *
 * @param <H> the header's type
 */
public final class BodyReader<H> {
    private static final int MAX_LENGTH_BYTES = 5;

    private final int type;
    private final Parser<H> headerParser;
    private final long maxBytes;
    private long totalBytes;
    private long receivedBytes;
    private @Nullable H header;
    private @Nullable Consumer<CodedInputStream> sink;

    // Bytes of the message that is not complete yet: its length first, then itself. Grows with what has arrived and not
    // with what was announced.
    private byte[] partial = {};
    private int partialBytes;

    /**
     * Creates a reader.
     *
     * @param type {@link FrameType#CALL} or {@link FrameType#REPLY}
     * @param headerParser reads the header
     * @param maxBytes most bytes of the whole body
     */
    public BodyReader(int type, Parser<H> headerParser, long maxBytes) {
        this.type = type;
        this.headerParser = headerParser;
        this.maxBytes = maxBytes;
    }

    /**
     * Takes the frame that begins the body; borrows the buffer, and keeps a copy of the items in it.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if it is malformed, {@link ErrorCode#TOO_LARGE} if the body is too long
     */
    public void begin(ByteBuf in, FrameReader frame) {
        boolean continued = frame.has(FrameType.FLAG_CONTINUED);
        int offset = frame.bodyOffset();
        int length = frame.bodyLength();
        totalBytes = length;
        if (continued) {
            if (length < Integer.BYTES) {
                throw Frames.malformed(type, "no length of the whole body");
            }
            totalBytes = in.getUnsignedInt(offset);
            offset += Integer.BYTES;
            length -= Integer.BYTES;
        }
        if (totalBytes > maxBytes) {
            throw new KvException(
                    ErrorCode.TOO_LARGE,
                    FrameType.name(type) + " of " + totalBytes + " bytes (expected: at most " + maxBytes + ")");
        }
        if (continued ? totalBytes <= length : totalBytes != length) {
            throw Frames.malformed(type, "length of the whole body is " + totalBytes);
        }
        append(in, offset, length);
        int headerEnd = completeMessageEnd(0);
        if (headerEnd < 0) {
            throw Frames.malformed(type, "no header");
        }
        header = parse(headerParser, message(0, headerEnd));
        drop(headerEnd);
    }

    /** Returns the header; call after {@link #begin}. */
    public H header() {
        H known = header;
        if (known == null) {
            throw new IllegalStateException("begin() has not been called");
        }
        return known;
    }

    /** Returns the number of bytes of the whole body; call after {@link #begin}. */
    public long totalBytes() {
        return totalBytes;
    }

    /** Returns whether all bytes have arrived. */
    public boolean isDone() {
        return receivedBytes == totalBytes;
    }

    /**
     * Says who gets the items, and gives out those that have arrived. Exceptions of the consumer pass through here and through {@link #data}.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if an item is malformed
     */
    public <I> void items(Parser<I> parser, Consumer<? super I> consumer) {
        sink = input -> consumer.accept(parse(parser, input));
        drain();
        checkEnd();
    }

    /**
     * Takes a DATA frame; borrows the buffer. Gives out the items that are complete. Throws as {@link #items}.
     *
     * @return whether this was the last
     */
    public boolean data(ByteBuf in, FrameReader frame) {
        if (frame.bodyLength() > totalBytes - receivedBytes) {
            throw Frames.malformed(type, "more DATA than the announced " + totalBytes + " bytes");
        }
        append(in, frame.bodyOffset(), frame.bodyLength());
        drain();
        if (frame.has(FrameType.FLAG_END) != isDone()) {
            throw Frames.malformed(type, "END after " + receivedBytes + " of " + totalBytes + " bytes");
        }
        checkEnd();
        return isDone();
    }

    private void append(ByteBuf in, int offset, int length) {
        int needed = partialBytes + length;
        if (needed > partial.length) {
            partial = Arrays.copyOf(partial, Math.max(needed, (int) Math.min(partial.length * 2L, itemLimit())));
        }
        in.getBytes(offset, partial, partialBytes, length);
        partialBytes += length;
        receivedBytes += length;
    }

    private long itemLimit() {
        return Protocol.MAX_ITEM_BYTES + (long) Protocol.MAX_FRAME_BYTES;
    }

    private void drain() {
        Consumer<CodedInputStream> consumer = sink;
        if (consumer == null) {
            throw new IllegalStateException("items() has not been called");
        }
        int start = 0;
        while (true) {
            int end = completeMessageEnd(start);
            if (end < 0) {
                break;
            }
            consumer.accept(message(start, end));
            start = end;
        }
        drop(start);
    }

    private void drop(int count) {
        if (count == partialBytes) {
            // A large item is over: its array is not kept for small ones.
            partial = new byte[0];
            partialBytes = 0;
        } else if (count > 0) {
            partial = Arrays.copyOfRange(partial, count, partialBytes);
            partialBytes = partial.length;
        }
    }

    private void checkEnd() {
        if (isDone() && partialBytes > 0) {
            throw Frames.malformed(type, "the last item is not complete");
        }
    }

    /** Returns where the message that starts here ends, or -1 if it is not complete. */
    private int completeMessageEnd(int start) {
        int length = 0;
        for (int i = 0; i < MAX_LENGTH_BYTES; i++) {
            if (start + i >= partialBytes) {
                return -1;
            }
            byte b = partial[start + i];
            length |= (b & 0x7f) << (7 * i);
            if (b >= 0) {
                if (length < 0 || length > Protocol.MAX_ITEM_BYTES) {
                    throw Frames.malformed(type, "item of " + Integer.toUnsignedString(length) + " bytes");
                }
                int end = start + i + 1 + length;
                return end <= partialBytes ? end : -1;
            }
        }
        throw Frames.malformed(type, "length of an item has more than " + MAX_LENGTH_BYTES + " bytes");
    }

    /** Returns the bytes of a complete message, without its length. */
    private CodedInputStream message(int start, int end) {
        int offset = start;
        while (partial[offset] < 0) {
            offset++;
        }
        CodedInputStream input = CodedInputStream.newInstance(partial, offset + 1, end - offset - 1);
        input.setRecursionLimit(Frames.MAX_NESTING);
        return input;
    }

    private <M> M parse(Parser<M> parser, CodedInputStream input) {
        try {
            M message = parser.parseFrom(input);
            input.checkLastTagWas(0);
            return message;
        } catch (IOException e) {
            throw Frames.malformed(type, "a message in it is not protobuf");
        }
    }
}
