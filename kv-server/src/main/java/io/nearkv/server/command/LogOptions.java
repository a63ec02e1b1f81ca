package io.nearkv.server.command;

import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.config.LogSetup;

/** What {@code --log-level} and {@code --log-format} mean. */
final class LogOptions {
    private LogOptions() {}

    /** States how the process is to log, before the first logger is made. */
    static void setUp(Console console, String level, String formatName) {
        LogSetup.Format format = LogSetup.formatOf(formatName);
        if (format == null) {
            if (!formatName.equals("auto")) {
                throw CommandException.usage("--log-format: '" + formatName + "' (expected: auto, text or json)");
            }
            format = console.errIsTerminal() ? LogSetup.Format.TEXT : LogSetup.Format.JSON;
        }
        try {
            LogSetup.want(format, level);
        } catch (IllegalArgumentException e) {
            throw CommandException.usage("--" + e.getMessage());
        }
    }
}
