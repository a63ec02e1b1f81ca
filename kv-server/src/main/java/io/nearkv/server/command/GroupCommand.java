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
    }
}
