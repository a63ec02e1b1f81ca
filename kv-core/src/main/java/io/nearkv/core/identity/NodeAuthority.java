package io.nearkv.core.identity;

import static java.util.Objects.requireNonNull;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.KvException.Denial;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The {@link Authority} of a node, from files. Reads them again when they change, and keeps the last good state of each while its file is missing, damaged,
 * foreign or older: nothing that happens to a file while the node runs widens or narrows what the node accepts, except a new good content. Thread-safe.
 *
 * <p>The build token is the node's own permission. Without one that is good for the environment, every operation is refused; it may lapse while the node
 * runs, and come back when a good one is put in its place.
 */
public final class NodeAuthority implements Authority, AutoCloseable {
    static final String UNKNOWN_BUILD = "unknown";

    private static final Logger log = LoggerFactory.getLogger(NodeAuthority.class);
    private static final Duration WATCH_INTERVAL = Duration.ofSeconds(1);

    /*
     * All that requests look at is one immutable State behind one volatile field; whoever changes it holds the monitor. A State has a verifier of its own,
     * and with it a verdict cache of its own, so a verification that began under old keys can only ever fill the old cache.
     */
    private final Environment environment;
    private final AuthorityFiles files;
    private final @Nullable Denial foreignData;
    private final InstantSource clock;
    private final LongAdder signatureVerifications = new LongAdder();

    @GuardedBy("this")
    private Keyset keyset;

    @GuardedBy("this")
    private RevocationList revocations;

    /** What was taken before, also by a process before this one. */
    @GuardedBy("this")
    private RevocationMark mark = RevocationMark.NONE;

    /** The last build token that was good when it was read; null if there was none yet. */
    @GuardedBy("this")
    private @Nullable String goodBuildToken;

    @GuardedBy("this")
    private Map<Path, Stamp> stamps = Map.of();

    @GuardedBy("this")
    private @Nullable ScheduledExecutorService watcher;

    private volatile Map<Path, String> problems = Map.of();
    private volatile State state;

    /**
     * What is known of the node's own build.
     *
     * @param id from the build token, believed or not
     * @param token the build token's text; empty if there is none that can be read
     * @param refusal null if the token is good
     * @param endMillis when a good token ends
     * @param lapsed the refusal from then on
     */
    private record Build(String id, String token, @Nullable KvException refusal, long endMillis, KvException lapsed) {}

    /** @param verifier null if the keyset is of another environment: then no token is good */
    private record State(
            Keyset keyset,
            RevocationList revocations,
            @Nullable TokenVerifier verifier,
            Build build,
            @Nullable KvException refusal,
            long epoch) {
        @Nullable
        KvException refusalAt(long millis) {
            if (refusal != null) {
                return refusal;
            }
            return millis >= build.endMillis ? build.lapsed : null;
        }

        boolean sameVerdicts(State other) {
            return keyset.equals(other.keyset)
                    && revocations.equals(other.revocations)
                    && build.token.equals(other.build.token)
                    && reason(refusal) == reason(other.refusal);
        }

        private static @Nullable DenialReason reason(@Nullable KvException refusal) {
            return refusal == null || refusal.denial() == null
                    ? null
                    : refusal.denial().reason();
        }
    }

    /** How a file looks from outside. Files are replaced by renaming, so the key (the inode) changes even where size and time do not. */
    private record Stamp(
            FileTime modified, long size, @Nullable Object key) {
        static @Nullable Stamp of(Path file) {
            try {
                BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
                return new Stamp(attributes.lastModifiedTime(), attributes.size(), attributes.fileKey());
            } catch (IOException e) {
                return null; // reading it will say why
            }
        }
    }

    private NodeAuthority(
            Environment environment,
            AuthorityFiles files,
            @Nullable Denial foreignData,
            InstantSource clock,
            Keyset keyset) {
        this.environment = environment;
        this.files = files;
        this.foreignData = foreignData;
        this.clock = clock;
        this.keyset = keyset;
        this.revocations = RevocationList.none(keyset.environment());
        this.state = judge(null, 0);
    }

