package io.nearkv.net.server;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.AccountId;
import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.Value;
import io.nearkv.core.identity.Environment;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.identity.Permission;
import io.nearkv.core.identity.Permissions;
import io.nearkv.core.identity.TokenRequest;
import io.nearkv.net.protocol.BodyWriter;
import io.nearkv.net.protocol.CatalogueCodec;
import io.nearkv.net.protocol.EntryCodec;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.Protocol;
import io.nearkv.net.server.RawConnection.Answer;
import io.nearkv.net.wire.Wire;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Both guards stand before every operation: is this caller's token good for it, and may this node serve at all. */
class ServerGuardTest extends WithServer {
    private static final Duration HOUR = Duration.ofHours(1);

    /** Every operation that there is, by name, with id 5. */
    private Map<String, Consumer<ByteBuf>> operations(NamespaceId ns) {
        Map<String, Consumer<ByteBuf>> all = new LinkedHashMap<>();
        all.put("get", Requests.get(5, ns, "k"));
        all.put("put", Requests.put(5, ns, "k", "v"));
        all.put("delete", Requests.delete(5, ns, "k"));
        all.put("upload", Requests.putStream(5, ns, "k", Protocol.UNKNOWN_LENGTH));
        all.put("get_all", call(Requests.getAll(ns), List.of(Key.of("k"))));
        all.put("list", Requests.call(5, Requests.list(ns, "")));
        all.put("write_all", mutations(Requests.writeAll(ns)));
        all.put("batch", mutations(Requests.batch(ns)));
        all.put(
                "watch",
                Requests.watch(
                        5,
                        Wire.WatchRequest.newBuilder()
                                .setNamespace(EntryCodec.toWire(ns))
                                .setCredits(5)
                                .build()));
        all.put(
                "watch of the account",
                Requests.watch(5, Wire.WatchRequest.newBuilder().setCredits(5).build()));
        all.put(
                "rename",
                header(Wire.CallHeader.newBuilder()
                        .setRenameNamespace(Wire.RenameNamespace.newBuilder()
                                .setId(EntryCodec.toWire(ns))
                                .setTitle("t"))));
        all.put(
                "delete namespace",
                header(Wire.CallHeader.newBuilder()
                        .setDeleteNamespace(Wire.DeleteNamespace.newBuilder().setId(EntryCodec.toWire(ns)))));
        all.put(
                "find by id",
                header(Wire.CallHeader.newBuilder()
                        .setNamespace(Wire.FindNamespace.newBuilder().setId(EntryCodec.toWire(ns)))));
        all.put("create namespace", header(createNamespace("t")));
        all.put("namespaces", header(Wire.CallHeader.newBuilder().setNamespaces(Wire.Namespaces.newBuilder())));
        all.put("accounts", header(Wire.CallHeader.newBuilder().setAccounts(Wire.Accounts.newBuilder())));
        all.put(
                "create account",
                header(Wire.CallHeader.newBuilder()
                        .setCreateAccount(Wire.CreateAccount.newBuilder().setName("n"))));
        all.put("backup", header(Wire.CallHeader.newBuilder().setBackup(Wire.Backup.newBuilder())));
        all.put("ask", header(Wire.CallHeader.newBuilder().setAsk(Wire.Ask.newBuilder())));
        return all;
    }

    private static Wire.CallHeader.Builder createNamespace(String title) {
        return Wire.CallHeader.newBuilder()
                .setCreateNamespace(Wire.CreateNamespace.newBuilder().setTitle(title));
    }

    private static Consumer<ByteBuf> header(Wire.CallHeader.Builder header) {
        return Requests.call(5, header.build());
    }

    private static Consumer<ByteBuf> call(Wire.CallHeader header, List<Key> keys) {
        return out -> BodyWriter.of(header, keys, EntryCodec::toWire).writeFirst(out, FrameType.CALL, 5);
    }

    private static Consumer<ByteBuf> mutations(Wire.CallHeader header) {
        return out -> BodyWriter.of(header, List.of(Mutation.put(Key.of("k"), Value.of("v"))), EntryCodec::toWire)
                .writeFirst(out, FrameType.CALL, 5);
    }

