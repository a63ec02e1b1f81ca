package io.nearkv.deploy.environment;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.identity.Ed25519Keys;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.identity.KeyFile;
import io.nearkv.core.identity.KeyRole;
import io.nearkv.core.identity.Keyset;
import io.nearkv.core.identity.OwnerOnlyFiles;
import io.nearkv.deploy.document.DocumentSigner;
import io.nearkv.deploy.document.Documents;
import io.nearkv.deploy.model.Bytes;
import io.nearkv.deploy.model.EnvironmentClass;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.deploy.model.Trust;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** Makes the keys by which an environment's documents are signed, and the trust that names them. */
public final class EnvironmentKeys {
    /** How many root keys there are. */
    public static final int ROOTS = 3;

    /** How many of them sign a trust: one may be lost, and one alone is of no use to a thief. */
    public static final int ROOT_THRESHOLD = 2;

    private static final Pattern OPERATOR = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}");

    private EnvironmentKeys() {}

    /**
     * What was made.
     *
     * @param trust the signed trust: goes to every process
     * @param routeKey the key of the control plane
     * @param rootKeys the keys that sign the next trust: to be kept apart from each other and offline
     * @param breakGlassKeys the keys of the operators, by their names
     * @param content what the trust says
     */
    public record Created(
            Path trust, Path routeKey, List<Path> rootKeys, Map<String, Path> breakGlassKeys, Trust content) {
        /** Makes copies. */
        public Created {
            rootKeys = List.copyOf(rootKeys);
            breakGlassKeys = Map.copyOf(breakGlassKeys);
        }
    }

    /**
     * Makes three root keys, a route key, a break-glass key for each operator, and the first trust, signed by all three roots. The public halves of route and break-glass keys come
     * into the keyset of the environment's identity; the private halves are only in the new folder, which is there as a whole or not at all.
     *
     * @param dataFolder a folder with the identity of the environment
     * @param out must not exist
     * @param operators names; in an environment of class production at least two
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if {@code out} exists, the identity is of another environment or there are too few operators;
     *     {@link ErrorCode#INTERNAL} if it cannot be written
     */
    public static Created create(
            Path dataFolder,
            Path out,
            ServiceId service,
            EnvironmentClass environmentClass,
            List<String> operators,
            InstantSource clock) {
        requireNonNull(environmentClass, "environmentClass");
        int threshold = environmentClass == EnvironmentClass.PRODUCTION ? 2 : 1;
        checkOperators(operators, threshold);
        IdentityDirectory identity = IdentityDirectory.open(dataFolder, clock);
        if (!identity.environment().name().equals(service.environment())) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "'" + dataFolder + "' is of environment '" + identity.environment() + "', not of '"
                            + service.environment() + "'; take another folder");
        }
        if (Files.exists(out, LinkOption.NOFOLLOW_LINKS)) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST, "'" + out + "' exists already; keys are made into a new folder alone");
        }
        try {
            Path parent = out.toAbsolutePath().getParent();
            if (parent != null) {
                Files.createDirectories(parent);
            }
            Path staging = out.resolveSibling(out.getFileName() + ".new");
            // One that is there is of an attempt that was cut short: its keys may be in the keyset, so that a person is
            // to look at it.
            OwnerOnlyFiles.createFolder(staging);
            Path rootFolder = staging.resolve("root");
            Path peopleFolder = staging.resolve("break-glass");
            OwnerOnlyFiles.createFolder(rootFolder);
            OwnerOnlyFiles.createFolder(peopleFolder);
            List<DocumentSigner> signers = new ArrayList<>();
            List<Bytes> roots = new ArrayList<>();
            for (int i = 1; i <= ROOTS; i++) {
                KeyFile root = KeyFile.create(rootFile(rootFolder, i), Trust.ROOT_LABEL);
                signers.add(DocumentSigner.of(root));
                roots.add(Bytes.of(Ed25519Keys.rawBytes(root.publicKey())));
            }
            identity.createKey(KeyRole.ROUTE, staging.resolve("route.pem"));
            Map<String, String> owners = new LinkedHashMap<>();
            for (String operator : operators) {
                KeyFile key = identity.createKey(KeyRole.BREAK_GLASS, personFile(peopleFolder, operator));
                owners.put(key.id(), operator);
            }
            Trust trust = new Trust(
                    service, environmentClass, 1, roots, ROOT_THRESHOLD, identity.keyset(), owners, threshold);
            OwnerOnlyFiles.write(staging.resolve("trust.signed"), Documents.trust(trust, signers));
            Files.move(staging, out, StandardCopyOption.ATOMIC_MOVE);
            if (parent != null) {
                OwnerOnlyFiles.syncFolder(parent);
            }
            return created(out, operators, trust);
        } catch (IOException e) {
            throw new KvException(
                    ErrorCode.INTERNAL,
                    "the keys cannot be written to '" + out + "': "
                            + e.getClass().getSimpleName() + " of " + e.getMessage(),
                    e);
        }
    }

    private static Created created(Path out, List<String> operators, Trust trust) {
        List<Path> roots = new ArrayList<>();
        for (int i = 1; i <= ROOTS; i++) {
            roots.add(rootFile(out.resolve("root"), i));
        }
        Map<String, Path> people = new LinkedHashMap<>();
        operators.forEach(operator -> people.put(operator, personFile(out.resolve("break-glass"), operator)));
        return new Created(out.resolve("trust.signed"), out.resolve("route.pem"), roots, people, trust);
    }

    private static Path rootFile(Path folder, int number) {
        return folder.resolve("root-" + number + ".pem");
    }

    private static Path personFile(Path folder, String operator) {
        return folder.resolve(operator + ".pem");
    }

    private static void checkOperators(List<String> operators, int threshold) {
        if (operators.size() < threshold || new HashSet<>(operators).size() != operators.size()) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "operators: " + operators.size() + " (expected: at least " + threshold
                            + " different people for an environment of this class)");
        }
        for (String operator : operators) {
            if (!OPERATOR.matcher(operator).matches()) {
                throw new KvException(
                        ErrorCode.INVALID_REQUEST,
                        "operator: expected a letter or digit, then up to 63 letters, digits and . _ -");
            }
        }
    }

    /**
     * Returns the trust that follows another, signed: with the environment's keys as they are now, for after a key was made, ended or rotated. Processes take it over any way that
     * documents travel.
     *
     * @param present the trust now
     * @param keyset the keys; break-glass keys that are not in it any more lose their owner
     * @param newOwners owners of further break-glass keys, by the key's id
     * @param roots at least as many of the roots as the present trust says
     */
    public static byte[] nextTrust(
            Trust present, Keyset keyset, Map<String, String> newOwners, List<DocumentSigner> roots) {
        Map<String, String> owners = new LinkedHashMap<>(present.owners());
        owners.putAll(newOwners);
        owners.keySet().removeIf(keyId -> keyset.entry(keyId) == null);
        Trust next = new Trust(
                present.service(),
                present.environmentClass(),
                present.serial() + 1,
                present.roots(),
                present.rootThreshold(),
                keyset,
                owners,
                present.breakGlassThreshold());
        return Documents.trust(next, roots);
    }

    /**
     * Makes a new route key in place of those that there are, and the trust that says so.
     *
     * @param dataFolder the folder with the identity of the environment
     * @param present the trust now
     * @param roots at least as many of the roots as the present trust says
     * @param newKey where the new private key is written; must not exist
     * @param overlap how long the former keys still verify; zero where one is known to others
     * @return the signed trust
     */
    public static byte[] rotateRouteKey(
            Path dataFolder,
            Trust present,
            List<DocumentSigner> roots,
            Path newKey,
            Duration overlap,
            InstantSource clock) {
        IdentityDirectory identity = IdentityDirectory.open(dataFolder, clock);
        List<String> former = identity.keyset().entries().stream()
                .filter(entry -> entry.role() == KeyRole.ROUTE)
                .map(Keyset.Entry::id)
                .toList();
        identity.createKey(KeyRole.ROUTE, newKey);
        former.forEach(keyId -> identity.endKey(keyId, overlap));
        return nextTrust(present, identity.keyset(), Map.of(), roots);
    }
}
