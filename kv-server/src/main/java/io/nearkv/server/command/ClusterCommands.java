package io.nearkv.server.command;

import io.nearkv.cluster.ClusterLayout;
import io.nearkv.cluster.ClusterMember;
import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.core.identity.Environment;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.JsonLine;
import io.nearkv.server.config.DataFolder;
import io.nearkv.server.config.ListenAddress;
import io.nearkv.server.node.ClusterDocument;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code nearkv cluster}: several nodes that are one store. */
final class ClusterCommands {
    private static final Duration TIMEOUT = Duration.ofSeconds(2);
    /** How long what a join file brings is good. */
    private static final Duration LIFETIME = Duration.ofDays(365);

    private ClusterCommands() {}

    /** {@code nearkv cluster init}. */
    @Command(
            name = "init",
            description = {
                "Makes what a new cluster needs, in a new folder: the environment with its keys and an administrator's token,",
                "cluster.json, which all nodes share, and a join file for each node. A node has five ports, one after the",
                "other: for clients (the one given), health and metrics, REST, and two among the nodes."
            })
    static final class Init extends BaseCommand {

        @Parameters(index = "0", paramLabel = "DIR", description = "The folder; must not exist.")
        private Path folder = Path.of("cluster");

        @Option(
                names = "--node",
                order = 1,
                required = true,
                paramLabel = "NAME=HOST:PORT",
                description = "A node and where it is reached; once for each, three or five of them.")
        private List<String> nodes = List.of();

        @Option(
                names = "--environment",
                order = 2,
                paramLabel = "NAME",
                defaultValue = "development",
                description = "The environment. Default: ${DEFAULT-VALUE}.")
        private Environment environment = new Environment("development");

        @Option(
                names = "--partitions",
                order = 3,
                paramLabel = "COUNT",
                defaultValue = "1",
                description = {
                    "Over how many logs the keys are spread, for good. With one, every node has all data; with more, each",
                    "partition is on --copies nodes, at the cost of a log of its own. Default: ${DEFAULT-VALUE}."
                })
        private int partitions = 1;

        @Option(
                names = "--copies",
                order = 4,
                paramLabel = "COUNT",
                defaultValue = "3",
                description = "On how many nodes each of several partitions is. Default: ${DEFAULT-VALUE}.")
        private int copies = ClusterLayout.DEFAULT_COPIES;

        Init(Console console) {
            super(console);
        }

        @Override
        protected ExitCode run() throws IOException {
            SecureRandom random = new SecureRandom();
            AccountId account = AccountId.random(random);
            ClusterDocument document = document(account, random);
            if (Files.exists(folder)) {
                throw CommandException.usage("'" + folder + "' exists (expected: a folder that does not)");
            }
            DataFolder data = new DataFolder(folder);
            data.createForOwner();
            IdentityDirectory identity =
                    IdentityDirectory.initialize(folder, environment, account, Version.build(), InstantSource.system());
            for (ClusterMember member : document.layout().members()) {
                writeJoin(identity, member.id(), folder.resolve(member.id() + ".join"));
            }
            writeNew(folder.resolve("cluster.json"), document.toJson());
            // So that --data with this folder is all that other commands need.
            data.writeServerAddress(document.addresses());
            console().out().line("made " + folder + ". Start each node, on its machine:");
            for (ClusterMember member : document.layout().members()) {
                console().out().line(startLine(folder, member.id()));
            }
            return ExitCode.DONE;
        }

        private ClusterDocument document(AccountId account, SecureRandom random) {
            List<ClusterMember> members = new ArrayList<>();
            Map<String, ClusterDocument.Place> places = new LinkedHashMap<>();
            for (String node : nodes) {
                Placed placed = Placed.parse("--node", node);
                members.add(placed.member());
                places.put(placed.member().id(), placed.place());
            }
            try {
                return new ClusterDocument(
                        new ClusterLayout(
                                UUID.randomUUID(),
                                environment.name(),
                                new AccountInfo(account, "default"),
                                new NamespaceInfo(NamespaceId.random(random), account, "default"),
                                members,
                                partitions,
                                copies,
                                null),
                        places);
            } catch (IllegalArgumentException e) {
                throw CommandException.usage(String.valueOf(e.getMessage()));
            }
        }
    }

