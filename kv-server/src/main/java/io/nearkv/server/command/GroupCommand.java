package io.nearkv.server.command;

import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import picocli.CommandLine.Command;

/** A command that does nothing without a second word. */
abstract sealed class GroupCommand extends BaseCommand {
    private final String name;

    private GroupCommand(Console console, String name) {
        super(console);
        this.name = name;
    }

    @Override
    protected ExitCode run() {
        throw CommandException.usage("one of " + String.join(", ", Commands.namesBelow(name))
                + " must follow (see: nearkv " + name + " --help)");
    }

    /** {@code nearkv namespace}. */
    @Command(
            name = "namespace",
            description = "Creates, lists, shows, renames and deletes namespaces.",
            synopsisSubcommandLabel = "COMMAND",
            commandListHeading = "%nCommands:%n")
    static final class Namespace extends GroupCommand {
        Namespace(Console console) {
            super(console, "namespace");
        }
    }

    /** {@code nearkv token}. */
    @Command(
            name = "token",
            description = "Makes, explains and revokes tokens. Works on the keys in the data folder; needs no server.",
            synopsisSubcommandLabel = "COMMAND",
            commandListHeading = "%nCommands:%n")
    static final class Token extends GroupCommand {
        Token(Console console) {
            super(console, "token");
        }
    }

    /** {@code nearkv key}. */
    @Command(
            name = "key",
            description = "Rotates the environment's keys. Works on the data folder; needs no server.",
            synopsisSubcommandLabel = "COMMAND",
            commandListHeading = "%nCommands:%n")
    static final class Key extends GroupCommand {
        Key(Console console) {
            super(console, "key");
        }
    }

    /** {@code nearkv join}. */
    @Command(
            name = "join",
            description =
                    "Makes what a node of another machine needs. Works on the keys in the data folder; needs no server.",
            synopsisSubcommandLabel = "COMMAND",
            commandListHeading = "%nCommands:%n")
    static final class Join extends GroupCommand {
        Join(Console console) {
            super(console, "join");
        }
    }

    /** {@code nearkv edge}. */
    @Command(
            name = "edge",
            description = "Looks after edge nodes.",
            synopsisSubcommandLabel = "COMMAND",
            commandListHeading = "%nCommands:%n")
    static final class Edge extends GroupCommand {
        Edge(Console console) {
            super(console, "edge");
        }
    }

    /** {@code nearkv cluster}. */
    @Command(
            name = "cluster",
            description = "Makes, shows and changes clusters: several nodes that are one store.",
            synopsisSubcommandLabel = "COMMAND",
            commandListHeading = "%nCommands:%n")
    static final class Cluster extends GroupCommand {
        Cluster(Console console) {
            super(console, "cluster");
        }
    }

    /** {@code nearkv env}. */
    @Command(
            name = "env",
            description = "Makes and shows environments: worlds with keys of their own.",
            synopsisSubcommandLabel = "COMMAND",
            commandListHeading = "%nCommands:%n")
    static final class Env extends GroupCommand {
        Env(Console console) {
            super(console, "env");
        }
    }

    /** {@code nearkv build}. */
    @Command(
            name = "build",
            description = "Publishes, promotes, lists and retires builds: what can get traffic in one environment.",
            synopsisSubcommandLabel = "COMMAND",
            commandListHeading = "%nCommands:%n")
    static final class Build extends GroupCommand {
        Build(Console console) {
            super(console, "build");
        }
    }

    /** {@code nearkv route}. */
    @Command(
            name = "route",
            description = "Shows and changes which build gets which share of an environment's traffic.",
            synopsisSubcommandLabel = "COMMAND",
            commandListHeading = "%nCommands:%n")
    static final class Route extends GroupCommand {
        Route(Console console) {
            super(console, "route");
        }
    }

    /** {@code nearkv rollout}. */
    @Command(
            name = "rollout",
            description = "Walks a build to all of the traffic, and takes it back by itself if it hurts.",
            synopsisSubcommandLabel = "COMMAND",
            commandListHeading = "%nCommands:%n")
    static final class Rollout extends GroupCommand {
        Rollout(Console console) {
            super(console, "rollout");
        }
    }

    /** {@code nearkv ledger}. */
    @Command(
            name = "ledger",
            description = "Shows, checks and extends the ledger of builds that are known to be good.",
            synopsisSubcommandLabel = "COMMAND",
            commandListHeading = "%nCommands:%n")
    static final class Ledger extends GroupCommand {
        Ledger(Console console) {
            super(console, "ledger");
        }
    }

    /** {@code nearkv breakglass}. */
    @Command(
            name = "breakglass",
            description = "Changes a route in an emergency, with the keys of people and nothing else alive.",
            synopsisSubcommandLabel = "COMMAND",
            commandListHeading = "%nCommands:%n")
    static final class BreakGlass extends GroupCommand {
        BreakGlass(Console console) {
            super(console, "breakglass");
        }
    }

    /** {@code nearkv drill}. */
    @Command(
            name = "drill",
            description = "Proves that a way back is open, and changes nothing.",
            synopsisSubcommandLabel = "COMMAND",
            commandListHeading = "%nCommands:%n")
    static final class Drill extends GroupCommand {
        Drill(Console console) {
            super(console, "drill");
        }
    }

    /** {@code nearkv audit}. */
    @Command(
            name = "audit",
            description = "Checks audit logs. Works on files; needs no server.",
            synopsisSubcommandLabel = "COMMAND",
            commandListHeading = "%nCommands:%n")
    static final class Audit extends GroupCommand {
        Audit(Console console) {
            super(console, "audit");
        }
    }

    /** {@code nearkv control}. */
    @Command(
            name = "control",
            description = "Runs the control plane of an environment.",
            synopsisSubcommandLabel = "COMMAND",
            commandListHeading = "%nCommands:%n")
    static final class Control extends GroupCommand {
        Control(Console console) {
            super(console, "control");
        }
    }

    /** {@code nearkv incident}. */
    @Command(
            name = "incident",
            description = "Replays the incident that nearkv is made to be safe from.",
            synopsisSubcommandLabel = "COMMAND",
            commandListHeading = "%nCommands:%n")
    static final class Incident extends GroupCommand {
        Incident(Console console) {
            super(console, "incident");
        }

        /** The others are for the processes that it starts. */
        @Override
        protected ExitCode run() {
            throw CommandException.usage("replay must follow (see: nearkv incident --help)");
        }
    }
}