    /** Sends every operation and expects this 401 each time, without a look at the store. */
    private void expectEveryOperationDenied(RawConnection connection, DenialReason reason) throws IOException {
        int calls = test().store.calls.get() + test().store.directReads.get();
        for (Map.Entry<String, Consumer<ByteBuf>> operation : operations(ns()).entrySet()) {
            KvException error = connection.send(operation.getValue()).read().error();
            assertThat(error.code()).as(operation.getKey()).isEqualTo(ErrorCode.UNAUTHORIZED);
            KvException.Denial denial = error.denial();
            assertThat(denial).as(operation.getKey()).isNotNull();
            if (denial != null) {
                assertThat(denial.reason()).as(operation.getKey()).isEqualTo(reason);
                assertThat(denial.expectedEnvironment()).isEqualTo("production");
            }
        }
        assertThat(test().store.calls.get() + test().store.directReads.get()).isEqualTo(calls);
    }

    /** Logs in and reads a key, so that everything that could be cached is. */
    private RawConnection loginAndRead(String token) throws IOException {
        store("k", 10);
        RawConnection connection = test().connect();
        connection.hello(token);
        connection.send(Requests.get(1, ns(), "k")).read(FrameType.FOUND);
        return connection;
    }

    @Test
    void a_token_that_expires_is_401_from_then_on_also_for_a_key_that_was_read_before() throws IOException {
        start();
        try (RawConnection connection =
                loginAndRead(test().token(test().account, Permissions.administrator(), Duration.ofMinutes(1)))) {
            test().clock.advance(Duration.ofMinutes(1));

            expectEveryOperationDenied(connection, DenialReason.TOKEN_EXPIRED);
        }
        assertThat(test().server.stats().count("get", "unauthorized")).isEqualTo(1);
    }

    @Test
    void a_token_that_is_revoked_is_401_from_then_on() throws IOException {
        start();
        String token = test().token();
        String tokenId = test().authority.authenticate(token).tokenId();
        try (RawConnection connection = loginAndRead(token)) {
            test().identity.revoke(tokenId, test().clock.epochSecond() + 3600);
            test().authority.reload();

            expectEveryOperationDenied(connection, DenialReason.TOKEN_REVOKED);
        }
        try (RawConnection again = test().connect()) {
            assertThat(again.sendHello(token).readLastWords().code()).isEqualTo(ErrorCode.UNAUTHORIZED);
        }
    }

    @Test
    void a_node_whose_build_loses_its_permission_answers_401_to_everything() throws IOException {
        start();
        test().identity.installBuildToken("build-1", Duration.ofMinutes(1));
        test().authority.reload();
        try (RawConnection connection = loginAndRead(test().token())) {
            test().clock.advance(Duration.ofMinutes(1));

            expectEveryOperationDenied(connection, DenialReason.BUILD_NOT_AUTHORIZED);

            try (RawConnection other = test().connect()) {
                KvException.Denial denial = requireNonNull(
                        other.sendHello(test().token()).readLastWords().denial());
                assertThat(denial.reason()).isEqualTo(DenialReason.BUILD_NOT_AUTHORIZED);
                assertThat(denial.build()).isEqualTo("build-1");
            }
            test().identity.installBuildToken("build-1", HOUR);
            test().authority.reload();
            connection.send(Requests.get(1, ns(), "k")).read(FrameType.FOUND);
        }
    }

    @Test
    void a_hello_with_a_bad_token_is_401_with_the_reason_and_the_end() throws IOException {
        start();
        IdentityDirectory staging = IdentityDirectory.initialize(
                folder.resolve("staging"), new Environment("staging"), test().account, "build-1", test().clock);
        Map<String, DenialReason> bad = Map.of(
                "",
                DenialReason.TOKEN_UNKNOWN,
                "garbage",
                DenialReason.TOKEN_UNKNOWN,
                staging.issueToken(new TokenRequest("s", test().account, Permissions.administrator(), HOUR)),
                DenialReason.ENVIRONMENT_MISMATCH);
        for (Map.Entry<String, DenialReason> token : bad.entrySet()) {
            try (RawConnection connection = test().connect()) {
                // What follows the HELLO in the same packet must have no effect.
                connection.send(
                        out -> io.nearkv.net.protocol.Frames.writeHello(
                                out, 1, RawConnection.helloOf(token.getKey()).build()),
                        Requests.put(2, ns(), "k", "v"));
                KvException.Denial denial = connection.readLastWords().denial();
                assertThat(denial == null ? null : denial.reason()).isEqualTo(token.getValue());
            }
        }
        assertThat(test().store.calls).hasValue(0);
        assertThat(test().server.stats().count("hello", "unauthorized")).isEqualTo(3);
    }

