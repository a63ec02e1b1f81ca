package io.nearkv.bench.compare;

import io.nearkv.bench.macro.ProcessCpu;
import io.nearkv.bench.peer.EchoServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A server in a process of its own, on a free port of the loopback interface, with a new folder for its data.
 *
 * @param kind which server
 * @param process the process
 * @param host where it listens
 * @param port where it listens
 * @param account the account of nearkv's token, or null
 * @param token nearkv's administrator token, or null
 * @param others the processes beside, of a cluster
 */
record RunningServer(
        ServerKind kind,
        Process process,
        String host,
        int port,
        @Nullable String account,
        @Nullable String token,
        List<Process> others) {
    private static final Duration START = Duration.ofSeconds(60);
    private static final int MEMBERS = 3;

    /** Starts a server of a kind, and returns when it answers. */
    static RunningServer start(ServerKind kind, Children children, CompareOptions options)
            throws IOException, InterruptedException {
        Path folder = children.newFolder(kind.label());
        return switch (kind) {
            case NEARKV -> nearkv(kind, children, options, folder, shipped(options, folder, List.of()));
            case NEARKV_SPIN -> nearkv(kind, children, options, folder, shipped(options, folder, options.spinFlags()));
            case NEARKV_MAP -> nearkv(kind, children, options, folder, hashMap(folder, 0));
            case NEARKV_MAP_SPIN -> nearkv(kind, children, options, folder, hashMap(folder, options.spinMicros()));
            case ECHO -> echo(children, options, folder);
            case REDIS -> redis(kind, children, options, folder, List.of("--appendonly", "no"));
            case REDIS_EVERYSEC ->
                redis(kind, children, options, folder, List.of("--appendonly", "yes", "--appendfsync", "everysec"));
            case REDIS_ALWAYS ->
                redis(kind, children, options, folder, List.of("--appendonly", "yes", "--appendfsync", "always"));
            case ETCD -> etcd(children, options, folder);
            case NEARKV_CLUSTER -> nearkvCluster(children, options, folder);
            case ETCD_CLUSTER -> etcdCluster(children, options, folder);
        };
    }

    private static List<String> shipped(CompareOptions options, Path folder, List<String> more) {
        List<String> command = new ArrayList<>(List.of(
                options.nearkv().toAbsolutePath().toString(),
                "serve",
                "--data",
                folder.resolve("data").toString(),
                "--listen",
                "127.0.0.1:0",
                "--http",
                "off",
                "--ops",
                "off"));
        command.addAll(more);
        return command;
    }

    private static List<String> hashMap(Path folder, int spinMicros) {
        List<String> command = Children.java(HashMapServer.class);
        command.add(folder.resolve("data").toString());
        command.add(Integer.toString(spinMicros));
        return command;
    }

    private static RunningServer nearkv(
            ServerKind kind, Children children, CompareOptions options, Path folder, List<String> command)
            throws IOException, InterruptedException {
        Process process = children.start(kind.label(), command, options.serverCpu(), Map.of(), folder);
        // nearkv ready kv://HOST:PORT environment=NAME account=ID build=ID
        String line = Children.awaitLine(process, Children.lines(process), "nearkv ready ", START);
        String address = line.substring(line.indexOf("kv://") + 5, line.indexOf(' ', line.indexOf("kv://")));
        int colon = address.lastIndexOf(':');
        return new RunningServer(
                kind,
                process,
                address.substring(0, colon),
                Integer.parseInt(address.substring(colon + 1)),
                field(line, "account"),
                Files.readString(folder.resolve("data").resolve("admin.token")).strip(),
                List.of());
    }

    static String field(String line, String name) {
        int start = line.indexOf(' ' + name + '=') + name.length() + 2;
        int end = line.indexOf(' ', start);
        return end < 0 ? line.substring(start) : line.substring(start, end);
    }

    private static RunningServer echo(Children children, CompareOptions options, Path folder)
            throws IOException, InterruptedException {
        Process process =
                children.start("echo", Children.java(EchoServer.class), options.serverCpu(), Map.of(), folder);
        String line = Children.awaitLine(process, Children.lines(process), "echo ready ", START);
        int port = Integer.parseInt(line.substring(line.lastIndexOf(':') + 1));
        return new RunningServer(ServerKind.ECHO, process, "127.0.0.1", port, null, null, List.of());
    }

    private static RunningServer redis(
            ServerKind kind, Children children, CompareOptions options, Path folder, List<String> persistence)
            throws IOException, InterruptedException {
        int port = freePort();
        List<String> command = new ArrayList<>(List.of(
                "redis-server",
                "--port",
                Integer.toString(port),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--dir",
                folder.toString(),
                // A rewrite of the append-only file in the middle of a round would be charged to Redis.
                "--auto-aof-rewrite-percentage",
                "0"));
        command.addAll(persistence);
        Process process = children.start(kind.label(), command, options.serverCpu(), Map.of(), folder);
        discard(process);
        awaitPort(process, port);
        return new RunningServer(kind, process, "127.0.0.1", port, null, null, List.of());
    }

    private static RunningServer etcd(Children children, CompareOptions options, Path folder)
            throws IOException, InterruptedException {
        EtcdMember only = new EtcdMember("default", freePort(), freePort());
        Process process = start(only, List.of(only), children, options, folder);
        return new RunningServer(ServerKind.ETCD, process, "127.0.0.1", only.port(), null, null, List.of());
    }

    /** Returns the member that leads, and the others beside it. */
    private static RunningServer etcdCluster(Children children, CompareOptions options, Path folder)
            throws IOException, InterruptedException {
        List<EtcdMember> members = new ArrayList<>();
        for (int i = 1; i <= MEMBERS; i++) {
            members.add(new EtcdMember("m" + i, freePort(), freePort()));
        }
        List<Process> processes = new ArrayList<>();
        for (EtcdMember member : members) {
            processes.add(launch(member, members, children, options, folder));
        }
        int leader = NearkvNodes.await(processes.size(), i -> {
            // etcd tells its own id and that of the leader.
            String status = NearkvNodes.ask(HttpRequest.newBuilder(
                            URI.create("http://127.0.0.1:" + members.get(i).port() + "/v3/maintenance/status"))
                    .POST(HttpRequest.BodyPublishers.ofString("{}")));
            String self = quoted(status, "member_id");
            return !self.isEmpty() && self.equals(quoted(status, "leader"));
        });
        return cluster(
                ServerKind.ETCD_CLUSTER, processes, leader, members.get(leader).port(), null, null);
    }

    private static String quoted(String json, String name) {
        Matcher matcher = Pattern.compile("\"" + name + "\":\"([^\"]*)\"").matcher(json);
        return matcher.find() ? matcher.group(1) : "";
    }

    private static RunningServer cluster(
            ServerKind kind,
            List<Process> processes,
            int leader,
            int port,
            @Nullable String account,
            @Nullable String token) {
        List<Process> others = new ArrayList<>(processes);
        Process leading = others.remove(leader);
        return new RunningServer(kind, leading, "127.0.0.1", port, account, token, List.copyOf(others));
    }

    /** One of etcd's processes. */
    private record EtcdMember(String name, int port, int peerPort) {
        String peer() {
            return "http://127.0.0.1:" + peerPort;
        }
    }

    private static Process launch(
            EtcdMember member, List<EtcdMember> all, Children children, CompareOptions options, Path folder)
            throws IOException {
        String client = "http://127.0.0.1:" + member.port();
        List<String> command = List.of(
                "etcd",
                "--name",
                member.name(),
                "--data-dir",
                folder.resolve(member.name()).toString(),
                "--listen-client-urls",
                client,
                "--advertise-client-urls",
                client,
                "--listen-peer-urls",
                member.peer(),
                "--initial-advertise-peer-urls",
                member.peer(),
                "--initial-cluster",
                all.stream().map(each -> each.name() + "=" + each.peer()).collect(Collectors.joining(",")),
                "--quota-backend-bytes",
                Long.toString(8L << 30));
        Process process = children.start("etcd-" + member.name(), command, options.serverCpu(), Map.of(), folder);
        discard(process);
        return process;
    }

    private static Process start(
            EtcdMember member, List<EtcdMember> all, Children children, CompareOptions options, Path folder)
            throws IOException {
        Process process = launch(member, all, children, options, folder);
        awaitPort(process, member.port());
        return process;
    }

    /** Returns the node that leads, and the others beside it. */
    private static RunningServer nearkvCluster(Children children, CompareOptions options, Path folder)
            throws IOException, InterruptedException {
        NearkvNodes nodes = NearkvNodes.start(children, options.nearkv(), options.serverCpu(), folder);
        int leader = nodes.awaitLeader();
        return cluster(
                ServerKind.NEARKV_CLUSTER,
                nodes.processes(),
                leader,
                nodes.port(leader),
                nodes.account(),
                nodes.token());
    }

    /** Reads and forgets what a server prints, so that it never waits for a reader. */
    static void discard(Process process) {
        Thread reader = new Thread(
                () -> {
                    try {
                        process.getInputStream().transferTo(OutputStream.nullOutputStream());
                    } catch (IOException e) {
                        // The process has ended.
                        return;
                    }
                },
                "discard-output");
        reader.setDaemon(true);
        reader.start();
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static void awaitPort(Process process, int port) throws IOException {
        long deadline = System.nanoTime() + START.toNanos();
        while (System.nanoTime() - deadline < 0) {
            if (!process.isAlive()) {
                throw new IOException("the server ended at once: "
                        + process.info().commandLine().orElse("exit code " + process.exitValue()));
            }
            try (Socket socket = new Socket()) {
                socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 1000);
                return;
            } catch (IOException e) {
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
            }
        }
        throw new IOException("no server on port " + port + " within " + START.toSeconds() + " s");
    }

    /** Returns all its processes. */
    List<Long> pids() {
        List<Long> pids = new ArrayList<>(List.of(process.pid()));
        others.forEach(each -> pids.add(each.pid()));
        return pids;
    }

    private long cpuNanos() {
        return ProcessCpu.processNanos(
                pids().stream().mapToLong(Long::longValue).toArray());
    }

    /** Returns when the server has been nearly idle for a second (compactions are over), or after a minute. */
    void awaitQuiet() {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        long quietSince = System.nanoTime();
        long used = cpuNanos();
        while (System.nanoTime() - deadline < 0 && System.nanoTime() - quietSince < TimeUnit.SECONDS.toNanos(1)) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(250));
            long now = cpuNanos();
            if (now - used > TimeUnit.MILLISECONDS.toNanos(20) * pids().size()) {
                quietSince = System.nanoTime();
            }
            used = now;
        }
    }
}
