package io.nearkv.server.program;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A server in a process of its own. Closing it kills it. */
final class RunningServer implements AutoCloseable {
    private static final Pattern READY =
            Pattern.compile("nearkv ready (kvs?://\\S+) environment=(\\S+) account=(\\S+) build=(\\S+)(?: .*)?");

    private final Process process;
    private final List<String> out = new CopyOnWriteArrayList<>();
    private final List<String> err = new CopyOnWriteArrayList<>();
    private final Thread errReader;
    private final Thread outReader;
    private final Matcher ready;

    private RunningServer(Process process, BufferedReader stdout) throws IOException {
        this.process = process;
        this.errReader = collect(new BufferedReader(new InputStreamReader(process.getErrorStream(), UTF_8)), err);
        Matcher matcher = null;
        for (String line = stdout.readLine(); line != null && matcher == null; line = stdout.readLine()) {
            out.add(line);
            Matcher candidate = READY.matcher(line);
            if (candidate.matches()) {
                matcher = candidate;
                break;
            }
        }
        if (matcher == null) {
            throw new AssertionError("the server did not become ready: " + out + err);
        }
        this.ready = matcher;
        this.outReader = collect(stdout, out);
    }

    static RunningServer awaitReady(Process process) throws IOException {
        return new RunningServer(process, new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8)));
    }

    private static Thread collect(BufferedReader from, List<String> into) {
        Thread thread = new Thread(() -> from.lines().forEach(into::add), "collect");
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    String address() {
        return ready.group(1);
    }

    String environment() {
        return ready.group(2);
    }

    String account() {
        return ready.group(3);
    }

    String build() {
        return ready.group(4);
    }

    /** Returns a field that a later version added to the ready line: {@code http} of {@code http=127.0.0.1:8787}. */
    String field(String name) {
        Matcher field = Pattern.compile(" " + Pattern.quote(name) + "=(\\S+)").matcher(ready.group());
        if (!field.find()) {
            throw new AssertionError("no " + name + "= in: " + ready.group());
        }
        return field.group(1);
    }

    /** Returns where the server answers for health and metrics, {@code HOST:PORT}. */
    String operations() {
        return field("ops");
    }

    /** Returns the lines on standard output so far. */
    List<String> out() {
        return out;
    }

    /** Returns the lines on standard error so far: the log. */
    List<String> err() {
        return err;
    }

    long pid() {
        return process.pid();
    }

    /** Asks the server to end, as systemd does, and returns its exit code. */
    int stop() {
        // Process.destroy() would also close the streams, and what the server still says would fail.
        process.toHandle().destroy();
        return awaitEnd();
    }

    int awaitEnd() {
        try {
            if (!process.waitFor(60, TimeUnit.SECONDS)) {
                throw new AssertionError("the server does not end: " + err);
            }
            outReader.join();
            errReader.join();
            return process.exitValue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    /** Kills the process, and returns when it is gone. */
    void kill() {
        process.destroyForcibly();
        int unused = awaitEnd();
    }

    @Override
    public void close() {
        if (process.isAlive()) {
            kill();
        }
        try {
            process.getInputStream().close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
