package io.nearkv.bench.compare;

import io.nearkv.bench.macro.Host;
import io.nearkv.bench.macro.ProcessCpu;
import io.nearkv.bench.peer.HelloServer;
import java.io.BufferedReader;
import java.io.IOException;
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
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code kv-bench/run rest}: the HTTP face under {@code wrk}, taking turns with the plain HTTP server of Netty's examples, which gives the same number of bytes for every request
 * and reads none of them (row 18); and values of 25 MiB beside a copy over the loopback interface.
 */
@Command(
        name = "rest",
        mixinStandardHelpOptions = true,
        description = "Measures REST get and put with wrk, beside a plain Netty HTTP server, and large values.")
public final class RestComparison implements Callable<Integer> {
    private static final int LARGE_BYTES = 25 * 1024 * 1024;
    private static final Duration START = Duration.ofSeconds(60);
    private static final Pattern RATE = Pattern.compile("Requests/sec:\\s+([0-9.]+)");
    private static final Pattern FAILED = Pattern.compile("Non-2xx or 3xx responses: (\\d+)|Socket errors: (.*)");

    @Option(names = "--rounds", defaultValue = "5", description = "How often the sides take turns. Default: 5.")
    private int rounds;

    @Option(names = "--seconds", defaultValue = "5", description = "Length of each turn. Default: 5.")
    private int seconds;

    @Option(names = "--warm-up", defaultValue = "10", description = "Seconds before the first turn. Default: 10.")
    private int warmUpSeconds;

    @Option(names = "--connections", defaultValue = "64", description = "Keep-alive connections. Default: 64.")
    private int connections;

    @Option(names = "--value-bytes", defaultValue = "288", description = "Bytes of a small value. Default: 288.")
    private int valueBytes;

    @Option(
            names = "--keys",
            defaultValue = "10000",
            description = "How many keys are read and written. Default: 10000.")
    private int keys;

    @Option(names = "--server-cpu", defaultValue = "0", description = "The servers' processor. Default: 0.")
    private int serverCpu;

    @Option(names = "--client-cpu", defaultValue = "1", description = "The clients' processor. Default: 1.")
    private int clientCpu;

    @Option(names = "--nearkv", defaultValue = "./nearkv", description = "The launcher. Default: ./nearkv.")
    private Path nearkv = Path.of("nearkv");

    @Option(names = "--work", description = "Where servers keep their data. Default: the temporary folder.")
    private Path work = Path.of(System.getProperty("java.io.tmpdir"));

    private RestComparison() {}

    /** Runs the measurement. */
    public static void main(String[] args) {
        System.exit(new CommandLine(new RestComparison()).execute(args));
    }

    /** A server under load, and what wrk is to ask of it. */
    private record Side(Process server, Path script) {}

    @Override
    public Integer call() throws Exception {
        System.out.println("machine: " + Host.describe());
        System.out.printf(
                Locale.ROOT,
                "%d connections, %d-byte values, %d keys, %d rounds of %d s after %d s of warm-up, servers on processor %d, clients on %d%n",
                connections,
                valueBytes,
                keys,
                rounds,
                seconds,
                warmUpSeconds,
                serverCpu,
                clientCpu);
        try (Children children = new Children(work)) {
            Path folder = children.newFolder("rest");
            Process hello = hello(children, folder);
            String helloBase = "http://127.0.0.1:" + helloPort(hello);
            Started rest = rest(children, folder);
            Map<String, Side> sides = new LinkedHashMap<>();
            sides.put(
                    "hello get",
                    new Side(hello, script(folder, "hello-get", helloBase + rest.path, rest.token, "GET")));
            sides.put("rest get", new Side(rest.process, script(folder, "get", rest.base, rest.token, "GET")));
            sides.put(
                    "hello put",
                    new Side(hello, script(folder, "hello-put", helloBase + rest.path, rest.token, "PUT")));
            sides.put("rest put", new Side(rest.process, script(folder, "put", rest.base, rest.token, "PUT")));
            fill(rest);
            boolean clean = measure(sides, children, folder);
            large(rest);
            return clean ? 0 : 1;
        }
    }

    /**
     * A server of ours.
     *
     * @param base the address of the values of its namespace
     * @param path the path of it alone
     */
    private record Started(Process process, String base, String path, String token) {}

