package io.nearkv.server.command;

import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.DataFolderOption;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.config.DataFolder;
import io.nearkv.server.control.ControlClient;
import io.nearkv.server.control.ControlFolder;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** How a command finds the control plane and the token: by flag, then by environment variable, then in the data folder. */
final class ControlOptions {
    @Option(
            names = "--control",
            order = 700,
            paramLabel = "URL",
            split = ",",
            description = "The control plane: http://HOST:PORT; several with commas between, of which the one of the "
                    + "environment is asked. Default: NEARKV_CONTROL, or that of the data folder.")
    private List<String> control = List.of();

    @Option(
            names = "--token",
            order = 701,
            paramLabel = "TOKEN",
            description =
                    "An administrator's token. Other users of the machine can see it in the list of processes: prefer "
                            + "--token-file or NEARKV_TOKEN.")
    private @Nullable String token;

    @Option(
            names = "--token-file",
            order = 702,
            paramLabel = "FILE",
            description = "A file with the token. Default: NEARKV_TOKEN, or the data folder's admin.token.")
    private @Nullable Path tokenFile;

    @Option(
            names = "--timeout",
            order = 706,
            paramLabel = "TIME",
            defaultValue = "60s",
            description = "How long one request may take. Default: ${DEFAULT-VALUE}.")
    private Duration timeout = Duration.ofSeconds(60);

    @Mixin
    private final DataFolderOption data = new DataFolderOption();

    DataFolder folder(Console console) {
        return data.folder(console);
    }

    /** Returns the control plane of a service. */
    ControlClient resolve(Console console, ServiceId service) throws IOException, InterruptedException {
        List<ControlClient> all = all(console);
        if (all.size() == 1) {
            return all.get(0);
        }
        KvException failure = null;
        for (ControlClient client : all) {
            try {
                if (client.services().texts("services").contains(service.toString())) {
                    return client;
                }
            } catch (KvException e) {
                failure = e;
            }
        }
        throw failure != null
                ? failure
                : new CommandException(
                        ExitCode.ABSENT,
                        "not_found",
                        "none of the " + all.size() + " control planes is that of " + service,
                        null);
    }

    /** Returns all control planes that are named. */
    List<ControlClient> all(Console console) throws IOException {
        String shown = resolveToken(console);
        return urls(console).stream()
                .map(url -> new ControlClient(url, shown, checkedTimeout()))
                .toList();
    }

    private Duration checkedTimeout() {
        if (timeout.isZero() || timeout.compareTo(Limits.MAX_TIMEOUT) > 0) {
            throw CommandException.usage("--timeout: " + timeout.toMillis() + " ms (expected: more than 0, at most "
                    + Limits.MAX_TIMEOUT.toHours() + "h)");
        }
        return timeout;
    }

    private List<String> urls(Console console) throws IOException {
        if (!control.isEmpty()) {
            return control;
        }
        String variable = console.environment().get("NEARKV_CONTROL");
        if (variable != null) {
            return List.of(variable.split(",", -1));
        }
        String recorded = new ControlFolder(folder(console)).readAddress();
        if (recorded == null) {
            throw new CommandException(
                    ExitCode.UNAVAILABLE,
                    "unavailable",
                    "no control plane is running on the data folder '"
                            + folder(console).path()
                            + "'; start one with 'nearkv control serve', or name one with --control or NEARKV_CONTROL",
                    null);
        }
        return List.of(recorded);
    }

    private String resolveToken(Console console) throws IOException {
        if (token != null && tokenFile != null) {
            throw CommandException.usage("--token and --token-file exclude each other");
        }
        String text = token;
        if (tokenFile != null) {
            text = DataFolder.readOneLine(tokenFile);
            if (text == null) {
                throw CommandException.failed("io", tokenFile + ": no such file", null);
            }
        }
        if (text == null) {
            text = console.environment().get("NEARKV_TOKEN");
        }
        if (text == null) {
            text = folder(console).readAdminToken();
        }
        if (text == null) {
            throw new CommandException(
                    ExitCode.DENIED,
                    "unauthorized",
                    "no token: give one with --token-file or NEARKV_TOKEN, or the control plane's folder with --data ('"
                            + folder(console).adminToken() + "' is not there)",
                    null);
        }
        return text.strip();
    }
}
