package io.nearkv.server.command;

import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.Console;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The table of commands. A switch and no map of factories: what is not called for is not even loaded. */
final class Commands {
    /** The commands in the order of the help. */
    static final List<String> NAMES = List.of(
            "serve",
            "get",
            "put",
            "delete",
            "list",
            "watch",
            "namespace",
            "token",
            "key",
            "join",
            "edge",
            "incident",
            "import",
            "export",
            "backup",
            "restore",
            "check");

    private Commands() {}

    /** Returns a new command of this name (two words for one below another), or null if there is none. */
    static @Nullable BaseCommand create(String name, Console console) {
        return switch (name) {
            case "serve" -> new ServeCommand(console);
            case "get" -> new GetCommand(console);
            case "put" -> new PutCommand(console);
            case "delete" -> new DeleteCommand(console);
            case "list" -> new ListCommand(console);
            case "watch" -> new WatchCommand(console);
            case "namespace" -> new GroupCommand.Namespace(console);
            case "namespace create" -> new NamespaceCommands.Create(console);
            case "namespace list" -> new NamespaceCommands.ListAll(console);
            case "namespace show" -> new NamespaceCommands.Show(console);
            case "namespace rename" -> new NamespaceCommands.Rename(console);
            case "namespace delete" -> new NamespaceCommands.Delete(console);
            case "token" -> new GroupCommand.Token(console);
            case "token create" -> new TokenCreateCommand(console);
            case "token inspect" -> new TokenInspectCommand(console);
            case "token revoke" -> new TokenRevokeCommand(console);
            case "key" -> new GroupCommand.Key(console);
            case "key rotate" -> new KeyRotateCommand(console);
            case "join" -> new GroupCommand.Join(console);
            case "join create" -> new JoinCreateCommand(console);
            case "edge" -> new GroupCommand.Edge(console);
            case "edge status" -> new EdgeStatusCommand(console);
            case "incident" -> new GroupCommand.Incident(console);
            case "incident replay" -> new IncidentReplayCommand(console);
            case "incident node" -> new IncidentCommands.Node(console);
            case "incident control" -> new IncidentCommands.Control(console);
            case "incident access" -> new IncidentCommands.Access(console);
            case "incident ci" -> new IncidentCommands.Ci(console);
            case "import" -> new ImportCommand(console);
            case "export" -> new ExportCommand(console);
            case "backup" -> new BackupCommand(console);
            case "restore" -> new RestoreCommand(console);
            case "check" -> new CheckCommand(console);
            default -> null;
        };
    }

    /** Returns the second words of a command. */
    static List<String> namesBelow(String name) {
        return switch (name) {
            case "namespace" -> List.of("create", "list", "show", "rename", "delete");
            case "token" -> List.of("create", "inspect", "revoke");
            case "key" -> List.of("rotate");
            case "join" -> List.of("create");
            case "edge" -> List.of("status");
            case "incident" -> List.of("replay", "node", "control", "access", "ci");
            default -> List.of();
        };
    }
}
