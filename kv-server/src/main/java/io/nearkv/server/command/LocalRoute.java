package io.nearkv.server.command;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.deploy.control.DocumentPush.Target;
import io.nearkv.deploy.document.DocumentKind;
import io.nearkv.deploy.document.DocumentVerifier;
import io.nearkv.deploy.document.Documents;
import io.nearkv.deploy.document.Rejected;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.document.StoredDocuments;
import io.nearkv.deploy.model.Ledger;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteEntry;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.deploy.model.Trust;
import io.nearkv.deploy.store.RouteStore;
import io.nearkv.deploy.store.RouteStoreOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Trust, route and ledger from the local disk. Nodes verify what comes of it; {@link #signatureProblem} tells beforehand. Immutable.
 *
 * @param path the folder or the bundle
 * @param kept what is in it
 */
record LocalRoute(Path path, StoredDocuments kept) {
    static LocalRoute ofFolder(Path folder) {
        return trusted(folder, RouteStore.peek(folder));
    }

    static LocalRoute ofBundle(Path file) {
        try {
            SignedDocument trust = null;
            SignedDocument ledger = null;
            SignedDocument route = null;
            for (byte[] bytes : Documents.readBundle(Files.readAllBytes(file))) {
                SignedDocument document = SignedDocument.parse(bytes);
                switch (document.kind()) {
                    case TRUST -> trust = document;
                    case LEDGER -> ledger = document;
                    case ROUTE -> route = document;
                    case MANIFEST -> {}
                }
            }
            List<String> history = new ArrayList<>();
            if (route != null) {
                history.add(route.hash());
                history.addAll(route.route().ancestors());
            }
            return trusted(file, new StoredDocuments(trust, route, null, ledger, Map.of(), history, List.of()));
        } catch (NoSuchFileException e) {
            throw new KvException(ErrorCode.NOT_FOUND, "'" + file + "' does not exist", e);
        } catch (IOException | Rejected e) {
            throw new KvException(ErrorCode.INTERNAL, "'" + file + "' cannot be used: " + e.getMessage(), e);
        }
    }

    private static LocalRoute trusted(Path path, StoredDocuments kept) {
        SignedDocument trust = kept.trust();
        if (trust == null) {
            throw new KvException(
                    ErrorCode.NOT_FOUND,
                    "'" + path + "' has no trust; take the folder of a node that follows a route, or a bundle");
        }
        return new LocalRoute(path, kept);
    }

    Trust trust() {
        return requireNonNull(kept.trust(), "trust").trust();
    }

    ServiceId service() {
        return trust().service();
    }

    /** Returns the route in force, or null. */
    @Nullable
    Route route() {
        SignedDocument active = kept.active();
        return active == null ? null : active.route();
    }

    Route routeOrThrow() {
        Route route = route();
        if (route == null) {
            throw new KvException(
                    ErrorCode.NOT_FOUND, "'" + path + "' has no route; take the folder of a node that follows one");
        }
        return route;
    }

    Ledger ledger() {
        SignedDocument ledger = kept.ledger();
        return ledger == null ? Ledger.empty(service()) : ledger.ledger();
    }

    /** Fails if this is of another environment than the operator means. */
    LocalRoute of(ServiceId wanted) {
        if (!service().equals(wanted)) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "'" + path + "' is of " + service() + ", not of " + wanted + "; nothing was sent");
        }
        return this;
    }

    /** Returns everybody that a route concerns: the nodes that it names and those that the user adds, and the instances of its builds. */
    List<Target> targets(List<String> more) {
        Map<String, Target> targets = new LinkedHashMap<>();
        more.forEach(node -> targets.put(node, new Target(node, true)));
        Route route = routeOrThrow();
        route.nodes().forEach(node -> targets.put(node, new Target(node, true)));
        Stream.concat(route.entries().stream(), route.knownGood().stream())
                .map(RouteEntry::endpoints)
                .flatMap(List::stream)
                .forEach(instance -> targets.putIfAbsent(instance, new Target(instance, false)));
        return List.copyOf(targets.values());
    }

    /** What can be tried on a copy. */
    interface Trial<T> {
        T on(RouteStore copy);
    }

    /** Opens a copy of this in a temporary folder, as a node would, and removes it afterwards. */
    <T> T onCopy(Trial<T> trial) throws IOException {
        Path copy = Files.createTempDirectory("nearkv-drill-");
        try {
            RouteStoreOptions options =
                    RouteStoreOptions.of("drill", InstantSource.system()).withDropInInterval(Duration.ZERO);
            if (Files.isDirectory(path)) {
                Files.copy(path.resolve("route.state"), copy.resolve("route.state"));
            }
            try (RouteStore store = RouteStore.open(copy, null, options)) {
                if (!Files.isDirectory(path)) {
                    store.install(Files.readAllBytes(path), "drill");
                }
                return trial.on(store);
            }
        } finally {
            try (Stream<Path> files = Files.walk(copy)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
    }

    /** Returns what is to be told of the signatures, or an empty text if they are good. */
    String signatureProblem() {
        DocumentVerifier verifier = new DocumentVerifier(InstantSource.system());
        try {
            verifier.verifyTrust(requireNonNull(kept.trust(), "trust"), null);
            SignedDocument active = kept.active();
            if (active != null) {
                verifier.verify(active, trust());
                SignedDocument back = active.parachute();
                if (back != null) {
                    verifier.verify(back, trust());
                }
            }
            SignedDocument ledger = kept.ledger();
            if (ledger != null && ledger.kind() == DocumentKind.LEDGER) {
                verifier.verify(ledger, trust());
            }
            return "";
        } catch (Rejected e) {
            return String.valueOf(e.getMessage());
        }
    }
}
