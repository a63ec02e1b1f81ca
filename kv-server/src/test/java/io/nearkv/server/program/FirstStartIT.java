package io.nearkv.server.program;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FirstStartIT {
    @TempDir
    private Path folder;

    @Test
    void the_first_start_makes_everything_and_says_what_to_try_next() throws IOException {
        Program program = new Program(folder);
        try (RunningServer server = program.serve()) {
            assertThat(server.address()).matches("kv://127\\.0\\.0\\.1:[1-9]\\d*");
            assertThat(server.environment()).isEqualTo("development");
            assertThat(server.account()).matches("[0-9a-f]{32}");
            assertThat(server.build()).isNotEmpty();
            // The two lines are true as printed.
            await().until(() -> server.out().size() == 3);
            assertThat(server.out().get(1)).isEqualTo("Try next: ./nearkv put default hello world");
            assertThat(server.out().get(2)).isEqualTo("and then: ./nearkv get default hello");
            assertThat(program.run("put", "default", "hello", "world").exitCode())
                    .isZero();
            assertThat(program.run("get", "default", "hello").out()).isEqualTo("world");

            Path data = folder.resolve("data");
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(data.resolve("admin.token"))))
                    .isEqualTo("rw-------");
            try (Stream<Path> files = Files.walk(data.resolve("identity"))) {
                for (Path file : files.toList()) {
                    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                            .as("%s", file)
                            .endsWith("------");
                }
            }
            assertThat(server.stop()).isZero();
            assertThat(data.resolve("server.address")).doesNotExist();
        }
    }

    @Test
    void a_second_start_finds_what_the_first_left() {
        Program program = new Program(folder);
        String account;
        try (RunningServer server = program.serve("--environment", "staging", "--data", "elsewhere")) {
            account = server.account();
            assertThat(server.environment()).isEqualTo("staging");
            assertThat(program.run("put", "default", "a", "1", "--data", "elsewhere")
                            .exitCode())
                    .isZero();
            assertThat(server.stop()).isZero();
        }
        try (RunningServer server = program.serve("--data", "elsewhere")) {
            assertThat(server.environment()).isEqualTo("staging");
            assertThat(server.account()).isEqualTo(account);
            assertThat(program.run("get", "default", "a", "--data", "elsewhere").out())
                    .isEqualTo("1");
            assertThat(server.out()).hasSize(1);
        }
    }

    @Test
    void a_second_process_is_told_who_holds_the_folder() throws IOException, InterruptedException {
        Program program = new Program(folder);
        try (RunningServer server = program.serve()) {
            Program.Result second = program.run("serve", "--listen", "127.0.0.1:0", "--http", "off", "--ops", "off");

            assertThat(second.exitCode()).as("%s", second).isEqualTo(6);
            assertThat(second.out()).isEmpty();
            assertThat(second.err().lines().filter(line -> line.startsWith("nearkv: ")))
                    .singleElement()
                    .asString()
                    .startsWith("nearkv: unavailable: ")
                    .contains("process " + server.pid());
            // And the first is none the worse for it.
            assertThat(program.run("put", "default", "a", "1").exitCode()).isZero();
        }
    }

    @Test
    void what_the_launcher_has_rehearsed_goes_through() {
        Program.Result rehearsal =
                new Program(folder).run("rehearse", folder.resolve("rehearsal").toString());

        assertThat(rehearsal.exitCode()).as("%s", rehearsal).isZero();
        assertThat(rehearsal.out()).isEqualTo("rehearsed\n");
    }

    @Test
    void a_server_tells_the_version_that_its_jar_has() {
        Program.Result version = new Program(folder).run("--version");

        assertThat(version.exitCode()).as("%s", version).isZero();
        assertThat(version.out()).containsPattern("\\Anearkv \\d+\\.\\d+\\.\\d+\\S*\nbuild \\S+\njava \\d");
        assertThat(version.err()).isEmpty();
    }

    @Test
    void a_port_in_use_is_named() {
        Program program = new Program(folder);
        try (RunningServer server = program.serve()) {
            String port = server.address().substring(server.address().lastIndexOf(':') + 1);

            Program.Result second = program.run(
                    "serve", "--data", "other", "--listen", "127.0.0.1:" + port, "--http", "off", "--ops", "off");

            assertThat(second.exitCode()).as("%s", second).isEqualTo(6);
            assertThat(second.err()).contains("nearkv: unavailable: cannot listen on 127.0.0.1:" + port);
        }
    }

    @Test
    void settings_come_from_flags_then_variables_then_the_file() throws IOException {
        Files.write(
                folder.resolve("nearkv.properties"),
                List.of("data = from-file", "environment = from-file", "log-level = error"));
        Program program = new Program(
                folder, java.util.Map.of("NEARKV_ENVIRONMENT", "from-variable", "NEARKV_CONFIG", "nearkv.properties"));

        try (RunningServer server = program.serve("--data", "from-flag")) {
            assertThat(server.environment()).isEqualTo("from-variable");
            assertThat(folder.resolve("from-flag/admin.token")).exists();
            assertThat(folder.resolve("from-file")).doesNotExist();
            assertThat(server.err()).isEmpty();
        }
    }

    @Test
    void a_name_in_the_file_that_is_no_setting_is_refused() throws IOException {
        Files.writeString(folder.resolve("nearkv.properties"), "listne = 127.0.0.1:1\n");

        Program.Result result = new Program(folder).run("serve", "--config", "nearkv.properties");

        assertThat(result.exitCode()).isEqualTo(2);
        assertThat(result.err()).contains("'listne'");
    }
}
