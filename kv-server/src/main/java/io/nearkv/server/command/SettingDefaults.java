package io.nearkv.server.command;

import static java.util.Objects.requireNonNull;

import io.nearkv.server.cli.CommandException;
import io.nearkv.server.config.SettingSources;
import java.lang.reflect.Field;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** Gives the options of the server their values from environment and file. Only those: a variable NEARKV_TTL must not change what a put does. */
final class SettingDefaults implements IDefaultValueProvider {
    private final SettingSources sources;

    /** Marks the classes whose options are settings. */
    interface Settings {}

    SettingDefaults(SettingSources sources) {
        this.sources = requireNonNull(sources, "sources");
    }

    @Override
    public @Nullable String defaultValue(ArgSpec arg) {
        return arg instanceof OptionSpec option && isSetting(option) ? sources.find(nameOf(option)) : null;
    }

    /** Fails for a name in the configuration file that no setting has: a typing error must not pass for a default. */
    void checkFile(CommandSpec spec) {
        for (String name : sources.namesInFile()) {
            OptionSpec option = spec.findOption("--" + name);
            if (option == null || !isSetting(option)) {
                throw CommandException.usage(
                        "the configuration file has '" + name + "', which is no setting (see: nearkv serve --help)");
            }
        }
    }

    static boolean isSetting(OptionSpec option) {
        return option.userObject() instanceof Field field && Settings.class.isAssignableFrom(field.getDeclaringClass());
    }

    /** Returns the name of an option without the dashes in front. */
    static String nameOf(OptionSpec option) {
        return option.longestName().substring(2);
    }
}
