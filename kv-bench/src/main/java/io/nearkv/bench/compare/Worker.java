package io.nearkv.bench.compare;

import io.nearkv.bench.macro.LoadReport;
import io.nearkv.bench.macro.LoadSpec;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import tools.jackson.databind.json.JsonMapper;

/** The parent's end of a {@link LoadWorker}. Confined to one thread. */
final class Worker {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final Process process;
    private final BufferedReader lines;

    private Worker(Process process) {
        this.process = process;
        this.lines = Children.lines(process);
    }

    /** Starts a client process, and returns when it is connected. */
    static Worker start(String name, WorkerSetup setup, Children children, CompareOptions options)
            throws IOException, InterruptedException {
        Path folder = children.newFolder(name + "-client");
        Process process =
                children.start(name, Children.java(LoadWorker.class, "-Xmx3g"), options.clientCpu(), Map.of(), folder);
        Worker worker = new Worker(process);
        try {
            String answer = worker.ask(JSON.writeValueAsString(setup), Duration.ofMinutes(1));
            if (!answer.equals("done")) {
                throw new IOException(name + " cannot connect: " + answer);
            }
            return worker;
        } catch (IOException e) {
            Path log = folder.resolve(name + ".err");
            throw new IOException(name + " cannot start: " + Files.readString(log), e);
        }
    }

    private String ask(String line, Duration timeout) throws IOException, InterruptedException {
        OutputStream out = process.getOutputStream();
        out.write((line + "\n").getBytes(StandardCharsets.UTF_8));
        out.flush();
        return Children.awaitLine(process, lines, "", timeout);
    }

    /** Puts every key. */
    void fill() throws IOException, InterruptedException {
        String answer = ask("fill", Duration.ofMinutes(15));
        if (!answer.equals("done")) {
            throw new IOException("filling: " + answer);
        }
    }

    /** Runs one load. */
    LoadReport run(LoadSpec spec) throws IOException, InterruptedException {
        Duration limit = spec.warmUp().plus(spec.duration()).plusSeconds(60);
        String answer = ask(JSON.writeValueAsString(spec), limit);
        if (!answer.startsWith("report ")) {
            throw new IOException("load " + spec.shape() + ": " + answer);
        }
        return Objects.requireNonNull(JSON.readValue(answer.substring("report ".length()), LoadReport.class), "report");
    }

    Process process() {
        return process;
    }
}
