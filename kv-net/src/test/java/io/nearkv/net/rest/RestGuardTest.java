package io.nearkv.net.rest;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.AccountId;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.identity.Environment;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.identity.Permission;
import io.nearkv.core.identity.Permissions;
import io.nearkv.core.identity.TokenRequest;
import io.nearkv.net.server.GatedStore;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Test;

/** Both guards stand before every endpoint: is this request's token good for it, and may this node serve at all. */
class RestGuardTest extends WithRest {
    private static final Duration HOUR = Duration.ofHours(1);

    private record Call(String method, String path, String body) {}

    /** Every endpoint of a namespace of an account, by name. */
    private static Map<String, Call> endpoints(String account, String namespace) {
        String all = "/client/v4/accounts/" + account + "/storage/kv/namespaces";
        String ns = all + "/" + namespace;
        Map<String, Call> calls = new LinkedHashMap<>();
        calls.put("namespaces", new Call("GET", all, ""));
        calls.put("create", new Call("POST", all, "{\"title\":\"t\"}"));
        calls.put("verify of the account", new Call("GET", "/client/v4/accounts/" + account + "/tokens/verify", ""));
        calls.put("namespace", new Call("GET", ns, ""));
        calls.put("get", new Call("GET", ns + "/values/k", ""));
        calls.put("head", new Call("HEAD", ns + "/values/k", ""));
        calls.put("part", new Call("GET", ns + "/values/big", ""));
        calls.put("metadata", new Call("GET", ns + "/metadata/k", ""));
        calls.put("list", new Call("GET", ns + "/keys", ""));
        calls.put("bulk get", new Call("POST", ns + "/bulk/get", "{\"keys\":[\"k\"]}"));
        calls.put("put", new Call("PUT", ns + "/values/k", "v"));
        calls.put("delete", new Call("DELETE", ns + "/values/k", ""));
        calls.put("bulk put", new Call("PUT", ns + "/bulk", "[{\"key\":\"k\",\"value\":\"v\"}]"));
        calls.put("bulk delete", new Call("POST", ns + "/bulk/delete", "[\"k\"]"));
        calls.put("old bulk delete", new Call("DELETE", ns + "/bulk", "[\"k\"]"));
        calls.put("rename", new Call("PUT", ns, "{\"title\":\"t2\"}"));
        calls.put("watch", new Call("GET", ns + "/watch", ""));
        calls.put("delete namespace", new Call("DELETE", ns, ""));
        return calls;
    }

    private Map<String, Call> endpoints() {
        return endpoints(rig().account.toString(), rig().namespace.toString());
    }

    private Map<String, Call> everything() {
        Map<String, Call> calls = endpoints();
        for (String path : List.of("/user", "/user/tokens/verify", "/accounts", "/memberships")) {
            calls.put(path, new Call("GET", "/client/v4" + path, ""));
        }
        return calls;
    }

    private Answer send(HttpSocket socket, Call call, String authorization) throws IOException {
        socket.send(request(call.method, call.path, HttpSocket.latin1(call.body), authorization));
        return socket.read(call.method);
    }

    /** Sends a request of every endpoint and expects this 401 each time, without a look at the store. */
    private void expectEverythingDenied(HttpSocket socket, String authorization, String reason) throws IOException {
        int calls = rig().store.calls.get() + rig().store.directReads.get();
        for (Map.Entry<String, Call> each : everything().entrySet()) {
            Answer answer = send(socket, each.getValue(), authorization);
            assertThat(answer.status()).as(each.getKey()).isEqualTo(401);
            assertThat(answer.header("www-authenticate")).as(each.getKey()).isEqualTo("Bearer");
            if (!each.getValue().method.equals("HEAD")) {
                assertThat(answer.code()).as(each.getKey()).isIn(10000, 1000);
                assertThat(answer.reason()).as(each.getKey()).isEqualTo(reason);
                assertThat(answer.json()
                                .path("messages")
                                .path(0)
                                .path("expected_environment")
                                .asString())
                        .as(each.getKey())
                        .isEqualTo("production");
            }
        }
        assertThat(rig().store.calls.get() + rig().store.directReads.get()).isEqualTo(calls);
    }

