package io.nearkv.server.cli;

import static java.util.Objects.requireNonNull;

/**
 * Shows on a terminal how far long work has come, on one line of standard error that is written over again and again; shows nothing in a pipe. Used by one thread.
 */
public final class ProgressLine implements AutoCloseable {
    private static final long INTERVAL_NANOS = 100_000_000;

    private final Console console;
    private long shownNanos = System.nanoTime() - INTERVAL_NANOS;
    private int shownChars;

    /** Creates a line on the console's standard error. */
    public ProgressLine(Console console) {
        this.console = requireNonNull(console, "console");
    }

    /**
     * Shows a step and how far it has come, at most ten times a second.
     *
     * @param step a few words
     * @param done how much is done
     * @param total how much there is, or 0 if that is not known
     */
    public void show(String step, long done, long total) {
        long now = System.nanoTime();
        if (!console.errIsTerminal() || now - shownNanos < INTERVAL_NANOS) {
            return;
        }
        shownNanos = now;
        String text = step + " " + (total > 0 ? 100 * done / total + " %" : Long.toString(done));
        write(text);
    }

    private void write(String text) {
        console.err().print("\r" + text + " ".repeat(Math.max(0, shownChars - text.length())));
        console.err().flush();
        shownChars = text.length();
    }

    /** Removes the line. */
    @Override
    public void close() {
        clear();
    }

    /** Removes the line until something is shown again. */
    public void clear() {
        if (shownChars > 0) {
            write("");
            console.err().print("\r");
            console.err().flush();
            shownChars = 0;
        }
    }
}
