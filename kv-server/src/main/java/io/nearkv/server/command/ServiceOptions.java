package io.nearkv.server.command;

import io.nearkv.core.identity.Environment;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.server.cli.CommandException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which service a command is about. The environment is always named: no default stands between an operator and the wrong one. */
final class ServiceOptions {
    @Option(
            names = {"--environment", "--env"},
            order = 600,
            required = true,
            paramLabel = "NAME",
            description = "The environment that this is about.")
    private @Nullable Environment environment;

    @Option(
            names = "--service",
            order = 601,
            paramLabel = "NAME",
            defaultValue = ServiceId.DEFAULT_SERVICE,
            description = "The service. Default: ${DEFAULT-VALUE}.")
    private String service = ServiceId.DEFAULT_SERVICE;

    @Option(
            names = "--tenant",
            order = 602,
            paramLabel = "NAME",
            defaultValue = ServiceId.DEFAULT_TENANT,
            description = "Whose service. Default: ${DEFAULT-VALUE}.")
    private String tenant = ServiceId.DEFAULT_TENANT;

    ServiceId id() {
        if (environment == null) {
            throw CommandException.usage("--environment is missing");
        }
        try {
            return new ServiceId(tenant, service, environment.name());
        } catch (IllegalArgumentException e) {
            throw CommandException.usage("--" + e.getMessage());
        }
    }
}