    /**
     * Reads the files. A node of the wrong build or environment opens all the same and refuses every operation, so that its callers learn why.
     *
     * @param environment what the node serves
     * @param foreignData the verdict on the node's data where it is of another environment, else null
     * @throws KvException {@link ErrorCode#INTERNAL} if keyset or revocation list are damaged, or the keyset is missing: there is no last good state yet, and
     *     a node that forgot what was revoked must not start
     */
    public static NodeAuthority open(
            Environment environment, AuthorityFiles files, @Nullable Denial foreignData, InstantSource clock) {
        requireNonNull(environment, "environment");
        requireNonNull(clock, "clock");
        Keyset keyset;
        try {
            keyset = readKeyset(files.keyset());
        } catch (IOException e) {
            throw new KvException(
                    ErrorCode.INTERNAL, "keyset '" + files.keyset() + "' cannot be read; copy it from another node", e);
        } catch (MalformedException e) {
            throw unusable("keyset", files.keyset(), e);
        }
        NodeAuthority authority = new NodeAuthority(environment, files, foreignData, clock, keyset);
        try {
            synchronized (authority) {
                authority.load(true);
            }
        } catch (MalformedException e) {
            throw unusable("revocation list", files.revocations(), e);
        }
        return authority;
    }

    private static KvException unusable(String what, Path file, MalformedException e) {
        return new KvException(
                ErrorCode.INTERNAL,
                what + " '" + file + "' cannot be used: " + e.why() + "; restore it from a copy or from another node",
                e);
    }

    @Override
    public String environment() {
        return environment.name();
    }

    @Override
    public String buildId() {
        return state.build.id;
    }

    @Override
    public String buildToken() {
        return state.build.token;
    }

    @Override
    public @Nullable KvException refusal() {
        return state.refusalAt(clock.millis());
    }

    @Override
    public Grant authenticate(String token) {
        return verifierOf(state).verify(token);
    }

    @Override
    public long epoch() {
        return state.epoch;
    }

    @Override
    public Grant recheck(Grant grant) {
        return verifierOf(state).recheck(grant);
    }

    @Override
    public boolean expired(Grant grant) {
        return Math.floorDiv(clock.millis(), 1000L) >= grant.expiresAtEpochSecond();
    }

    private static TokenVerifier verifierOf(State state) {
        if (state.verifier == null) {
            throw requireNonNull(state.refusal);
        }
        return state.verifier;
    }

    /** Returns how many signatures of tokens were checked since the start. A verdict from the cache does not count. */
    public long signatureVerifications() {
        return signatureVerifications.sum();
    }

    /** Returns what is wrong with the files now, one line each, for logs and the health page. Empty if all is well. */
    public List<String> problems() {
        return List.copyOf(problems.values());
    }

    /**
     * Reads all files again. A file that is not good keeps its last good state and is reported by {@link #problems()}.
     *
     * @return whether anything changed, and with it the epoch
     */
    public synchronized boolean reload() {
        try {
            return load(false);
        } catch (MalformedException e) {
            throw new IllegalStateException("only the first load gives up", e);
        }
    }

    /** As {@link #reload()}, if a file looks different from outside or time may have changed the verdict on the node. Else three looks at the file system. */
    synchronized boolean reloadIfChanged() {
        Build build = state.build;
        boolean ended = build.refusal == null && clock.millis() >= build.endMillis;
        boolean mayBegin = build.refusal != null; // its token's not-before may pass
        return (ended || mayBegin || !stampsNow().equals(stamps)) && reload();
    }

    /** Begins to look every second whether a file has changed, on a thread of its own, until {@link #close()}. */
    public void startWatching() {
        startWatching(WATCH_INTERVAL);
    }

    synchronized void startWatching(Duration interval) {
        if (watcher != null) {
            return;
        }
        ScheduledExecutorService executor = Executors.newSingleThreadScheduledExecutor(task -> {
            Thread thread = new Thread(task, "nearkv-identity-watch");
            thread.setDaemon(true);
            return thread;
        });
        // The future ends with the executor only: watch() throws nothing.
        var unused = executor.scheduleWithFixedDelay(
                this::watch, interval.toMillis(), interval.toMillis(), TimeUnit.MILLISECONDS);
        watcher = executor;
    }

    private void watch() {
        try {
            reloadIfChanged();
        } catch (RuntimeException e) {
            // The executor would silently never call again, and a revocation would never arrive.
            log.atError().setCause(e).log("the identity files could not be looked at");
        }
    }

    /** Stops watching. The authority goes on answering from what it knows. */
    @Override
    public synchronized void close() {
        if (watcher != null) {
            watcher.shutdownNow();
            watcher = null;
        }
    }

