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

    /** A message as it is on the wire, without its length before it. */
    public interface Item {
        /** Returns how many bytes it has. */
        int bytes();

        /** Writes them. */
        void writeTo(CodedOutputStream out) throws IOException;

        /** Returns a message as an item. */
        static Item of(MessageLite message) {
            return new Item() {
                @Override
                public int bytes() {
                    return message.getSerializedSize();
                }

                @Override
                public void writeTo(CodedOutputStream out) throws IOException {
                    message.writeTo(out);
                }
            };
        }
    }

    private final Iterator<Item> left;
    private final int headBytes;
    private final long totalBytes;
    private long writtenBytes;

    // The item that did not fit into the piece before, and how much of it has gone.
    private byte[] rest = {};
    private int restOffset;

    private BodyWriter(Iterator<Item> left, int headBytes, long totalBytes) {
        this.left = left;
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
     * @param things what is sent; must not change
     * @param toMessage makes one a message; called twice for each, if the body is large
     */
    public static <T> BodyWriter of(
            MessageLite header, List<T> things, Function<? super T, ? extends MessageLite> toMessage) {
        return ofItems(header, things, thing -> Item.of(toMessage.apply(thing)));
    }

    /** As {@link #of(MessageLite, List, Function)}, where so many are sent that to make a message of each costs more than to write it. */
    public static <T> BodyWriter ofItems(MessageLite header, List<T> things, Function<? super T, Item> toItem) {
        Item head = Item.of(header);
        int headBytes = delimitedBytes(head);
        long total = headBytes;
        List<Item> small = new ArrayList<>(Math.min(things.size(), MAX_KEPT) + 1);
        small.add(head);
        for (T thing : things) {
            Item item = toItem.apply(thing);
            total += delimitedBytes(item);
            if (total <= Protocol.MAX_INLINE_BYTES) {
                small.add(item);
            }
        }
        Iterator<Item> all =
                total <= Protocol.MAX_INLINE_BYTES ? small.iterator() : oneByOne(head, things.iterator(), toItem);
        return new BodyWriter(all, headBytes, total);
    }

    private static <T> Iterator<Item> oneByOne(Item head, Iterator<T> things, Function<? super T, Item> toItem) {
        return new Iterator<>() {
            private boolean first = true;

            @Override
            public boolean hasNext() {
                return first || things.hasNext();
            }

            @Override
            public Item next() {
                if (first) {
                    first = false;
                    return head;
                }
                return toItem.apply(things.next());
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
            while (left.hasNext()) {
                writeDelimited(to, left.next());
            }
            to.checkNoSpaceLeft();
        } catch (IOException e) {
            throw changed(e);
        }
        out.writeBytes(all);
        writtenBytes = totalBytes;
    }

    private void write(ByteBuf out, int count) {
        int open = count;
        while (open > 0) {
            if (restOffset == rest.length) {
                rest = delimited(left.next());
                restOffset = 0;
            }
            int part = Math.min(open, rest.length - restOffset);
            out.writeBytes(rest, restOffset, part);
            restOffset += part;
            open -= part;
        }
        writtenBytes += count;
    }

    private static int delimitedBytes(Item item) {
        int size = item.bytes();
        return CodedOutputStream.computeUInt32SizeNoTag(size) + size;
    }

    private static byte[] delimited(Item item) {
        byte[] bytes = new byte[delimitedBytes(item)];
        CodedOutputStream out = CodedOutputStream.newInstance(bytes);
        try {
            writeDelimited(out, item);
            out.checkNoSpaceLeft();
        } catch (IOException e) {
            throw changed(e);
        }
        return bytes;
    }

    private static void writeDelimited(CodedOutputStream out, Item item) throws IOException {
        out.writeUInt32NoTag(item.bytes());
        item.writeTo(out);
    }

    private static UncheckedIOException changed(IOException e) {
        return new UncheckedIOException("an item changed its size while it was written", e);
    }
}
