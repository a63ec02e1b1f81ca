package io.nearkv.deploy.store;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.route.DocumentExchange.Registration;
import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.core.route.DocumentVerdict.Outcome;
import io.nearkv.deploy.document.Documents;
import io.nearkv.deploy.model.RejectReason;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.testing.World;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What is in force survives the process, and everybody who asks is told. */
class RouteStoreTest extends RouteStoreTestBase {
    private final Route first = WORLD.following(1, 2, 100);

    private Path stateFile() {
        return temp.resolve("routes").resolve("route.state");
    }

    @Test
    void a_new_folder_has_nothing_and_says_so() {
        RouteStore store = open();

        assertThat(store.status()).isEqualTo(new DocumentVerdict(Outcome.STATUS, "", "", 0, 0, "", "", "node-1"));
        assertThat(store.offer(new byte[0], "test").outcome()).isEqualTo(Outcome.STATUS);
        assertThat(store.documents()).isEmpty();
        assertThat(store.problems()).isEmpty();
        assertThat(store.active()).isNull();
        assertThat(store.parachute()).isNull();
        assertThat(store.activeDocument()).isNull();
        assertThat(store.parachuteDocument()).isNull();
        assertThat(store.ledger()).isNull();
        assertThat(store.trust()).isNull();
        assertThat(store.frozen()).isFalse();
    }

    @Test
    void what_was_taken_is_there_after_a_restart_without_any_network() {
        RouteStore store = openTrusting();
        assertAccepted(store, WORLD.sign(first));
        Route second = WORLD.following(1, 4, 500, first);
        assertAccepted(store, WORLD.sign(second));
        DocumentVerdict before = store.status();
        store.close();

        RouteStore again = RouteStore.open(temp.resolve("routes"), null, options());
        try (again) {
            assertThat(again.status()).isEqualTo(before);
            assertThat(again.active()).isEqualTo(second);
            assertThat(again.trust()).isEqualTo(WORLD.trust());
            assertThat(again.ledger()).isEqualTo(WORLD.ledger());
            assertThat(again.snapshot().previous()).isNotNull();
            assertThat(again.snapshot().history()).containsExactly(Documents.hash(second), Documents.hash(first));
            assertThat(again.signatureVerifications()).isZero();
            assertRejected(again, WORLD.sign(first), RejectReason.NOT_NEWER);
            assertAccepted(again, WORLD.forward(1, 6, 1_000, second));
        }
    }

    @Test
    void the_state_says_what_is_followed() {
        RouteStore store = openTrusting();

        DocumentVerdict verdict = assertAccepted(store, WORLD.sign(first));

        assertThat(verdict.epoch()).isEqualTo(1);
        assertThat(verdict.seq()).isEqualTo(2);
        assertThat(verdict.hash()).isEqualTo(Documents.hash(first));
        assertThat(verdict.active())
                .isEqualTo(WORLD.build(3).id() + "=100 " + WORLD.build(2).id() + "=9900");
        assertThat(verdict.node()).isEqualTo("node-1");
    }

    @Test
    void a_peer_that_has_only_the_trust_takes_all_documents_in_their_order() {
        RouteStore store = openTrusting();
        assertAccepted(store, WORLD.sign(first));
        try (RouteStore peer = RouteStore.open(temp.resolve("peer"), WORLD.service(), options())) {
            take(peer, WORLD.trustDocument());

            for (byte[] document : store.documents()) {
                assertThat(peer.offer(document, "peer").holds()).isTrue();
            }

            assertThat(peer.active()).isEqualTo(first);
            assertThat(peer.ledger()).isEqualTo(WORLD.ledger());
            assertThat(peer.parachute()).isNotNull();
        }
    }

    @Test
    void gossip_ends_because_what_is_known_is_handed_on_no_further() {
        RouteStore store = openTrusting();
        try (RouteStore peer = RouteStore.open(temp.resolve("peer"), WORLD.service(), options())) {
            take(peer, WORLD.trustDocument());
            List<String> handed = new ArrayList<>();
            store.follow(document -> {
                handed.add("to peer");
                peer.offer(document, "store");
            });
            peer.follow(document -> {
                handed.add("to store");
                store.offer(document, "peer");
            });

            assertAccepted(store, WORLD.sign(first));

            assertThat(handed).containsExactly("to peer", "to store");
            assertThat(peer.active()).isEqualTo(first);
        }
    }

