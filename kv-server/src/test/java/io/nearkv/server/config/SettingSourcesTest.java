package io.nearkv.server.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SettingSourcesTest {
    @TempDir
    private Path folder;

    @Test
    void a_variable_comes_before_the_file() throws IOException {
        Path file = folder.resolve("nearkv.properties");
        Files.writeString(file, "listen = 127.0.0.1:1\nlog-level = warn\n");

        SettingSources sources = SettingSources.of(Map.of("NEARKV_LOG_LEVEL", "debug"), file);

        assertThat(sources.find("log-level")).isEqualTo("debug");
        assertThat(sources.find("listen")).isEqualTo("127.0.0.1:1");
        assertThat(sources.find("data")).isNull();
        assertThat(sources.namesInFile()).containsExactlyInAnyOrder("listen", "log-level");
    }

    @Test
    void a_file_that_is_missing_or_malformed_is_an_error() throws IOException {
        Path file = folder.resolve("nearkv.properties");
        assertThatThrownBy(() -> SettingSources.of(Map.of(), file)).isInstanceOf(NoSuchFileException.class);

        Files.writeString(file, "data = \\u12");

        assertThatThrownBy(() -> SettingSources.of(Map.of(), file))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("nearkv.properties");
    }
}
