package io.nearkv.bench.startup;

import io.nearkv.bench.macro.Host;
import io.nearkv.bench.macro.Launcher;
import io.nearkv.core.Key;
import io.nearkv.core.KvStore;
import io.nearkv.core.ReadOptions;
import io.nearkv.net.client.KvClient;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code kv-bench/run startup}: the time from exec to the first answer (row 19), of {@code nearkv serve} and of {@link PlainServer}, taking turns, on each JDK. The client is this
 * process, warm, so that its own start does not count. Both servers open a folder that is there already.
 */
@Command(
        name = "startup",
        mixinStandardHelpOptions = true,
        description = "Measures exec to first answer of nearkv serve against a plain RocksDB and Netty program.")
public final class Startup implements Callable<Integer> {
    private static final long LIMIT_SECONDS = 60;

    @Option(names = "--jdk", split = ",", description = "Java homes. Default: the one that runs this.")
    private List<Path> jdks = List.of(Path.of(System.getProperty("java.home")));

    @Option(names = "--rounds", defaultValue = "7", description = "How often the sides take turns. Default: 7.")
    private int rounds;

    @Option(names = "--nearkv", defaultValue = "./nearkv", description = "The launcher. Default: ./nearkv.")
    private Path nearkv = Path.of("nearkv");

    private Startup() {}

    /** Runs the measurement. */
    public static void main(String[] args) {
        System.exit(new CommandLine(new Startup()).execute(args));
    }

    /** One server to start. */
    private interface Side {
        ProcessBuilder command();

        /** Asks for one answer; the line is the one that said that the server is ready. */
        void ask(String readyLine) throws Exception;
    }

    @Override
    public Integer call() throws Exception {
        System.out.println("machine: " + Host.describe());
        System.out.println("exec to first answer, ms: median (min..max) of " + rounds + ", taking turns");
        Path folder = Files.createTempDirectory("nearkv-startup-");
        try {
            for (Path jdk : jdks) {
                Launcher.prepare(nearkv, Map.of("JAVA_HOME", jdk.toString()));
                Map<String, Side> sides = new LinkedHashMap<>();
                sides.put("nearkv", new Nearkv(jdk, folder.resolve("nearkv"), Map.of()));
                sides.put(
                        "nearkv, no archive",
                        new Nearkv(jdk, folder.resolve("nearkv"), Map.of("NEARKV_NO_ARCHIVE", "1")));
                sides.put("plain", new Plain(jdk, folder.resolve("plain")));
                measure(jdk, sides);
            }
        } finally {
            delete(folder);
        }
        return 0;
    }

    private void measure(Path jdk, Map<String, Side> sides) throws Exception {
        Map<String, double[]> millis = new LinkedHashMap<>();
        sides.keySet().forEach(name -> millis.put(name, new double[rounds]));
        // The first turn of each makes its folder, its archive and the system's caches; it does not count.
        for (int round = -1; round < rounds; round++) {
            for (Map.Entry<String, Side> side : sides.entrySet()) {
                double taken = turn(side.getValue());
                if (round >= 0) {
                    millis.getOrDefault(side.getKey(), new double[rounds])[round] = taken;
                }
            }
        }
        double plain = median(millis.getOrDefault("plain", new double[] {Double.NaN}));
        millis.forEach((name, each) -> System.out.println(String.format(
                Locale.ROOT,
                "%s %s: %.0f (%.0f..%.0f), %.2fx plain",
                jdk.getFileName(),
                name,
                median(each),
                Arrays.stream(each).min().orElse(Double.NaN),
                Arrays.stream(each).max().orElse(Double.NaN),
                median(each) / plain)));
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    private static double turn(Side side) throws Exception {
        ProcessBuilder command = side.command().redirectError(ProcessBuilder.Redirect.INHERIT);
        long start = System.nanoTime();
        Process process = command.start();
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            String line = lines.readLine();
            while (line != null && !line.contains(" ready ")) {
                line = lines.readLine();
            }
            if (line == null) {
                throw new IOException("the server ended before it was ready: " + command.command());
            }
            side.ask(line);
            return (System.nanoTime() - start) / 1e6;
        } finally {
            process.destroy();
            if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        }
    }

    private final class Nearkv implements Side {
        private final Path jdk;
        private final Path folder;
        private final Map<String, String> environment;

        Nearkv(Path jdk, Path folder, Map<String, String> environment) {
            this.jdk = jdk;
            this.folder = folder;
            this.environment = environment;
        }

        @Override
        public ProcessBuilder command() {
            ProcessBuilder builder = new ProcessBuilder(
                    nearkv.toAbsolutePath().toString(),
                    "serve",
                    "--data",
                    folder.toString(),
                    "--listen",
                    "127.0.0.1:0");
            builder.environment().put("JAVA_HOME", jdk.toString());
            builder.environment().putAll(environment);
            return builder;
        }

        @Override
        public void ask(String readyLine) throws Exception {
            String address = Arrays.stream(readyLine.split(" ", -1))
                    .filter(word -> word.startsWith("kv://"))
                    .findFirst()
                    .orElseThrow();
            try (KvClient client = KvClient.builder()
                    .server(address)
                    .token(Files.readString(folder.resolve("admin.token")).strip())
                    .name("startup")
                    .build()) {
                client.awaitReady(Duration.ofSeconds(LIMIT_SECONDS));
                KvStore store = client.store();
                var namespace = client.kv().namespace("default").info().id();
                var unused =
                        store.get(namespace, Key.of("k"), ReadOptions.DEFAULT).get(LIMIT_SECONDS, TimeUnit.SECONDS);
            }
        }
    }

    private static final class Plain implements Side {
        private final Path jdk;
        private final Path folder;

        Plain(Path jdk, Path folder) {
            this.jdk = jdk;
            this.folder = folder;
        }

        @Override
        public ProcessBuilder command() {
            List<String> words = new ArrayList<>(List.of(
                    jdk.resolve("bin").resolve("java").toString(),
                    "-XX:-UsePerfData",
                    "--enable-native-access=ALL-UNNAMED"));
            words.addAll(List.of("-cp", classPath(), PlainServer.class.getName(), folder.toString()));
            return new ProcessBuilder(words);
        }

        /** What such a program needs and nothing else: with a logging library on the class path Netty would start that too. */
        private static String classPath() {
            return Arrays.stream(System.getProperty("java.class.path", "").split(File.pathSeparator, -1))
                    .filter(entry -> entry.matches(".*(kv-bench|netty-|rocksdbjni|/main|/classes).*"))
                    .collect(Collectors.joining(File.pathSeparator));
        }

        @Override
        public void ask(String readyLine) throws IOException {
            int port = Integer.parseInt(readyLine.substring(readyLine.lastIndexOf(':') + 1));
            try (Socket socket = new Socket()) {
                socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 10_000);
                socket.setSoTimeout(10_000);
                socket.getOutputStream().write('k');
                socket.getOutputStream().flush();
                if (socket.getInputStream().read() < 0) {
                    throw new IOException("no answer");
                }
            }
        }
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path each : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(each);
            }
        }
    }
}
