package io.nearkv.server.cli;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import org.junit.jupiter.api.Test;

class OutputTest {
    @Test
    void a_reader_that_went_away_is_told_from_a_full_disk() {
        assertThatThrownBy(() -> write("Broken pipe")).isInstanceOf(Output.ReaderGoneException.class);
        assertThatThrownBy(() -> write("No space left on device"))
                .isInstanceOf(CommandException.class)
                .hasMessageContaining("No space left");
    }

    private static void write(String failure) {
        Output output = new Output(new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException(failure);
            }
        });
        output.line("text");
        output.flush();
    }
}
