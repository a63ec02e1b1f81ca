package io.nearkv.core.identity;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import io.nearkv.core.AccountId;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * All that a node of another machine needs to know to serve an environment: the public keys and the revocation list to verify callers with, the permission of its build, and a token
 * with which it works at the node above it. Made where the environment's keys are ({@link IdentityDirectory#join}), carried over as one file, and unpacked into the node's
 * data folder. Whoever has the file can do at the core what the node can: keep it as one keeps a token. {@code docs/identity.md} has the format. Immutable.
 *
 * @param name what the node is called, for people
 * @param environment the environment
 * @param account the account that operates the environment's nodes
 * @param keyset the public keys
 * @param revocations the signed list of revoked tokens
 * @param buildToken the permission of the node's build
 * @param token what the node shows to the node above
 */
public record JoinDocument(
        String name,
        Environment environment,
        AccountId account,
        Keyset keyset,
        String revocations,
        String buildToken,
        String token) {
    private static final int FORMAT = 1;
    private static final int MAX_BYTES = 2 * 1024 * 1024;
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}");
    private static final String FOLDER = "identity";
    private static final String KEYSET = "keyset.jwks.json";
    private static final String REVOCATIONS = "revocations.jwt";
    private static final String BUILD_TOKEN = "build.token";
    private static final String UPSTREAM_TOKEN = "upstream.token";
    private static final String NODE = "node.json";

    /** Checks the name. */
    public JoinDocument {
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException("name: '" + Key.display(name)
                    + "' (expected: a letter or digit, then up to 63 letters, digits and . _ -)");
        }
        requireNonNull(environment, "environment");
        requireNonNull(account, "account");
        requireNonNull(keyset, "keyset");
    }

    /** What an edge node's data folder says of it. */
    public record Unpacked(
            String name, Environment environment, AccountId account, AuthorityFiles files, String token) {}

    /** Returns the file's content: indented JSON. */
    public byte[] toJson() {
        Map<String, Object> members = new LinkedHashMap<>();
        members.put("format", FORMAT);
        members.put("name", name);
        members.put("environment", environment.name());
        members.put("account", account.toString());
        members.put("keyset", new String(keyset.toJson(), UTF_8));
        members.put("revocations", revocations);
        members.put("build_token", buildToken);
        members.put("token", token);
        return StrictJson.DOCUMENTS.writeIndented(members);
    }

    /**
     * Reads a join file.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if it is none, {@link ErrorCode#NOT_FOUND} if there is no such file
     */
    public static JoinDocument read(Path file) {
        try {
            return parse(OwnerOnlyFiles.read(file, MAX_BYTES));
        } catch (NoSuchFileException e) {
            throw new KvException(
                    ErrorCode.NOT_FOUND,
                    "join file '" + file + "' does not exist; 'nearkv join create NAME > FILE' makes one, where the"
                            + " environment's keys are",
                    e);
        } catch (IOException e) {
            throw new KvException(ErrorCode.INTERNAL, "join file '" + file + "' cannot be read: " + e.getMessage(), e);
        } catch (MalformedException | IllegalArgumentException e) {
            String why = e instanceof MalformedException malformed ? malformed.why() : String.valueOf(e.getMessage());
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "'" + file + "' is no join file: " + why + " (expected: what 'nearkv join create' printed)",
                    e);
        }
    }

    private static JoinDocument parse(byte[] utf8) throws MalformedException {
        Members members = new Members(StrictJson.DOCUMENTS.readObject(utf8, "it"), "it");
        long format = members.positive("format");
        if (format != FORMAT) {
            throw new MalformedException("it has format " + format + ", and this version reads " + FORMAT);
        }
        String environment = members.text("environment");
        String account = members.text("account");
        if (!Environment.isWellFormed(environment) || !AccountId.isWellFormed(account)) {
            throw new MalformedException("its environment or account is not well-formed");
        }
        return new JoinDocument(
                members.text("name"),
                new Environment(environment),
                AccountId.parse(account),
                Keyset.parse(members.text("keyset").getBytes(UTF_8)),
                members.text("revocations"),
                members.text("build_token"),
                members.text("token"));
    }

    /**
     * Puts what a node reads into its data folder, in place of what an earlier join file has put there. What is there of another environment stays as it is.
     *
     * @throws KvException 401 {@code environment_mismatch} if the folder is of another environment; {@link ErrorCode#INTERNAL} if it cannot be written
     */
    public void unpack(Path dataFolder) {
        Path folder = dataFolder.resolve(FOLDER);
        Unpacked before = unpacked(dataFolder);
        if (before != null && !before.environment().equals(environment)) {
            throw KvException.denied(
                    new KvException.Denial(
                            io.nearkv.core.DenialReason.ENVIRONMENT_MISMATCH,
                            before.environment().name(),
                            environment.name(),
                            null),
                    "'" + dataFolder + "' is of environment '" + before.environment() + "', and the join file of '"
                            + environment + "'; take another folder");
        }
        Map<String, Object> node = new LinkedHashMap<>();
        node.put("format", FORMAT);
        node.put("name", name);
        node.put("environment", environment.name());
        node.put("account", account.toString());
        try {
            if (Files.notExists(folder)) {
                OwnerOnlyFiles.createFolder(folder);
            }
            OwnerOnlyFiles.write(folder.resolve(KEYSET), keyset.toJson());
            // A list that the node has got since is newer than one that was made with the join file.
            if (before == null || Files.notExists(folder.resolve(REVOCATIONS))) {
                OwnerOnlyFiles.write(folder.resolve(REVOCATIONS), (revocations + "\n").getBytes(UTF_8));
            }
            OwnerOnlyFiles.write(folder.resolve(BUILD_TOKEN), (buildToken + "\n").getBytes(UTF_8));
            OwnerOnlyFiles.write(folder.resolve(UPSTREAM_TOKEN), (token + "\n").getBytes(UTF_8));
            // Last: it says that the others are there.
            OwnerOnlyFiles.write(folder.resolve(NODE), StrictJson.DOCUMENTS.writeIndented(node));
        } catch (IOException e) {
            throw new KvException(
                    ErrorCode.INTERNAL, "the join file cannot be unpacked into '" + folder + "': " + e.getMessage(), e);
        }
    }

    /**
     * Returns what an earlier join file has put into a data folder, or null if none has.
     *
     * @throws KvException {@link ErrorCode#INTERNAL} if it is damaged
     */
    public static @Nullable Unpacked unpacked(Path dataFolder) {
        Path folder = dataFolder.resolve(FOLDER);
        Path file = folder.resolve(NODE);
        if (Files.notExists(file)) {
            return null;
        }
        try {
            Members members =
                    new Members(StrictJson.DOCUMENTS.readObject(OwnerOnlyFiles.read(file, MAX_BYTES), "it"), "it");
            String environment = members.text("environment");
            String account = members.text("account");
            if (!Environment.isWellFormed(environment) || !AccountId.isWellFormed(account)) {
                throw new MalformedException("its environment or account is not well-formed");
            }
            return new Unpacked(
                    members.text("name"),
                    new Environment(environment),
                    AccountId.parse(account),
                    new AuthorityFiles(
                            folder.resolve(KEYSET), folder.resolve(REVOCATIONS), folder.resolve(BUILD_TOKEN)),
                    IdentityDirectory.readLine(folder.resolve(UPSTREAM_TOKEN), IdentityLimits.MAX_TOKEN_CHARS));
        } catch (IOException | MalformedException e) {
            String why = e instanceof MalformedException malformed ? malformed.why() : String.valueOf(e.getMessage());
            throw new KvException(
                    ErrorCode.INTERNAL,
                    "'" + folder + "' cannot be used: " + why + "; start with the join file again",
                    e);
        }
    }

    /** Returns the name and the environment: the tokens are secrets. */
    @Override
    public String toString() {
        return "JoinDocument[" + name + " of " + environment + "]";
    }
}