    private static String bearer(String token) {
        return "Authorization: Bearer " + token;
    }

    /** Reads a key, so that everything that could be remembered is. */
    private HttpSocket connectAndRead(String token) throws IOException {
        store("k", "v");
        store("big", 300_000);
        HttpSocket socket = rig().connect();
        for (String key : List.of("k", "big")) {
            socket.send(request("GET", value(key), bearer(token)));
            assertThat(socket.read().status()).isEqualTo(200);
        }
        return socket;
    }

    @Test
    void a_token_that_expires_is_401_from_then_on_also_for_a_key_that_was_read_before() throws IOException {
        start();
        String token = rig().token(rig().account, Permissions.administrator(), Duration.ofMinutes(1));
        try (HttpSocket socket = connectAndRead(token)) {
            rig().clock.advance(Duration.ofMinutes(1));
            expectEverythingDenied(socket, bearer(token), "token_expired");
        }
    }

    @Test
    void a_token_that_is_revoked_is_401_from_then_on_also_on_an_open_connection() throws IOException {
        start();
        String token = rig().token();
        try (HttpSocket socket = connectAndRead(token);
                HttpSocket other = rig().connect()) {
            rig().revoke(token);
            expectEverythingDenied(socket, bearer(token), "token_revoked");
            other.send(request("GET", value("k"), bearer(token)));
            assertThat(other.read().reason()).isEqualTo("token_revoked");
        }
    }

    @Test
    void a_node_whose_build_loses_its_permission_answers_401_to_everything() throws IOException {
        start();
        rig().identity.installBuildToken("build-1", Duration.ofMinutes(1));
        rig().authority.reload();
        String token = rig().token();
        try (HttpSocket socket = connectAndRead(token)) {
            rig().clock.advance(Duration.ofMinutes(1));
            expectEverythingDenied(socket, bearer(token), "build_not_authorized");
            assertThat(send(socket, new Call("GET", value("k"), ""), bearer("x"))
                            .reason())
                    .isEqualTo("build_not_authorized");
            rig().identity.installBuildToken("build-1", HOUR);
            rig().authority.reload();
            assertThat(send(socket, new Call("GET", value("k"), ""), bearer(token))
                            .text())
                    .isEqualTo("v");
        }
    }

    @Test
    void no_token_a_made_up_one_and_one_of_another_environment_are_401_with_the_reason() throws IOException {
        use(setup().limits(limits -> limits.maxFailedHellosPerMinute(1000)).start());
        IdentityDirectory staging = IdentityDirectory.initialize(
                folder.resolve("staging"), new Environment("staging"), rig().account, "build-1", rig().clock);
        String foreign = staging.issueToken(new TokenRequest("s", rig().account, Permissions.administrator(), HOUR));
        String good = rig().token();
        char last = good.charAt(good.length() - 10);
        String altered =
                good.substring(0, good.length() - 10) + (last == 'A' ? 'B' : 'A') + good.substring(good.length() - 9);
        try (HttpSocket socket = connectAndRead(good)) {
            for (String bad : List.of(
                    "X-No-Authorization: x",
                    "Authorization: ",
                    bearer("garbage"),
                    bearer(altered),
                    "Authorization: Basic " + good,
                    "X-No-Authorization: x\r\nX-Auth-Key: x\r\nX-Auth-Email: a@b.c")) {
                expectEverythingDenied(socket, bad, "token_unknown");
            }
            expectEverythingDenied(socket, bearer(foreign), "environment_mismatch");
            Answer named = send(socket, new Call("GET", value("k"), ""), bearer(foreign));
            assertThat(named.json().path("messages").path(0).toString())
                    .isEqualTo("{\"code\":1002,\"message\":\"environment_mismatch\",\"expected_environment\":"
                            + "\"production\",\"presented_environment\":\"staging\",\"build\":\"build-1\"}");
            // The token of each request counts, not that of the one before.
            assertThat(send(socket, new Call("GET", value("k"), ""), bearer(good))
                            .text())
                    .isEqualTo("v");
            for (String legacy : List.of("X-Auth-Key: ", "X-Auth-User-Service-Key: ", "Authorization: bearer ")) {
                assertThat(send(socket, new Call("GET", value("k"), ""), legacy + good + "\r\nX-No-Authorization: x")
                                .text())
                        .isEqualTo("v");
            }
        }
    }

