package io.nearkv.server.incident.process;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.nearkv.core.KvException;
import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.deploy.document.DocumentSigner;
import io.nearkv.deploy.document.Documents;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.document.StoredDocuments;
import io.nearkv.deploy.environment.BreakGlass;
import io.nearkv.deploy.model.LedgerEntry;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteEntry;
import io.nearkv.deploy.model.RouteKind;
import io.nearkv.deploy.store.AuditLog;
import io.nearkv.deploy.store.AuditReport;
import io.nearkv.deploy.store.RouteStore;
import io.nearkv.net.client.KvTransport;
import io.nearkv.server.incident.cluster.AuditedFile;
import io.nearkv.server.incident.cluster.ReplayCluster;
import io.nearkv.server.incident.cluster.StepResult;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The operators at the routers themselves, past the control plane: with documents that they sign, and what lies on the disks. Used by one thread at a time. */
final class RouteDoor implements AutoCloseable {
    private static final Duration OFFER_TIMEOUT = Duration.ofSeconds(3);
    private static final Duration TTL = Duration.ofMinutes(30);
    private static final int ALL = 10_000;
    private static final Pattern PUSHED = Pattern.compile("\"holding\":(\\d+),\"total\":(\\d+),\"millis\":(\\d+)");

    private final World world;
    private final InstantSource clock;
    private final KvTransport transport;
    private final ExecutorService threads = Executors.newFixedThreadPool(ReplayCluster.ROUTERS, task -> {
        Thread thread = new Thread(task, "replay-offer");
        thread.setDaemon(true);
        return thread;
    });

    RouteDoor(World world, InstantSource clock) {
        this.world = world;
        this.clock = clock;
        this.transport = ClusterSetup.transport(world.operatorToken());
    }

    /** Hands a document to all routers at once; returns what each says, or nothing of one that does not answer. */
    private List<DocumentVerdict> offer(byte[] document) throws InterruptedException {
        List<Future<DocumentVerdict>> asked = new ArrayList<>();
        for (String router : world.routers()) {
            asked.add(threads.submit(() -> transport.offer(router, document, OFFER_TIMEOUT)));
        }
        List<DocumentVerdict> verdicts = new ArrayList<>();
        for (Future<DocumentVerdict> each : asked) {
            try {
                verdicts.add(each.get());
            } catch (ExecutionException e) {
                KvException unused = KvException.from(e); // It is counted by its absence.
            }
        }
        return verdicts;
    }

    /** Returns how many routers give a build this share now. */
    int following(String build, int weight) throws InterruptedException {
        String wanted = build + "=" + weight;
        return (int) offer(new byte[0]).stream()
                .filter(verdict -> List.of(verdict.active().split(" ", -1)).contains(wanted))
                .count();
    }

    private StepResult offered(byte[] document, String what, long begun) throws InterruptedException {
        List<DocumentVerdict> verdicts = offer(document);
        long millis = ProcessCluster.millisSince(begun);
        int holding = (int) verdicts.stream().filter(DocumentVerdict::holds).count();
        if (holding > 0) {
            return StepResult.done(what, millis, holding, ReplayCluster.ROUTERS);
        }
        return verdicts.isEmpty()
                ? StepResult.refused("UNREACHABLE", "no router answers", millis)
                : StepResult.refused(verdicts.get(0).reason(), verdicts.get(0).detail(), millis);
    }

    /** What is in force at the first router, by its disk. */
    private StoredDocuments stored() {
        return RouteStore.peek(world.routeFolder(0));
    }

