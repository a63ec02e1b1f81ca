package io.nearkv.server.command;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.nearkv.core.KvException;
import io.nearkv.core.identity.Environment;
import io.nearkv.deploy.model.SafetyLayers;
import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.CommandProvider;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.Output;
import io.nearkv.server.cli.PlainText;
import io.nearkv.server.config.ListenAddress;
import io.nearkv.server.config.SettingSources;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Finds the command that the arguments name, fills its options in and runs it. */
public final class CommandRunner {
    private CommandRunner() {}

    /** Runs a command to its end and returns the exit code of the process; {@link ExitCode} has the numbers. */
    public static int run(String[] args, Console console) {
        try {
            Path configFile = configFile(args, console);
            SettingSources settings =
                    isServe(args) ? SettingSources.of(console.environment(), configFile) : SettingSources.NONE;
            int exitCode = commandLine(args, console, settings).execute(args);
            console.out().flush();
            return exitCode;
        } catch (Output.ReaderGoneException e) {
            return ExitCode.DONE.number();
        } catch (CommandException | KvException | IOException e) {
            return Failures.report(e, console.err(), false).number();
        }
    }

    /** Returns the whole command line, with every command, for help and for tests of the documents. */
    static CommandLine whole(Console console) {
        return commandLine(new String[0], console, SettingSources.NONE);
    }

    private static CommandLine commandLine(String[] args, Console console, SettingSources settings) {
        CommandLine root = new CommandLine(new RootCommand(console));
        // The model of a command is made by reflection, which costs more than most commands themselves: only what is
        // called for is made.
        if (args.length == 0 || !addCommand(root, args[0], console)) {
            for (String name : Commands.NAMES) {
                addCommand(root, name, console);
            }
            for (CommandProvider provider : ServiceLoader.load(CommandProvider.class)) {
                root.addSubcommand(provider.name(), provider.create(console));
            }
        }
        return configured(root, console, settings);
    }

    /** Runs {@code serve} without some of the layers of safety: for the replay of the incident alone, which looks for no settings anywhere. */
    static int serve(String[] args, Console console, SafetyLayers layers) {
        CommandLine root = new CommandLine(new RootCommand(console));
        root.addSubcommand("serve", new CommandLine(new ServeCommand(console, layers)));
        return configured(root, console, SettingSources.NONE).execute(args);
    }

    private static CommandLine configured(CommandLine root, Console console, SettingSources settings) {
        SettingDefaults defaults = new SettingDefaults(settings);
        CommandLine serve = root.getSubcommands().get("serve");
        if (serve != null) {
            defaults.checkFile(serve.getCommandSpec());
        }
        root.setDefaultValueProvider(defaults)
                // A value or a key that begins with @ is not the name of a file with more arguments.
                .setExpandAtFiles(false)
                .registerConverter(Duration.class, PlainText::parseDuration)
                .registerConverter(Instant.class, PlainText::parseTime)
                .registerConverter(Environment.class, Environment::parse)
                .registerConverter(ListenAddress.class, ListenAddress::parse)
                .setParameterExceptionHandler((e, ignored) -> usageFailure(e, console))
                .setExecutionExceptionHandler((e, commandLine, ignored) -> {
                    if (e instanceof Output.ReaderGoneException) {
                        return ExitCode.DONE.number();
                    }
                    console.out().flush();
                    BaseCommand command = commandLine.getCommand();
                    return Failures.report(e, console.err(), command.verbose()).number();
                });
        root.setOut(console.outWriter());
        root.setErr(new PrintWriter(new OutputStreamWriter(console.err(), UTF_8), true));
        return root;
    }

    private static boolean addCommand(CommandLine parent, String name, Console console) {
        BaseCommand command = Commands.create(name, console);
        if (command == null) {
            return false;
        }
        CommandLine line = new CommandLine(command);
        for (String inner : Commands.namesBelow(name)) {
            line.addSubcommand(inner, Commands.create(name + " " + inner, console));
        }
        parent.addSubcommand(name, line);
        return true;
    }

    private static int usageFailure(ParameterException e, Console console) {
        CommandLine line = e.getCommandLine();
        String message = String.valueOf(e.getMessage());
        if (e.getCause()
                instanceof KvException known) { // Of a converter, which the library's message names by its class.
            ArgSpec arg = e.getArgSpec();
            message = (arg instanceof OptionSpec option ? option.longestName() + ": " : "") + known.getMessage();
        }
        if (e instanceof UnmatchedArgumentException unmatched) {
            List<String> near = new ArrayList<>(unmatched.getSuggestions());
            if (!near.isEmpty()) {
                message += "; did you mean " + String.join(" or ", near.subList(0, Math.min(3, near.size()))) + "?";
            }
        }
        String name = line.getCommandSpec().qualifiedName();
        return Failures.report(CommandException.usage(message + " (see: " + name + " --help)"), console.err(), false)
                .number();
    }

    private static boolean isServe(String[] args) {
        return args.length > 0 && args[0].equals("serve");
    }

    /** Finds the file before the options are parsed, because it gives the defaults of the others. */
    private static @Nullable Path configFile(String[] args, Console console) {
        if (!isServe(args)) {
            return null;
        }
        for (int i = 1; i < args.length; i++) {
            if (args[i].equals("--config") && i + 1 < args.length) {
                return Path.of(args[i + 1]);
            }
            if (args[i].startsWith("--config=")) {
                return Path.of(args[i].substring("--config=".length()));
            }
        }
        String variable = console.environment().get(SettingSources.variableOf("config"));
        return variable == null ? null : Path.of(variable);
    }
}
