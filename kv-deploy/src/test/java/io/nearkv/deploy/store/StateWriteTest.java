package io.nearkv.deploy.store;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.deploy.document.StoredDocuments;
import io.nearkv.deploy.document.StoredDocuments.Version;
import io.nearkv.deploy.model.Route;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Wherever a write ends, the folder has the old document or the new one, never none, and the high-water is that of the document. The process is ended in two ways: by a failure of a
 * step, and by taking a copy of the folder between two steps, which is what a crash of the process leaves behind. (What a power cut leaves behind is the business of the operating
 * system and of the two syncs between; the steps say where they are.)
 */
class StateWriteTest extends RouteStoreTestBase {
    private static final List<String> STEPS = List.of("created", "written", "synced", "renamed", "done");

    private final Route first = WORLD.following(1, 2, 100);
    private final Route second = WORLD.following(1, 4, 500, first);

    @Test
    void the_state_is_synced_before_it_is_renamed_and_the_folder_after() {
        List<String> steps = new ArrayList<>();
        try (RouteStore store = RouteStore.open(temp.resolve("routes"), WORLD.service(), options(), steps::add)) {
            take(store, WORLD.trustDocument());
        }

        assertThat(steps).isEqualTo(STEPS);
    }

    @Test
    void a_copy_of_the_folder_at_any_step_has_the_old_document_or_the_new() {
        List<Path> copies = new ArrayList<>();
        boolean[] copying = {false};
        Path routes = temp.resolve("routes");
        Consumer<String> copy = step -> {
            if (copying[0]) {
                copies.add(copyOf(routes, temp.resolve("copy-" + copies.size() + "-" + step)));
            }
        };
        try (RouteStore store = RouteStore.open(routes, WORLD.service(), options(), copy)) {
            take(store, WORLD.trustDocument());
            take(store, WORLD.ledgerDocument());
            assertAccepted(store, WORLD.sign(first));
            copying[0] = true;
            assertAccepted(store, WORLD.sign(second));
            store.pull("test", "");
        }

        assertThat(copies).hasSize(2 * STEPS.size());
        long before = 0;
        for (Path folder : copies) {
            try (RouteStore store = RouteStore.open(folder, WORLD.service(), options())) {
                long seq = requireNonNull(store.active()).seq();
                assertThat(seq).as("%s", folder).isIn(2L, 4L, 5L).isGreaterThanOrEqualTo(before);
                before = seq;
                assertThat(store.snapshot().highWater())
                        .isEqualTo(Map.of(WORLD.routeKey().keyId(), new Version(1, seq)));
                assertThat(store.problems()).noneMatch(problem -> problem.contains("damaged"));
                // Whatever was left there, the next write succeeds.
                Route third = WORLD.following(1, 6, 1_000, second, first).toBuilder()
                        .resumes(seq == 5)
                        .build();
                assertAccepted(store, WORLD.sign(third));
            }
        }
        assertThat(before).isEqualTo(5);
    }

    @Test
    void a_failure_at_any_step_changes_nothing_in_force_and_the_next_attempt_succeeds() {
        for (String failing : STEPS) {
            String[] fail = {""};
            Path routes = temp.resolve("fails-at-" + failing);
            Consumer<String> afterStep = step -> {
                if (step.equals(fail[0])) {
                    throw new UncheckedIOException(new IOException("at " + step));
                }
            };
            RouteStore store = RouteStore.open(routes, WORLD.service(), options(), afterStep);
            try (store) {
                take(store, WORLD.trustDocument());
                take(store, WORLD.ledgerDocument());
                assertAccepted(store, WORLD.sign(first));
                fail[0] = failing;

                assertThat(store.offer(WORLD.sign(second), "test").reason()).isEqualTo("storage");

                assertThat(store.active()).isEqualTo(first);
                StoredDocuments onDisk = RouteStore.peek(routes);
                boolean renamed = STEPS.indexOf(failing) >= STEPS.indexOf("renamed");
                assertThat(requireNonNull(onDisk.active()).route()).isEqualTo(renamed ? second : first);
                fail[0] = "";
                assertAccepted(store, WORLD.sign(second));
            }
            try (RouteStore again = RouteStore.open(routes, WORLD.service(), options())) {
                assertThat(again.active()).isEqualTo(second);
            }
        }
    }

    private static Path copyOf(Path folder, Path copy) {
        try {
            Files.createDirectories(copy);
            try (Stream<Path> files = Files.list(folder)) {
                for (Path file : files.toList()) {
                    Files.copy(file, copy.resolve(String.valueOf(file.getFileName())));
                }
            }
            return copy;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
