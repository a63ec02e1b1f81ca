package io.nearkv.bench.compare;

import io.nearkv.net.client.KvClient;
import io.nearkv.net.client.KvClientBuilder;
import java.io.BufferedReader;
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
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** The nodes of a nearkv cluster, a process each, that can be ended and started again. Not thread-safe. */
final class NearkvNodes {
    private static final Duration START = Duration.ofSeconds(60);
    private static final Duration CHANGE = Duration.ofMinutes(10);
    /** A node has so many ports in a row. */
    private static final int PORTS = 5;

    private static final HttpClient HTTP = HttpClient.newHttpClient();

    private final Children children;
    private final String launcher;
    private final @Nullable Integer cpu;
    private final Path folder;
    private final Path shared;
    private final List<Integer> ports = new ArrayList<>();
    private final List<Process> processes = new ArrayList<>();
    private String account = "";

    private NearkvNodes(Children children, Path nearkv, @Nullable Integer cpu, Path folder) {
        this.children = children;
        this.launcher = nearkv.toAbsolutePath().toString();
        this.cpu = cpu;
        this.folder = folder;
        this.shared = folder.resolve("cluster");
    }

    /** Makes a cluster of three nodes and starts them. */
    static NearkvNodes start(Children children, Path nearkv, @Nullable Integer cpu, Path folder)
            throws IOException, InterruptedException {
        return start(children, nearkv, cpu, folder, 3, 1);
    }

