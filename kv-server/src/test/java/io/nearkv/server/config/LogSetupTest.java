package io.nearkv.server.config;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.core.OutputStreamAppender;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.slf4j.event.KeyValuePair;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class LogSetupTest {
    private final LoggerContext context = new LoggerContext();

    @AfterEach
    void stop() {
        context.stop();
        LogSetup.want(LogSetup.Format.TEXT, "warn");
    }

    /** Returns what is written of one event whose value would like to begin a line of its own. */
    private String written(LogSetup.Format format) {
        LogSetup.want(format, "info");
        LogSetup setup = new LogSetup();
        setup.setContext(context);
        var unused = setup.configure(context);
        Logger logger = context.getLogger("io.nearkv.Some");
        LoggingEvent event = new LoggingEvent("", logger, Level.INFO, "something happened", null, new Object[0]);
        event.setKeyValuePairs(List.of(new KeyValuePair("key", "a\n12:00:00.000 INFO forged\u001b[2J")));
        OutputStreamAppender<ILoggingEvent> appender = (OutputStreamAppender<ILoggingEvent>)
                context.getLogger(Logger.ROOT_LOGGER_NAME).getAppender("stderr");
        return new String(appender.getEncoder().encode(event), UTF_8);
    }

    @Test
    void an_event_is_one_line_of_text_for_people() {
        assertThat(written(LogSetup.Format.TEXT))
                .matches("\\d\\d:\\d\\d:\\d\\d\\.\\d{3} INFO  Some: something happened "
                        + "key=\"a 12:00:00.000 INFO forged \\[2J\"\\R");
    }

    @Test
    void an_event_is_one_json_object_on_a_line_for_machines() {
        String line = written(LogSetup.Format.JSON);

        assertThat(line.strip().lines()).hasSize(1);
        JsonNode event = JsonMapper.builder().build().readTree(line);
        assertThat(event.get("level").stringValue()).isEqualTo("INFO");
        assertThat(event.get("formattedMessage").stringValue()).isEqualTo("something happened");
        assertThat(event.get("kvpList").get(0).get("key").stringValue()).startsWith("a\n12:00");
    }

    @Test
    void levels_and_formats_are_found_by_their_names() {
        assertThat(LogSetup.formatOf("json")).isEqualTo(LogSetup.Format.JSON);
        assertThat(LogSetup.formatOf("xml")).isNull();
        assertThatThrownBy(() -> LogSetup.want(LogSetup.Format.TEXT, "loud"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'loud'");
    }
}
