package io.nearkv.core.identity;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import io.nearkv.core.AccountId;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The identity of one environment in a data folder: its keys, the tokens of the node itself, and the list of revoked tokens. {@code docs/identity.md} lists
 * the files. Whoever can read the private keys here can make any token of the environment; a node that only serves needs {@link #files()} alone.
 *
 * <p>Changes are atomic, survive a power cut, and exclude each other between processes too. A running node picks them up by itself (see
 * {@link NodeAuthority#startWatching}). Thread-safe.
 */
public final class IdentityDirectory {
    private static final Logger log = LoggerFactory.getLogger(IdentityDirectory.class);
    private static final String FOLDER = "identity";
    private static final int FORMAT = 1;
    private static final int MAX_SMALL_FILE_BYTES = 16 * 1024;
    private static final String ADMIN_SUBJECT = "administrator";
    private static final String NODE_SUBJECT = "node";
    private static final SecureRandom RANDOM = new SecureRandom();

    /** A file lock holds between processes only; within one, a second attempt would throw. */
    private static final ReentrantLock WITHIN_PROCESS = new ReentrantLock();

    private final Path dataFolder;
    private final Path folder;
    private final Environment environment;
    private final AccountId account;
    private final InstantSource clock;

    private IdentityDirectory(
            Path dataFolder, Path folder, Environment environment, AccountId account, InstantSource clock) {
        this.dataFolder = dataFolder;
        this.folder = folder;
        this.environment = environment;
        this.account = account;
        this.clock = clock;
    }

    /** Returns whether a data folder has an identity, sound or not. */
    public static boolean exists(Path dataFolder) {
        return Files.exists(dataFolder.resolve(FOLDER), LinkOption.NOFOLLOW_LINKS);
    }

    /**
     * Makes the identity of a new data folder: a key for each role, an administrator token for the account in {@code DIR/admin.token}, an empty revocation
     * list, and a build token for the build that calls this. Both tokens live {@link IdentityLimits#FIRST_START_LIFETIME}. Either all of it is there
     * afterwards or none.
     *
     * @param dataFolder made if it is missing
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if the folder has an identity already, {@link ErrorCode#INTERNAL} if it cannot be written
     */
    public static IdentityDirectory initialize(
            Path dataFolder, Environment environment, AccountId account, String buildId, InstantSource clock) {
        requireNonNull(environment, "environment");
        requireNonNull(account, "account");
        TokenRequest.checkBuildId(buildId);
        WITHIN_PROCESS.lock();
        try {
            Path staging = dataFolder.resolve(FOLDER + ".new");
            if (Files.notExists(dataFolder)) {
                Path parent = dataFolder.toAbsolutePath().getParent();
                if (parent != null) {
                    Files.createDirectories(parent);
                }
                OwnerOnlyFiles.createFolder(dataFolder);
            }
            if (exists(dataFolder)) {
                throw new KvException(
                        ErrorCode.INVALID_REQUEST,
                        "'" + dataFolder + "' has an identity already; open it instead, or choose another folder");
            }
            deleteRecursively(staging); // of a first start that was cut short: nobody has used those keys
            IdentityDirectory identity = new IdentityDirectory(dataFolder, staging, environment, account, clock);
            identity.create(buildId);
            Path folder = dataFolder.resolve(FOLDER);
            Files.move(staging, folder, StandardCopyOption.ATOMIC_MOVE);
            OwnerOnlyFiles.syncFolder(dataFolder);
            return new IdentityDirectory(dataFolder, folder, environment, account, clock);
        } catch (IOException e) {
            throw unwritable(dataFolder, e);
        } finally {
            WITHIN_PROCESS.unlock();
        }
    }

    private void create(String buildId) throws IOException {
        OwnerOnlyFiles.createFolder(folder);
        OwnerOnlyFiles.createFolder(folder.resolve("keys"));
        long now = now();
        Keyset keyset = new Keyset(environment, List.of());
        Map<KeyRole, SigningKey> signers = new LinkedHashMap<>();
        for (KeyRole role : KeyRole.OF_A_NODE) {
            SigningKey key = SigningKey.generate(role, now);
            OwnerOnlyFiles.write(privateKeyFile(key.trusted().id()), key.toPem().getBytes(UTF_8));
            keyset = keyset.with(key.trusted());
            signers.put(role, key);
        }
        OwnerOnlyFiles.write(keysetFile(), keyset.toJson());
        writeLine(
                revocationsFile(),
                RevocationList.none(environment).next(now).sign(requireNonNull(signers.get(KeyRole.REVOCATION)), now));
        TokenRequest administrator = new TokenRequest(
                ADMIN_SUBJECT, account, Permissions.administrator(), IdentityLimits.FIRST_START_LIFETIME);
        writeLine(adminTokenFile(), sign(requireNonNull(signers.get(KeyRole.TOKEN)), claimsOf(administrator, now)));
        writeLine(
                buildTokenFile(),
                sign(
                        requireNonNull(signers.get(KeyRole.BUILD)),
                        buildClaims(buildId, now, now + IdentityLimits.FIRST_START_LIFETIME.toSeconds())));
        Map<String, Object> description = new LinkedHashMap<>();
        description.put("format", FORMAT);
        description.put("environment", environment.name());
        description.put("account", account.toString());
        description.put("created", now);
        OwnerOnlyFiles.write(environmentFile(), StrictJson.DOCUMENTS.writeIndented(description));
    }

    /**
     * Opens the identity of a data folder. Writes nothing.
     *
     * @throws KvException {@link ErrorCode#NOT_FOUND} if there is none, {@link ErrorCode#INTERNAL} if it is damaged or of a later version
     */
    public static IdentityDirectory open(Path dataFolder, InstantSource clock) {
        requireNonNull(clock, "clock");
        if (!exists(dataFolder)) {
            throw new KvException(
                    ErrorCode.NOT_FOUND,
                    "'" + dataFolder + "' has no identity; 'nearkv serve --data " + dataFolder + "' makes one");
        }
        Path folder = dataFolder.resolve(FOLDER);
        Path file = folder.resolve("environment.json");
        try {
            Members members = new Members(
                    StrictJson.TOKENS.readObject(OwnerOnlyFiles.read(file, MAX_SMALL_FILE_BYTES), "it"), "it");
            long format = members.positive("format");
            if (format != FORMAT) {
                throw new MalformedException("it has format " + format + ", and this version reads " + FORMAT);
            }
            String environment = members.text("environment");
            String account = members.text("account");
            if (!Environment.isWellFormed(environment) || !AccountId.isWellFormed(account)) {
                throw new MalformedException("its environment or account is not well-formed");
            }
            return new IdentityDirectory(
                    dataFolder, folder, new Environment(environment), AccountId.parse(account), clock);
        } catch (IOException e) {
            throw unreadable(file, e);
        } catch (MalformedException e) {
            throw damaged(file, e);
        }
    }

    /** Returns the environment that this identity speaks for. */
    public Environment environment() {
        return environment;
    }

    /** Returns the account that the first start made. */
    public AccountId account() {
        return account;
    }

    /** Returns what a serving node reads. */
    public AuthorityFiles files() {
        return new AuthorityFiles(keysetFile(), revocationsFile(), buildTokenFile());
    }

    /** Returns the file with the administrator token: one line. An operator may move it away; it is not needed for serving. */
    public Path adminTokenFile() {
        return dataFolder.resolve("admin.token");
    }

    /** Returns the public keys as they are now. */
    public Keyset keyset() {
        try {
            return Keyset.parse(OwnerOnlyFiles.read(keysetFile(), IdentityLimits.MAX_KEYSET_BYTES));
        } catch (IOException e) {
            throw unreadable(keysetFile(), e);
        } catch (MalformedException e) {
            throw damaged(keysetFile(), e);
        }
    }

    /** Returns a new access token. It is not kept: whoever loses it needs another. */
    public String issueToken(TokenRequest request) {
        return exclusively(() -> sign(signer(KeyRole.TOKEN), claimsOf(request, now())));
    }

    /** Returns a new build token: the permission for this build to serve this environment, for as long as stated. */
    public String issueBuildToken(String buildId, Duration lifetime) {
        TokenRequest.checkBuildId(buildId);
        TokenRequest.checkLifetime(lifetime);
        return exclusively(() -> {
            long now = now();
            return sign(signer(KeyRole.BUILD), buildClaims(buildId, now, now + lifetime.toSeconds()));
        });
    }

    /**
     * Makes all that a node of another machine needs to serve this environment from the node above it.
     *
     * @param name what the node is called
     * @param buildId the build that it runs
     * @param lifetime how long its two tokens are good
     * @throws IllegalArgumentException if one of these is out of range
     */
    public JoinDocument join(String name, String buildId, Duration lifetime) {
        String token = issueToken(
                new TokenRequest(NODE_SUBJECT + " " + name, account, Permissions.administrator(), lifetime, buildId));
        String buildToken = issueBuildToken(buildId, lifetime);
        try {
            return new JoinDocument(
                    name,
                    environment,
                    account,
                    keyset(),
                    readLine(revocationsFile(), IdentityLimits.MAX_REVOCATIONS_CHARS),
                    buildToken,
                    token);
        } catch (IOException e) {
            throw unreadable(revocationsFile(), e);
        } catch (MalformedException e) {
            throw damaged(revocationsFile(), e);
        }
    }

    /** Makes a build token and puts it in place of the folder's own, for a folder whose program was replaced by another build. */
    public void installBuildToken(String buildId, Duration lifetime) {
        String token = issueBuildToken(buildId, lifetime);
        exclusively(() -> {
            writeLine(buildTokenFile(), token);
            return token;
        });
    }

    /**
     * Makes a new key for a role and has it sign from now on. What older keys signed stays good until the overlap ends; then their private halves, deleted at
     * once, would be of no use any more either. The folder's own administrator token, build token and revocation list are signed anew, with the end that they
     * had. Copy the keyset to all other nodes before using tokens of the new key, and before the overlap ends.
     *
     * @param overlap zero to {@link IdentityLimits#MAX_OVERLAP}, in whole seconds; zero where the old key is known to others
     * @return the id of the new key
     */
    public String rotate(KeyRole role, Duration overlap) {
        if (!KeyRole.OF_A_NODE.contains(role)) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "the private keys of role '" + role.label()
                            + "' are not kept here; 'nearkv env' makes and replaces them");
        }
        if (overlap.isNegative() || overlap.compareTo(IdentityLimits.MAX_OVERLAP) > 0) {
            throw new IllegalArgumentException(
                    "overlap: " + overlap + " (expected: PT0S to " + IdentityLimits.MAX_OVERLAP + ")");
        }
        // A cut between any two of these steps leaves everything valid; doing it again completes it.
        return exclusively(() -> {
            long now = now();
            Keyset before = keyset();
            RevocationList revocations = revocations(before);
            long youngest = before.keys().stream()
                    .filter(key -> key.role() == role)
                    .mapToLong(TrustedKey::createdEpochSecond)
                    .max()
                    .orElse(0);
            SigningKey key = SigningKey.generate(role, Math.max(now, youngest + 1));
            String keyId = key.trusted().id();
            Keyset both = before.with(key.trusted());
            Keyset after = both.retiring(role, keyId, now + overlap.toSeconds(), now);
            if (both.keys().size() > IdentityLimits.MAX_KEYS) {
                throw new KvException(
                        ErrorCode.INVALID_REQUEST,
                        "the keyset would have " + both.keys().size() + " keys (expected: at most "
                                + IdentityLimits.MAX_KEYS + "); rotate again when older keys have ended");
            }
            OwnerOnlyFiles.write(privateKeyFile(keyId), key.toPem().getBytes(UTF_8));
            OwnerOnlyFiles.write(keysetFile(), both.toJson());
            switch (role) {
                case TOKEN -> renew(adminTokenFile(), TokenVerifier.of(before, revocations, clock), key);
                case BUILD -> renew(buildTokenFile(), TokenVerifier.of(before, revocations, clock), key);
                case REVOCATION ->
                    writeLine(revocationsFile(), revocations.next(now).sign(key, now));
                case ROUTE, BREAK_GLASS -> throw new AssertionError(role);
            }
            OwnerOnlyFiles.write(keysetFile(), after.toJson());
            for (TrustedKey old : before.keys()) {
                if (old.role() == role) {
                    Files.deleteIfExists(privateKeyFile(old.id()));
                }
            }
            OwnerOnlyFiles.syncFolder(folder.resolve("keys"));
            return keyId;
        });
    }

    /**
     * Makes a key whose private half is kept elsewhere: it is written to a file, and only the public half comes into the keyset here.
     *
     * @param role {@link KeyRole#ROUTE} or {@link KeyRole#BREAK_GLASS}
     * @param privateKeyFile must not exist; its folder must
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if the file exists or the keyset is full, {@link ErrorCode#INTERNAL} if one of the two cannot be written
     */
    public KeyFile createKey(KeyRole role, Path privateKeyFile) {
        if (KeyRole.OF_A_NODE.contains(role)) {
            throw new IllegalArgumentException("role: " + role.label() + " (expected: route or breakglass)");
        }
        return exclusively(() -> {
            Keyset before = keyset();
            if (before.keys().size() >= IdentityLimits.MAX_KEYS) {
                throw new KvException(
                        ErrorCode.INVALID_REQUEST,
                        "the keyset has " + IdentityLimits.MAX_KEYS + " keys already; end older ones first");
            }
            KeyFile key = KeyFile.create(privateKeyFile, role.label());
            OwnerOnlyFiles.write(
                    keysetFile(),
                    before.with(TrustedKey.of(role, key.publicKey(), now())).toJson());
            return key;
        });
    }

    /**
     * Has a key of {@link #createKey} verify nothing from a time on; at once takes it out of the keyset.
     *
     * @param overlap zero to {@link IdentityLimits#MAX_OVERLAP}, in whole seconds; zero where the key is known to others
     * @throws KvException {@link ErrorCode#NOT_FOUND} if the keyset has no such key of role route or break-glass
     */
    public void endKey(String keyId, Duration overlap) {
        if (overlap.isNegative() || overlap.compareTo(IdentityLimits.MAX_OVERLAP) > 0) {
            throw new IllegalArgumentException(
                    "overlap: " + overlap + " (expected: PT0S to " + IdentityLimits.MAX_OVERLAP + ")");
        }
        exclusively(() -> {
            Keyset before = keyset();
            TrustedKey key = before.find(keyId);
            if (key == null || KeyRole.OF_A_NODE.contains(key.role())) {
                throw new KvException(
                        ErrorCode.NOT_FOUND,
                        "the keyset has no key '" + Key.display(keyId) + "' of role route or breakglass");
            }
            OwnerOnlyFiles.write(
                    keysetFile(),
                    before.ending(keyId, now() + overlap.toSeconds(), now()).toJson());
            return keyId;
        });
    }

    /**
     * Puts a token on the revocation list. It is refused as soon as a node has seen the new list: within about a second where the node serves from this
     * folder, elsewhere when the list was copied there.
     *
     * @param tokenId the token's id, of an access or a build token
     * @param expiresAtEpochSecond when it would expire anyway, so that the list does not grow for ever; a later time than that does no harm
     */
    public void revoke(String tokenId, long expiresAtEpochSecond) {
        if (!TokenClaims.isTokenId(tokenId)) {
            throw new IllegalArgumentException("token id: '" + Key.display(tokenId) + "' (expected: 32 hex digits)");
        }
        exclusively(() -> {
            long now = now();
            RevocationList list = revocations(keyset()).next(now).with(tokenId, expiresAtEpochSecond);
            if (list.expiryByTokenId().size() > IdentityLimits.MAX_REVOKED) {
                throw new KvException(
                        ErrorCode.INVALID_REQUEST,
                        "the revocation list is full (" + IdentityLimits.MAX_REVOKED
                                + " tokens); rotate the token key instead");
            }
            writeLine(revocationsFile(), list.sign(signer(KeyRole.REVOCATION), now));
            return tokenId;
        });
    }

    /**
     * Returns what a token says, and whether it is good here and now.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if it has not the form of a token
     */
    public TokenInspection inspect(String token) {
        Keyset keyset = keyset();
        return TokenInspection.of(token, TokenVerifier.of(keyset, revocations(keyset), clock));
    }

    /**
     * Returns the key that signs for a role now, for what is no token, such as the manifest of a build.
     *
     * @param role one whose private keys are kept here: not route or break-glass
     * @throws KvException {@link ErrorCode#NOT_FOUND} if its private half is not here, {@link ErrorCode#INTERNAL} if the keyset has none
     */
    public KeyFile signingKey(KeyRole role) {
        if (!KeyRole.OF_A_NODE.contains(role)) {
            throw new IllegalArgumentException("role: " + role.label() + " (expected: token, build or revocation)");
        }
        TrustedKey key = keyset().signer(role)
                .orElseThrow(() -> new KvException(
                        ErrorCode.INTERNAL,
                        "the keyset has no key that signs for the role '" + role.label() + "'; rotate that role"));
        return KeyFile.read(privateKeyFile(key.id()));
    }

    private RevocationList revocations(Keyset keyset) {
        try {
            RevocationList list = RevocationList.parse(
                    readLine(revocationsFile(), IdentityLimits.MAX_REVOCATIONS_CHARS), keyset, now());
            // The next list would carry on from here, and nodes would take it for older than what they know.
            Path markFile = RevocationMark.fileOf(revocationsFile());
            RevocationMark.read(markFile, environment).check(list.serial(), markFile);
            return list;
        } catch (IOException e) {
            throw unreadable(revocationsFile(), e);
        } catch (MalformedException e) {
            throw damaged(revocationsFile(), e);
        }
    }

    private SigningKey signer(KeyRole role) throws IOException {
        TrustedKey trusted = keyset().signer(role)
                .orElseThrow(() -> new KvException(
                        ErrorCode.INTERNAL,
                        "the keyset has no key that signs for the role '" + role.label() + "'; rotate that role"));
        Path file = privateKeyFile(trusted.id());
        try {
            OwnerOnlyFiles.requireOwnerOnly(file);
            return SigningKey.parse(new String(OwnerOnlyFiles.read(file, MAX_SMALL_FILE_BYTES), UTF_8), trusted);
        } catch (NoSuchFileException e) {
            throw new KvException(
                    ErrorCode.INTERNAL,
                    "the private key '" + file + "' is not here; do this where the environment's keys are kept",
                    e);
        } catch (MalformedException e) {
            throw damaged(file, e);
        }
    }

    /**
     * Signs the claims of the folder's own token anew. One that is missing was moved away on purpose, and one that is not good stays as it is: signing what
     * was not checked would make an administrator of whoever can write that file.
     */
    private void renew(Path file, TokenVerifier verifier, SigningKey key) throws IOException {
        try {
            String token = readLine(file, IdentityLimits.MAX_TOKEN_CHARS);
            TokenClaims old = TokenClaims.decode(token);
            if (old.type() == TokenType.ACCESS) {
                verifier.verify(token);
            } else {
                verifier.verifyBuild(token);
            }
            writeLine(file, sign(key, old.renewed(newTokenId())));
        } catch (NoSuchFileException | MalformedException e) {
            log.atDebug().addKeyValue("file", file).log("no token to sign anew");
        } catch (KvException e) {
            log.atWarn().addKeyValue("file", file).log("a token that is not good was not signed anew");
        }
    }

    private TokenClaims claimsOf(TokenRequest request, long now) {
        return new TokenClaims(
                TokenType.ACCESS,
                "",
                environment,
                newTokenId(),
                request.subject(),
                request.account(),
                request.permissions(),
                request.buildId(),
                now,
                now + request.lifetime().toSeconds());
    }

    private TokenClaims buildClaims(String buildId, long now, long expiresAt) {
        return new TokenClaims(
                TokenType.BUILD,
                "",
                environment,
                newTokenId(),
                NODE_SUBJECT,
                null,
                Permissions.none(),
                buildId,
                now,
                expiresAt);
    }

    private static String sign(SigningKey key, TokenClaims claims) {
        return key.sign(claims.type(), claims.encode(), StrictJson.TOKENS);
    }

    private static String newTokenId() {
        byte[] id = new byte[16];
        RANDOM.nextBytes(id);
        return HexFormat.of().formatHex(id);
    }

    private Path environmentFile() {
        return folder.resolve("environment.json");
    }

    private Path keysetFile() {
        return folder.resolve("keyset.jwks.json");
    }

    private Path revocationsFile() {
        return folder.resolve("revocations.jwt");
    }

    private Path buildTokenFile() {
        return folder.resolve("build.token");
    }

    private Path privateKeyFile(String keyId) {
        return folder.resolve("keys").resolve(keyId + ".pem");
    }

    private long now() {
        return Math.floorDiv(clock.millis(), 1000L);
    }

    private static void writeLine(Path file, String text) throws IOException {
        OwnerOnlyFiles.write(file, (text + "\n").getBytes(UTF_8));
    }

    static String readLine(Path file, int maxChars) throws IOException, MalformedException {
        return new String(OwnerOnlyFiles.read(file, maxChars + 2), UTF_8).strip();
    }

    private interface Change<T> {
        T run() throws IOException;
    }

    private <T> T exclusively(Change<T> change) {
        WITHIN_PROCESS.lock();
        try (FileChannel channel = OwnerOnlyFiles.openForLock(folder.resolve("lock"));
                FileLock lock = channel.lock()) {
            assert lock.isValid();
            return change.run();
        } catch (IOException e) {
            throw unwritable(folder, e);
        } finally {
            WITHIN_PROCESS.unlock();
        }
    }

    private static void deleteRecursively(Path folder) throws IOException {
        if (Files.notExists(folder, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        List<Path> paths = new ArrayList<>();
        try (Stream<Path> walk = Files.walk(folder)) {
            walk.sorted(Comparator.reverseOrder()).forEach(paths::add);
        }
        for (Path path : paths) {
            Files.delete(path);
        }
    }

    private static KvException unreadable(Path file, IOException e) {
        return new KvException(
                ErrorCode.INTERNAL, "'" + file + "' cannot be read; restore it from a copy or check who owns it", e);
    }

    private static KvException unwritable(Path folder, IOException e) {
        return new KvException(
                ErrorCode.INTERNAL,
                "the identity in '" + folder + "' cannot be changed: "
                        + e.getClass().getSimpleName() + "; check who owns the folder and that the disk is not full",
                e);
    }

    private static KvException damaged(Path file, MalformedException e) {
        return new KvException(
                ErrorCode.INTERNAL, "'" + file + "' cannot be used: " + e.why() + "; restore it from a copy", e);
    }
}
