package io.nearkv.deploy.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.core.route.DocumentVerdict.Outcome;
import io.nearkv.deploy.document.Rejected;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.document.StoredDocuments;
import io.nearkv.deploy.model.RejectReason;
import io.nearkv.deploy.testing.MovableClock;
import io.nearkv.deploy.testing.World;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;

/** A route store on a disk of its own, with a clock that one moves. */
abstract class RouteStoreTestBase {
    static final World WORLD = World.production();
    static final World STAGING = World.staging();

    @TempDir
    Path temp;

    final MovableClock clock = new MovableClock();
    private final List<RouteStore> opened = new ArrayList<>();

    @AfterEach
    void closeAll() {
        opened.forEach(RouteStore::close);
    }

    RouteStoreOptions options() {
        return RouteStoreOptions.of("node-1", clock).withNanoTime(clock).withDropInInterval(Duration.ZERO);
    }

    RouteStore open() {
        return open(options());
    }

    RouteStore open(RouteStoreOptions options) {
        RouteStore store = RouteStore.open(temp.resolve("routes"), WORLD.service(), options);
        opened.add(store);
        return store;
    }

    /** Returns a store that has trust and ledger. */
    RouteStore openTrusting() {
        return openTrusting(options());
    }

    RouteStore openTrusting(RouteStoreOptions options) {
        RouteStore store = open(options);
        take(store, WORLD.trustDocument());
        take(store, WORLD.ledgerDocument());
        return store;
    }

    static void take(RouteStore store, byte[] document) {
        List<DocumentVerdict> verdicts = store.install(document, "test");
        assertThat(verdicts).as("%s", verdicts).allMatch(DocumentVerdict::holds);
    }

    /** Makes sure that a document is rejected for this reason, and that nothing else has changed. */
    static DocumentVerdict assertRejected(RouteStore store, byte[] document, RejectReason reason) {
        StoredDocuments before = store.snapshot();
        long count = store.rejections().getOrDefault(reason.label(), 0L);

        DocumentVerdict verdict = store.offer(document, "test");

        assertThat(verdict.outcome()).as("%s", verdict).isEqualTo(Outcome.REJECTED);
        assertThat(verdict.reason()).as("%s", verdict).isEqualTo(reason.label());
        assertThat(verdict.detail()).isNotBlank();
        assertThat(store.snapshot()).isSameAs(before);
        assertThat(store.rejections()).containsEntry(reason.label(), count + 1);
        assertThat(store.problems()).anyMatch(problem -> problem.contains(reason.label()));
        return verdict;
    }

    static DocumentVerdict assertAccepted(RouteStore store, byte[] document) {
        DocumentVerdict verdict = store.offer(document, "test");
        assertThat(verdict.outcome()).as("%s", verdict).isEqualTo(Outcome.ACCEPTED);
        return verdict;
    }

    static SignedDocument parsed(byte[] document) {
        try {
            return SignedDocument.parse(document);
        } catch (Rejected e) {
            throw new AssertionError(e);
        }
    }
}