    @Test
    void a_client_that_expects_another_environment_is_401() throws IOException {
        start();
        try (RawConnection connection = test().connect()) {
            connection.sendHello(RawConnection.helloOf(test().token())
                    .setExpectedEnvironment("staging")
                    .build());
            assertThat(connection.readLastWords().denial())
                    .isEqualTo(new KvException.Denial(
                            DenialReason.ENVIRONMENT_MISMATCH, "production", "staging", "build-1"));
        }
    }

    @Test
    void running_streams_and_watches_end_with_the_token() throws IOException {
        start();
        store("big", 1_000_000);
        String token = test().token();
        String tokenId = test().authority.authenticate(token).tokenId();
        try (RawConnection connection = test().connect()) {
            connection.hello(token);
            connection.send(
                    Requests.get(1, ns(), "big"),
                    Requests.putStream(2, ns(), "up", Protocol.UNKNOWN_LENGTH),
                    Requests.watch(
                            3, Wire.WatchRequest.newBuilder().setCredits(100).build()));
            await().until(() -> test().server.stats().streams() == 2
                    && test().server.stats().watches() == 1);
            test().identity.revoke(tokenId, test().clock.epochSecond() + 3600);
            test().authority.reload();

            Map<Integer, DenialReason> ends = new LinkedHashMap<>();
            while (ends.size() < 3) {
                Answer answer = connection.read();
                if (answer.type() == FrameType.ERROR) {
                    KvException.Denial denial = answer.error().denial();
                    assertThat(denial).isNotNull();
                    if (denial != null) {
                        ends.put(answer.id(), denial.reason());
                    }
                }
            }
            assertThat(ends)
                    .containsOnlyKeys(1, 2, 3)
                    .values()
                    .extracting(DenialReason.class::cast)
                    .containsOnly(DenialReason.TOKEN_REVOKED);
        }
    }

    // ---- permissions

    private ErrorCode code(RawConnection connection, Consumer<ByteBuf> request) throws IOException {
        Answer answer = connection.send(request).read();
        return answer.type() == FrameType.ERROR ? answer.error().code() : ErrorCode.INTERNAL;
    }

    @Test
    void a_token_does_what_it_may_and_no_more() throws IOException {
        start();
        Map<String, Consumer<ByteBuf>> all = operations(ns());
        List<String> reads = List.of("get", "get_all", "list");
        List<String> writes = List.of("put", "delete", "write_all", "batch");
        try (RawConnection reader = test().connect();
                RawConnection writer = test().connect()) {
            reader.hello(test().token(Permissions.none().with(ns(), Permission.READ)));
            writer.hello(test().token(Permissions.none().with(ns(), Permission.WRITE)));
            for (Map.Entry<String, Consumer<ByteBuf>> operation : all.entrySet()) {
                String name = operation.getKey();
                if (!reads.contains(name)
                        && !List.of("watch", "find by id", "namespaces", "accounts")
                                .contains(name)) {
                    KvException error = reader.send(operation.getValue()).read().error();
                    assertThat(error.code()).as(name).isEqualTo(ErrorCode.FORBIDDEN);
                    assertThat(error.denial()).as(name).isNotNull();
                }
                if (!writes.contains(name)
                        && !List.of("upload", "find by id", "namespaces", "accounts")
                                .contains(name)) {
                    assertThat(code(writer, operation.getValue())).as(name).isEqualTo(ErrorCode.FORBIDDEN);
                }
            }
            for (String read : reads) {
                assertThat(reader.send(requireNonNull(all.get(read))).read().type())
                        .as(read)
                        .isNotEqualTo(FrameType.ERROR);
            }
            for (String write : writes) {
                assertThat(writer.send(requireNonNull(all.get(write))).read().type())
                        .as(write)
                        .isNotEqualTo(FrameType.ERROR);
            }
        }
    }