    @Test
    void who_guesses_tokens_is_sent_away_for_a_while_and_who_has_one_is_not() throws IOException {
        use(setup().limits(limits -> limits.maxFailedHellosPerMinute(3)).start());
        String good = rig().token();
        try (HttpSocket socket = connectAndRead(good)) {
            for (int i = 0; i < 3; i++) {
                assertThat(send(socket, new Call("GET", value("k"), ""), bearer("x"))
                                .status())
                        .isEqualTo(401);
            }
            Answer limited = send(socket, new Call("GET", value("k"), ""), bearer("x"));
            assertThat(limited.refusal()).isEqualTo("429 10429");
            assertThat(Integer.parseInt(String.valueOf(limited.header("retry-after"))))
                    .isBetween(1, 60);
            assertThat(send(socket, new Call("GET", value("k"), ""), bearer(good))
                            .status())
                    .isEqualTo(200);
        }
        try (HttpSocket other = rig().connect()) {
            assertThat(send(other, new Call("GET", value("k"), ""), bearer(good))
                            .status())
                    .isEqualTo(200);
        }
    }

    @Test
    void a_token_does_what_it_may_and_no_more() throws IOException {
        start();
        store("k", "v");
        store("big", 300_000);
        String admin = rig().token();
        String reader = rig().token(Permissions.none().with(rig().namespace, Permission.READ));
        String writer = rig().token(Permissions.none().with(rig().namespace, Permission.WRITE));
        List<String> reads = List.of("get", "head", "part", "metadata", "list", "bulk get");
        List<String> writes = List.of("put", "delete", "bulk put", "bulk delete", "old bulk delete");
        List<String> anyone = List.of("namespaces", "namespace", "verify of the account");
        try (HttpSocket socket = rig().connect()) {
            for (Map.Entry<String, Call> each : endpoints().entrySet()) {
                String name = each.getKey();
                for (String token : List.of(reader, writer)) {
                    boolean may = anyone.contains(name) || (token.equals(reader) ? reads : writes).contains(name);
                    if (name.equals("watch") && token.equals(reader)) {
                        continue; // see the test of watches
                    }
                    // As an administrator first, on the same connection: what is remembered of one is not the other's.
                    assertThat(send(socket, new Call("GET", value("big"), ""), bearer(admin))
                                    .status())
                            .isEqualTo(200);
                    Answer answer = send(socket, each.getValue(), bearer(token));
                    assertThat(answer.status()).as(name).isEqualTo(may ? answer.status() : 403);
                    assertThat(answer.status()).as(name).isIn(200, 403, 404).isNotEqualTo(may ? 403 : 200);
                    if (!may && !name.equals("head")) {
                        assertThat(answer.code()).as(name).isEqualTo(10000);
                        assertThat(answer.reason()).as(name).isEqualTo("scope");
                    }
                }
            }
        }
    }