    @Test
    void a_listener_sees_the_route_now_and_each_that_follows_until_it_leaves() {
        RouteStore store = openTrusting();
        assertAccepted(store, WORLD.sign(first));
        List<Long> seen = new ArrayList<>();
        Registration registration = store.onRoute(route -> seen.add(route.seq()));
        Route second = WORLD.following(1, 4, 500, first);
        assertAccepted(store, WORLD.sign(second));

        registration.close();
        registration.close();
        assertAccepted(store, WORLD.forward(1, 6, 1_000, second));

        assertThat(seen).containsExactly(2L, 4L);
    }

    @Test
    void a_listener_or_follower_that_fails_stops_nobody() {
        RouteStore store = openTrusting();
        List<Long> seen = new ArrayList<>();
        store.onRoute(route -> {
            throw new IllegalStateException("broken");
        });
        store.onRoute(route -> seen.add(route.seq()));
        store.follow(document -> {
            throw new IllegalStateException("broken");
        });

        assertAccepted(store, WORLD.sign(first));

        assertThat(seen).containsExactly(2L);
    }

    @Test
    void a_damaged_state_is_set_aside_and_reported_and_a_bundle_starts_anew() throws IOException {
        RouteStore store = openTrusting();
        assertAccepted(store, WORLD.sign(first));
        store.close();
        byte[] content = Files.readAllBytes(stateFile());
        content[content.length / 2] ^= 1;
        Files.write(stateFile(), content);

        RouteStore again = open();

        assertThat(again.active()).isNull();
        assertThat(again.problems()).anyMatch(problem -> problem.contains("route.state.damaged-1"));
        assertThat(stateFile().resolveSibling("route.state.damaged-1")).hasBinaryContent(content);
        take(again, Documents.bundle(List.of(WORLD.trustDocument(), WORLD.ledgerDocument(), WORLD.sign(first))));
        assertThat(again.active()).isEqualTo(first);
        again.close();
        assertThat(open().problems()).isEmpty();
    }

    @Test
    void no_damage_of_the_state_file_goes_unnoticed() throws IOException {
        RouteStore store = openTrusting();
        assertAccepted(store, WORLD.sign(first));
        store.close();
        byte[] content = Files.readAllBytes(stateFile());
        for (int i = 0; i < content.length; i += 7) {
            byte[] damaged = content.clone();
            damaged[i] ^= (byte) (1 << (i % 8));
            Files.write(stateFile(), damaged);
            assertThatThrownBy(() -> RouteStore.peek(temp.resolve("routes"))).isInstanceOf(KvException.class);
        }
        for (int length : new int[] {0, 1, 8, 9, 40, 41, content.length - 33, content.length - 1}) {
            Files.write(stateFile(), Arrays.copyOf(content, length));
            assertThatThrownBy(() -> RouteStore.peek(temp.resolve("routes"))).isInstanceOf(KvException.class);
        }
        Files.write(stateFile(), content);
        assertThat(RouteStore.peek(temp.resolve("routes")).active()).isNotNull();
    }

    @Test
    void a_folder_of_another_environment_is_refused() {
        openTrusting().close();

        assertThatThrownBy(() -> RouteStore.open(temp.resolve("routes"), STAGING.service(), options()))
                .isInstanceOfSatisfying(
                        KvException.class,
                        e -> assertThat(requireNonNull(e.denial()).reason())
                                .isEqualTo(DenialReason.ENVIRONMENT_MISMATCH));
        open(); // and its lock was released
    }

