package io.nearkv.server.program;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What somebody gets who imports the BOM and depends on the client and on the near cache, or on the node of a cluster. Maven does not run here: it would need libraries of others that our own build never fetches, and so the
 * network. In its place the poms are walked, ours and those that lie beside the jars. The same project is built by a real Maven, outside of this source tree, by hand:
 * {@code kv-server/src/test/consumer/run}.
 */
class ConsumerIT {
    private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
    private static final Path PROGRAM = Path.of("src", "test", "consumer", "src", "main", "java", "Consumer.java");

    @TempDir
    private Path folder;

    @Test
    void the_bom_pins_every_library_in_the_version_of_the_build() {
        Pom parent = Pom.read(ROOT.resolve("pom.xml"));
        Pom bom = Pom.read(ROOT.resolve("kv-core/bom/pom.xml"));
        // What lies inside another module's folder is no library: the BOM itself, and the program.
        List<String> libraries = parent.modules().stream()
                .filter(module -> !module.contains("/"))
                .toList();

        assertThat(libraries).contains("kv-core", "kv-edge-cache", "kv-net");
        assertThat(bom.version()).isEqualTo(parent.version());
        assertThat(bom.managed().stream().map(Pom.Dependency::artifact)).containsExactlyInAnyOrderElementsOf(libraries);
        assertThat(bom.managed().stream().map(Pom.Dependency::version)).containsOnly("${project.version}");
    }

    @ParameterizedTest
    @ValueSource(strings = {"kv-net", "kv-edge-cache"})
    void neither_the_client_nor_the_near_cache_brings_the_engine_along(String library) {
        assertThat(broughtBy(library))
                .anyMatch(place -> place.startsWith(ROOT.resolve(library)))
                .anyMatch(place -> place.startsWith(ROOT.resolve("kv-core")))
                .anyMatch(place -> place.toString().contains("slf4j-api"))
                .noneMatch(place -> place.toString().contains("rocksdbjni"));
    }

    @Test
    void a_program_with_client_and_near_cache_works_on_what_they_bring_along() throws Exception {
        String classPath = compile(PROGRAM, "kv-net", "kv-edge-cache");

        try (RunningServer server = new Program(folder).serve()) {
            String token = folder.resolve("data").resolve("admin.token").toString();
            assertThat(run(classPath, "Consumer", server.address(), token)).isEqualTo("works\nengine false\n");
        }
    }

    @Test
    void the_cluster_in_a_program_that_the_document_shows_works_on_what_node_and_client_bring_along() throws Exception {
        String document = Files.readString(ROOT.resolve("docs/cluster.md"));
        String program = document.substring(document.indexOf("```java\n") + "```java\n".length());
        Path source = folder.resolve("EmbeddedCluster.java");
        Files.writeString(source, program.substring(0, program.indexOf("```\n")));
        String classPath = compile(source, "kv-cluster", "kv-net", "jjwt-api", "jjwt-impl", "jackson-databind");

        assertThat(run(
                        classPath,
                        "EmbeddedCluster",
                        folder.resolve("cluster").toString(),
                        String.valueOf(ClusterProcesses.ports(9))))
                .isEqualTo("hello\nhello again\n");
    }

    /** Compiles a program with what these libraries bring along; returns the class path on which it runs. */
    private String compile(Path source, String... withLibraries) {
        String libraries = Stream.of(withLibraries)
                .flatMap(library -> broughtBy(library).stream())
                .distinct()
                .map(Path::toString)
                .collect(Collectors.joining(File.pathSeparator));
        String classPath = folder + File.pathSeparator + libraries;
        int compiled = ToolProvider.getSystemJavaCompiler()
                .run(null, null, null, "-cp", classPath, "-d", folder.toString(), source.toString());
        assertThat(compiled).isZero();
        return classPath;
    }

    private static String run(String classPath, String program, String... arguments)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                classPath,
                program));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).start();
        try {
            CompletableFuture<byte[]> out = Program.drain(process.getInputStream());
            CompletableFuture<byte[]> err = Program.drain(process.getErrorStream());
            boolean ended = process.waitFor(60, TimeUnit.SECONDS);
            process.destroyForcibly();
            assertThat(ended && process.exitValue() == 0)
                    .as("%s", new String(err.join(), UTF_8))
                    .isTrue();
            return new String(out.join(), UTF_8);
        } finally {
            process.destroyForcibly();
        }
    }

    /** Returns what a project has on its class path that depends on this library alone: of the class path of this test, what the poms lead to. */
    private static Set<Path> broughtBy(String library) {
        Set<Path> found = new LinkedHashSet<>();
        collect(library, Set.of(), found);
        return found;
    }

    private static void collect(String artifact, Set<String> excluded, Set<Path> found) {
        for (Path place : placesOf(artifact)) {
            if (!found.add(place)) {
                continue; // The first way that leads to it counts, as for Maven.
            }
            for (Pom.Dependency each : pomOf(artifact, place).dependencies()) {
                if (each.travels() && !excluded.contains(each.artifact())) {
                    Set<String> below = new HashSet<>(excluded);
                    below.addAll(each.exclusions());
                    collect(each.artifact(), below, found);
                }
            }
        }
    }

    /** Returns where an artifact is: a jar, one of each classifier, or the classes of a module that has not been packaged; nowhere, if nothing here needs it. */
    private static List<Path> placesOf(String artifact) {
        Pattern jar = Pattern.compile(Pattern.quote(artifact) + "-\\d.*(?<!-tests)\\.jar");
        return Stream.of(Program.classPath().split(File.pathSeparator, -1))
                .map(Path::of)
                .filter(place ->
                        jar.matcher(String.valueOf(place.getFileName())).matches()
                                || place.endsWith(Path.of(artifact, "target", "classes")))
                .toList();
    }

    private static Pom pomOf(String artifact, Path place) {
        Path ours = ROOT.resolve(artifact).resolve("pom.xml");
        if (Files.exists(ours)) {
            return Pom.read(ours);
        }
        // In the local repository: beside the jar, and without its classifier.
        try (Stream<Path> files = Files.list(place.resolveSibling(""))) {
            return Pom.read(files.filter(file -> file.toString().endsWith(".pom"))
                    .findFirst()
                    .orElseThrow());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
