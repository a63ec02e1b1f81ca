package io.nearkv.server.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.Serial;
import java.nio.ByteBuffer;

/**
 * Standard output that reports failures: a full disk fails the command, a reader that went away ends it quietly. Buffered; {@link CommandRunner} flushes at the
 * end. Not thread-safe.
 */
public final class Output {
    private final OutputStream out;

    /** Thrown when whoever read standard output has gone, as {@code head} does: there is nobody left to work for. */
    public static final class ReaderGoneException extends RuntimeException {
        @Serial
        private static final long serialVersionUID = 1;

        ReaderGoneException(IOException cause) {
            super(null, cause, false, false);
        }
    }

    /** Creates an output over a stream, which is never closed. */
    public Output(OutputStream out) {
        this.out = new BufferedOutputStream(requireNonNull(out, "out"), 64 * 1024);
    }

    /** Writes a line of text. */
    public void line(String text) {
        bytes(ByteBuffer.wrap((text + "\n").getBytes(UTF_8)));
    }

    /** Writes the remaining bytes as they are; borrows the buffer, advances it. */
    public void bytes(ByteBuffer bytes) {
        try {
            if (bytes.hasArray()) {
                out.write(bytes.array(), bytes.arrayOffset() + bytes.position(), bytes.remaining());
                bytes.position(bytes.limit());
            } else {
                byte[] copy = new byte[bytes.remaining()];
                bytes.get(copy);
                out.write(copy);
            }
        } catch (IOException e) {
            throw failure(e);
        }
    }

    /** Hands everything on to the reader. */
    public void flush() {
        try {
            out.flush();
        } catch (IOException e) {
            throw failure(e);
        }
    }

    private static RuntimeException failure(IOException e) {
        // The JDK has no type for EPIPE; its message is the system's.
        String message = String.valueOf(e.getMessage());
        return message.contains("Broken pipe") || message.contains("Pipe closed")
                ? new ReaderGoneException(e)
                : new CommandException(ExitCode.FAILURE, "output", "cannot write to standard output: " + message, e);
    }
}