    @GuardedBy("this")
    private boolean load(boolean first) throws MalformedException {
        Map<Path, String> found = new TreeMap<>();
        // Looked at before reading: what changes in between is read again.
        Map<Path, Stamp> looks = stampsNow();
        boolean unread = false;
        if (!first) {
            try {
                Keyset read = readKeyset(files.keyset());
                if (read.environment().equals(keyset.environment())) {
                    keyset = read;
                } else {
                    found.put(
                            files.keyset(),
                            "keyset is of environment '" + read.environment() + "', kept the last good one");
                }
            } catch (IOException e) {
                unread = true;
                found.put(files.keyset(), "keyset cannot be read, kept the last good one");
            } catch (MalformedException e) {
                found.put(files.keyset(), "keyset cannot be used, kept the last good one: " + e.why());
            }
        }
        unread |= loadRevocations(first, found);
        String candidate = null;
        try {
            candidate = IdentityDirectory.readLine(files.buildToken(), IdentityLimits.MAX_TOKEN_CHARS);
        } catch (NoSuchFileException e) {
            found.put(files.buildToken(), "build token is missing");
        } catch (IOException e) {
            unread = true;
            found.put(files.buildToken(), "build token cannot be read");
        } catch (MalformedException e) {
            found.put(files.buildToken(), "build token cannot be used: " + e.why());
        }
        stamps = unread ? Map.of() : looks;
        boolean changed = publish(candidate, found);
        report(found);
        return changed;
    }

    /** Returns whether the file is there but could not be read, and is to be tried again. */
    @GuardedBy("this")
    private boolean loadRevocations(boolean first, Map<Path, String> found) throws MalformedException {
        if (!keyset.environment().equals(environment)) {
            return false; // nothing will be verified, and that list cannot be
        }
        Path markFile = RevocationMark.fileOf(files.revocations());
        if (first) {
            try {
                mark = RevocationMark.read(markFile, keyset.environment());
            } catch (IOException | MalformedException e) {
                throw new MalformedException("'" + markFile + "' cannot be used: "
                        + (e instanceof MalformedException malformed ? malformed.why() : "it cannot be read"));
            }
        }
        try {
            RevocationList read = RevocationList.parse(
                    IdentityDirectory.readLine(files.revocations(), IdentityLimits.MAX_REVOCATIONS_CHARS),
                    keyset,
                    Math.floorDiv(clock.millis(), 1000L));
            if (first) {
                mark.check(read.serial(), markFile);
            }
            if (read.serial() > revocations.serial()) {
                revocations = read;
            } else if (!read.equals(revocations)) {
                found.put(
                        files.revocations(),
                        "revocation list has serial " + read.serial() + ", kept the one with " + revocations.serial());
            }
            return !remember(markFile, found);
        } catch (NoSuchFileException e) {
            if (first) {
                mark.check(0, markFile);
            }
            found.put(files.revocations(), "revocation list is missing, kept the last good one");
            return false;
        } catch (IOException e) {
            if (first) {
                throw new MalformedException("it cannot be read");
            }
            found.put(files.revocations(), "revocation list cannot be read, kept the last good one");
            return true;
        } catch (MalformedException e) {
            if (first) {
                throw e;
            }
            found.put(files.revocations(), "revocation list cannot be used, kept the last good one: " + e.why());
            return false;
        }
    }

    /** Makes the serial of the present list outlive the process. Returns whether there is nothing left to do. */
    @GuardedBy("this")
    private boolean remember(Path markFile, Map<Path, String> found) {
        // A node that was started on another environment's data changes nothing there.
        if (revocations.serial() <= mark.serial() || foreignData != null) {
            return true;
        }
        RevocationMark next = new RevocationMark(revocations.serial());
        try {
            next.write(markFile, keyset.environment());
            mark = next;
            return true;
        } catch (IOException e) {
            found.put(
                    markFile,
                    "the serial of the revocation list cannot be written: after a restart an older list would not be "
                            + "noticed");
            return false;
        }
    }

