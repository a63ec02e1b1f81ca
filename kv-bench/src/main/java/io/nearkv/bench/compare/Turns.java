package io.nearkv.bench.compare;

import io.nearkv.bench.macro.LoadReport;
import io.nearkv.bench.macro.LoadSpec;
import io.nearkv.bench.macro.OperationKind;
import java.io.IOException;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Runs one scenario: starts servers and clients, warms every side up, and lets the sides take turns. */
final class Turns {
    /** Above this the machine was not ours, and the turn is taken again. */
    static final double MAX_OTHER_CORES = 0.15;

    private final Scenario scenario;
    private final CompareOptions options;
    private final PrintStream progress;

    Turns(Scenario scenario, CompareOptions options, PrintStream progress) {
        this.scenario = scenario;
        this.options = options;
        this.progress = progress;
    }

    /** One side with its server and client. */
    private record Player(Side side, RunningServer server, Worker worker) {}

    /** Returns the reports of each side, in the order of the rounds. */
    Map<String, List<LoadReport>> run() throws IOException, InterruptedException {
        try (Children children = new Children(options.workFolder())) {
            List<Player> players = start(children);
            for (Player player : players) {
                note("warming up %s", player.side().name());
                LoadReport unused = player.worker().run(warmUp(player.side().load()));
            }
            Map<String, List<LoadReport>> reports = new LinkedHashMap<>();
            for (int round = 1; round <= options.rounds(); round++) {
                for (Player player : players) {
                    LoadReport report = turn(player, round);
                    reports.computeIfAbsent(player.side().name(), name -> new ArrayList<>())
                            .add(report);
                }
            }
            return reports;
        }
    }

    private LoadSpec warmUp(LoadSpec load) {
        boolean denser = load.style() == LoadSpec.Style.CLOSED_LOOP && options.warmUpInFlight() > 0;
        return (denser ? load.withInFlight(options.warmUpInFlight()) : load)
                .withTimes(seconds(options.warmUpSeconds()), seconds(0.5));
    }

    private List<Player> start(Children children) throws IOException, InterruptedException {
        int keys = Math.min(options.keys(), scenario.maxKeys());
        boolean lists =
                scenario.sides().stream().anyMatch(side -> side.load().mix().isOnly(OperationKind.LIST));
        Map<ServerKind, RunningServer> servers = new EnumMap<>(ServerKind.class);
        List<Player> players = new ArrayList<>();
        for (Side side : scenario.sides()) {
            boolean first = !servers.containsKey(side.server());
            if (first) {
                note("starting %s", side.server().label());
                servers.put(side.server(), RunningServer.start(side.server(), children, options));
            }
            RunningServer server = Objects.requireNonNull(servers.get(side.server()), "server");
            WorkerSetup setup = new WorkerSetup(
                    side.client(),
                    server.host(),
                    server.port(),
                    server.pids(),
                    server.account(),
                    server.token(),
                    side.load().connections(),
                    side.clientSpins() ? options.spinMicros() : 0,
                    side.buffered(),
                    side.strong(),
                    lists,
                    keys,
                    options.valueBytes());
            Worker worker = Worker.start(side.name(), setup, children, options);
            if (first) {
                note("filling %s with %,d keys", side.server().label(), keys);
                worker.fill();
                server.awaitQuiet();
            }
            players.add(new Player(side, server, worker));
        }
        return players;
    }

    private LoadReport turn(Player player, int round) throws IOException, InterruptedException {
        LoadSpec spec = player.side().load().withTimes(seconds(0.5), seconds(options.seconds()));
        LoadReport best = null;
        double leastDisturbed = Double.MAX_VALUE;
        for (int attempt = 1; attempt <= options.tries() && leastDisturbed > MAX_OTHER_CORES; attempt++) {
            if (scenario.deletes()) {
                player.worker().fill();
                player.server().awaitQuiet();
            }
            LoadReport report = player.worker().run(spec);
            double others = report.otherCores() == null ? 0 : report.otherCores();
            boolean disturbed = others > MAX_OTHER_CORES;
            note(
                    "round %d %-18s %,10.0f/s, %s%s%s",
                    round,
                    player.side().name(),
                    report.operationsPerSecond(),
                    cpu(report),
                    report.sound()
                            ? ""
                            : ", UNSOUND: errors " + report.errors() + ", misses " + report.misses() + ", wrong "
                                    + report.wrong() + ", unanswered " + report.unanswered(),
                    disturbed ? String.format(", disturbed (%.2f processors by others)", others) : "");
            if (others < leastDisturbed) {
                leastDisturbed = others;
                best = report;
            }
        }
        return Objects.requireNonNull(best, "report");
    }

    private static String cpu(LoadReport report) {
        Double server = report.serverCpuMicrosPerOperation();
        return String.format(
                "CPU %.2f+%s us",
                report.clientCpuMicrosPerOperation(), server == null ? "?" : String.format("%.2f", server));
    }

    private static Duration seconds(double seconds) {
        return Duration.ofNanos((long) (seconds * 1e9));
    }

    private void note(String format, Object... values) {
        progress.printf("  " + format + "%n", values);
    }
}
