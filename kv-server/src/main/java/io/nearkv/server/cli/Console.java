package io.nearkv.server.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import java.io.BufferedInputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.CharBuffer;
import java.util.Map;

/**
 * What a command reads from and writes to: the three standard streams and the environment variables. Results go to {@link #out}, everything meant for a person
 * alone to {@link #err}. Not thread-safe.
 *
 * @param in standard input
 * @param out standard output
 * @param err standard error, UTF-8
 * @param outIsTerminal whether a person sees standard output directly
 * @param errIsTerminal whether a person sees standard error directly: only then is progress shown
 * @param environment the environment variables
 */
public record Console(
        InputStream in,
        Output out,
        PrintStream err,
        boolean outIsTerminal,
        boolean errIsTerminal,
        Map<String, String> environment) {
    /** Checks that nothing is missing. */
    public Console {
        requireNonNull(in, "in");
        requireNonNull(out, "out");
        requireNonNull(err, "err");
        environment = Map.copyOf(environment);
    }

    /** Returns a writer of whole lines to standard output, for what the command line library prints. */
    public PrintWriter outWriter() {
        return new PrintWriter(new Writer() {
            @Override
            public void write(char[] chars, int offset, int length) {
                out.bytes(UTF_8.encode(CharBuffer.wrap(chars, offset, length)));
            }

            @Override
            public void flush() {
                out.flush();
            }

            @Override
            public void close() {
                out.flush();
            }
        });
    }

    /** Returns the streams and variables of this process. */
    public static Console ofProcess() {
        // Not System.out: a PrintStream swallows failures, so that a full disk behind `get > file` would pass for
        // success.
        OutputStream out = new FileOutputStream(FileDescriptor.out);
        PrintStream err = new PrintStream(new FileOutputStream(FileDescriptor.err), true, UTF_8);
        return new Console(
                // Buffered, because FileInputStream's bulk reads ask for the position, which a pipe has not.
                new BufferedInputStream(new FileInputStream(FileDescriptor.in), 64 * 1024),
                new Output(out),
                err,
                Terminals.isTerminal(1),
                Terminals.isTerminal(2),
                System.getenv());
    }
}
