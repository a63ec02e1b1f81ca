package io.nearkv.bench.macro;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/** Runs loads against one target. Not thread-safe; one load at a time. */
public final class LoadRun {
    /** How long answers may take after the end of a load before they count as lost. */
    private static final long DRAIN_NANOS = TimeUnit.SECONDS.toNanos(15);

    /** Most operations that an open loop has out; beyond that they queue, and still count from when they fell due. */
    private static final int MAX_OPEN_OPERATIONS = 4096;

    private final Target target;
    private final KeySpace space;
    private final long[] serverPids;
    private @Nullable KeyChooser chooser;
    private @Nullable Mix choosersMix;

    /**
     * Creates a runner.
     *
     * @param target what to load; borrowed
     * @param space keys and values
     * @param serverPids the processes whose processor time counts as the server's, or {@link ProcessCpu#UNKNOWN}
     */
    public LoadRun(Target target, KeySpace space, long... serverPids) {
        this.target = requireNonNull(target, "target");
        this.space = requireNonNull(space, "space");
        this.serverPids = serverPids.clone();
    }

    /** Puts every key once, 8 x 16 in flight, so that no read misses. Fails if any put does. */
    public LoadReport fill() throws InterruptedException {
        LoadSpec spec = LoadSpec.closedLoop(8, 16, Mix.only(OperationKind.PUT), Duration.ZERO, Duration.ofHours(1));
        LoadReport report = run(spec, KeyChooser.everyKeyOnce(space, OperationKind.PUT));
        if (report.operations() != space.keys() || !report.errors().isEmpty()) {
            throw new IllegalStateException(
                    "filling failed: " + report.operations() + " of " + space.keys() + " keys, " + report.errors());
        }
        return report;
    }

    /** Runs one load. A mix of deletes alone uses every key once and may end before its time. */
    public LoadReport run(LoadSpec spec) throws InterruptedException {
        KeyChooser known = chooser;
        if (spec.mix().isOnly(OperationKind.DELETE)) {
            known = KeyChooser.everyKeyOnce(space, OperationKind.DELETE);
        } else if (known == null || !spec.mix().equals(choosersMix)) {
            known = KeyChooser.random(space, spec.mix());
            chooser = known;
            choosersMix = spec.mix();
        }
        return run(spec, known);
    }

    private LoadReport run(LoadSpec spec, KeyChooser keys) throws InterruptedException {
        int places = switch (spec.style()) {
            case CLOSED_LOOP -> spec.connections() * spec.inFlight();
            case BLOCKING -> spec.threads();
            case BATCHES -> spec.connections();
            case OPEN_LOOP -> 1;
        };
        long start = System.nanoTime();
        long from = start + spec.warmUp().toNanos();
        long until = from + spec.duration().toNanos();
        Recording recording = new Recording(System::nanoTime, from, until, places);
        OpenLoop openLoop = null;
        long unanswered;
        Usage usage;
        if (spec.style() == LoadSpec.Style.OPEN_LOOP) {
            openLoop = new OpenLoop(
                    recording,
                    keys.walk(0),
                    target,
                    spec.connections(),
                    MAX_OPEN_OPERATIONS,
                    spec.ratePerSecond(),
                    start);
            OpenLoopThread thread = new OpenLoopThread(openLoop);
            thread.start();
            usage = measure(recording, from, until);
            thread.join();
            unanswered = thread.unanswered;
        } else {
            List<Thread> threads = threads(spec, keys, recording);
            threads.forEach(Thread::start);
            usage = measure(recording, from, until);
            unanswered = recording.await(DRAIN_NANOS);
        }
        return report(spec, recording, usage, unanswered, openLoop);
    }

    private List<Thread> threads(LoadSpec spec, KeyChooser keys, Recording recording) {
        List<Thread> threads = new ArrayList<>();
        if (spec.style() == LoadSpec.Style.CLOSED_LOOP) {
            // A thread for each connection begins its operations; from then on completions carry them on. Only a target
            // that answers at once keeps these threads.
            for (int c = 0; c < spec.connections(); c++) {
                List<ClosedLoopPlace> places = new ArrayList<>();
                for (int i = 0; i < spec.inFlight(); i++) {
                    KeyChooser.Walk walk = keys.walk(c * spec.inFlight() + i);
                    places.add(new ClosedLoopPlace(recording, walk, target, c));
                }
                threads.add(thread("load-start-" + c, () -> places.forEach(ClosedLoopPlace::start)));
            }
        } else {
            boolean blocking = spec.style() == LoadSpec.Style.BLOCKING;
            int count = blocking ? spec.threads() : spec.connections();
            for (int i = 0; i < count; i++) {
                threads.add(thread(
                        "load-" + i,
                        new WaitingThread(recording, keys.walk(i), target, i, blocking ? 1 : spec.inFlight())));
            }
        }
        return threads;
    }

