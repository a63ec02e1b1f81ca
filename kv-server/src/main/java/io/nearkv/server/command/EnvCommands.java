package io.nearkv.server.command;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.AccountId;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.identity.Environment;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.deploy.environment.EnvironmentKeys;
import io.nearkv.deploy.model.EnvironmentClass;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.deploy.model.Trust;
import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.DataFolderOption;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.JsonLine;
import io.nearkv.server.cli.PlainText;
import io.nearkv.server.config.DataFolder;
import io.nearkv.server.control.ControlAnswer;
import io.nearkv.server.control.ControlClient;
import io.nearkv.server.control.ControlFolder;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code nearkv env}: worlds with keys of their own. */
final class EnvCommands {
    private EnvCommands() {}

    /** {@code nearkv env create}. */
    @Command(
            name = "create",
            description = {
                "Makes the keys of an environment: in the data folder its identity, if it has none yet; in a new folder three",
                "root keys, the key of its routes, a break-glass key for each operator, and trust.signed, which all of its",
                "processes believe. Then take the root keys off this machine, each to another place, and give each operator",
                "their own key. Nothing secret is needed for a rollback."
            })
    static final class Create extends BaseCommand {
        @Parameters(
                index = "0",
                paramLabel = "NAME",
                description =
                        "The environment: a lower-case letter, then up to 31 lower-case letters, digits and hyphens.")
        private @Nullable Environment environment;

        @Option(
                names = "--operator",
                order = 1,
                required = true,
                paramLabel = "NAME",
                split = ",",
                description = "Who gets a break-glass key; in class production at least two, with commas between.")
        private List<String> operators = List.of();

        @Option(
                names = "--class",
                order = 2,
                paramLabel = "CLASS",
                description =
                        "How much is at stake: staging (a break-glass takes one person) or production (two). Default: "
                                + "staging if that is the environment's name, else production.")
        private @Nullable String environmentClass;

        @Option(
                names = "--out",
                order = 3,
                paramLabel = "DIR",
                description = "Where the keys go; must not exist. Default: the folder 'deploy' in the data folder.")
        private @Nullable Path out;

        @Option(
                names = "--service",
                order = 4,
                paramLabel = "NAME",
                defaultValue = ServiceId.DEFAULT_SERVICE,
                description = "The service. Default: ${DEFAULT-VALUE}.")
        private String service = ServiceId.DEFAULT_SERVICE;

        @Option(
                names = "--tenant",
                order = 5,
                paramLabel = "NAME",
                defaultValue = ServiceId.DEFAULT_TENANT,
                description = "Whose service. Default: ${DEFAULT-VALUE}.")
        private String tenant = ServiceId.DEFAULT_TENANT;

        @Mixin
        private final DataFolderOption data = new DataFolderOption();

        @Option(names = "--json", order = 610, description = "Print one JSON object.")
        private boolean json;

        Create(Console console) {
            super(console);
        }

        @Override
        protected ExitCode run() throws IOException {
            Environment name = requireNonNull(environment, "environment");
            DataFolder folder = data.usableFolder(console());
            ServiceId id;
            try {
                id = new ServiceId(tenant, service, name.name());
            } catch (IllegalArgumentException e) {
                throw CommandException.usage("--" + e.getMessage());
            }
            EnvironmentClass wanted = wantedClass(name);
            if (operators.size() < (wanted == EnvironmentClass.PRODUCTION ? 2 : 1)) {
                throw CommandException.usage("--operator: " + operators.size()
                        + " (expected: at least two people in an environment of class production)");
            }
            InstantSource clock = InstantSource.system();
            if (!IdentityDirectory.exists(folder.path())) {
                folder.createForOwner();
                IdentityDirectory unused = IdentityDirectory.initialize(
                        folder.path(), name, AccountId.random(new SecureRandom()), Version.build(), clock);
            }
            EnvironmentKeys.Created created = EnvironmentKeys.create(
                    folder.path(), out == null ? new ControlFolder(folder).keys() : out, id, wanted, operators, clock);
            print(id, wanted, created);
            return ExitCode.DONE;
        }

        private EnvironmentClass wantedClass(Environment name) {
            if (environmentClass == null) {
                return name.name().equals("staging") ? EnvironmentClass.STAGING : EnvironmentClass.PRODUCTION;
            }
            return switch (environmentClass) {
                case "staging" -> EnvironmentClass.STAGING;
                case "production" -> EnvironmentClass.PRODUCTION;
                default ->
                    throw CommandException.usage(
                            "--class: '" + PlainText.visible(environmentClass) + "' (expected: staging or production)");
            };
        }