    @Test
    void one_process_has_the_folder_at_a_time_and_others_may_look() {
        RouteStore store = openTrusting();
        assertAccepted(store, WORLD.sign(first));

        assertThatThrownBy(() -> RouteStore.open(temp.resolve("routes"), null, options()))
                .isInstanceOfSatisfying(
                        KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE));
        assertThat(requireNonNull(RouteStore.peek(temp.resolve("routes")).active())
                        .route())
                .isEqualTo(first);
        assertThat(RouteStore.peek(temp.resolve("nowhere")).trust()).isNull();
    }

    @Test
    void nobody_but_the_owner_can_read_any_of_it() throws IOException {
        assertAccepted(openTrusting(), WORLD.sign(first));

        try (Stream<Path> walk = Files.walk(temp.resolve("routes"))) {
            for (Path path : walk.toList()) {
                assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
                        .as("%s", path)
                        .isEqualTo(Files.isDirectory(path) ? "rwx------" : "rw-------");
            }
        }
    }

    @Test
    void a_closed_store_takes_nothing_and_may_be_closed_again() {
        RouteStore store = openTrusting();
        store.close();
        store.close();

        assertThatThrownBy(() -> store.offer(WORLD.sign(first), "test")).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> store.pull("test", "")).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void signatures_are_verified_for_documents_and_for_nothing_else() {
        RouteStore store = openTrusting();
        // The trust has three, the ledger one.
        assertThat(store.signatureVerifications()).isEqualTo(4);
        assertAccepted(store, WORLD.sign(first));
        assertThat(store.signatureVerifications())
                .as("the route and its way back")
                .isEqualTo(6);

        byte[] same = WORLD.sign(first);
        for (int i = 0; i < 1_000; i++) {
            store.active();
            store.parachute();
            store.status();
            store.documents();
            store.problems();
            store.offer(same, "test");
        }

        assertThat(store.signatureVerifications()).isEqualTo(6);
    }

    @Test
    void what_is_rejected_is_a_problem_for_ten_minutes() {
        RouteStore store = openTrusting();
        assertRejected(store, World.staging().sign(STAGING.following(1, 2, 100)), RejectReason.FOREIGN_SERVICE);

        clock.pass(Duration.ofMinutes(9));
        assertThat(store.problems()).hasSize(1);
        clock.pass(Duration.ofMinutes(1));
        assertThat(store.problems()).isEmpty();
        assertThat(store.rejections()).containsEntry("foreign_service", 1L);
    }

    @Test
    void a_flood_of_bad_documents_does_not_fill_the_audit_log() {
        RouteStore store = openTrusting();
        long before = AuditLog.verify(store.auditFile()).records();
        for (int i = 0; i < 1_000; i++) {
            store.offer(new byte[] {1, 2, 3}, "somebody");
        }
        long during = AuditLog.verify(store.auditFile()).records();
        assertThat(during - before).isEqualTo(60);

        clock.pass(Duration.ofMinutes(1));
        store.offer(new byte[] {1, 2, 3}, "somebody");

        assertThat(AuditLog.verify(store.auditFile()).records()).isEqualTo(during + 1);
        assertThat(lastLine(store.auditFile())).contains("\"suppressed\":940").contains("malformed");
        assertThat(store.rejections()).containsEntry("malformed", 1_001L);
    }

    private static String lastLine(Path file) {
        try {
            List<String> lines = Files.readAllLines(file);
            return lines.get(lines.size() - 1);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void the_audit_log_tells_what_happened_and_verifies() throws IOException {
        RouteStore store = openTrusting();
        assertAccepted(store, WORLD.sign(first));
        assertRejected(store, WORLD.forward(1, 0, 500), RejectReason.NOT_NEWER);
        store.pull("5 refusals", "env_mismatch x5");
        store.close();

        List<String> lines = Files.readAllLines(store.auditFile());
        assertThat(lines).hasSize(6);
        assertThat(lines.get(0)).contains("\"event\":\"opened\"");
        assertThat(lines.get(1)).contains("\"event\":\"trust_accepted\"");
        assertThat(lines.get(2)).contains("\"event\":\"ledger_accepted\"");
        assertThat(lines.get(3))
                .contains("\"event\":\"route_accepted\"")
                .contains(Documents.hash(first))
                .contains(WORLD.routeKey().keyId())
                .contains("\"from\":\"test\"");
        assertThat(lines.get(4)).contains("\"event\":\"document_rejected\"").contains("not_newer");
        assertThat(lines.get(5))
                .contains("\"event\":\"route_pulled\"")
                .contains("env_mismatch x5")
                .contains("\"before\":\"" + Documents.hash(first));
        assertThat(AuditLog.verify(store.auditFile()).intact()).isTrue();
    }
}