    /**
     * A node and all its ports.
     *
     * @param member the node
     * @param place where it answers beside
     */
    record Placed(ClusterMember member, ClusterDocument.Place place) {
        /** Returns what NAME=HOST:PORT means: five ports in a row. */
        static Placed parse(String option, String node) {
            int equals = node.indexOf('=');
            if (equals < 1) {
                throw CommandException.usage(option + ": '" + Key.display(node) + "' (expected: NAME=HOST:PORT)");
            }
            try {
                ListenAddress client = ListenAddress.parse(node.substring(equals + 1));
                if (client.port() < 1 || client.port() > 65_531) {
                    throw CommandException.usage(
                            option + ": port " + client.port() + " (expected: 1 to 65531, four more follow it)");
                }
                return new Placed(
                        new ClusterMember(
                                node.substring(0, equals), after(client, 4), after(client, 3), client.toString()),
                        new ClusterDocument.Place(
                                ListenAddress.parse(after(client, 2)), ListenAddress.parse(after(client, 1))));
            } catch (KvException | IllegalArgumentException e) {
                throw CommandException.usage(option + ": " + e.getMessage());
            }
        }

        private static String after(ListenAddress first, int distance) {
            return new ListenAddress(first.host(), first.port() + distance).toString();
        }
    }

    /** Writes the join file of a node. */
    static void writeJoin(IdentityDirectory identity, String node, Path file) throws IOException {
        writeNew(file, new String(identity.join(node, Version.build(), LIFETIME).toJson(), StandardCharsets.UTF_8));
    }

