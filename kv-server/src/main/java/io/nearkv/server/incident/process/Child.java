package io.nearkv.server.incident.process;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A process of the replay. It ends when this process does: its standard input is a pipe from here, which it watches. Thread-safe. */
final class Child implements AutoCloseable {
    private static final long READY_SECONDS = 60;
    private static final long END_SECONDS = 10;
    private static final int LOG_LINES = 6;

    private final String name;
    private final Process process;
    private final Path errors;
    private final CompletableFuture<String> ready = new CompletableFuture<>();

    private Child(String name, Process process, Path errors) {
        this.name = name;
        this.process = process;
        this.errors = errors;
    }

    /** Starts a process; does not wait until it is ready. */
    static Child start(ChildJvm jvm, Path folder, String name, List<String> arguments) throws IOException {
        Path errors = folder.resolve(name + ".log");
        Child child = new Child(name, jvm.start(folder, errors, arguments), errors);
        Thread reader = new Thread(child::read, "replay-read-" + name);
        reader.setDaemon(true);
        reader.start();
        return child;
    }

    private void read() {
        try (BufferedReader out = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8))) {
            for (String line = out.readLine(); line != null; line = out.readLine()) {
                if (line.startsWith("nearkv ready ")) {
                    ready.complete(line);
                }
            }
        } catch (IOException e) {
            ready.completeExceptionally(e);
        }
        ready.completeExceptionally(new KvException(ErrorCode.UNAVAILABLE, "it has ended"));
    }

    /** Waits until it is ready. */
    Child awaitReady() throws InterruptedException {
        try {
            String unused = ready.get(READY_SECONDS, TimeUnit.SECONDS);
            return this;
        } catch (ExecutionException | TimeoutException e) {
            throw new KvException(ErrorCode.UNAVAILABLE, "the process '" + name + "' did not get ready: " + log(), e);
        }
    }

    /** Returns whether it gets ready within some time; false also if it ends. */
    boolean isReadyWithin(long millis) throws InterruptedException {
        try {
            String unused = ready.get(millis, TimeUnit.MILLISECONDS);
            return true;
        } catch (ExecutionException | TimeoutException e) {
            return false;
        }
    }

    /** Returns the last lines of its log. */
    String log() {
        try {
            List<String> lines = Files.readAllLines(errors);
            return String.join(" | ", lines.subList(Math.max(0, lines.size() - LOG_LINES), lines.size()));
        } catch (IOException e) {
            return "no log: " + e.getMessage();
        }
    }

    String name() {
        return name;
    }

    /** Returns a field of its ready line, such as {@code http} of {@code http=127.0.0.1:8787}. */
    String field(String field) {
        Matcher found = Pattern.compile(" " + Pattern.quote(field) + "=(\\S+)").matcher(readyLine());
        if (!found.find()) {
            throw new IllegalStateException("no " + field + "= in: " + readyLine());
        }
        return found.group(1);
    }

    private String readyLine() {
        return ready.join();
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** Kills it, and returns when it is gone. */
    void kill() {
        process.destroyForcibly();
        try {
            if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
                throw new KvException(ErrorCode.INTERNAL, "the process '" + name + "' cannot be killed");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Tells it to go, without waiting. */
    void destroy() {
        process.destroyForcibly();
    }

    @Override
    public void close() {
        kill();
    }
}
