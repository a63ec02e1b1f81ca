package io.nearkv.server.command;

import io.nearkv.cluster.ClusterMember;
import io.nearkv.cluster.ClusterQuestion;
import io.nearkv.cluster.ClusterView;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.node.ClusterDocument;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The commands that change who is a member of a cluster and who leads. Each may be given again at any time, and then goes on where it was. */
final class ClusterMemberCommands {
    private static final long PAUSE_MILLIS = 200;

    private ClusterMemberCommands() {}

    private static ClusterView ask(Kv kv, ClusterQuestion question) throws InterruptedException {
        try {
            return ClusterView.decode(kv.store().admin().ask(question.encode()).get());
        } catch (ExecutionException e) {
            throw KvException.from(e);
        }
    }

    /** What they have in common: the folder that {@code cluster init} made, and a change that takes its time. */
    abstract static class Change extends ClientCommand {
        @Option(
                names = "--wait",
                paramLabel = "TIME",
                defaultValue = "10m",
                description = "How long to wait until it is done, such as 30s. Default: ${DEFAULT-VALUE}.")
        private Duration wait = Duration.ofMinutes(10);

        Change(Console console) {
            super(console);
        }

        final ClusterDocument document() {
            return ClusterDocument.read(folder().path().resolve("cluster.json"));
        }

        /** Asks until nothing is under way, and tells each step once. */
        final ExitCode drive(Kv kv, ClusterQuestion question, String done) throws InterruptedException {
            long end = System.nanoTime() + wait.toNanos();
            String told = "";
            while (true) {
                String underWay;
                try {
                    underWay = ask(kv, question).underWay();
                } catch (KvException e) {
                    if (e.code() != ErrorCode.UNAVAILABLE && e.code() != ErrorCode.DEADLINE_EXCEEDED) {
                        throw e;
                    }
                    underWay = String.valueOf(e.getMessage()); // Who leads may just be changing.
                }
                if (underWay.isEmpty()) {
                    console().out().line(done);
                    return ExitCode.DONE;
                }
                if (!underWay.equals(told)) {
                    console().out().line(underWay);
                    told = underWay;
                }
                if (System.nanoTime() - end > 0) {
                    throw new KvException(
                            ErrorCode.UNAVAILABLE,
                            "not done within " + wait.toMillis() / 1000.0 + " s: " + underWay
                                    + " (the same command goes on where this one was)");
                }
                Thread.sleep(PAUSE_MILLIS);
            }
        }
    }

    /** {@code nearkv cluster add}. */
    @Command(
            name = "add",
            description = {
                "Takes a node into the cluster: a new one, whose join file is made and which is put into cluster.json, or one",
                "whose disk was lost or replaced. Says how to start it, waits until it has all data, and only then does it",
                "vote. Give --data with the folder that 'nearkv cluster init' made."
            })
    static final class Add extends Change {
        @Parameters(
                paramLabel = "NAME[=HOST:PORT]",
                description =
                        "The node, and where it is reached if cluster.json does not have it: the first of five ports.")
        private String node = "";

        Add(Console console) {
            super(console);
        }

        @Override
        ExitCode run(Kv kv) throws IOException, InterruptedException {
            ClusterDocument document = document();
            int equals = node.indexOf('=');
            String name = equals < 0 ? node : node.substring(0, equals);
            ClusterMember member = find(document, name);
            if (member == null) {
                ClusterCommands.Placed placed = ClusterCommands.Placed.parse("NAME=HOST:PORT", node);
                try {
                    document = document.with(placed.member(), placed.place());
                } catch (IllegalArgumentException e) {
                    throw CommandException.usage(String.valueOf(e.getMessage()));
                }
                ClusterCommands.replace(folder(), document);
                member = placed.member();
            } else if (equals > 0
                    && !ClusterCommands.Placed.parse("NAME=HOST:PORT", node)
                            .member()
                            .equals(member)) {
                throw CommandException.usage("node '" + name + "' is in cluster.json at " + member.client()
                        + " (expected: that address, or another name)");
            }
            Path folder = folder().path();
            Path join = folder.resolve(name + ".join");
            if (Files.notExists(join)) {
                IdentityDirectory identity = IdentityDirectory.open(folder, InstantSource.system());
                ClusterCommands.writeJoin(identity, name, join);
            }
            console().out().line("if it does not run yet, start it: " + ClusterCommands.startLine(folder, name));
            return drive(
                    kv,
                    new ClusterQuestion.Add(member),
                    "node '" + name + "' is a member"
                            + (document.layout().logs() == 1
                                    ? ""
                                    : "; 'nearkv cluster rebalance' has it take its share of the partitions"));
        }

