package io.nearkv.bench.compare;

import io.nearkv.bench.macro.Host;
import io.nearkv.bench.macro.Launcher;
import io.nearkv.bench.macro.LoadReport;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;

/** {@code kv-bench/run compare}: measures the rows of the table of targets against the peers. */
@Command(
        name = "compare",
        mixinStandardHelpOptions = true,
        description =
                "Measures rows of docs/benchmarks.md: servers on one processor, clients on another, taking turns.")
public final class Compare implements Callable<Integer> {
    @Option(names = "--rows", split = ",", description = "Which rows, such as 5,6,10. Default: all.")
    private List<String> rows = List.of();

    @Option(names = "--sides", split = ",", description = "Only these sides of them. Default: all.")
    private List<String> sides = List.of();

    @Option(names = "--rounds", defaultValue = "5", description = "How often the sides take turns. Default: 5.")
    private int rounds;

    @Option(
            names = "--tries",
            defaultValue = "3",
            description = "Most tries of a turn that others disturb. Default: 3.")
    private int tries;

    @Option(names = "--seconds", defaultValue = "5", description = "Length of each turn. Default: 5.")
    private double seconds;

    @Option(
            names = "--warm-up",
            defaultValue = "10",
            description = "Seconds of load before the first turn. Default: 10.")
    private double warmUpSeconds;

    @Option(
            names = "--warm-up-in-flight",
            defaultValue = "0",
            description = {
                "Operations in flight on each connection until the first turn: a few at a time take minutes until the code",
                "of a JVM is compiled. Default: as many as are measured."
            })
    private int warmUpInFlight;

    @Option(names = "--keys", defaultValue = "1000000", description = "How many keys. Default: 1000000.")
    private int keys;

    @Option(names = "--value-bytes", defaultValue = "100", description = "Bytes of each value. Default: 100.")
    private int valueBytes;

    @Option(names = "--nearkv", defaultValue = "./nearkv", description = "The launcher. Default: ./nearkv.")
    private Path nearkv = Path.of("nearkv");

    @Option(names = "--work", description = "Where servers keep their data. Default: the temporary folder.")
    private @Nullable Path work;

    @Option(names = "--server-cpu", defaultValue = "0", description = "The servers' processor. Default: 0.")
    private int serverCpu;

    @Option(names = "--client-cpu", defaultValue = "1", description = "The clients' processor. Default: 1.")
    private int clientCpu;

    @Option(names = "--unpinned", description = "Pin nothing: the cross-check.")
    private boolean unpinned;

    @Option(names = "--spin-micros", defaultValue = "40", description = "How long spinning sides spin. Default: 40.")
    private int spinMicros;

    @Option(names = "--out", description = "Write every report to this file, as JSON.")
    private @Nullable Path out;

    private Compare() {}

    /** Runs the comparison; exit code 1 if an answer was wrong or missing, 2 for a wrong command line. */
    public static void main(String[] args) {
        System.exit(new CommandLine(new Compare()).execute(args));
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        PrintStream console = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        CompareOptions options = new CompareOptions(
                nearkv,
                work != null ? work : Path.of(System.getProperty("java.io.tmpdir")),
                unpinned ? null : serverCpu,
                unpinned ? null : clientCpu,
                rounds,
                tries,
                seconds,
                warmUpSeconds,
                warmUpInFlight,
                keys,
                valueBytes,
                spinMicros,
                List.of("--spin"));
        console.println("machine: " + Host.describe());
        console.printf(
                "%,d keys, %d-byte values, Zipf 0.99, %d rounds of %.1f s after %.1f s of warm-up, %s%n",
                keys,
                valueBytes,
                rounds,
                seconds,
                warmUpSeconds,
                unpinned ? "unpinned" : "servers on processor " + serverCpu + ", clients on " + clientCpu);
        // A launcher that first builds would be a server that does not start in time.
        Launcher.prepare(nearkv, Map.of());
        boolean sound = true;
        Map<String, Map<String, List<LoadReport>>> all = new LinkedHashMap<>();
        for (Scenario scenario : chosen()) {
            console.println();
            console.println("row " + scenario.id() + ": " + scenario.title());
            Map<String, List<LoadReport>> reports = new Turns(scenario, options, console).run();
            all.put(scenario.id(), reports);
            Outcome outcome = new Outcome(scenario, reports);
            sound &= outcome.sound();
            console.println();
            outcome.lines().forEach(console::println);
            if (out != null) {
                Files.writeString(
                        out, JsonMapper.builder().build().writeValueAsString(new Document(Host.describe(), all)));
            }
        }
        return sound ? 0 : 1;
    }

    /** What {@code --out} writes. */
    private record Document(Host host, Map<String, Map<String, List<LoadReport>>> rows) {}

    private List<Scenario> chosen() {
        List<Scenario> chosen = new ArrayList<>();
        for (Scenario each : Scenario.all()) {
            if (rows.isEmpty()
                    || rows.contains(each.id())
                    || rows.contains(each.id().replaceAll("[a-z]$", ""))) {
                chosen.add(sides.isEmpty() ? each : only(each));
            }
        }
        if (chosen.isEmpty()) {
            throw new CommandLine.ParameterException(
                    new CommandLine(this),
                    "--rows: " + rows + " (expected: some of "
                            + Scenario.all().stream().map(Scenario::id).toList() + ")");
        }
        return chosen;
    }

    private Scenario only(Scenario scenario) {
        Set<String> names = Set.copyOf(sides);
        return new Scenario(
                scenario.id(),
                scenario.title(),
                scenario.sides().stream()
                        .filter(side -> names.contains(side.name()))
                        .toList(),
                scenario.goals().stream()
                        .filter(goal ->
                                names.contains(goal.side()) && (goal.peer().isEmpty() || names.contains(goal.peer())))
                        .toList(),
                scenario.maxKeys());
    }
}
