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
            "cluster",
            "env",
            "build",
            "route",
            "rollout",
            "ledger",
            "rollback",
            "breakglass",
            "reconcile",
            "drill",
            "audit",
            "control",
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
            case "rehearse" -> new RehearseCommand(console); // Not in the help.
            case "cluster" -> new GroupCommand.Cluster(console);
            case "cluster init" -> new ClusterCommands.Init(console);
            case "cluster status" -> new ClusterCommands.Status(console);
            case "cluster add" -> new ClusterMemberCommands.Add(console);
            case "cluster remove" -> new ClusterMemberCommands.Remove(console);
            case "cluster move" -> new ClusterMemberCommands.Move(console);
            case "cluster rebalance" -> new ClusterMemberCommands.Rebalance(console);
            case "cluster transfer-leader" -> new ClusterMemberCommands.TransferLeader(console);
            case "cluster backup" -> new ClusterBackupCommands.Save(console);
            case "cluster restore" -> new ClusterBackupCommands.Restore(console);
            case "env" -> new GroupCommand.Env(console);
            case "env create" -> new EnvCommands.Create(console);
            case "env list" -> new EnvCommands.ListAll(console);
            case "env show" -> new EnvCommands.Show(console);
            case "env trust" -> new EnvTrustCommand(console);
            case "build" -> new GroupCommand.Build(console);
            case "build publish" -> new BuildCommands.Publish(console);
            case "build promote" -> new BuildCommands.Promote(console);
            case "build list" -> new BuildCommands.ListAll(console);
            case "build retire" -> new BuildCommands.Retire(console);
            case "build token" -> new BuildCommands.Token(console);
            case "route" -> new GroupCommand.Route(console);
            case "route show" -> new RouteCommands.Show(console);
            case "route set" -> new RouteCommands.SetWeight(console);
            case "route bundle" -> new RouteCommands.Bundle(console);
            case "rollout" -> new GroupCommand.Rollout(console);
            case "rollout start" -> new RolloutCommands.Start(console);
            case "rollout status" -> new RolloutCommands.Status(console);
            case "rollout hold" -> new RolloutCommands.Hold(console);
            case "rollout resume" -> new RolloutCommands.Resume(console);
            case "rollout abort" -> new RolloutCommands.Abort(console);
            case "rollout list" -> new RolloutCommands.ListAll(console);
            case "ledger" -> new GroupCommand.Ledger(console);
            case "ledger show" -> new LedgerCommands.Show(console);
            case "ledger verify" -> new LedgerCommands.Verify(console);
            case "ledger add" -> new LedgerCommands.Add(console);
            case "rollback" -> new RollbackCommand(console);
            case "breakglass" -> new GroupCommand.BreakGlass(console);
            case "breakglass route" -> new BreakGlassCommand(console);
            case "reconcile" -> new ReconcileCommand(console);
            case "drill" -> new GroupCommand.Drill(console);
            case "drill note" -> new DrillCommands.Note(console);
            case "drill rollback" -> new DrillCommands.Rollback(console);
            case "drill breakglass" -> new DrillCommands.BreakGlass(console);
            case "audit" -> new GroupCommand.Audit(console);
            case "audit verify" -> new AuditCommand(console);
            case "control" -> new GroupCommand.Control(console);
            case "control serve" -> new ControlServeCommand(console);
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
            case "cluster" ->
                List.of("init", "status", "add", "remove", "move", "rebalance", "transfer-leader", "backup", "restore");
            case "env" -> List.of("create", "list", "show", "trust");
            case "build" -> List.of("publish", "promote", "list", "retire", "token");
            case "route" -> List.of("show", "set", "bundle");
            case "rollout" -> List.of("start", "status", "hold", "resume", "abort", "list");
            case "ledger" -> List.of("show", "verify", "add");
            case "breakglass" -> List.of("route");
            case "drill" -> List.of("rollback", "breakglass", "note");
            case "audit" -> List.of("verify");
            case "control" -> List.of("serve");
            case "incident" -> List.of("replay", "node", "control", "access", "ci");
            default -> List.of();
        };
    }
}
