package io.nearkv.server.command;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;

/** Commands for tests in other packages. */
public final class TestCommands {
    private TestCommands() {}

    /** Runs a command that must succeed; returns what it prints. */
    public static String run(String... args) {
        CapturedConsole console = new CapturedConsole();
        assertThat(console.run(args))
                .as("%s: %s%s", List.of(args), console.out(), console.err())
                .isZero();
        return console.out();
    }
}