    private Process hello(Children children, Path folder) throws IOException {
        List<String> command = Children.java(HelloServer.class);
        command.addAll(List.of(Integer.toString(valueBytes), "1"));
        return children.start("hello", command, serverCpu, Map.of(), folder);
    }

    private static int helloPort(Process process) throws IOException, InterruptedException {
        String line = Children.awaitLine(process, Children.lines(process), "hello ready ", START);
        return Integer.parseInt(line.substring(line.lastIndexOf(':') + 1));
    }

    private Started rest(Children children, Path folder) throws Exception {
        Path data = folder.resolve("data");
        List<String> command = List.of(
                nearkv.toAbsolutePath().toString(),
                "serve",
                "--data",
                data.toString(),
                "--listen",
                "127.0.0.1:0",
                "--http",
                "127.0.0.1:0",
                "--ops",
                "off");
        Process process = children.start("nearkv", command, serverCpu, Map.of(), folder);
        BufferedReader lines = Children.lines(process);
        String line = Children.awaitLine(process, lines, "nearkv ready ", START);
        String token = Files.readString(data.resolve("admin.token")).strip();
        String namespaces = "/client/v4/accounts/" + field(line, "account") + "/storage/kv/namespaces";
        String server = "http://" + field(line, "http");
        Started started = new Started(process, server + namespaces, namespaces, token);
        String body = HttpClient.newHttpClient()
                .send(request(started, server + namespaces).build(), HttpResponse.BodyHandlers.ofString())
                .body();
        Matcher id = Pattern.compile("\"id\":\"([0-9a-f]{32})\"").matcher(body);
        if (!id.find()) {
            throw new IOException("no namespace in " + body);
        }
        String values = namespaces + "/" + id.group(1) + "/values";
        return new Started(process, server + values, values, token);
    }

    private static String field(String line, String name) throws IOException {
        for (String word : line.split(" ", -1)) {
            if (word.startsWith(name + "=")) {
                return word.substring(name.length() + 1);
            }
        }
        throw new IOException("no " + name + "= in: " + line);
    }

    private static HttpRequest.Builder request(Started server, String address) {
        return HttpRequest.newBuilder(URI.create(address)).header("Authorization", "Bearer " + server.token);
    }

    private Path script(Path folder, String name, String base, String token, String method) throws IOException {
        Path script = folder.resolve(name + ".lua");
        URI address = URI.create(base);
        Files.writeString(
                script,
                String.join(
                        "\n",
                        "-- " + address.getScheme() + "://" + address.getAuthority(),
                        "local headers = { [\"Authorization\"] = \"Bearer " + token + "\" }",
                        "local body = " + (method.equals("PUT") ? "string.rep('x', " + valueBytes + ")" : "nil"),
                        "function request()",
                        "  return wrk.format('" + method + "', '" + address.getPath() + "/key-' .. math.random(1, "
                                + keys + "), headers, body)",
                        "end",
                        ""));
        return script;
    }

    private void fill(Started server) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        String bulk = server.base.substring(0, server.base.length() - "/values".length()) + "/bulk";
        String value = "x".repeat(valueBytes);
        for (int from = 1; from <= keys; from += 5000) {
            List<String> items = new ArrayList<>();
            for (int key = from; key < Math.min(keys + 1, from + 5000); key++) {
                items.add("{\"key\":\"key-" + key + "\",\"value\":\"" + value + "\"}");
            }
            HttpResponse<String> answer = client.send(
                    request(server, bulk)
                            .PUT(HttpRequest.BodyPublishers.ofString("[" + String.join(",", items) + "]"))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
            if (answer.statusCode() != 200) {
                throw new IOException("filling: " + answer.body());
            }
        }
    }