    @GuardedBy("this")
    private boolean publish(@Nullable String candidate, Map<Path, String> found) {
        State before = state;
        State next = judge(candidate, before.epoch + 1);
        if (next.build.refusal == null) {
            goodBuildToken = next.build.token;
        } else {
            found.putIfAbsent(files.buildToken(), "build token is refused: " + next.build.refusal.getMessage());
            if (goodBuildToken != null && !goodBuildToken.equals(candidate)) {
                State kept = judge(goodBuildToken, before.epoch + 1);
                next = kept.build.refusal == null ? kept : next;
            }
        }
        if (before.epoch > 0 && next.sameVerdicts(before)) {
            return false;
        }
        state = next;
        log.atInfo()
                .addKeyValue("environment", environment)
                .addKeyValue("build", next.build.id)
                .addKeyValue("keys", keyset.keys().size())
                .addKeyValue("revocations", revocations.serial())
                .addKeyValue("serving", next.refusal == null)
                .addKeyValue("epoch", next.epoch)
                .log("identity loaded");
        return true;
    }

    /** Judges the node with the present keys and this build token. */
    @GuardedBy("this")
    private State judge(@Nullable String buildToken, long epoch) {
        boolean foreignKeys = !keyset.environment().equals(environment);
        Build build = judgeBuild(buildToken, foreignKeys);
        Denials denials = new Denials(environment, build.id);
        KvException refusal = build.refusal;
        if (foreignKeys) {
            refusal = denials.foreignNode("the keyset", keyset.environment().name());
        } else if (foreignData != null) {
            refusal = denials.foreignNode("the data", foreignData.presentedEnvironment());
        }
        TokenVerifier verifier = foreignKeys
                ? null
                : new TokenVerifier(keyset, revocations, clock, build.id, epoch, signatureVerifications);
        return new State(keyset, revocations, verifier, build, refusal, epoch);
    }

    @GuardedBy("this")
    private Build judgeBuild(@Nullable String token, boolean foreignKeys) {
        TokenClaims claims = null;
        try {
            claims = token == null ? null : TokenClaims.decode(token);
        } catch (MalformedException e) {
            log.atDebug().log("the build token is malformed"); // reported as a problem by the caller
        }
        // What is not a build token is not shown to anybody: it may be somebody's access token, or any other file.
        if (claims == null || claims.type() != TokenType.BUILD || token == null) {
            Denials denials = new Denials(environment, null);
            String why = token == null ? "it has no build token" : "what it has is not a build token";
            KvException refusal = denials.buildNotAuthorized(why, null);
            return new Build(UNKNOWN_BUILD, "", refusal, 0, refusal);
        }
        String id = requireNonNull(claims.buildId());
        String presented = claims.environment().name();
        Denials denials = new Denials(environment, id);
        KvException lapsed = denials.buildNotAuthorized("its build token has expired", presented);
        if (foreignKeys) {
            return new Build(id, token, denials.buildNotAuthorized("it has no keys of it", presented), 0, lapsed);
        }
        try {
            BuildCredential good =
                    new TokenVerifier(keyset, revocations, clock, id, 0, signatureVerifications).verifyBuild(token);
            return new Build(id, token, null, Math.multiplyExact(good.expiresAtEpochSecond(), 1000L), lapsed);
        } catch (KvException e) {
            KvException refusal = denials.buildNotAuthorized(why(e, presented), presented);
            return new Build(id, token, refusal, 0, refusal);
        }
    }

    private static String why(KvException denied, String presented) {
        Denial denial = requireNonNull(denied.denial());
        return switch (denial.reason()) {
            case ENVIRONMENT_MISMATCH -> "its build token is of environment '" + presented + "'";
            case TOKEN_EXPIRED -> "its build token has expired, or is not good yet";
            case TOKEN_REVOKED -> "its build token was revoked";
            default -> "its build token is not signed by a build key of that environment";
        };
    }

    private void report(Map<Path, String> found) {
        Map<Path, String> before = problems;
        problems = Map.copyOf(found);
        found.forEach((file, problem) -> {
            if (!problem.equals(before.get(file))) {
                log.atWarn()
                        .addKeyValue("environment", environment)
                        .addKeyValue("file", file)
                        .addKeyValue("problem", problem)
                        .log("an identity file is not good");
            }
        });
    }

    private Map<Path, Stamp> stampsNow() {
        Map<Path, Stamp> looks = new TreeMap<>();
        for (Path file : List.of(files.keyset(), files.revocations(), files.buildToken())) {
            Stamp stamp = Stamp.of(file);
            if (stamp != null) {
                looks.put(file, stamp);
            }
        }
        return looks;
    }

    private static Keyset readKeyset(Path file) throws IOException, MalformedException {
        return Keyset.parse(OwnerOnlyFiles.read(file, IdentityLimits.MAX_KEYSET_BYTES));
    }
}