    /** Puts a document in the place of the one before in the folder of a cluster, and has commands find the nodes that it names. */
    static void replace(DataFolder folder, ClusterDocument document) throws IOException {
        Path file = folder.path().resolve("cluster.json");
        Path making = file.resolveSibling("cluster.json.new");
        Files.deleteIfExists(making);
        writeNew(making, document.toJson());
        Files.move(making, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        folder.writeServerAddress(document.addresses());
    }

    /** Writes a file that only its owner may read, if it is not there. */
    static void writeNew(Path file, String text) throws IOException {
        Files.createFile(file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        Files.writeString(file, text, StandardOpenOption.WRITE);
    }

    /** Returns the line that starts a node. */
    static String startLine(Path folder, String node) {
        return "./nearkv serve --cluster " + folder.resolve("cluster.json") + " --node " + node + " --join "
                + folder.resolve(node + ".join") + " --data " + folder.resolve(node);
    }

    /** {@code nearkv cluster status}. */
    @Command(
            name = "status",
            description = {
                "Shows the nodes of a cluster: who leads, how far each has come and how far it is behind. Asks the operations",
                "port of each, which needs no token. Exit code 6 if no node leads, or nobody leads one of several partitions."
            })
    static final class Status extends BaseCommand {
        /** One of the whole, or of a partition. */
        private static final Pattern METRIC =
                Pattern.compile("nearkv_cluster_(partition_)?([a-z_]+)(?:\\{partition=\"(\\d{1,4})\"})? (\\S+)");
        /** What the leader of a log says of its members. */
        private static final Pattern MEMBER_LAG = Pattern.compile(
                "nearkv_cluster_member_lag_entries\\{member=\"([^\"]+)\",partition=\"(\\d{1,4})\"} (\\S+)");

        @Parameters(index = "0", paramLabel = "FILE", description = "The cluster.json that the nodes share.")
        private Path file = Path.of("cluster.json");

        @Option(names = "--json", description = "Print one JSON object for each node.")
        private boolean json;

        Status(Console console) {
            super(console);
        }

        /**
         * What a node says of itself; empty if it does not answer.
         *
         * @param partitions what it says of partitions, by their numbers
         * @param lags how far members of the logs that it leads are behind, by the numbers of these
         */
        private record Row(
                ClusterMember member,
                Map<String, Long> values,
                SortedMap<Integer, Map<String, Long>> partitions,
                Map<Integer, SortedMap<String, Long>> lags) {
            Row(ClusterMember member) {
                this(member, new LinkedHashMap<>(), new TreeMap<>(), new LinkedHashMap<>());
            }

            boolean leads() {
                return values.getOrDefault("leads", 0L) == 1;
            }

            long value(String name) {
                return values.getOrDefault(name, -1L);
            }

            String state() {
                return values.isEmpty()
                        ? "unreachable"
                        : leads()
                                ? "leader"
                                : value("member") == 0
                                        ? "no member"
                                        : value("has_leader") == 1 ? "follower" : "no leader";
            }
        }

        /** A partition, by what the nodes say together. */
        private static final class Spread {
            private final SortedMap<String, Replica> replicas = new TreeMap<>();
            private String leader = "";
            private long term;
            private long committed;

            Spread(int number, List<Row> rows) {
                for (Row row : rows) {
                    Map<String, Long> values = row.partitions().getOrDefault(number, Map.of());
                    committed = Math.max(committed, values.getOrDefault("commit_index", 0L));
                    // One that has been cut off may still believe that it leads: the newest term counts.
                    if (values.getOrDefault("leads", 0L) == 1 && values.getOrDefault("term", 0L) > term) {
                        leader = row.member().id();
                        term = values.getOrDefault("term", 0L);
                    }
                }
                for (Row row : rows) {
                    Map<String, Long> values = row.partitions().get(number);
                    if (values != null) {
                        add(row.member().id(), values, row.lags().getOrDefault(number, new TreeMap<>()));
                    }
                }
            }

            private void add(String node, Map<String, Long> values, SortedMap<String, Long> lags) {
                boolean leads = node.equals(leader);
                if (leads) {
                    // Of those that do not answer here, only the leader can tell.
                    lags.forEach((member, lag) -> replicas.putIfAbsent(member, new Replica(Replica.UNREACHABLE, lag)));
                }
                replicas.put(
                        node,
                        new Replica(
                                leads ? "leader" : values.getOrDefault("member", 0L) == 1 ? "follower" : "begins",
                                Math.max(0, committed - values.getOrDefault("applied_index", 0L))));
            }

            private long furthestBehind() {
                return replicas.values().stream()
                        .mapToLong(Replica::behind)
                        .max()
                        .orElse(0);
            }

            private String answering() {
                return replicas.entrySet().stream()
                        .filter(each -> !each.getValue().state().equals(Replica.UNREACHABLE))
                        .map(each -> each.getKey() + each.getValue().suffix())
                        .collect(Collectors.joining(","));
            }

            private String describe(Function<Map.Entry<String, Replica>, String> replica, String separator) {
                return replicas.entrySet().stream().map(replica).collect(Collectors.joining(separator));
            }
        }

        /**
         * A copy of a partition.
         *
         * @param behind how many committed entries it has not applied, or, if it does not answer, does not have as far as the leader knows
         */
        private record Replica(String state, long behind) {
            private static final String UNREACHABLE = "unreachable";

            String suffix() {
                return state.equals("leader") || state.equals("follower") ? "" : " (" + state + ")";
            }
        }

        @Override
        protected ExitCode run() throws InterruptedException {
            ClusterDocument document = ClusterDocument.read(file);
            HttpClient client = HttpClient.newBuilder().connectTimeout(TIMEOUT).build();
            List<Row> rows = new ArrayList<>();
            for (ClusterMember member : document.layout().members()) {
                Row row = new Row(member);
                ask(client, document.place(member).ops(), row);
                rows.add(row);
            }
            SortedMap<Integer, Spread> partitions = new TreeMap<>();
            for (int number = 1; number < document.layout().logs(); number++) {
                partitions.put(number, new Spread(number, rows));
            }
            if (json) {
                printJson(rows, partitions);
            } else {
                print(rows, partitions);
            }
            return rows.stream().anyMatch(Row::leads)
                            && partitions.values().stream().noneMatch(spread -> spread.leader.isEmpty())
                    ? ExitCode.DONE
                    : ExitCode.UNAVAILABLE;
        }

        private static long committed(List<Row> rows) {
            return rows.stream()
                    .mapToLong(row -> row.value("commit_index"))
                    .max()
                    .orElse(0);
        }

        private void printJson(List<Row> rows, SortedMap<Integer, Spread> partitions) {
            for (Row row : rows) {
                JsonLine line = new JsonLine();
                line.text("node", row.member().id());
                line.text("client", row.member().client());
                line.text("state", row.state());
                row.values().forEach((name, value) -> line.number(name, value));
                if (!row.values().isEmpty()) {
                    line.number("behind", Math.max(0, committed(rows) - row.value("applied_index")));
                }
                console().out().line(line.toString());
            }
            partitions.forEach((number, spread) -> {
                JsonLine line = new JsonLine();
                line.number("partition", (long) number);
                line.text("leader", spread.leader);
                line.text("nodes", spread.answering());
                line.number("term", spread.term);
                line.number("commit_index", spread.committed);
                line.number("furthest_behind", spread.furthestBehind());
                line.json(
                        "replicas",
                        "["
                                + spread.describe(
                                        each -> new JsonLine()
                                                .text("node", each.getKey())
                                                .text("state", each.getValue().state())
                                                .number(
                                                        "behind",
                                                        each.getValue().behind())
                                                .toString(),
                                        ",")
                                + "]");
                console().out().line(line.toString());
            });
        }

        private void print(List<Row> rows, SortedMap<Integer, Spread> partitions) {
            long furthest = committed(rows);
            TextTable table = new TextTable("NODE", "CLIENT", "STATE", "TERM", "COMMITTED", "APPLIED", "BEHIND");
            for (Row row : rows) {
                boolean known = !row.values().isEmpty();
                table.row(
                        row.member().id(),
                        row.member().client(),
                        row.state(),
                        known ? String.valueOf(row.value("term")) : "-",
                        known ? String.valueOf(row.value("commit_index")) : "-",
                        known ? String.valueOf(row.value("applied_index")) : "-",
                        known ? String.valueOf(Math.max(0, furthest - row.value("applied_index"))) : "-");
            }
            table.print(console());
            if (!partitions.isEmpty()) {
                TextTable spreads =
                        new TextTable("PARTITION", "LEADER", "TERM", "COMMITTED", "NODES AND ENTRIES BEHIND");
                partitions.forEach((number, spread) -> spreads.row(
                        String.valueOf(number),
                        spread.leader.isEmpty() ? "-" : spread.leader,
                        String.valueOf(spread.term),
                        String.valueOf(spread.committed),
                        spread.describe(
                                each -> each.getKey() + each.getValue().suffix() + " "
                                        + each.getValue().behind(),
                                ", ")));
                console().out().line("");
                spreads.print(console());
            }
        }

        private static long number(String text, ListenAddress operations, String line) {
            try {
                return (long) Double.parseDouble(text);
            } catch (NumberFormatException e) {
                throw new KvException(ErrorCode.INTERNAL, operations + " answers '" + Key.display(line) + "'", e);
            }
        }

        private static void ask(HttpClient client, ListenAddress operations, Row row) throws InterruptedException {
            @Nullable String body;
            try {
                HttpResponse<String> answer = client.send(
                        HttpRequest.newBuilder(URI.create("http://" + operations + "/metrics"))
                                .timeout(TIMEOUT)
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
                body = answer.statusCode() == 200 ? answer.body() : null;
            } catch (IOException e) {
                body = null; // Shown as unreachable.
            }
            if (body == null) {
                return;
            }
            for (String line : body.lines().toList()) {
                Matcher lag = MEMBER_LAG.matcher(line);
                if (lag.matches()) {
                    row.lags()
                            .computeIfAbsent(Integer.parseInt(lag.group(2)), unseen -> new TreeMap<>())
                            .put(lag.group(1), number(lag.group(3), operations, line));
                    continue;
                }
                Matcher metric = METRIC.matcher(line);
                if (metric.matches()) {
                    long value = number(metric.group(4), operations, line);
                    String number = metric.group(3);
                    if (number == null) {
                        row.values().put(metric.group(2), value);
                    } else if (metric.group(1) != null) {
                        row.partitions()
                                .computeIfAbsent(Integer.parseInt(number), unseen -> new LinkedHashMap<>())
                                .put(metric.group(2), value);
                    }
                }
            }
        }
    }
}