    @Test
    void another_accounts_namespace_is_404_as_one_that_never_was() throws IOException {
        for (GatedStore.Mode mode : List.of(GatedStore.Mode.AT_ONCE, GatedStore.Mode.LATER)) {
            start().store.mode(mode);
            AccountId other = rig().below.admin().createAccount("other").join().id();
            String foreign = rig().below
                    .admin()
                    .createNamespace(other, "theirs")
                    .join()
                    .id()
                    .toString();
            String never = new NamespaceId(1, 2).toString();
            String own = rig().account.toString();
            try (HttpSocket socket = rig().connect()) {
                Map<String, Call> first = endpoints(own, foreign);
                Map<String, Call> second = endpoints(own, never);
                for (String name : first.keySet()) {
                    if (List.of("namespaces", "create", "verify of the account").contains(name)) {
                        continue;
                    }
                    expectAlike(socket, name, "404 10013", first, foreign, second, never);
                }
                first = endpoints(other.toString(), foreign);
                second = endpoints(new AccountId(3, 4).toString(), foreign);
                for (String name : first.keySet()) {
                    expectAlike(
                            socket, name, "404 7003", first, other.toString(), second, new AccountId(3, 4).toString());
                }
            }
            end();
            folder = folder.resolve("again");
        }
    }

    private void expectAlike(
            HttpSocket socket,
            String name,
            String refusal,
            Map<String, Call> first,
            String firstId,
            Map<String, Call> second,
            String secondId)
            throws IOException {
        Call one = java.util.Objects.requireNonNull(first.get(name));
        Call two = java.util.Objects.requireNonNull(second.get(name));
        Answer a = send(socket, one, bearer(token()));
        Answer b = send(socket, two, bearer(token()));
        assertThat(a.status()).as(name).isEqualTo(404).isEqualTo(b.status());
        if (!name.equals("head")) {
            assertThat(a.refusal()).as(name).isEqualTo(refusal);
            assertThat(a.text().replace(firstId, "ID"))
                    .as(name)
                    .isEqualTo(b.text().replace(secondId, "ID"));
        }
    }

    @Test
    void the_account_may_be_in_upper_case_and_a_malformed_one_is_400() throws IOException {
        start();
        store("k", "v");
        String upper = value("k")
                .replace(rig().account.toString(), rig().account.toString().toUpperCase(java.util.Locale.ROOT));
        assertThat(call("GET", upper).text()).isEqualTo("v");
        assertThat(call("GET", "/client/v4/accounts/xyz/storage/kv/namespaces").refusal())
                .isEqualTo("400 7003");
        assertThat(call("GET", "/client/v4/accounts//storage/kv/namespaces").refusal())
                .isEqualTo("404 7003");
    }

    @Test
    void streams_under_way_end_when_their_token_is_revoked() throws IOException {
        use(setup().overEngine().start());
        store("big", 20 * MIB);
        String token = rig().token();
        try (HttpSocket download = rig().connect();
                HttpSocket upload = rig().connect()) {
            download.send(request("GET", value("big"), bearer(token)));
            upload.send(request("PUT", value("new"), bearer(token), "Content-Length: 1000000"), new byte[200_000]);
            eventually().until(() -> rig().stats().streams() == 2);
            rig().revoke(token);
            Answer refused = upload.read();
            assertThat(refused.refusal()).isEqualTo("401 10000");
            assertThat(refused.reason()).isEqualTo("token_revoked");
            Assertions.assertThatThrownBy(download::read).isInstanceOfAny(EOFException.class, SocketException.class);
        }
        assertThat(call("GET", value("new"), bearer(rig().token())).status()).isEqualTo(404);
    }

    @Test
    void two_tokens_that_take_turns_on_slow_lookups_are_both_served() throws IOException {
        start().store.mode(GatedStore.Mode.LATER);
        store("k", "v");
        try (HttpSocket socket = rig().connect()) {
            for (int i = 0; i < 20; i++) {
                socket.send(
                        request("GET", value("k"), bearer(rig().token())),
                        request("GET", value("k"), bearer(rig().token())));
                assertThat(socket.read().text()).isEqualTo("v");
                assertThat(socket.read().text()).isEqualTo("v");
            }
        }
    }
}