    private boolean measure(Map<String, Side> sides, Children children, Path folder) throws Exception {
        Map<String, double[]> rates = new LinkedHashMap<>();
        Map<String, double[]> micros = new LinkedHashMap<>();
        boolean clean = true;
        for (int round = -1; round < rounds; round++) {
            for (Map.Entry<String, Side> each : sides.entrySet()) {
                Side side = each.getValue();
                int length = round < 0 ? warmUpSeconds : seconds;
                long cpu = ProcessCpu.processNanos(side.server.pid());
                String report = wrk(side.script, length, children, folder);
                long used = ProcessCpu.processNanos(side.server.pid()) - cpu;
                double rate = rate(report);
                Matcher failed = FAILED.matcher(report);
                if (failed.find()) {
                    System.out.println(each.getKey() + ": " + failed.group());
                    clean = false;
                }
                if (round >= 0) {
                    rates.computeIfAbsent(each.getKey(), name -> new double[rounds])[round] = rate;
                    micros.computeIfAbsent(each.getKey(), name -> new double[rounds])[round] =
                            used / 1e3 / (rate * length);
                }
            }
        }
        System.out.println();
        System.out.println("| side | k requests/s | server CPU a request, us | to hello, same round |");
        System.out.println("| --- | --- | --- | --- |");
        for (String name : sides.keySet()) {
            double[] peer = rates.get("hello " + name.substring(name.indexOf(' ') + 1));
            double[] own = rates.get(name);
            if (peer == null || own == null) {
                continue;
            }
            double[] ratios = new double[rounds];
            for (int i = 0; i < rounds; i++) {
                ratios[i] = own[i] / peer[i];
            }
            System.out.println("| " + name + " | " + spread(own, 1e-3, 1) + " | " + spread(micros.get(name), 1, 2)
                    + " | " + spread(ratios, 1, 2) + " |");
        }
        return clean;
    }

    private String wrk(Path script, int length, Children children, Path folder) throws Exception {
        String server = Files.readAllLines(script).get(0).substring("-- ".length());
        Process process = children.start(
                "wrk",
                List.of("wrk", "-t1", "-c" + connections, "-d" + length + "s", "-s", script.toString(), server),
                clientCpu,
                Map.of(),
                folder);
        String report = new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IOException("wrk failed (is it installed?): " + report);
        }
        return report;
    }

    private static double rate(String report) throws IOException {
        Matcher rate = RATE.matcher(report);
        if (!rate.find()) {
            throw new IOException("no rate in: " + report);
        }
        return Double.parseDouble(rate.group(1));
    }

    private static String spread(double @Nullable [] values, double factor, int digits) {
        if (values == null) {
            return "";
        }
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        String form = "%." + digits + "f (%." + digits + "f..%." + digits + "f)";
        return String.format(
                Locale.ROOT,
                form,
                sorted[sorted.length / 2] * factor,
                sorted[0] * factor,
                sorted[sorted.length - 1] * factor);
    }

    private void large(Started server) throws Exception {
        byte[] value = new byte[LARGE_BYTES];
        new Random(1).nextBytes(value);
        HttpClient client =
                HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        URI address = URI.create(server.base + "/large");
        double[] puts = new double[rounds];
        double[] gets = new double[rounds];
        double[] copies = new double[rounds];
        for (int round = -1; round < rounds; round++) {
            long start = System.nanoTime();
            int status = client.send(
                            request(server, address.toString())
                                    .PUT(HttpRequest.BodyPublishers.ofByteArray(value))
                                    .build(),
                            HttpResponse.BodyHandlers.discarding())
                    .statusCode();
            long put = System.nanoTime() - start;
            if (status != 200) {
                throw new IOException("large put: " + status);
            }
            long get = LoopbackCopy.get(address, server.token, LARGE_BYTES);
            long copy = LoopbackCopy.copy(LARGE_BYTES);
            if (round >= 0) {
                puts[round] = LARGE_BYTES / (put / 1e3);
                gets[round] = LARGE_BYTES / (get / 1e3);
                copies[round] = LARGE_BYTES / (copy / 1e3);
            }
        }
        double[] getRatios = new double[rounds];
        double[] putRatios = new double[rounds];
        for (int i = 0; i < rounds; i++) {
            getRatios[i] = gets[i] / copies[i];
            putRatios[i] = puts[i] / copies[i];
        }
        System.out.println();
        System.out.println("| values of 25 MiB, one at a time | MB/s | to a copy over loopback |");
        System.out.println("| --- | --- | --- |");
        System.out.println("| copy over loopback | " + spread(copies, 1, 0) + " | |");
        System.out.println("| rest get | " + spread(gets, 1, 0) + " | " + spread(getRatios, 1, 2) + " |");
        System.out.println("| rest put, fsynced | " + spread(puts, 1, 0) + " | " + spread(putRatios, 1, 2) + " |");
    }
}
