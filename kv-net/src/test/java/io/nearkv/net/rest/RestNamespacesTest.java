package io.nearkv.net.rest;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.AccountId;
import io.nearkv.core.identity.Permission;
import io.nearkv.core.identity.Permissions;
import io.nearkv.net.server.GatedStore;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;

/** Namespaces over HTTP, and what clients ask to learn who they are. */
class RestNamespacesTest extends WithRest {
    private Answer create(String title) throws IOException {
        return callWith("{\"title\":\"" + title + "\"}", "POST", namespaces(), "Content-Type: application/json");
    }

    private List<String> titles(String query) throws IOException {
        List<String> titles = new ArrayList<>();
        call("GET", namespaces() + query)
                .result()
                .forEach(each -> titles.add(each.path("title").asString()));
        return titles;
    }

    @ParameterizedTest
    @EnumSource(names = {"AT_ONCE", "LATER"})
    void a_namespace_is_created_shown_renamed_and_deleted_with_its_keys(GatedStore.Mode mode) throws IOException {
        start().store.mode(mode);
        Answer created = create("config");
        assertThat(created.status()).isEqualTo(200);
        String id = created.result().path("id").asString();
        assertThat(id).matches("[0-9a-f]{32}");
        assertThat(created.result().toString())
                .isEqualTo("{\"id\":\"" + id + "\",\"title\":\"config\",\"supports_url_encoding\":true}");
        String path = namespaces() + "/" + id;
        assertThat(call("GET", path).result()).isEqualTo(created.result());
        assertThat(callWith("v", "PUT", path + "/values/k").status()).isEqualTo(200);

        Answer renamed = callWith("{\"title\":\"settings\"}", "PUT", path);
        assertThat(renamed.result().path("title").asString()).isEqualTo("settings");
        assertThat(call("GET", path + "/values/k").text()).isEqualTo("v");

        Answer deleted = call("DELETE", path, "Content-Type: application/json");
        assertThat(deleted.status()).isEqualTo(200);
        assertThat(deleted.result().isNull()).isTrue();
        for (Answer gone : List.of(
                call("GET", path),
                call("DELETE", path),
                call("GET", path + "/values/k"),
                callWith("v", "PUT", path + "/values/k"),
                call("GET", path + "/keys"),
                callWith("[\"k\"]", "DELETE", path + "/bulk"))) {
            assertThat(gone.refusal()).isEqualTo("404 10013");
            assertThat(gone.text()).contains("namespace not found");
        }
        assertThat(titles("")).containsExactly("default");
    }

    @Test
    void pages_are_honoured_in_each_order_and_one_past_the_end_is_empty() throws IOException {
        start();
        for (String title : List.of("delta", "alpha", "charlie", "bravo")) {
            assertThat(create(title).status()).isEqualTo(200);
        }
        assertThat(titles("?order=title")).containsExactly("alpha", "bravo", "charlie", "default", "delta");
        assertThat(titles("?order=title&direction=desc"))
                .containsExactly("delta", "default", "charlie", "bravo", "alpha");
        assertThat(titles("?per_page=1000&order=title&direction=asc&page=2")).isEmpty();
        assertThat(titles("?per_page=2&page=1&order=title")).containsExactly("alpha", "bravo");
        assertThat(titles("?per_page=2&page=3&order=title")).containsExactly("delta");
        assertThat(titles("?page=2147483647&per_page=1000")).isEmpty();
        assertThat(call("GET", namespaces() + "?per_page=2&page=3")
                        .json()
                        .path("result_info")
                        .toString())
                .isEqualTo("{\"page\":3,\"per_page\":2,\"count\":1,\"total_count\":5}");
        List<String> ids = new ArrayList<>();
        call("GET", namespaces() + "?order=id")
                .result()
                .forEach(each -> ids.add(each.path("id").asString()));
        assertThat(ids).hasSize(5).isSorted();
        for (String bad : List.of(
                "page=0",
                "page=-1",
                "page=x",
                "per_page=0",
                "per_page=1001",
                "order=size",
                "direction=up",
                "page=1&page=2")) {
            assertThat(call("GET", namespaces() + "?" + bad).refusal()).as(bad).isEqualTo("400 10001");
        }
    }

