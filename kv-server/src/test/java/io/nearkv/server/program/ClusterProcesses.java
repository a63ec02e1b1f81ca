package io.nearkv.server.program;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.net.client.KvClient;
import io.nearkv.net.client.KvClientBuilder;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A cluster of processes, made in the folder {@code c}, with the commands on it run in this process. Closing it kills them. */
final class ClusterProcesses implements AutoCloseable {
    /** Of a replica that has not got everything; one that has nothing gives no vote that counts. */
    private static final Pattern BEHIND = Pattern.compile("behind\":[1-9]");

    private static final Pattern PARTITION =
            Pattern.compile("\\{\"partition\":(\\d+),\"leader\":\"([^\"]*)\",\"nodes\":\"([^\"]*)\",.*");

    private static final Pattern NODE = Pattern.compile("\\{\"node\":\"([^\"]*)\",.*\"state\":\"([^\"]*)\".*");
    private static final Pattern APPLIED = Pattern.compile("\"applied_index\":(\\d+)");

    private final Path folder;
    private final Program program;
    private final List<String> serveOptions = new ArrayList<>();
    private Function<String, List<String>> launcher = node -> List.of();
    private final Map<String, RunningServer> running = new LinkedHashMap<>();

    /**
     * A partition as {@code cluster status} shows it.
     *
     * @param leader who leads it; empty if nobody does
     * @param nodes the nodes that have it
     */
    record Partition(String leader, List<String> nodes) {}

    private ClusterProcesses(Path folder) {
        this.folder = folder;
        this.program = new Program(folder);
    }

    /** Makes a cluster of the nodes {@code n1}, {@code n2} and {@code n3}, which do not run yet. */
    static ClusterProcesses init(Path folder, String... options) {
        return init(
                folder,
                Stream.of("n1", "n2", "n3")
                        .map(node -> node + "=127.0.0.1:" + ports())
                        .toList(),
                options);
    }

    /** Makes a cluster of nodes, {@code NAME=HOST:PORT}, that do not run yet. */
    static ClusterProcesses init(Path folder, List<String> nodes, String... options) {
        ClusterProcesses cluster = new ClusterProcesses(folder);
        List<String> init =
                new ArrayList<>(List.of("cluster", "init", cluster.folder().toString()));
        for (String node : nodes) {
            init.addAll(List.of("--node", node));
        }
        init.addAll(List.of(options));
        Program.Result unused = cluster.done(init.toArray(String[]::new));
        return cluster;
    }

    /** The first of five free ports in a row, below those that the system gives to outgoing connections. */
    static int ports() {
        return ports(5);
    }

    /** The first of some free ports in a row. */
    static int ports(int count) {
        while (true) {
            int first = ThreadLocalRandom.current().nextInt(12_000, 31_000);
            boolean free = true;
            for (int port = first; free && port < first + count; port++) {
                try (ServerSocket socket = new ServerSocket()) {
                    socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
                } catch (IOException e) {
                    free = false;
                }
            }
            if (free) {
                return first;
            }
        }
    }

    /** Returns the folder that {@code cluster init} made. */
    Path folder() {
        return folder.resolve("c");
    }

    /** Has nodes that are started from now on be given these options too. */
    ClusterProcesses serving(String... options) {
        serveOptions.clear();
        serveOptions.addAll(List.of(options));
        return this;
    }

    /** Has nodes that are started from now on be launched by the command that this returns for each. */
    ClusterProcesses launchedBy(Function<String, List<String>> command) {
        launcher = command;
        return this;
    }

    /** Starts nodes, all at the same time, and returns when each says that it is ready. */
    void start(String... nodes) {
        Map<String, CompletableFuture<RunningServer>> starting = new LinkedHashMap<>();
        for (String node : nodes) {
            starting.put(
                    node,
                    CompletableFuture.supplyAsync(
                            () -> serve(node), task -> new Thread(task, "start-" + node).start()));
        }
        starting.forEach((node, server) -> running.put(node, server.join()));
    }

    private RunningServer serve(String node) {
        List<String> args = new ArrayList<>(
                List.of("--cluster", "c/cluster.json", "--node", node, "--join", "c/" + node + ".join"));
        args.addAll(List.of("--data", "c/" + node));
        args.addAll(serveOptions);
        return program.launchedBy(launcher.apply(node)).serve(args.toArray(String[]::new));
    }

    RunningServer server(String node) {
        return Objects.requireNonNull(running.get(node), node);
    }

    /** Kills a node, whose process is gone then. */
    void kill(String node) {
        server(node).kill();
        running.remove(node);
    }

