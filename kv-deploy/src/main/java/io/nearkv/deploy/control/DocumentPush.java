package io.nearkv.deploy.control;

import static java.util.Objects.requireNonNull;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.core.route.RouteTransport;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Hands signed documents to nodes, again and again, until each has them. Needs nothing but the nodes themselves: no token, no control plane, no store. Thread-safe.
 */
public final class DocumentPush implements AutoCloseable {
    /** Nodes that are talked to at once; a node that hangs takes one of these for the time of an offer. */
    private static final int MAX_THREADS = 64;

    private static final byte[] NOTHING = {};

    private final RouteTransport transport;
    private final Duration offerTimeout;
    private final Duration retryInterval;
    private final LongSupplier nanoTime;
    private final ScheduledThreadPoolExecutor executor;

    /**
     * Somebody to send to.
     *
     * @param endpoint {@code kv://HOST:PORT} or {@code kvs://HOST:PORT}
     * @param required whether it must follow; false for an instance of a build, which may follow no route at all
     */
    public record Target(String endpoint, boolean required) {
        /** Checks that an endpoint is given. */
        public Target {
            requireNonNull(endpoint, "endpoint");
        }
    }

    /**
     * Creates a push over a transport, which stays the caller's.
     *
     * @param offerTimeout how long one node may take for one document
     * @param retryInterval after which time a node that has not answered is tried again
     * @param nanoTime the ticker, such as {@code System::nanoTime}
     */
    public DocumentPush(
            RouteTransport transport, Duration offerTimeout, Duration retryInterval, LongSupplier nanoTime) {
        this.transport = requireNonNull(transport, "transport");
        this.offerTimeout = requireNonNull(offerTimeout, "offerTimeout");
        this.retryInterval = requireNonNull(retryInterval, "retryInterval");
        this.nanoTime = requireNonNull(nanoTime, "nanoTime");
        this.executor = new ScheduledThreadPoolExecutor(MAX_THREADS, task -> {
            Thread thread = new Thread(task, "nearkv-push");
            thread.setDaemon(true);
            return thread;
        });
        executor.setKeepAliveTime(10, TimeUnit.SECONDS);
        executor.allowCoreThreadTimeOut(true);
    }

    /** Returns the targets of a route: its nodes, which must follow, and the instances of its builds. */
    static List<Target> targets(Collection<String> nodes, Collection<String> instances) {
        Map<String, Target> targets = new LinkedHashMap<>();
        nodes.forEach(node -> targets.put(node, new Target(node, true)));
        instances.forEach(instance -> targets.putIfAbsent(instance, new Target(instance, false)));
        return List.copyOf(targets.values());
    }

    /**
     * Offers documents to all targets at once, and again to those that have not answered, until all follow, or only such are left that have refused, or the time is over.
     *
     * @param documents in the order in which they are to be taken; the last one decides whether a node follows
     * @param timeout zero or more; each target is tried at least once
     * @param progress is told of each answer that changes something, one at a time
     */
    public Coverage push(
            List<byte[]> documents, Collection<Target> targets, Duration timeout, Consumer<NodeReport> progress)
            throws InterruptedException {
        return push(documents, targets, active -> false, timeout, progress);
    }

    /**
     * As {@link #push(List, Collection, Duration, Consumer)}, where a node that refuses may follow something as good.
     *
     * @param asGood judges what such a node follows, in the form of {@link DocumentVerdict#active()}
     */
    public Coverage push(
            List<byte[]> documents,
            Collection<Target> targets,
            Predicate<String> asGood,
            Duration timeout,
            Consumer<NodeReport> progress)
            throws InterruptedException {
        return new Round(targets, target -> offerAll(target, documents, asGood), progress).run(timeout);
    }

    /** Asks all targets at once which route they follow; what answers {@linkplain NodeReport.State#HOLDS holds}, whatever it follows. */
    public Coverage status(Collection<Target> targets, Duration timeout) throws InterruptedException {
        return new Round(targets, this::ask, report -> {}).run(timeout);
    }

    private NodeReport offerAll(Target target, List<byte[]> documents, Predicate<String> asGood) {
        try {
            DocumentVerdict verdict = null;
            for (byte[] document : documents) {
                verdict = transport.offer(target.endpoint(), document, offerTimeout);
            }
            if (verdict == null) {
                throw new IllegalArgumentException("documents: none (expected: at least one)");
            }
            boolean holds = verdict.holds() || (!verdict.hash().isEmpty() && asGood.test(verdict.active()));
            return judged(target, NodeReport.of(target.endpoint(), verdict, holds), verdict);
        } catch (KvException e) {
            return away(target, e);
        }
    }