    /** The edit of the report: weights by hand, signed with the key of the routes, handed to the routers one by one. Where nothing is checked, anything goes. */
    StepResult editByHand(int knownGoodShare) throws InterruptedException {
        long begun = System.nanoTime();
        StoredDocuments now = stored();
        SignedDocument active = now.active();
        if (active == null) {
            return StepResult.refused(
                    "NO_ROUTE", "the first router follows no route", ProcessCluster.millisSince(begun));
        }
        Route route = active.route();
        RouteEntry good = route.knownGood().get(0);
        List<RouteEntry> entries = new ArrayList<>();
        for (RouteEntry entry : route.entries()) {
            if (!entry.build().equals(good.build()) && knownGoodShare < ALL && entries.isEmpty()) {
                entries.add(entry.withWeight(ALL - knownGoodShare));
            }
        }
        entries.add(good.withWeight(entries.isEmpty() ? ALL : knownGoodShare));
        Route edited = route.toBuilder()
                .kind(RouteKind.FORWARD)
                .version(route.epoch() + 1, 2)
                .rollout("by-hand-" + (route.epoch() + 1), 1)
                .entries(entries)
                .ancestors(now.history())
                .lease(Duration.ZERO)
                .createdAt(clock.instant().getEpochSecond())
                .reason("edited by hand")
                .build();
        byte[] document = Documents.route(
                edited, DocumentSigner.read(world.keys().routeKey()), Documents.parachuteOf(edited, "the way back"));
        return offered(document, "prod-1.8 gets " + knownGoodShare / 100 + " %", begun);
    }

    /** The emergency of the specification: two people sign, offline, that everything goes to a build of the ledger. */
    StepResult breakGlass() throws InterruptedException {
        long begun = System.nanoTime();
        StoredDocuments now = stored();
        SignedDocument ledger = now.ledger();
        LedgerEntry last = ledger == null ? null : ledger.ledger().last();
        if (last == null) {
            return StepResult.refused("NO_LEDGER", "the first router has no ledger", ProcessCluster.millisSince(begun));
        }
        List<DocumentSigner> people = new ArrayList<>();
        for (Path key : world.keys().breakGlassKeys().values()) {
            people.add(DocumentSigner.read(key));
        }
        byte[] document = BreakGlass.create(now, 0, last.number(), people, "the incident", TTL, clock);
        return offered(
                document,
                "signed by " + people.size() + " people: all to ledger #" + last.number() + " ("
                        + last.build().version() + ")",
                begun);
    }

    /** The rollback of an operator, as a command with nothing but the folder of one router: the way back lies there, and needs neither a key nor a service. */
    StepResult rollbackByCommand(ChildJvm jvm) throws InterruptedException {
        long begun = System.nanoTime();
        String said;
        int exitCode;
        try {
            Process command = jvm.start(
                    world.folder(),
                    world.folder().resolve("rollback.log"),
                    List.of(
                            "rollback",
                            "--env",
                            World.PRODUCTION.environment(),
                            "--folder",
                            world.routeFolder(0).toString(),
                            "--reason",
                            "the incident",
                            "--json"));
            said = new String(command.getInputStream().readAllBytes(), UTF_8);
            exitCode = command.waitFor();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        long whole = ProcessCluster.millisSince(begun);
        Matcher pushed = PUSHED.matcher(said);
        if (!pushed.find()) {
            return StepResult.refused("FAILED", "exit code " + exitCode + ", see rollback.log", whole);
        }
        String detail = "nearkv rollback: " + pushed.group(1) + "/" + pushed.group(2)
                + " follow; the whole command took " + whole + " ms";
        long millis = Long.parseLong(pushed.group(3));
        int reached = following(world.known(), ALL);
        return exitCode == 0
                ? StepResult.done(detail, millis, reached, ReplayCluster.ROUTERS)
                : new StepResult(false, "INCOMPLETE", detail, millis, reached, ReplayCluster.ROUTERS);
    }

    List<AuditedFile> verifyAudit() {
        Map<String, Path> logs = new LinkedHashMap<>();
        logs.put("control", world.controlFolder().resolve("audit.log"));
        for (int i = 0; i < ReplayCluster.ROUTERS; i++) {
            logs.put(World.routerName(i), world.routeFolder(i).resolve("audit.log"));
        }
        List<AuditedFile> verified = new ArrayList<>();
        logs.forEach((process, file) -> {
            if (!Files.exists(file)) {
                verified.add(new AuditedFile(process, 0, false, "there is none"));
                return;
            }
            AuditReport report = AuditLog.verify(file);
            verified.add(new AuditedFile(
                    process,
                    report.records(),
                    report.intact(),
                    report.intact() ? "ends with " + report.head().substring(0, 12) + "…" : report.problem()));
        });
        return verified;
    }

    @Override
    public void close() {
        threads.shutdownNow();
        transport.close();
    }
}
