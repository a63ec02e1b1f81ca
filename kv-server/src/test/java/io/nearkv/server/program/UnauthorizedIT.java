package io.nearkv.server.program;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.AccountId;
import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.NamespaceId;
import io.nearkv.net.client.KvClient;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every kind of mismatch times every operation, over the wire, against real servers. */
class UnauthorizedIT {
    private static final String KEY = "read-before";

    @TempDir
    private Path folder;

    private Program program;
    private @Nullable RunningServer server;

    UnauthorizedIT() {
        program = new Program(Path.of("."));
    }

    @BeforeEach
    void start() {
        program = new Program(folder);
        server = program.serve("--environment", "production");
        assertThat(program.call("put", "default", KEY, "secret").exitCode()).isZero();
    }

    @AfterEach
    void stop() {
        if (server != null) {
            server.close();
        }
    }

    private RunningServer server() {
        if (server == null) {
            throw new IllegalStateException("not started");
        }
        return server;
    }

    private String adminToken() throws IOException {
        return Files.readString(folder.resolve("data/admin.token")).strip();
    }

    private String create(String... options) {
        String[] args =
                Stream.concat(Stream.of("token", "create"), Stream.of(options)).toArray(String[]::new);
        Program.Result result = program.call(args);
        assertThat(result.exitCode()).as("%s", result).isZero();
        return result.out().strip();
    }

    /** Makes a client that believes the server to be of whatever environment the token says, so that the server alone decides. */
    private static KvClient client(String address, String token, String environment) {
        return KvClient.builder()
                .server(address)
                .token(token)
                .environment(environment)
                .timeout(Duration.ofSeconds(20))
                .build();
    }

    private Map<String, Function<KvStore, CompletableFuture<?>>> operations() throws IOException {
        try (Kv kv = KvClient.connect(server().address(), adminToken())) {
            NamespaceId id = kv.namespace("default").info().id();
            return Operations.on(AccountId.parse(server().account()), id, KEY);
        }
    }

    private static void everyOperationIsRefused(
            KvStore store, Map<String, Function<KvStore, CompletableFuture<?>>> operations, DenialReason reason) {
        Map<String, String> wrong = new TreeMap<>();
        operations.forEach((name, operation) -> {
            try {
                Object answer = operation.apply(store).get(30, TimeUnit.SECONDS);
                wrong.put(name, "answered " + answer);
            } catch (Exception e) {
                KvException failure = KvException.from(e);
                KvException.Denial denial = failure.denial();
                if (failure.code() != ErrorCode.UNAUTHORIZED || denial == null || denial.reason() != reason) {
                    wrong.put(name, failure.code() + " " + denial + " " + failure.getMessage());
                }
            }
        });
        assertThat(wrong).isEmpty();
    }

    private void nothingHasChanged() {
        assertThat(program.call("get", "default", KEY).out()).isEqualTo("secret");
        assertThat(program.call("list", "default").out()).isEqualTo(KEY + "\n");
        assertThat(program.call("namespace", "list").out().lines()).hasSize(1);
    }

    @Test
    void a_token_of_another_environment_opens_nothing() throws IOException {
        var operations = operations();
        try (RunningServer staging = program.serve("--environment", "staging", "--data", "staging")) {
            assertThat(staging.environment()).isEqualTo("staging");
            String foreign =
                    Files.readString(folder.resolve("staging/admin.token")).strip();
            try (KvClient client = client(server().address(), foreign, "production")) {
                everyOperationIsRefused(client.store(), operations, DenialReason.ENVIRONMENT_MISMATCH);
            }
            // And on the command line, which does not pretend: the client finds out by itself.
            Program.Result result = program.call("get", "default", KEY, "--token", foreign);
            assertThat(result.exitCode()).isEqualTo(4);
            assertThat(result.err()).startsWith("nearkv: unauthorized: environment_mismatch: ");
            assertThat(result.err()).contains("production").contains("staging");
        }
        nothingHasChanged();
    }

    @Test
    void a_server_of_another_build_answers_nothing_also_not_what_was_read_before() throws IOException {
        var operations = operations();
        String address = server().address();
        try (RunningServer staging = program.serve("--environment", "staging", "--data", "staging")) {
            assertThat(staging.build()).isNotEmpty();
        }
        assertThat(server().stop()).isZero();
        for (String file : new String[] {"staging/identity/build.token", "no-such-file", "data/admin.token"}) {
            try (RunningServer foreign = program.serve("--build-token", file)) {
                try (KvClient client = client(foreign.address(), adminToken(), "production")) {
                    everyOperationIsRefused(client.store(), operations, DenialReason.BUILD_NOT_AUTHORIZED);
                }
                assertThat(foreign.environment()).isEqualTo("production");
                Program.Result result = program.call("get", "default", KEY);
                assertThat(result.exitCode()).as("%s", result).isEqualTo(4);
                assertThat(result.err()).startsWith("nearkv: unauthorized: build_not_authorized: ");
                assertThat(foreign.stop()).isZero();
            }
        }
        server = program.serve();
        assertThat(address).isNotEmpty();
        nothingHasChanged();
    }

