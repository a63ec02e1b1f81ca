package io.nearkv.deploy.store;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.deploy.document.Documents;
import io.nearkv.deploy.model.Route;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A file that is dropped into the folder takes effect as if it had been offered, and shows what became of it. */
class DropInFolderTest extends RouteStoreTestBase {
    private final Route first = WORLD.following(1, 2, 100);

    private Path folder() throws IOException {
        return Files.createDirectories(temp.resolve("routes").resolve("routes.d"));
    }

    private DropInFolder dropIns(RouteStore store) throws IOException {
        return new DropInFolder(
                folder(),
                (content, from) -> store.install(content, from).stream().allMatch(verdict -> verdict.holds()));
    }

    @Test
    void a_bundle_starts_a_new_node_within_a_second_with_nothing_else_alive() throws IOException {
        RouteStore store = open(options().withDropInInterval(Duration.ofMillis(20)));
        byte[] bundle = Documents.bundle(List.of(WORLD.trustDocument(), WORLD.ledgerDocument(), WORLD.sign(first)));

        Files.write(folder().resolve("start.bundle"), bundle);

        await().until(() -> store.active() != null);
        await().until(() -> Files.exists(folder().resolve("start.bundle.taken")));
        assertThat(folder().resolve("start.bundle")).doesNotExist();
    }

    @Test
    void a_bad_file_is_set_aside_with_an_alarm() throws IOException {
        RouteStore store = openTrusting();
        DropInFolder dropIns = dropIns(store);
        Files.write(folder().resolve("staging.route"), STAGING.forward(1, 2, 100));
        Files.write(folder().resolve("notes.txt"), "hello".getBytes(UTF_8));

        dropIns.look();
        assertThat(folder().resolve("staging.route.rejected")).exists();
        assertThat(folder().resolve("notes.txt"))
                .as("perhaps it is still being written")
                .exists();
        assertThat(store.rejections()).containsOnlyKeys("foreign_service");

        dropIns.look();
        assertThat(folder().resolve("notes.txt.rejected")).exists();
        assertThat(store.rejections()).containsOnlyKeys("foreign_service", "malformed");
        dropIns.look();
        assertThat(store.rejections()).containsEntry("malformed", 1L);
    }

    @Test
    void a_file_that_is_still_being_written_is_taken_when_it_is_whole() throws IOException {
        RouteStore store = openTrusting();
        DropInFolder dropIns = dropIns(store);
        byte[] document = WORLD.sign(first);
        Path file = folder().resolve("next.route");
        for (int length : new int[] {0, 10, 100, document.length - 1}) {
            Files.write(file, Arrays.copyOf(document, length));
            dropIns.look();
            assertThat(file).exists();
        }

        Files.write(file, document);
        dropIns.look();

        assertThat(store.active()).isEqualTo(first);
        assertThat(store.rejections()).isEmpty();
        assertThat(folder().resolve("next.route.taken")).exists();
    }

    @Test
    void what_is_hidden_temporary_or_no_file_is_left_alone() throws IOException {
        RouteStore store = openTrusting();
        DropInFolder dropIns = dropIns(store);
        Files.write(folder().resolve(".hidden"), WORLD.sign(first));
        Files.write(folder().resolve("next.tmp"), WORLD.sign(first));
        Files.write(folder().resolve("old.taken"), WORLD.sign(first));
        Files.createDirectories(folder().resolve("folder"));
        Path elsewhere = Files.write(temp.resolve("elsewhere"), WORLD.sign(first));
        Files.createSymbolicLink(folder().resolve("link"), elsewhere);

        dropIns.look();
        dropIns.look();

        assertThat(store.active()).isNull();
    }

    @Test
    void a_file_of_any_size_does_no_harm() throws IOException {
        RouteStore store = openTrusting();
        DropInFolder dropIns = dropIns(store);
        Files.write(folder().resolve("a-huge"), new byte[2 * 1024 * 1024]);
        Files.write(folder().resolve("b-good"), WORLD.sign(first));

        dropIns.look();
        dropIns.look();

        assertThat(store.active()).isEqualTo(first);
        assertThat(folder().resolve("a-huge.rejected")).exists();
        assertThat(store.rejections()).containsEntry("oversized", 1L);
    }

    @Test
    void a_folder_that_is_missing_is_no_trouble() {
        new DropInFolder(temp.resolve("none"), (content, from) -> true).look();
    }
}