        private void print(ServiceId id, EnvironmentClass wanted, EnvironmentKeys.Created created) {
            if (json) {
                console()
                        .out()
                        .line(new JsonLine()
                                .text("service", id.toString())
                                .text("class", wanted.label())
                                .text("trust", created.trust().toString())
                                .text("route_key", created.routeKey().toString())
                                .number("roots", created.rootKeys().size())
                                .number(
                                        "break_glass_threshold",
                                        created.content().breakGlassThreshold())
                                .toString());
                return;
            }
            line(id + "  class " + wanted.label() + "  trust serial "
                    + created.content().serial());
            line("trust          " + created.trust() + "   for every node; no secret");
            line("route key      " + created.routeKey() + "   stays with the control plane");
            created.rootKeys()
                    .forEach(key -> line("root key       " + key + "   take it offline, " + "apart from the others"));
            for (String operator : operators) {
                line("break-glass    " + created.breakGlassKeys().get(operator) + "   give it to " + operator
                        + ", and delete it here");
            }
        }

        private void line(String text) {
            console().out().line(PlainText.visible(text));
        }
    }

    /** {@code nearkv env list}. */
    @Command(
            name = "list",
            description = "Lists the environments whose control planes are named, and what is in force in each.")
    static final class ListAll extends BaseCommand {
        @Mixin
        private final ControlOptions control = new ControlOptions();

        @Option(names = "--json", description = "One JSON object on a line for each.")
        private boolean json;

        ListAll(Console console) {
            super(console);
        }

        @Override
        protected ExitCode run() throws IOException, InterruptedException {
            TextTable table = new TextTable("SERVICE", "CLASS", "ROUTE", "BUILDS", "FOLLOWED", "STATE");
            KvException failure = null;
            for (ControlClient client : control.all(console())) {
                try {
                    for (String name : client.services().texts("services")) {
                        ControlAnswer status = client.get(ServiceId.parse(name), "");
                        if (json) {
                            console().out().line(status.toString());
                            continue;
                        }
                        ControlAnswer route = status.object("route");
                        ControlAnswer coverage = status.part("coverage");
                        table.row(
                                name,
                                status.text("class"),
                                route == null ? "-" : RouteText.version(route),
                                route == null ? "-" : RouteText.shares(route),
                                coverage.number("holding") + "/" + coverage.number("total"),
                                status.has("frozen")
                                        ? "FROZEN"
                                        : status.texts("problems").isEmpty() ? "ok" : "problems");
                    }
                } catch (KvException e) {
                    failure = e;
                    table.row(client.url(), "-", "-", "-", "-", e.code().label());
                }
            }
            if (!json) {
                table.print(console());
            }
            if (failure != null) {
                throw failure;
            }
            return ExitCode.DONE;
        }
    }

    /** {@code nearkv env show}. */
    @Command(
            name = "show",
            description =
                    "Shows how an environment stands; with --trust, what a trust document says, without asking anybody.")
    static final class Show extends ControlCommand {
        @Option(names = "--trust", order = 1, paramLabel = "FILE", description = "A trust.signed.")
        private @Nullable Path trust;

        Show(Console console) {
            super(console);
        }

        @Override
        protected ExitCode run() throws Exception {
            return trust == null ? super.run() : showTrust(TrustFile.read(trust));
        }

        private ExitCode showTrust(Trust content) {
            if (!content.service().equals(service())) {
                throw new KvException(
                        ErrorCode.INVALID_REQUEST,
                        "'" + trust + "' is of " + content.service() + ", not of " + service());
            }
            if (json()) {
                console()
                        .out()
                        .line(new JsonLine()
                                .text("service", content.service().toString())
                                .text("class", content.environmentClass().label())
                                .number("serial", content.serial())
                                .number("roots", content.roots().size())
                                .number("root_threshold", content.rootThreshold())
                                .number("break_glass_threshold", content.breakGlassThreshold())
                                .toString());
                return ExitCode.DONE;
            }
            line(content.service() + "  class " + content.environmentClass().label() + "  trust serial "
                    + content.serial());
            line("roots          " + content.roots().size() + ", of which " + content.rootThreshold()
                    + " sign the next trust");
            line("break-glass    " + content.breakGlassThreshold() + " of "
                    + String.join(
                            ", ",
                            content.owners().values().stream()
                                    .sorted()
                                    .distinct()
                                    .toList()));
            content.keyset()
                    .entries()
                    .forEach(key -> line("key            " + key.id()
                            + (key.notAfterEpochSecond() == Long.MAX_VALUE
                                    ? ""
                                    : "   until " + Instant.ofEpochSecond(key.notAfterEpochSecond()))));
            return ExitCode.DONE;
        }

        @Override
        ExitCode run(ControlClient client, ServiceId id) throws InterruptedException {
            ControlAnswer status = client.get(id, "");
            if (json()) {
                console().out().line(status.toString());
                return ExitCode.DONE;
            }
            line(status.text("service") + "  class " + status.text("class") + "  trust serial "
                    + status.number("trust_serial") + "  control plane " + client.url());
            RouteCommands.print(this, status);
            return ExitCode.DONE;
        }
    }
}