    /** Makes a cluster of some nodes, over so many partitions, and starts them. */
    static NearkvNodes start(
            Children children, Path nearkv, @Nullable Integer cpu, Path folder, int count, int partitions)
            throws IOException, InterruptedException {
        NearkvNodes nodes = new NearkvNodes(children, nearkv, cpu, folder);
        List<String> init = new ArrayList<>(List.of(nodes.launcher, "cluster", "init", nodes.shared.toString()));
        init.addAll(List.of("--partitions", Integer.toString(partitions)));
        for (int i = 0; i < count; i++) {
            int port = freePorts();
            nodes.ports.add(port);
            init.addAll(List.of("--node", name(i) + "=127.0.0.1:" + port));
        }
        nodes.await(nodes.command("init", init));
        List<BufferedReader> outputs = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            nodes.processes.add(nodes.launch(i));
            outputs.add(Children.lines(nodes.processes.get(i)));
        }
        for (int i = 0; i < count; i++) {
            String line = Children.awaitLine(nodes.processes.get(i), outputs.get(i), "nearkv ready ", START);
            nodes.account = RunningServer.field(line, "account");
        }
        return nodes;
    }

    /** A command that runs. */
    private record Command(String name, Process process) {}

    private Command command(String name, List<String> words) throws IOException {
        Process process = children.start(name, words, null, Map.of(), folder);
        RunningServer.discard(process);
        return new Command(name, process);
    }

    private void await(Command command) throws IOException, InterruptedException {
        if (!command.process().waitFor(CHANGE.toSeconds(), TimeUnit.SECONDS)
                || command.process().exitValue() != 0) {
            throw new IOException(
                    "the command '" + command.name() + "' failed, see " + folder.resolve(command.name() + ".err"));
        }
    }

    private Command cluster(String... words) throws IOException {
        List<String> all = new ArrayList<>(List.of(launcher, "cluster"));
        all.addAll(List.of(words));
        all.addAll(List.of("--data", shared.toString()));
        return command(words[0], all);
    }

    /** Adds a node that there was not before; returns when it has all that the others have. */
    void add() throws IOException, InterruptedException {
        int node = processes.size();
        int port = freePorts();
        ports.add(port);
        Command adding = cluster("add", name(node) + "=127.0.0.1:" + port);
        int unused = await(1, one -> Files.exists(shared.resolve(name(node) + ".join")));
        processes.add(launch(node));
        RunningServer.discard(processes.get(node));
        await(adding);
        awaitReady(node);
    }

    /** Has a node lead, if it does not already. */
    void lead(int node) throws IOException, InterruptedException {
        await(cluster("transfer-leader", name(node)));
    }

    /** Removes a node and stops it. */
    void remove(int node) throws IOException, InterruptedException {
        await(cluster("remove", name(node)));
        children.stop(processes.get(node));
    }

    /** Kills a node and takes its disk away, and gives it another one; returns when it has everything again. */
    void loseDisk(int node) throws IOException, InterruptedException {
        Process process = processes.get(node).destroyForcibly();
        if (!process.waitFor(START.toSeconds(), TimeUnit.SECONDS)) {
            throw new IOException("the process of " + name(node) + " does not end");
        }
        Children.delete(folder.resolve(name(node)));
        processes.set(node, launch(node));
        RunningServer.discard(processes.get(node));
        await(cluster("add", name(node)));
        awaitReady(node);
    }

    /** Spreads partitions and leaders over all nodes. */
    void rebalance() throws IOException, InterruptedException {
        await(cluster("rebalance"));
    }

    private static String name(int node) {
        return "n" + (node + 1);
    }

    private Process launch(int node) throws IOException {
        return children.start(
                name(node),
                List.of(
                        launcher,
                        "serve",
                        "--cluster",
                        shared.resolve("cluster.json").toString(),
                        "--node",
                        name(node),
                        "--join",
                        shared.resolve(name(node) + ".join").toString(),
                        "--data",
                        folder.resolve(name(node)).toString(),
                        "--http",
                        "off"),
                cpu,
                Map.of(),
                folder);
    }

    /** Starts a node that has ended, and returns when it is a member again that knows who leads. */
    void restart(int node) throws IOException, InterruptedException {
        Process process = launch(node);
        processes.set(node, process);
        String unused = Children.awaitLine(process, Children.lines(process), "nearkv ready ", START);
        awaitReady(node);
    }

    private void awaitReady(int node) throws IOException, InterruptedException {
        int unused = await(
                1,
                one -> ask("http://127.0.0.1:" + (port(node) + 1) + "/readyz").startsWith("ready"));
    }

    /** Waits until all nodes know of each partition who leads it. */
    void awaitReady() throws IOException, InterruptedException {
        for (int node = 0; node < processes.size(); node++) {
            awaitReady(node);
        }
    }

    /** Returns a builder of clients that know all nodes. */
    KvClientBuilder client() throws IOException {
        KvClientBuilder client = KvClient.builder().token(token());
        ports.forEach(port -> client.server("kv://127.0.0.1:" + port));
        return client;
    }

    /** Returns the processes of all nodes. */
    long[] pids() {
        return processes.stream().mapToLong(Process::pid).toArray();
    }

    /** Returns the newest term that a node tells: it grows with every election. */
    long term() throws InterruptedException {
        long newest = -1;
        for (int node = 0; node < processes.size(); node++) {
            String name = "nearkv_cluster_term ";
            newest = Math.max(
                    newest,
                    metrics(node)
                            .lines()
                            .filter(line -> line.startsWith(name))
                            .mapToLong(line -> (long) Double.parseDouble(line.substring(name.length())))
                            .max()
                            .orElse(-1));
        }
        return newest;
    }

    List<Process> processes() {
        return List.copyOf(processes);
    }

    int port(int node) {
        return ports.get(node);
    }

    String account() {
        return account;
    }

    /** Returns the administrator's token. */
    String token() throws IOException {
        return Files.readString(shared.resolve("admin.token")).strip();
    }

    /** Waits until a node leads, and returns which. */
    int awaitLeader() throws IOException, InterruptedException {
        return await(processes.size(), node -> leads(node));
    }

    /** Waits until a node, which may have led, knows that it does not lead any more. */
    void awaitFollower(int node) throws IOException, InterruptedException {
        int unused = await(1, one -> {
            String metrics = metrics(node);
            return metrics.contains("\nnearkv_cluster_leads 0");
        });
    }

    private boolean leads(int node) throws InterruptedException {
        return metrics(node).contains("\nnearkv_cluster_leads 1");
    }

    private String metrics(int node) throws InterruptedException {
        return ask("http://127.0.0.1:" + (port(node) + 1) + "/metrics");
    }

    /** What is waited for. */
    interface Condition {
        boolean test(int member) throws InterruptedException;
    }

    /** Waits until a condition holds for one of some members, and returns for which. */
    static int await(int members, Condition condition) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + START.toNanos();
        while (System.nanoTime() - deadline < 0) {
            for (int i = 0; i < members; i++) {
                if (condition.test(i)) {
                    return i;
                }
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
        }
        throw new IOException("what was waited for did not come within " + START.toSeconds() + " s");
    }

    private static String ask(String url) throws InterruptedException {
        return ask(HttpRequest.newBuilder(URI.create(url)));
    }

    /** Returns the body of an answer, or nothing if there is none. */
    static String ask(HttpRequest.Builder request) throws InterruptedException {
        try {
            return HTTP.send(request.timeout(Duration.ofSeconds(2)).build(), HttpResponse.BodyHandlers.ofString())
                    .body();
        } catch (IOException e) {
            return ""; // It does not answer yet.
        }
    }

    /** Returns the first of some free ports in a row, below those that the system gives to outgoing connections. */
    private static int freePorts() {
        while (true) {
            int first = ThreadLocalRandom.current().nextInt(12_000, 31_000);
            boolean free = true;
            for (int port = first; free && port < first + PORTS; port++) {
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
}
