package io.nearkv.server.config;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.JsonEncoder;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.Configurator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.encoder.Encoder;
import ch.qos.logback.core.spi.ContextAwareBase;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Sets logging up: to standard error, as text where a person reads it and as one JSON object a line where a machine does. Found by logback through the service
 * loader; in code and not in XML, whose parser takes longer than the rest of the program's start. Commands state what they want before the first logger is made.
 */
public final class LogSetup extends ContextAwareBase implements Configurator {
    private static volatile Wanted wanted = new Wanted(Format.TEXT, Level.WARN);

    /** How log lines look. */
    public enum Format {
        /** For people. */
        TEXT,
        /** One JSON object a line. */
        JSON
    }

    private record Wanted(Format format, Level level) {}

    /** Called by logback's service loader. */
    public LogSetup() {}

    /**
     * States how the process is to log.
     *
     * @param level error, warn, info, debug or trace
     * @throws IllegalArgumentException if the level is none of these
     */
    public static void want(Format format, String level) {
        wanted = new Wanted(
                format,
                switch (level) {
                    case "error" -> Level.ERROR;
                    case "warn" -> Level.WARN;
                    case "info" -> Level.INFO;
                    case "debug" -> Level.DEBUG;
                    case "trace" -> Level.TRACE;
                    default ->
                        throw new IllegalArgumentException(
                                "log level: '" + level + "' (expected: error, warn, info, debug or trace)");
                });
    }

    @Override
    public ExecutionStatus configure(LoggerContext context) {
        Wanted settings = wanted;
        ConsoleAppender<ILoggingEvent> appender = new ConsoleAppender<>();
        appender.setContext(context);
        appender.setName("stderr");
        appender.setTarget("System.err");
        Encoder<ILoggingEvent> encoder = settings.format() == Format.JSON ? json() : text();
        encoder.setContext(context);
        encoder.start();
        appender.setEncoder(encoder);
        appender.start();
        ch.qos.logback.classic.Logger root = context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
        root.setLevel(settings.level());
        root.addAppender(appender);
        // A dependency at DEBUG tells of itself at length and of nearkv nothing.
        if (settings.level().toInt() < Level.INFO_INT) {
            context.getLogger("io.netty").setLevel(Level.INFO);
        }
        // Each step of an election and each file of the log; what matters of them is in our own words and metrics.
        context.getLogger("org.apache.ratis")
                .setLevel(settings.level().toInt() < Level.INFO_INT ? Level.INFO : Level.WARN);
        return ExecutionStatus.DO_NOT_INVOKE_NEXT_IF_ANY;
    }

    private static Encoder<ILoggingEvent> json() {
        JsonEncoder encoder = new JsonEncoder();
        encoder.setWithSequenceNumber(false);
        encoder.setWithNanoseconds(false);
        encoder.setWithContext(false);
        encoder.setWithMessage(false); // The formatted one is the same: facts are in key/value pairs.
        encoder.setWithFormattedMessage(true);
        encoder.setWithArguments(false);
        encoder.setWithMDC(false);
        return encoder;
    }

    private static Encoder<ILoggingEvent> text() {
        PatternLayoutEncoder encoder = new PatternLayoutEncoder();
        // %kvp quotes values, but does not escape: %replace keeps one line per event, and the terminal out of their
        // hands.
        encoder.setPattern("%d{HH:mm:ss.SSS} %-5level %logger{0}: %replace(%msg %kvp){'[\\x00-\\x1f\\x7f]+', ' '}%n");
        return encoder;
    }

    /** Returns the format with this name ({@code text}, {@code json}), or null if there is none. */
    public static @Nullable Format formatOf(String name) {
        for (Format format : Format.values()) {
            if (format.name().toLowerCase(Locale.ROOT).equals(name)) {
                return format;
            }
        }
        return null;
    }
}