    @Test
    void an_expired_build_token_ends_a_running_server_and_a_new_one_revives_it() throws IOException {
        var operations = operations();
        assertThat(server().stop()).isZero();
        Files.writeString(folder.resolve("build.token"), create("--for-build", "b7", "--ttl", "6") + "\n");
        try (RunningServer serving = program.serve("--build-token", "build.token");
                KvClient client = client(serving.address(), adminToken(), "production")) {
            assertThat(serving.build()).isEqualTo("b7");
            await().atMost(Duration.ofSeconds(20))
                    .untilAsserted(() -> everyOperationIsRefused(
                            client.store(),
                            Map.of("get", requireOperation(operations, "get of a key that was read before")),
                            DenialReason.BUILD_NOT_AUTHORIZED));
            everyOperationIsRefused(client.store(), operations, DenialReason.BUILD_NOT_AUTHORIZED);

            Files.writeString(folder.resolve("build.token"), create("--for-build", "b8", "--ttl", "1h") + "\n");

            await().atMost(Duration.ofSeconds(20)).untilAsserted(this::nothingHasChanged);
        }
        server = program.serve();
        nothingHasChanged();
    }

    private static Function<KvStore, CompletableFuture<?>> requireOperation(
            Map<String, Function<KvStore, CompletableFuture<?>>> operations, String name) {
        Function<KvStore, CompletableFuture<?>> operation = operations.get(name);
        return operation == null ? store -> fail("no operation " + name) : operation;
    }

    @Test
    void data_of_another_environment_is_not_answered_and_not_changed() throws IOException {
        var operations = operations();
        assertThat(server().stop()).isZero();
        Map<String, String> before = contents(folder.resolve("data"));

        try (RunningServer foreign = program.serve("--environment", "staging")) {
            assertThat(foreign.environment()).isEqualTo("staging");
            for (String token : new String[] {adminToken()}) {
                try (KvClient client = client(foreign.address(), token, "staging")) {
                    everyOperationIsRefused(client.store(), operations, DenialReason.ENVIRONMENT_MISMATCH);
                }
            }
            assertThat(foreign.err()).anyMatch(line -> line.contains("ERROR") && line.contains("another environment"));
            assertThat(contents(folder.resolve("data"))).isEqualTo(before);
            assertThat(foreign.stop()).isZero();
        }

        assertThat(contents(folder.resolve("data"))).isEqualTo(before);
        // The same where the keys are missing, so that there is nothing to verify a token with.
        Path stripped = folder.resolve("stripped");
        copy(folder.resolve("data"), stripped);
        deleteRecursively(stripped.resolve("identity"));
        before = contents(stripped);
        try (RunningServer foreign = program.serve("--environment", "staging", "--data", "stripped");
                KvClient client = client(foreign.address(), adminToken(), "staging")) {
            everyOperationIsRefused(client.store(), operations, DenialReason.ENVIRONMENT_MISMATCH);
            assertThat(contents(stripped)).isEqualTo(before);
        }
        server = program.serve();
        nothingHasChanged();
    }

    @Test
    void an_expired_token_opens_nothing_also_on_a_connection_that_it_has_opened() throws IOException {
        var operations = operations();
        String shortLived = create("--allow", "admin", "--ttl", "5");
        try (KvClient client = client(server().address(), shortLived, "production")) {
            var get = requireOperation(operations, "get of a key that was read before");
            assertThat(get.apply(client.store()).join()).isInstanceOf(GetResult.Found.class);

            await().atMost(Duration.ofSeconds(20))
                    .untilAsserted(() ->
                            everyOperationIsRefused(client.store(), Map.of("get", get), DenialReason.TOKEN_EXPIRED));
            everyOperationIsRefused(client.store(), operations, DenialReason.TOKEN_EXPIRED);
        }
        try (KvClient client = client(server().address(), shortLived, "production")) {
            everyOperationIsRefused(client.store(), operations, DenialReason.TOKEN_EXPIRED);
        }
        nothingHasChanged();
    }