    @Test
    void titles_are_checked_and_unique() throws IOException {
        start();
        assertThat(create("a").status()).isEqualTo(200);
        assertThat(create("a").refusal()).isEqualTo("400 10014");
        assertThat(callWith("{\"title\":\"a\"}", "PUT", ns("")).refusal()).isEqualTo("400 10014");
        assertThat(create("").refusal()).isEqualTo("400 10019");
        assertThat(callWith("{}", "POST", namespaces()).refusal()).isEqualTo("400 10019");
        assertThat(callWith("{}", "PUT", ns("")).refusal()).isEqualTo("400 10019");
        assertThat(callWith("", "POST", namespaces()).status()).isEqualTo(400);
        assertThat(callWith("[]", "POST", namespaces()).refusal()).isEqualTo("400 10012");
        assertThat(callWith("{\"title\":1}", "POST", namespaces()).refusal()).isEqualTo("400 10001");
        assertThat(create("x".repeat(512)).status()).isEqualTo(200);
        assertThat(create("x".repeat(513)).status()).isEqualTo(400);
        assertThat(callWith("{\"title\":\"b\",\"jurisdiction\":\"eu\",\"mode\":\"instant\"}", "POST", namespaces())
                        .status())
                .isEqualTo(200);
    }

    @Test
    void a_token_sees_the_namespaces_that_it_may_use() throws IOException {
        start();
        String second = create("second").result().path("id").asString();
        String reader = "Authorization: Bearer "
                + rig().token(Permissions.none()
                        .with(
                                rig().below
                                        .admin()
                                        .namespace(rig().account, "second")
                                        .join()
                                        .id(),
                                Permission.READ));
        JsonNode seen = call("GET", namespaces(), reader).result();
        assertThat(seen.size()).isEqualTo(1);
        assertThat(seen.path(0).path("id").asString()).isEqualTo(second);
        assertThat(call("GET", ns(""), reader).refusal()).isEqualTo("403 10000");
        assertThat(call("GET", namespaces() + "/" + second, reader).status()).isEqualTo(200);
    }

    @Test
    void as_many_namespaces_as_an_account_may_have_is_403_which_nobody_repeats() throws IOException {
        start();
        for (int i = 1; i < 1000; i++) {
            rig().below.admin().createNamespace(rig().account, "n" + i).join();
        }
        assertThat(create("one more").refusal()).isEqualTo("403 10048");
        assertThat(call("GET", namespaces() + "?per_page=1000&page=1").result().size())
                .isEqualTo(1000);
    }

    @Test
    void who_am_i_is_answered_as_clients_ask_it() throws IOException {
        start();
        Answer verify = call("GET", "/client/v4/user/tokens/verify");
        assertThat(verify.status()).isEqualTo(200);
        assertThat(verify.result().path("status").asString()).isEqualTo("active");
        assertThat(verify.result().path("id").asString()).isNotEmpty();
        assertThat(verify.result().path("expires_on").asString()).isEqualTo("2026-01-01T01:00:00Z");
        assertThat(call("GET", account() + "/tokens/verify").result()).isEqualTo(verify.result());
        assertThat(call("GET", "/client/v4/user/tokens/verify", "Authorization: Bearer x")
                        .refusal())
                .isEqualTo("401 1000");
        assertThat(call("GET", "/client/v4/user").result().path("email").asString())
                .isEqualTo("test");

        AccountId other = rig().below.admin().createAccount("other").join().id();
        for (String path : List.of("/client/v4/accounts", "/client/v4/memberships")) {
            Answer page = call("GET", path + "?page=1");
            assertThat(page.result().size()).isEqualTo(1);
            assertThat(page.text()).contains(rig().account.toString()).doesNotContain(other.toString());
            assertThat(page.json().path("result_info").path("total_count").asInt())
                    .isEqualTo(1);
            assertThat(call("GET", path + "?page=2").result().size()).isZero();
        }
    }
}
