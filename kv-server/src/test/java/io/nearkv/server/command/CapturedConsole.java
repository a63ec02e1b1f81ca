package io.nearkv.server.command;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.Output;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.HashMap;
import java.util.Map;

/** Runs commands inside the test and keeps what they print. */
final class CapturedConsole {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final Map<String, String> environment = new HashMap<>();
    private String in = "";

    CapturedConsole with(String variable, String value) {
        environment.put(variable, value);
        return this;
    }

    CapturedConsole reading(String text) {
        in = text;
        return this;
    }

    /** Runs a command and returns its exit code. */
    int run(String... args) {
        out.reset();
        err.reset();
        return CommandRunner.run(args, console());
    }

    Console console() {
        return new Console(
                new ByteArrayInputStream(in.getBytes(UTF_8)),
                new Output(out),
                new PrintStream(err, true, UTF_8),
                false,
                false,
                environment);
    }

    String out() {
        return out.toString(UTF_8);
    }

    String err() {
        return err.toString(UTF_8);
    }
}
