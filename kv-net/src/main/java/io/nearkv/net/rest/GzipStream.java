package io.nearkv.net.rest;

import io.netty.buffer.ByteBuf;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import java.util.zip.CRC32;
import java.util.zip.Deflater;

/** Compresses an answer piece by piece (RFC 1952). Holds memory outside the heap until it is closed. Not thread-safe. */
final class GzipStream implements AutoCloseable {
    /** Magic number, deflate, no flags, no time, no hint, unknown system. */
    private static final byte[] HEADER = {0x1f, (byte) 0x8b, 8, 0, 0, 0, 0, 0, 0, (byte) 0xff};

    private static final int SCRATCH_BYTES = 8 * 1024;

    private final Deflater deflater;
    private final CRC32 crc = new CRC32();
    private final byte[] scratch = new byte[SCRATCH_BYTES];
    private boolean begun;
    private long bytes;

    GzipStream(int level) {
        deflater = new Deflater(level, true);
    }

    /** Says so in the head of the answer. */
    static void describe(HttpHeaders headers) {
        headers.set(HttpHeaderNames.CONTENT_ENCODING, HttpHeaderValues.GZIP)
                .set(HttpHeaderNames.VARY, HttpHeaderNames.ACCEPT_ENCODING);
    }

    /** Appends the compressed form of the next {@code count} bytes; borrows both buffers, advances {@code in}. */
    void write(ByteBuf in, int count, boolean last, ByteBuf out) {
        if (!begun) {
            begun = true;
            out.writeBytes(HEADER);
        }
        byte[] plain = new byte[count];
        in.readBytes(plain);
        crc.update(plain);
        bytes += count;
        deflater.setInput(plain);
        if (last) {
            deflater.finish();
        }
        while (last ? !deflater.finished() : !deflater.needsInput()) {
            out.writeBytes(scratch, 0, deflater.deflate(scratch));
        }
        if (last) {
            out.writeIntLE((int) crc.getValue());
            out.writeIntLE((int) bytes);
        }
    }

    @Override
    public void close() {
        deflater.end();
    }
}
