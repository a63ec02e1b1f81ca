package io.nearkv.server.program;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Every command against one server; each test in a namespace of its own. */
@TestInstance(Lifecycle.PER_CLASS)
class CommandsIT {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private Path folder = Path.of(".");
    private Program program = new Program(folder);
    private @Nullable RunningServer server;
    private String namespace = "";

    @BeforeAll
    void start(@TempDir Path temporary) {
        folder = temporary;
        program = new Program(folder);
        server = program.serve();
    }

    @AfterAll
    void stop() {
        if (server != null) {
            server.close();
        }
    }

    @BeforeEach
    void createNamespace(TestInfo test) {
        namespace = test.getTestMethod().orElseThrow().getName();
        assertThat(program.call("namespace", "create", namespace).exitCode()).isZero();
    }

    private String file(String name) {
        return folder.resolve(name).toString();
    }

    private Program.Result done(String... args) {
        Program.Result result = program.call(args);
        assertThat(result.exitCode()).as("%s: %s", Arrays.asList(args), result).isZero();
        return result;
    }

    private void fails(int exitCode, String message, String... args) {
        Program.Result result = program.call(args);
        assertThat(result.exitCode()).as("%s: %s", Arrays.asList(args), result).isEqualTo(exitCode);
        assertThat(result.out()).isEmpty();
        assertThat(result.err()).startsWith("nearkv: " + message);
        assertThat(result.err().lines()).hasSize(1);
    }

    @Test
    void a_value_comes_back_byte_for_byte() throws IOException {
        byte[] bytes = new byte[300_000];
        new Random(7).nextBytes(bytes);
        Files.write(folder.resolve("in.bin"), bytes);

        done("put", namespace, "from-file", "--file", file("in.bin"));
        done("get", namespace, "from-file", "--output", file("out.bin"));
        assertThat(folder.resolve("out.bin")).hasBinaryContent(bytes);
        assertThat(done("get", namespace, "from-file").outBytes()).isEqualTo(bytes);

        assertThat(program.runReading(bytes, "put", namespace, "from-stdin", "-")
                        .exitCode())
                .isZero();
        assertThat(done("get", namespace, "from-stdin").outBytes()).isEqualTo(bytes);

        done("put", namespace, "empty", "");
        assertThat(done("get", namespace, "empty").outBytes()).isEmpty();
        done("put", namespace, "negative", "--", "-5");
        assertThat(done("get", namespace, "negative").out()).isEqualTo("-5");
    }

