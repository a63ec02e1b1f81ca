package io.nearkv.deploy.store;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.Value;
import io.nearkv.core.route.DocumentExchange;
import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.core.route.DocumentVerdict.Outcome;
import io.nearkv.deploy.document.DocumentKind;
import io.nearkv.deploy.document.DocumentVerifier;
import io.nearkv.deploy.document.Documents;
import io.nearkv.deploy.document.Rejected;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.document.StoredDocuments;
import io.nearkv.deploy.model.Ledger;
import io.nearkv.deploy.model.RejectReason;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteKind;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.deploy.model.Trust;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The documents that a process lives by: whom it believes, the route in force with its way back, the ledger. All ways in end in {@link #offer}. A document is judged, written to the
 * disk, synced, and only then in force; what is not good changes nothing but a counter, the audit log and {@link #problems()}. What is on the disk serves at once after a start, with
 * no network.
 *
 * <p>Judging, with its signatures, and the probes of new instances happen outside the lock, so that the way back is never behind them; under the lock a document is judged once more,
 * without its signatures, against what is in force by then. Listeners are called under the lock: they see every route once and in order. Followers are called outside it. Thread-safe.
 */
public final class RouteStore implements DocumentExchange, AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(RouteStore.class);
    private static final String AUDIT = "audit.log";
    private static final int RETRY_SECONDS = 1;

    private final Path folder;
    private final @Nullable ServiceId expected;
    private final RouteStoreOptions options;
    private final StateFile file;
    private final Journal journal;
    private final DocumentVerifier verifier;
    private final Acceptance acceptance;
    private final ReentrantLock lock = new ReentrantLock();
    private final List<Consumer<Route>> listeners = new CopyOnWriteArrayList<>();
    private final List<Consumer<byte[]>> followers = new CopyOnWriteArrayList<>();
    private final ScheduledThreadPoolExecutor timer;
    private volatile StoredDocuments kept = StoredDocuments.NONE;
    private volatile @Nullable String damage;
    private volatile @Nullable String unwritten;
    private static final long OVERRIDE_NOTED_EVERY_NANOS = TimeUnit.MINUTES.toNanos(1);
    private static final int MAX_OVERRIDES = 1_000;

    private volatile String pulledBecause = "";
    private volatile String pulledUpon = "";
    private final Map<String, Long> overrides = new ConcurrentHashMap<>();
    private volatile Supplier<Value> report = Value::empty;
    private volatile boolean closed;
    private @Nullable Future<?> dropInTask;
    private @Nullable Future<?> leaseTask;
    private @Nullable Future<?> retry;
    private boolean leased;
    private long leaseEndNanos;

    private RouteStore(
            Path folder, @Nullable ServiceId expected, RouteStoreOptions options, StateFile file, Journal journal) {
        this.folder = folder;
        this.expected = expected;
        this.options = options;
        this.file = file;
        this.journal = journal;
        this.verifier = new DocumentVerifier(options.clock());
        this.acceptance = new Acceptance(verifier, options.clock(), options.layers());
        // Two: a drop-in whose instances are being probed must not hold up the end of a lease.
        this.timer = new ScheduledThreadPoolExecutor(2, task -> {
            Thread thread = new Thread(task, "nearkv-routes-" + options.node());
            thread.setDaemon(true);
            return thread;
        });
        timer.setRemoveOnCancelPolicy(true);
    }

    /**
     * Opens the documents of a folder, which is made if it is missing. A damaged file is set aside and reported: the process then starts without documents.
     *
     * @param expected the service that this process is started for; null to take it from the trust on the disk
     * @throws KvException 401 {@code environment_mismatch} if the folder is of another service, {@link ErrorCode#UNAVAILABLE} if another process has it,
     *     {@link ErrorCode#INTERNAL} if it cannot be used
     */
    public static RouteStore open(Path folder, @Nullable ServiceId expected, RouteStoreOptions options) {
        return open(folder, expected, options, step -> {});
    }

    static RouteStore open(
            Path folder, @Nullable ServiceId expected, RouteStoreOptions options, Consumer<String> afterStep) {
        requireNonNull(options, "options");
        try {
            StateFile file = StateFile.open(folder, afterStep);
            try {
                Journal journal =
                        new Journal(AuditLog.open(folder.resolve(AUDIT), options.clock()), options.nanoTime());
                try {
                    RouteStore store = new RouteStore(folder, expected, options, file, journal);
                    store.load();
                    return store;
                } catch (RuntimeException | IOException e) {
                    journal.close();
                    throw e;
                }
            } catch (RuntimeException | IOException e) {
                file.close();
                throw e;
            }
        } catch (IOException e) {
            throw new KvException(
                    ErrorCode.INTERNAL, "the routes in '" + folder + "' cannot be opened: " + e.getMessage(), e);
        }
    }

    /**
     * Returns what a folder keeps, also while a process has it open. Reads alone.
     *
     * @throws KvException {@link ErrorCode#INTERNAL} if it is damaged or cannot be read
     */
    public static StoredDocuments peek(Path folder) {
        try {
            return StateFile.read(folder);
        } catch (IOException | Rejected e) {
            throw new KvException(
                    ErrorCode.INTERNAL, "the routes in '" + folder + "' cannot be read: " + e.getMessage(), e);
        }
    }

    private void load() throws IOException {
        StoredDocuments read;
        try {
            read = StateFile.read(folder);
        } catch (Rejected e) {
            Path aside = file.setAside();
            read = StoredDocuments.NONE;
            damage = "'" + folder.resolve(StateFile.NAME) + "' was damaged (" + e.detail() + ") and is now '"
                    + (aside == null ? "gone" : aside.getFileName())
                    + "'; install a bundle again, so that older routes are not taken for new ones";
            journal.damaged(String.valueOf(aside), e.detail());
        }
        if (read.trust() != null
                && expected != null
                && !read.trust().trust().service().equals(expected)) {
            ServiceId found = read.trust().trust().service();
            throw KvException.denied(
                    new KvException.Denial(
                            DenialReason.ENVIRONMENT_MISMATCH, expected.environment(), found.environment(), null),
                    "the routes in '" + folder + "' are of " + found + ", not of " + expected
                            + "; take another folder");
        }
        kept = read;
        journal.opened(read.active());
        lock.lock();
        try {
            startLease(read.active());
        } finally {
            lock.unlock();
        }
        if (!options.dropInInterval().isZero()) {
            DropInFolder dropIns = new DropInFolder(folder.resolve("routes.d"), this::takeDropIn);
            long millis = Math.max(1, options.dropInInterval().toMillis());
            dropInTask = timer.scheduleWithFixedDelay(dropIns::look, 0, millis, TimeUnit.MILLISECONDS);
        }
    }

    // ---- taking documents ----

    @Override
    public DocumentVerdict offer(byte[] document, String from) {
        return offer(document, from, false, true);
    }

    /**
     * Takes what an operator brings as a file: one document or a bundle. As {@link #offer}, and where nothing is trusted yet, the trust in it is: so the file must come from somebody
     * who may decide that. Documents that are not newer than those here are no reason for an alarm.
     *
     * @param file of any length and content; borrowed
     * @return a verdict for each document, in their order
     */
    public List<DocumentVerdict> install(byte[] file, String from) {
        return install(file, from, false);
    }

    private List<DocumentVerdict> install(byte[] content, String from, boolean alarmIfOld) {
        List<byte[]> documents = List.of(content);
        if (!DropInFolder.isDocument(content)) {
            try {
                documents = Documents.readBundle(content);
            } catch (Rejected e) {
                // Neither: what is said of it as a document is as good as anything.
            }
        }
        List<DocumentVerdict> verdicts = new ArrayList<>();
        for (byte[] document : documents) {
            verdicts.add(offer(document, from, true, alarmIfOld));
        }
        return verdicts;
    }

    private boolean takeDropIn(byte[] content, String from) {
        return install(content, from, true).stream().allMatch(DocumentVerdict::holds);
    }

    private DocumentVerdict offer(byte[] bytes, String from, boolean fromOperator, boolean alarmIfOld) {
        if (closed) {
            throw new IllegalStateException("the route store is closed");
        }
        if (bytes.length == 0) {
            return status();
        }
        try {
            SignedDocument document = SignedDocument.parse(bytes);
            StoredDocuments now = kept;
            if (isKept(document, now)) {
                return verdict(Outcome.KNOWN, "", "");
            }
            if (acceptance.judge(document, now, new Acceptance.Circumstances(expected, fromOperator, false)) == null) {
                return verdict(Outcome.KNOWN, "", "");
            }
            Probes.check(document, now, options); // takes its time
            return take(document, now.trust(), from, fromOperator);
        } catch (Rejected e) {
            if (alarmIfOld || e.reason() != RejectReason.NOT_NEWER) {
                journal.rejected(e, bytes, from);
            }
            return verdict(Outcome.REJECTED, e.reason().label(), e.detail());
        }
    }

    private static boolean isKept(SignedDocument document, StoredDocuments now) {
        SignedDocument same = switch (document.kind()) {
            case TRUST -> now.trust();
            case ROUTE -> now.active();
            case LEDGER -> now.ledger();
            case MANIFEST -> null;
        };
        return same != null && same.bytes().equals(document.bytes());
    }

    /** Takes a document that was found good a moment ago, if it still is. */
    private DocumentVerdict take(
            SignedDocument document, @Nullable SignedDocument verifiedBy, String from, boolean fromOperator)
            throws Rejected {
        DocumentVerdict verdict;
        StoredDocuments before;
        lock.lock();
        try {
            before = kept;
            boolean verified = before.trust() == verifiedBy;
            StoredDocuments next =
                    acceptance.judge(document, before, new Acceptance.Circumstances(expected, fromOperator, verified));
            if (next == null) {
                return verdict(Outcome.KNOWN, "", "");
            }
            write(next);
            putInForce(next, document);
            verdict = verdict(Outcome.ACCEPTED, "", "");
        } finally {
            lock.unlock();
        }
        journal.accepted(document, document.kind() == DocumentKind.ROUTE ? before.active() : null, from);
        handOn(document);
        return verdict;
    }

    private void write(StoredDocuments next) throws Rejected {
        try {
            file.write(next);
            unwritten = null;
        } catch (IOException | UncheckedIOException e) {
            journal.unwritable(folder.toString(), e);
            throw new Rejected(
                    RejectReason.STORAGE, "it cannot be written to '" + folder + "'; check that the disk is not full");
        }
    }

    /** Called under the lock. */
    private void putInForce(StoredDocuments next, SignedDocument document) {
        kept = next;
        if (document.kind() != DocumentKind.ROUTE) {
            return;
        }
        startLease(document);
        Route route = document.route();
        for (Consumer<Route> listener : listeners) {
            tell(listener, route);
        }
    }

    private static void tell(Consumer<Route> listener, Route route) {
        try {
            listener.accept(route);
        } catch (RuntimeException e) {
            log.atError().setCause(e).log("a listener of routes has failed");
        }
    }

    private void handOn(SignedDocument document) {
        for (Consumer<byte[]> follower : followers) {
            try {
                follower.accept(document.toArray());
            } catch (RuntimeException e) {
                log.atWarn().setCause(e).log("a document cannot be handed on");
            }
        }
    }

    // ---- the way back ----

    /**
     * Takes the way back that lies beside the route in force, for this process alone: it is not handed to followers. Where the disk fails, it is in force nevertheless, and reported:
     * nothing is to stand between a process and its known-good build.
     *
     * @param reason why, for people, such as {@code lease ended}
     * @param evidence what was seen, for the audit
     * @return {@code accepted}; {@code known} if it was taken before; {@code rejected} if there is none
     */
    public DocumentVerdict pull(String reason, String evidence) {
        requireNonNull(reason, "reason");
        if (closed) {
            throw new IllegalStateException("the route store is closed");
        }
        DocumentVerdict verdict;
        SignedDocument forward;
        lock.lock();
        try {
            forward = kept.active();
            if (forward == null || forward.parachute() == null) {
                boolean done = forward != null && forward.route().kind() == RouteKind.PARACHUTE;
                return done
                        ? verdict(Outcome.KNOWN, "", "")
                        : verdict(
                                Outcome.REJECTED,
                                RejectReason.BAD_PARACHUTE.label(),
                                "no parachute lies beside the route in force");
            }
            StoredDocuments next = Acceptance.pulled(kept);
            try {
                write(next);
            } catch (Rejected e) {
                unwritten = "the way back is in force, but not on the disk: " + e.detail();
                retry = timer.schedule(this::writeAgain, RETRY_SECONDS, TimeUnit.SECONDS);
            }
            pulledBecause = ": " + reason;
            pulledUpon = requireNonNull(evidence, "evidence");
            putInForce(next, forward.parachute());
            verdict = verdict(Outcome.ACCEPTED, "", "");
        } finally {
            lock.unlock();
        }
        journal.pulled(forward.parachute(), forward, reason, evidence);
        return verdict;
    }

    private void writeAgain() {
        lock.lock();
        try {
            if (unwritten != null && !closed) {
                write(kept);
            }
        } catch (Rejected e) {
            retry = timer.schedule(this::writeAgain, RETRY_SECONDS, TimeUnit.SECONDS);
        } finally {
            lock.unlock();
        }
    }

    /** Called under the lock. */
    private void startLease(@Nullable SignedDocument active) {
        if (leaseTask != null) {
            leaseTask.cancel(false);
        }
        leased = active != null
                && active.parachute() != null
                && !active.route().lease().isZero();
        if (leased && active != null) {
            long nanos = active.route().lease().toNanos();
            leaseEndNanos = options.nanoTime().getAsLong() + nanos;
            schedule(nanos);
        }
    }

    private void schedule(long nanos) {
        if (!timer.isShutdown()) {
            leaseTask = timer.schedule(this::checkLease, Math.max(nanos, 1), TimeUnit.NANOSECONDS);
        }
    }

    /** Pulls the way back if the lease of the route in force is over. */
    void checkLease() {
        lock.lock();
        try {
            if (!closed && leased && options.nanoTime().getAsLong() - leaseEndNanos >= 0) {
                // Under the lock, which is reentrant: a document that renews the lease comes before or after, not
                // between.
                pull("lease ended", "no newer document within the lease");
            }
        } finally {
            lock.unlock();
        }
    }

    // ---- what is in force ----

    @Override
    public DocumentVerdict status() {
        return verdict(Outcome.STATUS, "", "").withReport(report.get());
    }

    /** Notes that a tester has asked for a build by its id: once a minute for each build, so that testing does not fill the audit. */
    public void overridden(String build, String caller) {
        long now = options.nanoTime().getAsLong();
        Long last = overrides.get(build);
        if ((last == null || now - last > OVERRIDE_NOTED_EVERY_NANOS)
                && (last != null || overrides.size() < MAX_OVERRIDES)) {
            overrides.put(build, now);
            journal.overridden(build, caller);
        }
    }

    /** Says who tells what this process's requests have come to, to whoever asks for its status. The supplier must not block. */
    public void reportWith(Supplier<Value> supplier) {
        report = requireNonNull(supplier, "supplier");
    }

    /** Returns why this process has taken the way back and is still on it, such as {@code impact}; empty if it has not. */
    public String pulledBecause() {
        Route active = active();
        return active != null && active.kind() == RouteKind.PARACHUTE && pulledBecause.length() > 2
                ? pulledBecause.substring(2)
                : "";
    }

    /** Returns what was seen then, for people. */
    public String pulledUpon() {
        return pulledUpon;
    }

    private DocumentVerdict verdict(Outcome outcome, String reason, String detail) {
        SignedDocument active = kept.active();
        return active == null
                ? new DocumentVerdict(outcome, reason, detail, 0, 0, "", "", options.node())
                : new DocumentVerdict(
                        outcome,
                        reason,
                        detail,
                        active.route().epoch(),
                        active.route().seq(),
                        active.hash(),
                        active.route().summary(),
                        options.node());
    }

    @Override
    public List<byte[]> documents() {
        StoredDocuments now = kept;
        List<byte[]> documents = new ArrayList<>();
        for (SignedDocument document : new SignedDocument[] {now.trust(), now.ledger(), now.active()}) {
            if (document != null) {
                documents.add(document.toArray());
            }
        }
        return documents;
    }

    @Override
    public Registration follow(Consumer<byte[]> follower) {
        followers.add(requireNonNull(follower, "follower"));
        return once(() -> followers.remove(follower));
    }

    /** Has a listener called with the route in force now, if there is one, and with each that follows, in order, under the store's lock: it must not block. */
    public Registration onRoute(Consumer<Route> listener) {
        lock.lock();
        try {
            Route active = active();
            if (active != null) {
                tell(listener, active);
            }
            listeners.add(listener);
        } finally {
            lock.unlock();
        }
        return once(() -> listeners.remove(listener));
    }

    private static Registration once(Runnable end) {
        AtomicBoolean ended = new AtomicBoolean();
        return () -> {
            if (ended.compareAndSet(false, true)) {
                end.run();
            }
        };
    }

    /** Returns all that is kept, of one moment. */
    public StoredDocuments snapshot() {
        return kept;
    }

    /** Returns whom this process believes, or null while it has no trust. */
    public @Nullable Trust trust() {
        SignedDocument trust = kept.trust();
        return trust == null ? null : trust.trust();
    }

    /** Returns the route in force, or null while there is none. */
    public @Nullable Route active() {
        SignedDocument active = kept.active();
        return active == null ? null : active.route();
    }

    /** Returns the way back that lies beside the route in force, or null if there is none. */
    public @Nullable Route parachute() {
        SignedDocument active = kept.active();
        return active == null || active.parachute() == null
                ? null
                : active.parachute().route();
    }

    /** Returns the ledger, or null while there is none. */
    public @Nullable Ledger ledger() {
        SignedDocument ledger = kept.ledger();
        return ledger == null ? null : ledger.ledger();
    }

    /** Returns whether a break-glass is in force, so that rollouts wait until it is reconciled. */
    public boolean frozen() {
        Route active = active();
        return active != null && active.kind() == RouteKind.BREAK_GLASS;
    }

    /** Returns the signed route in force, or null while there is none. */
    public byte @Nullable [] activeDocument() {
        SignedDocument active = kept.active();
        return active == null ? null : active.toArray();
    }

    /** Returns the signed way back that lies beside the route in force, or null if there is none. */
    public byte @Nullable [] parachuteDocument() {
        SignedDocument active = kept.active();
        return active == null || active.parachute() == null
                ? null
                : active.parachute().toArray();
    }

    /** Returns what is wrong now, one line each; empty if all is well. */
    public List<String> problems() {
        List<String> problems = new ArrayList<>();
        add(problems, damage);
        add(problems, unwritten);
        problems.addAll(journal.problems());
        StoredDocuments now = kept;
        SignedDocument active = now.active();
        if (active != null && now.trust() != null) {
            if (!verifier.isTrusted(active, now.trust().trust())) {
                problems.add("the route in force is signed with a key that is trusted no longer; publish it again");
            }
            if (active.route().kind() == RouteKind.PARACHUTE) {
                problems.add("rollout '" + active.route().rolloutId() + "' is rolled back" + pulledBecause);
            }
            if (active.route().kind() == RouteKind.BREAK_GLASS) {
                problems.add("a break-glass is in force (" + active.route().reason()
                        + "); rollouts are frozen until it is reconciled");
            }
        }
        return problems;
    }

    private static void add(List<String> problems, @Nullable String problem) {
        if (problem != null) {
            problems.add(problem);
        }
    }

    /** Returns how many signatures were checked: it grows with documents, never with requests. */
    public long signatureVerifications() {
        return verifier.signatureVerifications();
    }

    /** Returns how many documents were rejected, by the label of the reason. */
    public Map<String, Long> rejections() {
        return journal.rejections();
    }

    /** Returns the file of the audit log. */
    public Path auditFile() {
        return folder.resolve(AUDIT);
    }

    @Override
    public void close() {
        lock.lock();
        try {
            if (closed) {
                return;
            }
            closed = true;
        } finally {
            lock.unlock();
        }
        if (dropInTask != null) {
            dropInTask.cancel(false);
        }
        if (leaseTask != null) {
            leaseTask.cancel(false);
        }
        if (retry != null) {
            retry.cancel(false);
        }
        timer.shutdown();
        journal.close();
        try {
            file.close();
        } catch (IOException e) {
            log.atWarn().setCause(e).log("the lock of the routes cannot be released");
        }
    }
}
