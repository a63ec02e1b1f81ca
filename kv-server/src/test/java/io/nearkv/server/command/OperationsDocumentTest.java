package io.nearkv.server.command;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.net.server.ServerLimits;
import io.nearkv.server.config.SettingSources;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/** Holds the table of settings in docs/operations.md to the options of the server; {@code -Dnearkv.golden.write=true} writes it. */
class OperationsDocumentTest {
    private static final Path DOCUMENT = Path.of("../docs/operations.md");
    private static final String BEGIN = "<!-- begin of the table that OperationsDocumentTest makes -->\n";
    private static final String END = "<!-- end of the table -->\n";

    @Test
    void the_table_of_settings_is_that_of_the_program() throws IOException {
        String text = Files.readString(DOCUMENT);
        int begin = text.indexOf(BEGIN) + BEGIN.length();
        int end = text.indexOf(END);
        if (Boolean.getBoolean("nearkv.golden.write")) {
            Files.writeString(DOCUMENT, text.substring(0, begin) + table() + text.substring(end));
            return;
        }

        assertThat(text.substring(begin, end)).isEqualTo(table());
    }

    @Test
    void the_defaults_of_the_bounds_are_those_of_the_server() {
        BoundsOptions options = new BoundsOptions();
        CommandLine unused = parse(options);

        assertThat(options.limits()).isEqualTo(ServerLimits.DEFAULT);
    }

    private static CommandLine parse(BoundsOptions options) {
        CommandLine line = new CommandLine(CommandLine.Model.CommandSpec.create()
                        .addMixin("bounds", CommandLine.Model.CommandSpec.forAnnotatedObject(options)))
                .registerConverter(java.time.Duration.class, io.nearkv.server.cli.PlainText::parseDuration);
        line.parseArgs();
        return line;
    }

    private static String table() {
        CommandLine serve = requireNonNull(CommandRunner.whole(new CapturedConsole().console())
                .getSubcommands()
                .get("serve"));
        StringBuilder table = new StringBuilder("| flag | variable | what it does |\n| --- | --- | --- |\n");
        serve.getCommandSpec().options().stream()
                .filter(SettingDefaults::isSetting)
                .sorted(Comparator.comparingInt(OptionSpec::order))
                .forEach(option -> table.append("| `")
                        .append(option.longestName())
                        .append(option.paramLabel().isEmpty() ? "" : " " + option.paramLabel())
                        .append("` | `")
                        .append(SettingSources.variableOf(SettingDefaults.nameOf(option)))
                        .append("` | ")
                        .append(String.join(" ", option.description())
                                .replace("${DEFAULT-VALUE}", String.valueOf(option.defaultValue()))
                                .replace("|", "\\|"))
                        .append(" |\n"));
        return table.toString();
    }
}