        private static @Nullable ClusterMember find(ClusterDocument document, String name) {
            return document.layout().members().stream()
                    .filter(each -> each.id().equals(name))
                    .findFirst()
                    .orElse(null);
        }
    }

    /** {@code nearkv cluster remove}. */
    @Command(
            name = "remove",
            description = {
                "Takes a node out of the cluster and out of cluster.json; if it leads, it hands that on first. It may be down.",
                "Refused if the others could not go on without it. Give --data with the folder that 'nearkv cluster init' made."
            })
    static final class Remove extends Change {
        @Parameters(paramLabel = "NAME", description = "The node.")
        private String node = "";

        Remove(Console console) {
            super(console);
        }

        @Override
        ExitCode run(Kv kv) throws IOException, InterruptedException {
            ClusterDocument document = document();
            boolean listed = document.layout().members().stream()
                    .anyMatch(member -> member.id().equals(node));
            if (!listed && ask(kv, new ClusterQuestion.View()).whole().member(node) == null) {
                throw CommandException.usage("the cluster has no node '" + Key.display(node) + "'");
            }
            ExitCode code = drive(kv, new ClusterQuestion.Remove(node), "node '" + node + "' is no member any more");
            if (listed) {
                ClusterCommands.replace(folder(), document.without(node));
            }
            return code;
        }
    }

    /** {@code nearkv cluster move}. */
    @Command(
            name = "move",
            description = {
                "Has a partition be on one node in the place of another: the new one gets all of it before it votes, then the",
                "former one leaves and removes its copy. Give --data with the folder that 'nearkv cluster init' made."
            })
    static final class Move extends Change {
        @Parameters(
                index = "0",
                paramLabel = "PARTITION",
                description = "Its number, as 'nearkv cluster status' has it.")
        private int partition;

        @Parameters(index = "1", paramLabel = "FROM", description = "The node that has it.")
        private String from = "";

        @Parameters(index = "2", paramLabel = "TO", description = "The node that gets it.")
        private String to = "";

        Move(Console console) {
            super(console);
        }

        @Override
        ExitCode run(Kv kv) throws InterruptedException {
            return drive(
                    kv,
                    new ClusterQuestion.Move(partition, from, to),
                    "partition " + partition + " is on node '" + to + "'");
        }
    }

    /** {@code nearkv cluster rebalance}. */
    @Command(
            name = "rebalance",
            description = {
                "Spreads partitions and their leaders evenly over the nodes, and has each partition be on as many nodes as it",
                "should be. Give --data with the folder that 'nearkv cluster init' made."
            })
    static final class Rebalance extends Change {
        Rebalance(Console console) {
            super(console);
        }

        @Override
        ExitCode run(Kv kv) throws InterruptedException {
            return drive(kv, new ClusterQuestion.Rebalance(), "the partitions are spread evenly");
        }
    }

    /** {@code nearkv cluster transfer-leader}. */
    @Command(
            name = "transfer-leader",
            description = {
                "Has another node lead: the one that is named, or the one that has come furthest.",
                "Give --data with the folder that 'nearkv cluster init' made."
            })
    static final class TransferLeader extends ClientCommand {
        @Parameters(arity = "0..1", paramLabel = "NAME", description = "The node that is to lead.")
        private @Nullable String node;

        @Option(
                names = "--partition",
                paramLabel = "NUMBER",
                defaultValue = "0",
                description = "Of which partition. Default: of the log that every node has.")
        private int partition;

        TransferLeader(Console console) {
            super(console);
        }

        @Override
        ExitCode run(Kv kv) throws InterruptedException {
            ClusterView.Part view = ask(kv, new ClusterQuestion.Transfer(partition, node))
                    .parts()
                    .get(partition);
            while (view.leader() == null) { // For a moment, this node only knows that it leads no more.
                Thread.sleep(PAUSE_MILLIS);
                view = ask(kv, new ClusterQuestion.View()).parts().get(partition);
            }
            console().out().line("node '" + view.leader() + "' leads");
            return ExitCode.DONE;
        }
    }
}
