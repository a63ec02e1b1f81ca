package io.nearkv.core.transfer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.FaultyStore;
import io.nearkv.core.GetResult;
import io.nearkv.core.KeyInfo;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.Limits;
import io.nearkv.core.MapStoreFixture;
import io.nearkv.core.Metadata;
import io.nearkv.core.Value;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AssetFolderTest {
    private final MapStoreFixture tier = new MapStoreFixture();
    private final FaultyStore store = new FaultyStore(tier.store());
    private final Kv kv = Kv.over(store, tier.account());
    private final KvNamespace assets = kv.namespace("assets");

    @TempDir
    private Path temporary = Path.of("");

    private Path folder = Path.of("");

    @BeforeEach
    void create() throws IOException {
        kv.namespaces().create("assets");
        folder = Files.createDirectory(temporary.resolve("site"));
    }

    @AfterEach
    void close() {
        kv.close();
    }

    private void file(String path, byte[] content) throws IOException {
        Path file = folder.resolve(path);
        Path parent = file.getParent();
        if (parent != null) {
            Files.createDirectories(parent);
        }
        Files.write(file, content);
    }

    private void file(String path, String content) throws IOException {
        file(path, content.getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }

    private AssetReport run() throws IOException {
        return AssetFolder.importInto(assets, folder, AssetOptions.DEFAULT);
    }

    private GetResult.Found found(String key) {
        GetResult result = assets.get(key);
        assertThat(result).as(key).isInstanceOf(GetResult.Found.class);
        return (GetResult.Found) result;
    }

    private List<String> keys() {
        List<String> keys = new ArrayList<>();
        assets.list().forEach(info -> keys.add(info.name()));
        return keys;
    }

    @Test
    void files_become_entries_with_content_type_and_size() throws IOException {
        file("index.html", "<p>");
        file("css/a b/main.css", "p{}");
        file("é.txt", "");
        file(".hidden", "x");
        AssetReport report = run();
        assertThat(report.counts()).isEqualTo(new TransferCounts(4, 7));
        assertThat(report.complete()).isTrue();
        assertThat(keys()).containsExactlyInAnyOrder("index.html", "css/a b/main.css", "é.txt", ".hidden");
        assertThat(found("css/a b/main.css").value()).isEqualTo(Value.of("p{}"));
        assertThat(found("css/a b/main.css").metadata())
                .isEqualTo(Metadata.ofJson("{\"contentType\":\"text/css\",\"size\":3}"));
        assertThat(found("é.txt").metadata()).isEqualTo(Metadata.ofJson("{\"contentType\":\"text/plain\",\"size\":0}"));
    }

    @ParameterizedTest
    @CsvSource({
        "a.HTML, text/html",
        "a.b.js, text/javascript",
        "a.json, application/json",
        "a.svg, image/svg+xml",
        "a.woff2, font/woff2",
        "a.class, application/java-vm",
        "jni.h, text/x-c",
        "a.c, text/x-c",
        "a.cpp, text/x-c++",
        "A.java, text/x-java-source",
        "a.ts, text/x-typescript",
        "README.md, text/markdown",
        "a.wasm, application/wasm",
        "a.ttf, font/ttf",
        "a.eot, application/vnd.ms-fontobject",
        "a.mjs, text/javascript",
        "a.js.map, application/json",
        "a.py, text/x-python",
        "noextension, application/octet-stream",
        ".css, application/octet-stream",
        "a., application/octet-stream",
        "a.unknown, application/octet-stream"
    })
    void the_content_type_goes_by_the_extension(String name, String contentType) {
        assertThat(ContentTypes.of(name)).isEqualTo(contentType);
    }

    @Test
    void files_of_every_size_are_read_back_byte_for_byte() throws IOException {
        Random random = new Random(1);
        for (int size :
                new int[] {0, 1, 65_535, 65_536, 524_287, 524_288, 524_289, 3_000_000, Limits.MAX_VALUE_BYTES}) {
            byte[] content = new byte[size];
            random.nextBytes(content);
            file("f" + size, content);
        }
        assertThat(run().complete()).isTrue();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                byte[] content = Files.readAllBytes(file);
                GetResult.Found found = found(String.valueOf(file.getFileName()));
                assertThat(found.value().equals(Value.wrap(content))).isTrue();
                assertThat(String.valueOf(found.metadata())).endsWith("\"size\":" + content.length + "}");
            }
        }
    }

    @Test
    void a_file_larger_than_a_value_is_reported_and_the_others_are_imported() throws IOException {
        file("a", "1");
        file("large", new byte[Limits.MAX_VALUE_BYTES + 1]);
        file("z", "1");
        AssetReport report = run();
        assertThat(report.counts().entries()).isEqualTo(2);
        assertThat(report.problems())
                .containsExactly(
                        new AssetReport.Problem("large", "file of 26214401 bytes (expected: at most 26214400)"));
        assertThat(keys()).containsExactly("a", "z");
    }

    @Test
    void a_path_that_is_too_long_for_a_key_is_reported() throws IOException {
        String name = "x".repeat(200);
        file(name + "/" + name + "/" + "y".repeat(110), "fits: 200 + 200 + 110 and two slashes");
        file(name + "/" + name + "/" + "y".repeat(111), "does not");
        AssetReport report = run();
        assertThat(report.counts().entries()).isEqualTo(1);
        assertThat(report.problemCount()).isEqualTo(1);
        assertThat(report.problems().get(0).reason())
                .contains("cannot be a key")
                .contains("512");
        assertThat(report.problems().get(0).path()).hasSize(65);
    }

    @Test
    void a_prefix_comes_before_every_key() throws IOException {
        file("a", "1");
        AssetFolder.importInto(assets, folder, AssetOptions.DEFAULT.withKeyPrefix("v2/"));
        assertThat(keys()).containsExactly("v2/a");
    }

    @Test
    void links_inside_of_the_folder_are_followed() throws IOException {
        file("a/real.txt", "x");
        Files.createSymbolicLink(folder.resolve("link.txt"), folder.resolve("a/real.txt"));
        Files.createSymbolicLink(folder.resolve("b"), Path.of("a"));
        assertThat(run().complete()).isTrue();
        assertThat(keys()).containsExactly("a/real.txt", "b/real.txt", "link.txt");
    }

    @Test
    @Timeout(60)
    void links_that_lead_round_out_or_nowhere_are_reported() throws IOException {
        file("a/file", "x");
        Files.writeString(temporary.resolve("secret"), "s");
        Files.createDirectory(temporary.resolve("outside"));
        Files.writeString(temporary.resolve("outside/secret"), "s");
        Files.createSymbolicLink(folder.resolve("a/loop"), folder);
        Files.createSymbolicLink(folder.resolve("a/self"), Path.of("."));
        Files.createSymbolicLink(folder.resolve("file-out"), temporary.resolve("secret"));
        Files.createSymbolicLink(folder.resolve("folder-out"), temporary.resolve("outside"));
        Files.createSymbolicLink(folder.resolve("up"), temporary);
        Files.createSymbolicLink(folder.resolve("nowhere"), temporary.resolve("gone"));
        Files.createSymbolicLink(folder.resolve("itself"), folder.resolve("itself"));
        AssetReport report = run();
        assertThat(keys()).containsExactly("a/file");
        assertThat(report.problems())
                .extracting(AssetReport.Problem::path)
                .containsExactlyInAnyOrder("a/loop", "a/self", "file-out", "folder-out", "up", "nowhere", "itself");
    }

    @Test
    void a_folder_that_is_itself_a_link_is_imported() throws IOException {
        file("a", "1");
        Path link = Files.createSymbolicLink(temporary.resolve("link"), folder);
        assertThat(AssetFolder.importInto(assets, link, AssetOptions.DEFAULT).complete())
                .isTrue();
        assertThat(keys()).containsExactly("a");
    }

    @Test
    @Timeout(60)
    void a_pipe_is_reported_and_never_opened() throws Exception {
        file("a", "1");
        Process mkfifo;
        try {
            mkfifo = new ProcessBuilder("mkfifo", folder.resolve("pipe").toString()).start();
        } catch (IOException e) {
            assumeTrue(false, "no mkfifo here");
            return;
        }
        assertThat(mkfifo.waitFor(20, TimeUnit.SECONDS)).isTrue();
        AssetReport report = run();
        assertThat(keys()).containsExactly("a");
        assertThat(report.problems()).containsExactly(new AssetReport.Problem("pipe", "not a regular file"));
    }

    @Test
    void a_file_that_may_not_be_read_is_reported() throws IOException {
        file("a", "1");
        file("locked", "1");
        Path locked = folder.resolve("locked");
        Files.setPosixFilePermissions(locked, java.util.Set.of());
        assumeTrue(!Files.isReadable(locked), "this user may read everything");
        AssetReport report = run();
        assertThat(report.problems()).extracting(AssetReport.Problem::path).containsExactly("locked");
    }

    @Test
    void thousands_of_files_are_imported_also_into_a_busy_store() throws IOException {
        for (int i = 0; i < 2500; i++) {
            file("d" + i % 50 + "/f" + i + ".txt", "content " + i);
        }
        assets.put("x", "v");
        assets.delete("x");
        store.busy.set(4);
        List<TransferCounts> progress = new ArrayList<>();
        AssetReport report = AssetFolder.importInto(assets, folder, AssetOptions.DEFAULT.withProgress(progress::add));
        assertThat(report.counts().entries()).isEqualTo(2500);
        assertThat(progress).extracting(TransferCounts::entries).containsExactly(1000L, 2000L, 2500L);
        assertThat(assets.list("d7/")).hasSize(50);
        assertThat(assets.getString("d7/f57.txt")).contains("content 57");
    }

    @Test
    void an_empty_folder_is_imported_and_what_is_no_folder_refused() throws IOException {
        assertThat(run()).isEqualTo(new AssetReport(new TransferCounts(0, 0), 0, List.of()));
        file("a", "1");
        assertThatThrownBy(() -> AssetFolder.importInto(assets, folder.resolve("a"), AssetOptions.DEFAULT))
                .isInstanceOf(NotDirectoryException.class);
        assertThatThrownBy(() -> AssetFolder.importInto(assets, folder.resolve("gone"), AssetOptions.DEFAULT))
                .isInstanceOf(NotDirectoryException.class);
        assertThatExceptionOfType(KvException.class)
                .isThrownBy(() -> AssetFolder.importInto(kv.namespace("nothing"), folder, AssetOptions.DEFAULT))
                .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.NOT_FOUND));
    }

    @Test
    void importing_again_overwrites() throws IOException {
        file("a", "old");
        run();
        file("a", "new");
        run();
        assertThat(assets.getString("a")).contains("new");
        assertThat(assets.list()).extracting(KeyInfo::name).containsExactly("a");
    }
}
