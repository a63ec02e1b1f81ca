package io.nearkv.core;

import java.io.InputStream;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The bytes of a value, as it was when it was opened, whatever is written meanwhile. Failures are thrown as {@link KvException}; the timeout of the view that opened it
 * bounds each piece. Holds resources of the store until it is closed. Not thread-safe.
 */
public final class ValueInputStream extends InputStream {
    private final ValueReader reader;
    private final Duration timeout;
    private ByteBuffer piece = ByteBuffer.allocate(0);
    private boolean atEnd;
    private boolean closed;

    ValueInputStream(ValueReader reader, Duration timeout) {
        this.reader = reader;
        this.timeout = timeout;
    }

    /** Returns the number of bytes of the whole value. */
    public int length() {
        return reader.length();
    }

    /** Returns the metadata, or null if there is none. */
    public @Nullable Metadata metadata() {
        return reader.metadata();
    }

    /** Returns the number of the commit that wrote the entry. */
    public long version() {
        return reader.version();
    }

    /** Returns the seconds since the epoch at which the entry expires, or 0 if it does not. */
    public long expiresAt() {
        return reader.expiresAt();
    }

    @Override
    public int read() {
        return fill() ? piece.get() & 0xFF : -1;
    }

    @Override
    public int read(byte[] target, int offset, int length) {
        Objects.checkFromIndexSize(offset, length, target.length);
        if (length == 0) {
            return 0;
        }
        if (!fill()) {
            return -1;
        }
        int count = Math.min(length, piece.remaining());
        piece.get(target, offset, count);
        return count;
    }

    @Override
    public int available() {
        return piece.remaining();
    }

    private boolean fill() {
        if (closed) {
            throw new IllegalStateException("the stream is closed");
        }
        if (!piece.hasRemaining() && !atEnd) {
            piece = Blocking.await(reader::read, timeout);
            atEnd = !piece.hasRemaining();
        }
        return !atEnd;
    }

    /** Gives the resources back. Idempotent. */
    @Override
    public void close() {
        closed = true;
        piece = ByteBuffer.allocate(0);
        reader.close();
    }
}