    /** Sends a signal to a node: {@code STOP} or {@code CONT}. */
    void signal(String node, String signal) throws Exception {
        Process kill = new ProcessBuilder(
                        "kill", "-" + signal, String.valueOf(server(node).pid()))
                .inheritIO()
                .start();
        assertThat(kill.waitFor(10, TimeUnit.SECONDS) && kill.exitValue() == 0)
                .as("kill -%s %s", signal, node)
                .isTrue();
    }

    /** Runs a command. */
    Program.Result call(String... args) {
        return program.call(args);
    }

    /** Runs a command with the cluster's folder. */
    Program.Result ask(String... args) {
        List<String> all = new ArrayList<>(Arrays.asList(args));
        all.addAll(List.of("--data", folder().toString()));
        return program.call(all.toArray(String[]::new));
    }

    /** Runs a command that must end well. */
    Program.Result done(String... args) {
        Program.Result result = program.call(args);
        assertThat(result.exitCode()).as("%s: %s", List.of(args), result).isZero();
        return result;
    }

    /** Runs a command with the cluster's folder that must end well. */
    Program.Result asked(String... args) {
        Program.Result result = ask(args);
        assertThat(result.exitCode()).as("%s: %s", List.of(args), result).isZero();
        return result;
    }

    /** Waits until somebody leads each log, and each replica has got everything. Nobody may write meanwhile. */
    void awaitLeaders() {
        await().atMost(Duration.ofSeconds(60)).until(() -> {
            Program.Result status = program.call(
                    "cluster", "status", folder().resolve("cluster.json").toString(), "--json");
            return status.exitCode() == 0 && !BEHIND.matcher(status.out()).find();
        });
    }

    /** Returns what {@code cluster status --json} prints. */
    String statusJson() {
        return program.call(
                        "cluster", "status", folder().resolve("cluster.json").toString(), "--json")
                .out();
    }

    /** Waits until all nodes have the same leader and something of the log that every node has, and returns the leader. */
    String awaitLeader() {
        Map<String, String> states = await().atMost(Duration.ofSeconds(60))
                .until(
                        this::states,
                        found ->
                                found.values().stream().filter("leader"::equals).count() == 1
                                        && found.values().stream().allMatch(state -> state.matches("leader|follower")));
        return states.entrySet().stream()
                .filter(node -> node.getValue().equals("leader"))
                .findFirst()
                .orElseThrow()
                .getKey();
    }

    /** Waits until all nodes have applied the same. Nobody may write meanwhile. */
    void awaitSame() {
        await().atMost(Duration.ofSeconds(60)).until(() -> {
            Program.Result status = program.call(
                    "cluster", "status", folder().resolve("cluster.json").toString(), "--json");
            List<String> applied = APPLIED.matcher(status.out())
                    .results()
                    .map(found -> found.group(1))
                    .toList();
            return applied.size() == running.size()
                    && applied.stream().distinct().count() == 1;
        });
    }

    /** Returns the states of the nodes by their names, as {@code cluster status} shows them. */
    private Map<String, String> states() {
        Map<String, String> states = new LinkedHashMap<>();
        for (String line : statusJson().lines().toList()) {
            Matcher matcher = NODE.matcher(line);
            if (matcher.matches() && !line.contains("\"applied_index\":-1")) {
                states.put(matcher.group(1), matcher.group(2));
            }
        }
        return states;
    }

    /** Returns the partitions by their numbers, as {@code cluster status} shows them. */
    SortedMap<Integer, Partition> partitions() {
        SortedMap<Integer, Partition> partitions = new TreeMap<>();
        for (String line : statusJson().lines().toList()) {
            Matcher matcher = PARTITION.matcher(line);
            if (matcher.matches()) {
                partitions.put(
                        Integer.parseInt(matcher.group(1)),
                        new Partition(matcher.group(2), List.of(matcher.group(3).split(",", -1))));
            }
        }
        return partitions;
    }

    /** Returns the administrator's token. */
    String token() throws IOException {
        return Files.readString(folder().resolve("admin.token")).strip();
    }

    /** Returns a client of these nodes, which prefers the first. */
    KvClientBuilder client(String... nodes) throws IOException {
        KvClientBuilder client = KvClient.builder().token(token()).timeout(Duration.ofSeconds(5));
        for (String node : nodes) {
            client.server(server(node).address());
        }
        return client;
    }

    /** Returns what a node answers at its port for operations. */
    String operations(String node, String path) throws IOException, InterruptedException {
        return text("http://" + server(node).operations() + path);
    }

    static String text(String url) throws IOException, InterruptedException {
        return HttpClient.newHttpClient()
                .send(HttpRequest.newBuilder(URI.create(url)).build(), HttpResponse.BodyHandlers.ofString())
                .body();
    }

    @Override
    public void close() {
        running.values().forEach(RunningServer::close);
    }
}
