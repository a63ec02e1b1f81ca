package io.nearkv.net.protocol;

import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.MessageLite;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.Function;

/**
 * Writes the body of a CALL or REPLY: a header and items, each with its length before it. Gives it out in pieces, so that a large body goes out as its receiver
 * takes it; the items of a large one become messages one at a time. Not thread-safe: one at a time may use it.
 *
 * <p>Use: {@link #writeFirst} once, and while not {@link #isDone}, {@link #writeData} with what the receiver has granted.
 */
public final class BodyWriter {
    private static final int MAX_KEPT = 1024;

    private final Iterator<? extends MessageLite> messages;
    private final int headBytes;
    private final long totalBytes;
    private long writtenBytes;

    // The message that did not fit into the piece before, and how much of it has gone.
    private byte[] rest = {};
    private int restOffset;

    private BodyWriter(Iterator<? extends MessageLite> messages, int headBytes, long totalBytes) {
        this.messages = messages;
        this.headBytes = headBytes;
        this.totalBytes = totalBytes;
    }

    /** Returns the writer of a body without items. */
    public static BodyWriter of(MessageLite header) {
        return of(header, List.of(), MessageLite.class::cast);
    }

    /**
     * Returns the writer of a body.
     *
     * @param items what is sent; must not change
     * @param toMessage makes an item a message; called twice for each, if the body is large
     */
    public static <T> BodyWriter of(
            MessageLite header, List<T> items, Function<? super T, ? extends MessageLite> toMessage) {
        int headBytes = delimitedBytes(header);
        long total = headBytes;
        List<MessageLite> small = new ArrayList<>(Math.min(items.size(), MAX_KEPT) + 1);
        small.add(header);
        for (T item : items) {
            MessageLite message = toMessage.apply(item);
            total += delimitedBytes(message);
            if (total <= Protocol.MAX_INLINE_BYTES) {
                small.add(message);
            }
        }
        Iterator<? extends MessageLite> messages =
                total <= Protocol.MAX_INLINE_BYTES ? small.iterator() : oneByOne(header, items.iterator(), toMessage);
        return new BodyWriter(messages, headBytes, total);
    }

    private static <T> Iterator<MessageLite> oneByOne(
            MessageLite header, Iterator<T> items, Function<? super T, ? extends MessageLite> toMessage) {
        return new Iterator<>() {
            private boolean first = true;

            @Override
            public boolean hasNext() {
                return first || items.hasNext();
            }

            @Override
            public MessageLite next() {
                if (first) {
                    first = false;
                    return header;
                }
                return toMessage.apply(items.next());
            }
        };
    }

    /** Returns the number of bytes of the whole body. */
    public long totalBytes() {
        return totalBytes;
    }

    /** Returns whether all has been written. */
    public boolean isDone() {
        return writtenBytes == totalBytes;
    }

    /** Appends the CALL or REPLY frame: with the whole body if it is small, else with the header alone. Borrows the buffer. */
    public void writeFirst(ByteBuf out, int type, int correlationId) {
        if (totalBytes <= Protocol.MAX_INLINE_BYTES) {
            Frames.writeHeader(out, type, 0, correlationId, (int) totalBytes);
            writeAll(out);
        } else {
            Frames.writeHeader(out, type, FrameType.FLAG_CONTINUED, correlationId, Integer.BYTES + headBytes);
            out.writeInt((int) totalBytes);
            write(out, headBytes);
        }
    }

    /**
     * Appends one DATA frame with the next bytes, at most {@code maxBytes} and at most {@link Protocol#MAX_INLINE_BYTES}. Borrows the buffer.
     *
     * @return how many bytes of credit that took
     */
    public int writeData(ByteBuf out, int correlationId, int maxBytes) {
        int piece = (int) Math.min(Math.min(maxBytes, Protocol.MAX_INLINE_BYTES), totalBytes - writtenBytes);
        boolean last = writtenBytes + piece == totalBytes;
        Frames.writeHeader(out, FrameType.DATA, last ? FrameType.FLAG_END : 0, correlationId, piece);
        write(out, piece);
        return piece;
    }

    private void writeAll(ByteBuf out) {
        byte[] all = new byte[(int) totalBytes];
        CodedOutputStream to = CodedOutputStream.newInstance(all);
        try {
            while (messages.hasNext()) {
                writeDelimited(to, messages.next());
            }
            to.checkNoSpaceLeft();
        } catch (IOException e) {
            throw changed(e);
        }
        out.writeBytes(all);
        writtenBytes = totalBytes;
    }

    private void write(ByteBuf out, int count) {
        int left = count;
        while (left > 0) {
            if (restOffset == rest.length) {
                rest = delimited(messages.next());
                restOffset = 0;
            }
            int part = Math.min(left, rest.length - restOffset);
            out.writeBytes(rest, restOffset, part);
            restOffset += part;
            left -= part;
        }
        writtenBytes += count;
    }

    private static int delimitedBytes(MessageLite message) {
        int size = message.getSerializedSize();
        return CodedOutputStream.computeUInt32SizeNoTag(size) + size;
    }

    private static byte[] delimited(MessageLite message) {
        byte[] bytes = new byte[delimitedBytes(message)];
        CodedOutputStream out = CodedOutputStream.newInstance(bytes);
        try {
            writeDelimited(out, message);
            out.checkNoSpaceLeft();
        } catch (IOException e) {
            throw changed(e);
        }
        return bytes;
    }

    private static void writeDelimited(CodedOutputStream out, MessageLite message) throws IOException {
        out.writeUInt32NoTag(message.getSerializedSize());
        message.writeTo(out);
    }

    private static UncheckedIOException changed(IOException e) {
        return new UncheckedIOException("a message changed its size while it was written", e);
    }
}
