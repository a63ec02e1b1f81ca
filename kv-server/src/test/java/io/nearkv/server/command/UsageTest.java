package io.nearkv.server.command;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class UsageTest {
    private final CapturedConsole console = new CapturedConsole();

    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "frobnicate",
                "get",
                "get default",
                "get default a b",
                "get default a --frobnicate",
                "get default a --json --output x",
                "put default a",
                "put default a b --file c",
                "put default a b --ttl soon",
                "put default a b --ttl 0",
                "put default a b --ttl -5",
                "put default a b --ttl 99999999999999999999",
                "put default a b --ttl 60 --expires-at 2030-01-01T00:00:00Z",
                "put default a b --expires-at tomorrow",
                "put default a b --metadata {",
                "put default a b --metadata not-json",
                "put default a b --if-absent --if-version 1",
                "put default a b --if-version 0",
                "put default a b --if-version x",
                "put default .. b",
                "delete default",
                "delete default a --if-version 0",
                "list",
                "list default --limit 0",
                "list default --limit 1001",
                "list default --limit many",
                "list default --cursor made-up",
                "list default --all --cursor AQ",
                "watch",
                "watch default --from yesterday",
                "namespace",
                "namespace frobnicate",
                "namespace create",
                "namespace rename a",
                "token",
                "token inspect",
                "key",
                "check",
                "get default a --server kv://127.0.0.1:1 --token x --timeout 0",
                "get default a --server kv://127.0.0.1:1 --token x --token-file y",
                "get default a --server kv://127.0.0.1:1 --token x --tls-ca y",
                "env",
                "env create",
                "env create Production --operator alice,bob",
                "env create production --operator alice",
                "env create production --operator alice,bob --class important",
                "build",
                "build list",
                "build publish --environment production",
                "build publish --environment production --build-version 1 --endpoint kv://a:1 --token x --control http://127.0.0.1:1",
                "build promote --environment production --endpoint kv://a:1",
                "build retire --environment production",
                "build retire ../x --environment production --token x --control http://127.0.0.1:1",
                "route",
                "route set x --environment production",
                "route set x --weight 101% --environment production",
                "route set x --weight 0.001% --environment production",
                "route set x --weight many --environment production",
                "route show --environment production --node kv://a:1 --bundle b",
                "route bundle --environment production",
                "ledger",
                "ledger add --environment production",
                "ledger show --environment production --folder a --bundle b",
                "rollback",
                "rollback --environment production --folder a --bundle b",
                "breakglass",
                "breakglass route --environment production --reason x --key a",
                "breakglass route --environment production --to 40 --reason x --key a",
                "breakglass route --environment production --to ledger:x --reason x --key a",
                "reconcile",
                "drill",
                "drill breakglass --environment production",
                "audit",
                "audit verify",
                "control",
                "control serve --listen 7410x",
                "control serve --lease soon",
                "control serve --log-format xml",
                "serve --listen 7400x",
                "serve --ops 8788x",
                "serve --ops on",
                "serve --http 8787x",
                "serve --environment Not_A_Name",
                "serve --config /nowhere/at/all --frobnicate",
            })
    void a_command_line_that_cannot_be_understood_is_told_in_one_line(String line) {
        int exitCode = console.run(line.isEmpty() ? new String[0] : line.split(" "));

        assertThat(exitCode).as(console.err()).isIn(1, 2);
        assertThat(console.out()).isEmpty();
        assertThat(console.err()).startsWith("nearkv: ").endsWith("\n");
        assertThat(console.err().lines()).hasSize(1);
    }

    @Test
    void every_command_explains_itself() {
        for (List<String> command : commands(CommandRunner.whole(console.console()))) {
            String[] args = new String[command.size() + 1];
            command.toArray(args);
            args[command.size()] = "--help";

            assertThat(console.run(args)).as("%s", command).isZero();
            assertThat(console.out()).startsWith("Usage: nearkv " + String.join(" ", command));
            assertThat(console.err()).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"--version", "-V"})
    void the_program_tells_its_version_its_build_and_its_java(String option) {
        assertThat(console.run(option)).isZero();

        assertThat(console.out().lines())
                .containsExactly(
                        Version.program(),
                        "build " + Version.build(),
                        "java " + Runtime.version() + " (" + System.getProperty("java.vendor") + ")");
        assertThat(console.err()).isEmpty();
    }

    @Test
    void every_option_and_parameter_has_a_description() {
        CommandLine whole = CommandRunner.whole(console.console());
        for (List<String> command : commands(whole)) {
            CommandLine line = whole;
            for (String name : command) {
                line = requireNonNull(line.getSubcommands().get(name));
            }
            line.getCommandSpec()
                    .args()
                    .forEach(arg -> assertThat(arg.description())
                            .as("%s %s", command, arg)
                            .isNotEmpty());
        }
    }

    @Test
    void a_missing_server_is_unavailable() {
        assertThat(console.run("get", "default", "a", "--data", folder.toString()))
                .isEqualTo(6);
        assertThat(console.err())
                .startsWith("nearkv: unavailable: no server is running on the data folder")
                .contains("nearkv serve");
    }

    @Test
    void a_missing_token_is_unauthorized() {
        console.with("NEARKV_SERVER", "kv://127.0.0.1:1");

        assertThat(console.run("get", "default", "a", "--data", folder.toString()))
                .isEqualTo(4);
        assertThat(console.err()).startsWith("nearkv: unauthorized: no token");
    }

    @Test
    void verbose_adds_the_causes() {
        assertThat(console.run("get", "default", "a", "-v", "--data", folder.toString()))
                .isEqualTo(6);
        assertThat(console.err().lines().count()).isGreaterThan(3);
    }

    private static List<List<String>> commands(CommandLine line) {
        List<List<String>> found = new java.util.ArrayList<>();
        line.getSubcommands().forEach((name, below) -> {
            found.add(List.of(name));
            below.getSubcommands().keySet().forEach(inner -> found.add(List.of(name, inner)));
        });
        return found;
    }
}