    @Test
    void the_largest_value_travels_through_little_heap() throws IOException, InterruptedException {
        byte[] bytes = new byte[25 * 1024 * 1024];
        new Random(8).nextBytes(bytes);
        Files.write(folder.resolve("large.bin"), bytes);
        List<String> small = List.of("-Xmx24m", "-XX:MaxDirectMemorySize=16m");

        Process put = program.start(small, "put", namespace, "large", "--file", "large.bin");
        assertThat(put.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(put.exitValue()).isZero();
        Process get = program.start(small, "get", namespace, "large", "--output", "large.out");
        assertThat(get.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(get.exitValue()).isZero();

        assertThat(Files.mismatch(folder.resolve("large.bin"), folder.resolve("large.out")))
                .isEqualTo(-1);
        Files.write(folder.resolve("too-large.bin"), new byte[bytes.length + 1]);
        fails(1, "too_large: ", "put", namespace, "k", "--file", file("too-large.bin"));
        Program.Result piped = program.runReading(new byte[bytes.length + 1], "put", namespace, "k", "-");
        assertThat(piped.exitCode()).isEqualTo(1);
        assertThat(piped.err()).startsWith("nearkv: too_large: ");
        fails(3, "absent: ", "get", namespace, "k");
    }

    @Test
    void what_is_in_the_way_of_a_file_is_named() {
        done("put", namespace, "k", "v");
        String nowhere = file("no-such-folder");
        fails(1, "io: " + nowhere + ": no such file or folder", "get", namespace, "k", "--output", nowhere + "/out");
        fails(1, "io: " + nowhere + ": no such file or folder", "export", namespace, nowhere + "/out");
        fails(1, "io: " + nowhere + ": no such file or folder", "put", namespace, "k", "--file", nowhere);
        fails(1, "io: " + folder + ": is a folder", "put", namespace, "k", "--file", folder.toString());
        fails(1, "io: " + folder + ": ", "get", namespace, "k", "--output", folder.toString());
    }

    @Test
    void an_absent_key_is_exit_code_3() {
        fails(3, "absent: ", "get", namespace, "nothing");
        fails(3, "absent: ", "get", namespace, "nothing", "--json");
        fails(3, "not_found: ", "get", "no-such-namespace", "nothing");
        fails(3, "not_found: ", "put", "no-such-namespace", "a", "b");
        fails(3, "not_found: ", "delete", "no-such-namespace", "a");
        fails(3, "not_found: ", "list", "no-such-namespace");
        fails(3, "not_found: ", "watch", "no-such-namespace");
        fails(3, "not_found: namespace 'no-such-namespace' does not exist", "namespace", "delete", "no-such-namespace");
        fails(3, "not_found: ", "namespace", "show", "no-such-namespace");
        fails(3, "not_found: ", "namespace", "rename", "no-such-namespace", "x");
        fails(3, "not_found: ", "namespace", "delete", "no-such-namespace");
    }

    @Test
    void conditions_hold_or_are_exit_code_5() {
        String version = done("put", namespace, "k", "1", "--if-absent").out().strip();
        assertThat(version).matches("version \\d+");
        fails(5, "precondition_failed: ", "put", namespace, "k", "2", "--if-absent");

        String number = version.substring("version ".length());
        String next = done("put", namespace, "k", "2", "--if-version", number)
                .out()
                .strip()
                .substring("version ".length());
        fails(5, "precondition_failed: ", "put", namespace, "k", "3", "--if-version", number);
        fails(5, "precondition_failed: ", "delete", namespace, "k", "--if-version", number);
        assertThat(done("get", namespace, "k").out()).isEqualTo("2");
        done("delete", namespace, "k", "--if-version", next);
        fails(3, "absent: ", "get", namespace, "k");
        done("delete", namespace, "k");
    }

    @Test
    void metadata_and_expiration_come_back() {
        done("put", namespace, "k", "v", "--metadata", "{\"a\": [1, 2]}", "--expires-at", "2100-01-01T00:00:00Z");

        JsonNode entry = JSON.readTree(done("get", namespace, "k", "--json").out());
        assertThat(entry.get("value").stringValue()).isEqualTo("v");
        assertThat(entry.get("metadata").get("a").get(1).intValue()).isEqualTo(2);
        assertThat(entry.get("expiration").longValue()).isEqualTo(4_102_444_800L);
        assertThat(entry.get("version").longValue()).isPositive();
        JsonNode listed = JSON.readTree(done("list", namespace, "--json").out());
        assertThat(listed.get("key").stringValue()).isEqualTo("k");
        assertThat(listed.get("bytes").intValue()).isEqualTo(1);
        assertThat(listed.get("metadata")).isEqualTo(entry.get("metadata"));

        fails(2, "invalid_request: ", "put", namespace, "k", "v", "--expires-at", "2001-01-01T00:00:00Z");
        fails(1, "too_large: ", "put", namespace, "k", "v", "--metadata", "\"" + "x".repeat(1023) + "\"");
        fails(1, "too_large: ", "put", namespace, "k".repeat(513), "v");
    }

    @Test
    void an_entry_is_gone_when_its_time_is_over() {
        done("put", namespace, "short", "v", "--ttl", "1");

        await().atMost(Duration.ofSeconds(20))
                .until(() -> program.call("get", namespace, "short").exitCode() == 3);
        assertThat(done("list", namespace).out()).isEmpty();
    }

    @Test
    void binary_values_are_base64_in_json() throws IOException {
        Files.write(folder.resolve("binary"), new byte[] {(byte) 0xFF, 0, 1});
        done("put", namespace, "binary", "--file", file("binary"));

        JsonNode entry =
                JSON.readTree(done("get", namespace, "binary", "--json").out());

        assertThat(entry.has("value")).isFalse();
        assertThat(entry.get("base64").stringValue()).isEqualTo("/wAB");
    }

    @Test
    void keys_are_listed_in_order_by_prefix_and_page() {
        for (String key : List.of("b/2", "b/1", "a", "b/3", "c")) {
            done("put", namespace, key, "v");
        }

        assertThat(done("list", namespace).out()).isEqualTo("a\nb/1\nb/2\nb/3\nc\n");
        assertThat(done("list", namespace, "--prefix", "b/").out()).isEqualTo("b/1\nb/2\nb/3\n");
        Program.Result page = done("list", namespace, "--prefix", "b/", "--limit", "2");
        assertThat(page.out()).isEqualTo("b/1\nb/2\n");
        assertThat(page.err()).startsWith("nearkv: there are more keys: --cursor ");
        String cursor = page.err().strip().substring(page.err().lastIndexOf(' ') + 1);
        Program.Result last = done("list", namespace, "--prefix", "b/", "--limit", "2", "--cursor", cursor);
        assertThat(last.out()).isEqualTo("b/3\n");
        assertThat(last.err()).isEmpty();
        assertThat(done("list", namespace, "--limit", "2", "--all").out().lines())
                .hasSize(5);
        List<String> json =
                done("list", namespace, "--limit", "2", "--json").out().lines().toList();
        assertThat(JSON.readTree(json.get(2)).has("cursor")).isTrue();
    }

    @Test
    void a_key_cannot_steer_the_terminal() {
        done("put", namespace, "a\nb\u001b[2J", "v");

        assertThat(done("list", namespace).out()).isEqualTo("a\\u000ab\\u001b[2J\n");
        assertThat(JSON.readTree(done("list", namespace, "--json").out())
                        .get("key")
                        .stringValue())
                .isEqualTo("a\nb\u001b[2J");
    }

    @Test
    void a_watch_brings_every_change_in_order_and_goes_on_where_it_was() throws IOException, InterruptedException {
        Process watch = program.start("watch", namespace, "--prefix", "k", "--from", "oldest");
        var lines = new java.util.concurrent.CopyOnWriteArrayList<String>();
        Thread reader = new Thread(() -> watch.inputReader().lines().forEach(lines::add));
        reader.start();
        for (int i = 0; i < 3; i++) {
            done("put", namespace, "k" + i, "v");
            done("put", namespace, "other" + i, "v");
        }
        done("delete", namespace, "k1");

        await().atMost(Duration.ofSeconds(20)).until(() -> lines.size() == 4);
        watch.destroy();
        watch.waitFor();
        reader.join();
        assertThat(lines.stream().map(line -> field(line, 0) + " " + field(line, 3)))
                .containsExactly("put k0", "put k1", "put k2", "delete k1");

        String position = field(lines.get(1), 2);
        Process resumed = program.start("watch", namespace, "--prefix", "k", "--from", position, "--json");
        try (var out = resumed.inputReader()) {
            JsonNode change = JSON.readTree(out.readLine());
            assertThat(change.get("key").stringValue()).isEqualTo("k2");
            assertThat(change.get("kind").stringValue()).isEqualTo("put");
        }
        resumed.destroy();
        resumed.waitFor();
    }

    private static String field(String line, int index) {
        return line.split("\t", 4)[index];
    }

    @Test
    void a_position_of_another_history_is_too_old() {
        fails(1, "too_old: ", "watch", namespace, "--from", "00c0ffee00c0ffee-1");
    }

    @Test
    void namespaces_are_made_shown_renamed_and_deleted() {
        String id = done("namespace", "create", "first title").out().strip();
        assertThat(id).matches("[0-9a-f]{32}");
        done("put", id, "k", "v");
        assertThat(done("get", "first title", "k").out()).isEqualTo("v");
        fails(5, "precondition_failed: ", "namespace", "create", "first title");

        done("namespace", "rename", "first title", "second title");

        assertThat(done("get", "second title", "k").out()).isEqualTo("v");
        fails(3, "not_found: ", "get", "first title", "k");
        assertThat(done("namespace", "show", id).out()).contains("title    second title");
        assertThat(done("namespace", "list").out())
                .contains(id + " second title\n")
                .contains(" default\n");
        done("namespace", "delete", "second title");
        fails(3, "not_found: ", "get", id, "k");
    }

    @Test
    void a_reader_that_goes_away_ends_the_command_quietly() throws IOException, InterruptedException {
        IntStream.range(0, 50).forEach(i -> done("put", namespace, "key-" + i, "v"));
        Process list = program.start("list", namespace, "--limit", "1", "--all", "--json");
        list.getInputStream().close();

        assertThat(list.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(new String(list.getErrorStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8))
                .isEmpty();
        assertThat(list.exitValue()).isZero();
    }

    @Test
    void a_server_that_is_gone_is_unavailable() throws IOException {
        Path stale = Files.createDirectories(folder.resolve("stale"));
        Files.writeString(stale.resolve("server.address"), "kv://127.0.0.1:1\n");
        Files.writeString(stale.resolve("admin.token"), Files.readString(folder.resolve("data/admin.token")));

        Program.Result result = program.call("get", namespace, "k", "--data", file("stale"), "--timeout", "2s");

        assertThat(result.exitCode()).as("%s", result).isEqualTo(6);
        assertThat(result.err()).startsWith("nearkv: unavailable: ").contains("server.address");
        assertThat(result.err().lines()).hasSize(1);
    }

    @Test
    void a_server_is_found_by_flag_and_by_variable() throws IOException {
        String token = Files.readString(folder.resolve("data/admin.token")).strip();
        String address = Files.readString(folder.resolve("data/server.address")).strip();
        done("put", namespace, "k", "v");
        Path elsewhere = Files.createDirectories(folder.resolve("elsewhere"));

        Program.Result byVariable = new Program(elsewhere, Map.of("NEARKV_SERVER", address, "NEARKV_TOKEN", token))
                .run("get", namespace, "k");
        assertThat(byVariable.out()).as("%s", byVariable).isEqualTo("v");
        Program.Result byFlag = new Program(elsewhere, Map.of("NEARKV_SERVER", "kv://127.0.0.1:1", "NEARKV_TOKEN", "x"))
                .run("get", namespace, "k", "--server", address, "--token-file", "../data/admin.token");
        assertThat(byFlag.out()).as("%s", byFlag).isEqualTo("v");
        Program.Result byFolder = new Program(elsewhere, Map.of("NEARKV_DATA", "../data")).run("get", namespace, "k");
        assertThat(byFolder.out()).as("%s", byFolder).isEqualTo("v");
    }
}