    @Test
    void a_revoked_token_opens_nothing_within_seconds() throws IOException {
        var operations = operations();
        String token = create("--allow", "admin");
        try (KvClient client = client(server().address(), token, "production")) {
            var get = requireOperation(operations, "get of a key that was read before");
            assertThat(get.apply(client.store()).join()).isInstanceOf(GetResult.Found.class);

            assertThat(program.runReading(token.getBytes(StandardCharsets.UTF_8), "token", "revoke", "-")
                            .exitCode())
                    .isZero();

            await().atMost(Duration.ofSeconds(10))
                    .untilAsserted(() ->
                            everyOperationIsRefused(client.store(), Map.of("get", get), DenialReason.TOKEN_REVOKED));
            everyOperationIsRefused(client.store(), operations, DenialReason.TOKEN_REVOKED);
        }
        nothingHasChanged();
    }

    @Test
    void a_token_altered_by_one_bit_opens_nothing() throws IOException {
        var operations = operations();
        String token = adminToken();
        // The signature's last byte but one, and one in the middle of it: all of their bits count.
        byte[] signature = Base64.getUrlDecoder().decode(token.substring(token.lastIndexOf('.') + 1));
        for (int at : new int[] {signature.length - 2, signature.length / 2}) {
            byte[] altered = signature.clone();
            altered[at] ^= 4;
            String forged = token.substring(0, token.lastIndexOf('.') + 1)
                    + Base64.getUrlEncoder().withoutPadding().encodeToString(altered);
            try (KvClient client = client(server().address(), forged, "production")) {
                everyOperationIsRefused(client.store(), operations, DenialReason.TOKEN_UNKNOWN);
            }
            Program.Result result = program.call("get", "default", KEY, "--token", forged);
            assertThat(result.exitCode()).isEqualTo(4);
            assertThat(result.err()).startsWith("nearkv: unauthorized: token_unknown: ");
        }
        Program.Result garbage = program.call("get", "default", KEY, "--token", "garbage");
        assertThat(garbage.exitCode()).isEqualTo(4);
        assertThat(garbage.err()).startsWith("nearkv: unauthorized: token_unknown: ");
        nothingHasChanged();
    }

    @Test
    void a_token_for_one_namespace_is_forbidden_elsewhere() {
        assertThat(program.call("namespace", "create", "other").exitCode()).isZero();
        String reader = create("--allow", "read", "--namespace", "default");

        assertThat(program.call("get", "default", KEY, "--token", reader).out()).isEqualTo("secret");
        for (String[] command : new String[][] {
            {"put", "default", "a", "b"},
            {"delete", "default", KEY},
            {"get", "other", KEY},
            {"list", "other"},
            {"namespace", "create", "third"},
            {"namespace", "delete", "default"},
            {"backup", "--server", server().address()}
        }) {
            String[] args = Stream.concat(Stream.of(command), Stream.of("--token", reader))
                    .toArray(String[]::new);
            Program.Result result = program.call(args);
            assertThat(result.exitCode())
                    .as("%s: %s", String.join(" ", command), result)
                    .isEqualTo(4);
            assertThat(result.err()).startsWith("nearkv: forbidden: scope: ");
        }
    }

    @Test
    void no_secret_is_in_any_line_that_the_server_writes() throws IOException {
        String token = adminToken();
        String signature = token.substring(token.lastIndexOf('.') + 1);
        assertThat(server().stop()).isZero();
        try (RunningServer verbose = program.serve("--log-level", "trace")) {
            assertThat(program.call("put", "default", "k", "a-secret-value").exitCode())
                    .isZero();
            assertThat(program.call("get", "default", "k", "-v").out()).isEqualTo("a-secret-value");
            assertThat(program.call("get", "default", "k", "--token", token + "x")
                            .exitCode())
                    .isEqualTo(4);
            assertThat(program.call("key", "rotate").exitCode()).isZero();
            assertThat(verbose.stop()).isZero();

            assertThat(String.join("\n", verbose.err()))
                    .isNotEmpty()
                    .doesNotContain(token)
                    .doesNotContain(signature)
                    .doesNotContain("a-secret-value")
                    .doesNotContain("PRIVATE KEY");
        }
    }

    /** Returns every file with its content and when it was last changed. */
    private static Map<String, String> contents(Path folder) throws IOException {
        Map<String, String> contents = new TreeMap<>();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.toList()) {
                contents.put(
                        folder.relativize(file).toString(),
                        Files.getLastModifiedTime(file) + " "
                                + (Files.isRegularFile(file)
                                        ? java.util.Arrays.hashCode(Files.readAllBytes(file))
                                        : "folder"));
            }
        }
        return contents;
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(from.relativize(file).toString()));
            }
        }
    }

    private static void deleteRecursively(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
