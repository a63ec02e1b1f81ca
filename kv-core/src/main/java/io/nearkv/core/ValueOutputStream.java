package io.nearkv.core;

import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Objects;

/**
 * A value written piece by piece. Nothing is visible before {@link #commit()}, and nothing stays of a stream that is closed without it, so that an exception inside
 * try-with-resources never leaves half a value. Failures are thrown as {@link KvException}; the timeout of the view that opened it bounds each piece and the commit.
 * Not thread-safe.
 */
public final class ValueOutputStream extends OutputStream {
    private final ValueWriter writer;
    private final Duration timeout;
    private final ByteBuffer buffer = ByteBuffer.allocate(Limits.CHUNK_BYTES);
    /** Whether a piece is under way, or was when its call failed: then nobody knows what the value holds. */
    private boolean sending;

    ValueOutputStream(ValueWriter writer, Duration timeout) {
        this.writer = writer;
        this.timeout = timeout;
    }

    @Override
    public void write(int b) {
        checkWhole();
        buffer.put((byte) b);
        sendIfFull();
    }

    @Override
    public void write(byte[] source, int offset, int length) {
        Objects.checkFromIndexSize(offset, length, source.length);
        checkWhole();
        int end = offset + length;
        for (int from = offset; from < end; ) {
            int count = Math.min(end - from, buffer.remaining());
            buffer.put(source, from, count);
            from += count;
            sendIfFull();
        }
    }

    private void sendIfFull() {
        if (!buffer.hasRemaining()) {
            send();
        }
    }

    private void send() {
        sending = true;
        buffer.flip();
        var unused = Blocking.await(() -> writer.write(buffer), timeout);
        buffer.clear();
        sending = false;
    }

    private void checkWhole() {
        if (sending) {
            throw new IllegalStateException(
                    "an earlier piece of this value failed (expected: close it and begin again)");
        }
    }

    /** Makes the value the entry of its key, if the condition holds now. */
    public WriteResult commit() {
        sendRest();
        return Blocking.await(() -> writer.commit(), timeout);
    }

    /** Makes the value the entry of its key with these options in place of those given at the start, if their condition holds now. */
    public WriteResult commit(PutOptions options) {
        sendRest();
        return Blocking.await(() -> writer.commit(options), timeout);
    }

    private void sendRest() {
        checkWhole();
        if (buffer.position() > 0) {
            send();
        }
    }

    /** Does nothing: pieces are sent when they are full, and nothing is visible before the commit anyway. */
    @Override
    public void flush() {}

    /** Gives up what was not committed. Idempotent. */
    @Override
    public void close() {
        writer.close();
    }
}
