package io.nearkv.server.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ProgressLineTest {
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    private Console console(boolean terminal) {
        return new Console(
                InputStream.nullInputStream(),
                new Output(OutputStream.nullOutputStream()),
                new PrintStream(err, true, UTF_8),
                false,
                terminal,
                Map.of());
    }

    @Test
    void long_work_is_shown_on_a_terminal_and_leaves_nothing_behind() {
        try (ProgressLine progress = new ProgressLine(console(true))) {
            progress.show("files", 1, 4);
            progress.show("files", 2, 4); // Too soon after the first.

            assertThat(err.toString(UTF_8)).isEqualTo("\rfiles 25 %");
        }
        assertThat(err.toString(UTF_8)).endsWith("\r" + " ".repeat("files 25 %".length()) + "\r");
    }

    @Test
    void in_a_pipe_it_stays_quiet() {
        try (ProgressLine progress = new ProgressLine(console(false))) {
            progress.show("entries", 1, 0);
        }
        assertThat(err.size()).isZero();
    }
}