    private static Thread thread(String name, Runnable body) {
        Thread thread = new Thread(body, name);
        thread.setDaemon(true);
        return thread;
    }

    /** What was used in the window: nanoseconds of processor time, of wall time. */
    private record Usage(long clientNanos, long serverNanos, long machineNanos, long wallNanos) {}

    private Usage measure(Recording recording, long from, long until) throws InterruptedException {
        long self = ProcessHandle.current().pid();
        waitFor(recording, from);
        long wall = System.nanoTime();
        long client = ProcessCpu.processNanos(self);
        long server = ProcessCpu.processNanos(serverPids);
        long machine = ProcessCpu.machineNanos();
        waitFor(recording, until);
        return new Usage(
                ProcessCpu.processNanos(self) - client,
                server == ProcessCpu.UNKNOWN
                        ? ProcessCpu.UNKNOWN
                        : Math.max(0, ProcessCpu.processNanos(serverPids) - server),
                machine == ProcessCpu.UNKNOWN ? ProcessCpu.UNKNOWN : ProcessCpu.machineNanos() - machine,
                System.nanoTime() - wall);
    }

    /** Returns at this moment, or earlier if the load has ended by itself. */
    private static void waitFor(Recording recording, long moment) throws InterruptedException {
        CountDownLatch never = new CountDownLatch(1);
        for (long left = moment - System.nanoTime(); left > 0; left = moment - System.nanoTime()) {
            // In steps, because a load that uses every key once may end at any time.
            long step = Math.min(left, TimeUnit.MILLISECONDS.toNanos(20));
            if (never.await(step, TimeUnit.NANOSECONDS) || recording.over(System.nanoTime())) {
                return;
            }
        }
    }

    private static final class OpenLoopThread extends Thread {
        private final OpenLoop loop;
        private volatile long unanswered = -1;

        OpenLoopThread(OpenLoop loop) {
            super("load-arrivals");
            setDaemon(true);
            this.loop = loop;
        }

        @Override
        public void run() {
            try {
                unanswered = loop.run(OpenLoopThread::await, DRAIN_NANOS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        /** Parks and does not spin: with one processor for the client, spinning would take it from the client's own threads. */
        private static void await(long moment) throws InterruptedException {
            for (long left = moment - System.nanoTime(); left > 0; left = moment - System.nanoTime()) {
                LockSupport.parkNanos(left);
                if (Thread.interrupted()) {
                    throw new InterruptedException();
                }
            }
        }
    }

    private LoadReport report(
            LoadSpec spec, Recording recording, Usage usage, long unanswered, @Nullable OpenLoop openLoop) {
        Map<String, LoadReport.Percentiles> latencies = new LinkedHashMap<>();
        long operations = 0;
        for (OperationKind kind : OperationKind.values()) {
            Histogram nanos = recording.latencies(kind);
            if (nanos != null) {
                operations += nanos.getTotalCount();
                latencies.put(kind.label(), LoadReport.Percentiles.ofNanos(nanos));
            }
        }
        double seconds = recording.windowNanos() / 1e9;
        double perOperation = Math.max(1, operations) * 1000.0;
        boolean machineKnown = usage.machineNanos() != ProcessCpu.UNKNOWN;
        boolean serverKnown = usage.serverNanos() != ProcessCpu.UNKNOWN;
        long ours = usage.clientNanos() + (serverKnown ? usage.serverNanos() : 0);
        return new LoadReport(
                spec.shape(),
                spec.style().name().toLowerCase(Locale.ROOT),
                spec.mix().toString(),
                space.keys(),
                space.valueBytes(),
                space.zipfExponent(),
                seconds,
                operations,
                seconds > 0 ? operations / seconds : 0,
                latencies,
                recording.errors(),
                recording.meters().stream().mapToLong(Meter::misses).sum(),
                spec.mix().deletes(),
                recording.meters().stream().mapToLong(Meter::wrong).sum(),
                unanswered,
                recording.meters().stream().mapToLong(Meter::valueBytes).sum(),
                usage.clientNanos() / perOperation,
                serverKnown ? usage.serverNanos() / perOperation : null,
                machineKnown ? Math.max(0, usage.machineNanos() - ours) / (double) usage.wallNanos() : null,
                openLoop == null ? null : LoadReport.Percentiles.ofNanos(openLoop.sendLagNanos()));
    }
}
