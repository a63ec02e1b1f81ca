package io.nearkv.server.program;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.KeyInfo;
import io.nearkv.core.Kv;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.ValueInputStream;
import io.nearkv.net.client.KvClient;
import java.io.IOException;
import java.net.URI;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Thousands of real files, which every JDK has: the class files and resources of its own modules. */
class RealFilesIT {
    @TempDir
    private Path folder;

    /** Copies a module out of the JDK's image; returns the relative paths. */
    private List<String> copyModule(String module, Path target) throws IOException {
        Path root = FileSystems.getFileSystem(URI.create("jrt:/")).getPath("modules", module);
        List<String> paths = new ArrayList<>();
        try (Stream<Path> files = Files.walk(root)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                String relative = root.relativize(file).toString();
                Path copy = target.resolve(relative);
                Files.createDirectories(copy.getParent());
                Files.copy(file, copy);
                paths.add(relative);
            }
        }
        return paths;
    }

    @Test
    void a_folder_of_thousands_of_files_comes_back_byte_for_byte_over_the_wire() throws IOException {
        Path files = folder.resolve("files");
        List<String> paths = copyModule("java.base", files);
        assertThat(paths).hasSizeGreaterThan(5000);
        // Empty, large, deep, and with names that are not ASCII: what a class library lacks.
        Files.write(files.resolve("empty.bin"), new byte[0]);
        Files.write(files.resolve("large.bin"), new byte[3_000_000]);
        Files.createDirectories(files.resolve("mit Leerzeichen/日本語"));
        Files.writeString(files.resolve("mit Leerzeichen/日本語/grüße.html"), "<p>hello</p>");
        paths.addAll(List.of("empty.bin", "large.bin", "mit Leerzeichen/日本語/grüße.html"));
        Program program = new Program(folder);
        try (RunningServer server = program.serve()) {
            Program.Result imported = program.run("import", "assets", "files");

            assertThat(imported.exitCode()).as("%s", imported).isZero();
            assertThat(imported.out()).startsWith("imported " + paths.size() + " files, ");
            assertThat(imported.err()).startsWith("nearkv: created namespace 'assets'");
            assertThat(imported.err().lines()).hasSize(1);
            String token = Files.readString(folder.resolve("data/admin.token")).strip();
            try (Kv kv = KvClient.connect(server.address(), token)) {
                KvNamespace assets = kv.namespace("assets");
                Set<String> seen = new HashSet<>();
                for (KeyInfo key : assets.list()) {
                    try (ValueInputStream value = assets.openStream(key.name()).orElseThrow()) {
                        assertThat(value.readAllBytes())
                                .as(key.name())
                                .isEqualTo(Files.readAllBytes(files.resolve(key.name())));
                    }
                    seen.add(key.name());
                }
                assertThat(seen).hasSameElementsAs(paths);
                List<String> below = new ArrayList<>();
                assets.list("java/util/concurrent/").forEach(key -> below.add(key.name()));
                assertThat(below)
                        .isSorted()
                        .hasSameElementsAs(paths.stream()
                                .filter(path -> path.startsWith("java/util/concurrent/"))
                                .toList());
            }
            assertThat(program.call("get", "assets", "mit Leerzeichen/日本語/grüße.html", "--json")
                            .out())
                    .contains("\"contentType\":\"text/html");
            assertThat(program.run("get", "assets", "mit Leerzeichen/日本語/grüße.html")
                            .out())
                    .isEqualTo("<p>hello</p>");

            // Out as one file and in again, into another namespace.
            String export = folder.resolve("assets.jsonl").toString();
            assertThat(program.call("export", "assets", export).out()).startsWith("exported " + paths.size());
            assertThat(program.call("import", "copy", export).out()).startsWith("imported " + paths.size());
            assertThat(program.call("list", "copy", "--all", "--json").out().replaceAll("\"version\":\\d+", ""))
                    .isEqualTo(program.call("list", "assets", "--all", "--json")
                            .out()
                            .replaceAll("\"version\":\\d+", ""));

            Files.writeString(Path.of(export), Files.readString(Path.of(export)).substring(0, 100_000));
            Program.Result cut = program.call("import", "copy", export);
            assertThat(cut.exitCode()).as("%s", cut).isEqualTo(2);
            assertThat(cut.err()).startsWith("nearkv: invalid_request: ");
        }
    }

    @Test
    void what_cannot_be_imported_is_named_and_the_rest_is_imported() throws IOException {
        Path files = Files.createDirectories(folder.resolve("files"));
        Files.writeString(files.resolve("good.txt"), "good");
        Files.createSymbolicLink(files.resolve("outside"), Path.of("/etc/hostname"));
        Program program = new Program(folder);
        try (RunningServer server = program.serve()) {
            Program.Result imported = program.call("import", "default", files.toString());

            assertThat(imported.exitCode()).as("%s", imported).isEqualTo(1);
            assertThat(imported.out()).startsWith("imported 1 files");
            assertThat(imported.err())
                    .contains("nearkv: not imported: outside: ")
                    .contains("nearkv: incomplete: 1 files");
            assertThat(program.call("get", "default", "good.txt").out()).isEqualTo("good");
            assertThat(program.call(
                                    "import",
                                    "default",
                                    folder.resolve("nothing").toString())
                            .exitCode())
                    .isEqualTo(1);
            assertThat(server.stop()).isZero();
        }
    }
}