    @Test
    void a_namespace_of_another_account_is_404_as_one_that_never_was() throws IOException {
        start();
        AccountId other = test().map.admin().createAccount("other").join().id();
        NamespaceId foreign =
                test().map.admin().createNamespace(other, "theirs").join().id();
        NamespaceId never = new NamespaceId(1, 2);
        try (RawConnection connection = login()) {
            for (String name : operations(ns()).keySet()) {
                if (List.of(
                                "watch of the account",
                                "create namespace",
                                "namespaces",
                                "accounts",
                                "create account",
                                "backup",
                                "ask")
                        .contains(name)) {
                    continue;
                }
                KvException one = connection
                        .send(requireNonNull(operations(foreign).get(name)))
                        .read()
                        .error();
                KvException two = connection
                        .send(requireNonNull(operations(never).get(name)))
                        .read()
                        .error();
                assertThat(one.code()).as(name).isEqualTo(ErrorCode.NOT_FOUND);
                assertThat(two.code()).as(name).isEqualTo(ErrorCode.NOT_FOUND);
                assertThat(String.valueOf(one.getMessage()).replace(foreign.toString(), "ID"))
                        .as(name)
                        .isEqualTo(String.valueOf(two.getMessage()).replace(never.toString(), "ID"));
            }
            for (Wire.CallHeader.Builder call : List.of(
                    Wire.CallHeader.newBuilder()
                            .setNamespaces(Wire.Namespaces.newBuilder().setAccount(CatalogueCodec.toWire(other))),
                    Wire.CallHeader.newBuilder()
                            .setCreateNamespace(Wire.CreateNamespace.newBuilder()
                                    .setAccount(CatalogueCodec.toWire(other))
                                    .setTitle("t")),
                    Wire.CallHeader.newBuilder()
                            .setNamespace(Wire.FindNamespace.newBuilder()
                                    .setAccount(CatalogueCodec.toWire(other))
                                    .setTitle("theirs")))) {
                assertThat(code(connection, header(call))).isEqualTo(ErrorCode.NOT_FOUND);
            }
            connection.send(header(Wire.CallHeader.newBuilder().setAccounts(Wire.Accounts.newBuilder())));
            assertThat(Requests.items(connection, Wire.AccountItem.parser()))
                    .extracting(Wire.AccountItem::getName)
                    .containsExactly("test");
        }
    }

    @Test
    void a_token_sees_the_namespaces_that_it_names() throws IOException {
        start();
        NamespaceId second = test().map
                .admin()
                .createNamespace(test().account, "second")
                .join()
                .id();
        try (RawConnection connection = test().connect()) {
            connection.hello(test().token(Permissions.none().with(second, Permission.WRITE)));
            connection.send(header(Wire.CallHeader.newBuilder().setNamespaces(Wire.Namespaces.newBuilder())));
            assertThat(Requests.items(connection, Wire.NamespaceItem.parser()))
                    .extracting(Wire.NamespaceItem::getTitle)
                    .containsExactly("second");
        }
    }

    @Test
    void an_operator_reaches_all_accounts() throws IOException {
        use(TestServer.startWithOperator(folder));
        try (RawConnection connection = login()) {
            connection.send(header(Wire.CallHeader.newBuilder()
                    .setCreateAccount(Wire.CreateAccount.newBuilder().setName("new"))));
            Wire.AccountItem created =
                    Requests.items(connection, Wire.AccountItem.parser()).get(0);
            connection.send(header(Wire.CallHeader.newBuilder().setAccounts(Wire.Accounts.newBuilder())));
            assertThat(Requests.items(connection, Wire.AccountItem.parser())).hasSize(2);
            connection.send(header(Wire.CallHeader.newBuilder()
                    .setCreateNamespace(Wire.CreateNamespace.newBuilder()
                            .setAccount(created.getId())
                            .setTitle("theirs"))));
            assertThat(Requests.items(connection, Wire.NamespaceItem.parser())).hasSize(1);
        }
    }
}