    private NodeReport ask(Target target) {
        try {
            DocumentVerdict verdict = transport.offer(target.endpoint(), NOTHING, offerTimeout);
            boolean answers = verdict.outcome() != DocumentVerdict.Outcome.REJECTED;
            return judged(target, NodeReport.of(target.endpoint(), verdict, answers), verdict);
        } catch (KvException e) {
            return away(target, e);
        }
    }

    /** An instance that is away gives requests to nobody: a build that has died is left without it. Whether one answers is for the checks of its build to say. */
    private static NodeReport away(Target target, KvException why) {
        NodeReport report = NodeReport.of(target.endpoint(), why);
        return target.required() ? report : report.outside();
    }

    private static NodeReport judged(Target target, NodeReport report, DocumentVerdict verdict) {
        return verdict.isUnsupported() && !target.required() ? report.outside() : report;
    }

    /** Ends what runs; idempotent. */
    @Override
    public void close() {
        executor.shutdownNow();
    }

    private interface Attempt {
        NodeReport at(Target target);
    }

    /** One call of {@link #push} or {@link #status}. */
    private final class Round {
        private final Map<String, Target> targets = new LinkedHashMap<>();
        private final Attempt attempt;
        private final Consumer<NodeReport> progress;
        private final long startedNanos = nanoTime.getAsLong();

        @GuardedBy("this")
        private final Map<String, NodeReport> reports = new LinkedHashMap<>();

        @GuardedBy("this")
        private long lastNanos = startedNanos;

        @GuardedBy("this")
        private boolean over;

        Round(Collection<Target> targets, Attempt attempt, Consumer<NodeReport> progress) {
            targets.forEach(target -> this.targets.put(target.endpoint(), target));
            this.attempt = attempt;
            this.progress = progress;
        }

        Coverage run(Duration timeout) throws InterruptedException {
            long deadline = startedNanos + timeout.toNanos();
            try {
                targets.values().forEach(target -> schedule(target, Duration.ZERO));
                synchronized (this) {
                    while (reports.size() < targets.size() || waits()) {
                        long left = deadline - nanoTime.getAsLong();
                        if (executor.isShutdown() || (left <= 0 && reports.size() == targets.size())) {
                            break;
                        }
                        // The first answer of each is waited for in any case: it comes within the time of an offer.
                        long millis = left <= 0 ? offerTimeout.toMillis() : TimeUnit.NANOSECONDS.toMillis(left);
                        wait(Math.max(1, Math.min(millis, 1_000)));
                    }
                    return coverage();
                }
            } finally {
                synchronized (this) {
                    over = true;
                }
            }
        }

        @GuardedBy("this")
        private boolean waits() {
            return reports.values().stream().anyMatch(report -> report.state() == NodeReport.State.UNREACHABLE);
        }

        @GuardedBy("this")
        private Coverage coverage() {
            List<NodeReport> all = new ArrayList<>();
            for (String endpoint : targets.keySet()) {
                NodeReport report = reports.get(endpoint);
                all.add(report == null ? NodeReport.unreachable(endpoint, "the push was ended") : report);
            }
            return new Coverage(all, Duration.ofNanos(lastNanos - startedNanos));
        }

        private void schedule(Target target, Duration delay) {
            try {
                var unused = executor.schedule(() -> work(target), delay.toNanos(), TimeUnit.NANOSECONDS);
            } catch (RejectedExecutionException e) {
                // The push was closed, and run() notices.
            }
        }

        private void work(Target target) {
            synchronized (this) {
                if (over) {
                    return;
                }
            }
            NodeReport report;
            try {
                report = attempt.at(target);
            } catch (RuntimeException e) {
                report = NodeReport.of(
                        target.endpoint(), new KvException(ErrorCode.INTERNAL, "unexpected failure: " + e, e));
            }
            if (answered(target, report) && !report.settled()) {
                schedule(target, retryInterval);
            }
        }

        /** Returns whether the round goes on. */
        private synchronized boolean answered(Target target, NodeReport report) {
            if (over) {
                return false;
            }
            @Nullable NodeReport before = reports.put(target.endpoint(), report);
            if (before == null || before.state() != report.state()) {
                if (report.settled()) {
                    lastNanos = nanoTime.getAsLong();
                }
                progress.accept(report);
            }
            notifyAll();
            return true;
        }
    }
}
