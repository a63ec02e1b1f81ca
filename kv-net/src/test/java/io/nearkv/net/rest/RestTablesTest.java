package io.nearkv.net.rest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.nearkv.core.Limits;
import java.io.IOException;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.Executable;
import tools.jackson.databind.JsonNode;

/** The reference of Workers KV, row by row: its limits, endpoints, envelope, error codes, edge cases, and what breaks real clients. Each test is named after its row. */
class RestTablesTest extends WithRest {
    private static DynamicTest row(String text, Executable check) {
        return dynamicTest(text, check);
    }

    private static final String FORM = "Content-Type: multipart/form-data; boundary=XX";

    private static byte[] form(String value, String metadata) {
        return HttpSocket.latin1("--XX\r\nContent-Disposition: form-data; name=\"value\"\r\n\r\n" + value
                + "\r\n--XX\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n" + metadata
                + "\r\n--XX--\r\n");
    }

    private void expectDone(Answer answer) {
        assertThat(answer.status()).as(answer.toString()).isEqualTo(200);
        assertThat(answer.text()).isEqualTo("{\"success\":true,\"errors\":[],\"messages\":[],\"result\":null}");
    }

    private void put(String key) throws IOException {
        assertThat(callWith("v", "PUT", value(key)).status()).as(key).isEqualTo(200);
    }

    private Answer putAll(String body) throws IOException {
        return callWith(body, "PUT", ns("/bulk"));
    }

    private Answer getAll(String body) throws IOException {
        return callWith(body, "POST", ns("/bulk/get"));
    }

    private Answer deleteAll(String body) throws IOException {
        return callWith(body, "POST", ns("/bulk/delete"));
    }

    private int listed(String query) throws IOException {
        return call("GET", ns("/keys?" + query)).result().size();
    }

    private static String list(int count, String format) {
        return IntStream.range(0, count).mapToObj(format::formatted).collect(Collectors.joining(",", "[", "]"));
    }

    @TestFactory
    List<DynamicTest> limits() {
        start();
        return List.of(
                row(
                        "key: 1-512 bytes of UTF-8; not . or ..; everything else legal, incl. ..., /, control characters",
                        () -> {
                            for (String key : List.of(
                                    "k".repeat(512),
                                    "%C3%BC".repeat(256),
                                    "...",
                                    "%2F",
                                    "/",
                                    "%01%7F",
                                    ".a",
                                    "..a",
                                    "-",
                                    "%20")) {
                                put(key);
                                assertThat(call("GET", value(key)).text()).isEqualTo("v");
                            }
                            for (String method : List.of("GET", "PUT", "DELETE", "HEAD")) {
                                assertThat(call(method, value("k".repeat(513))).status())
                                        .isEqualTo(414);
                                assertThat(call(method, value("%C3%BC".repeat(256) + "x"))
                                                .status())
                                        .isEqualTo(414);
                                assertThat(call(method, value(".")).status()).isEqualTo(400);
                                assertThat(call(method, value("%2E%2E")).status())
                                        .isEqualTo(400);
                                assertThat(call(method, value("%FF")).status()).isEqualTo(400);
                                assertThat(call(method, value("%ED%A0%80")).status())
                                        .isEqualTo(400);
                            }
                        }),
                row("value: 0 bytes - 25 MiB (26,214,400); 25 MiB + 1 -> 413", () -> {
                    assertThat(Limits.MAX_VALUE_BYTES).isEqualTo(26_214_400);
                    expectDone(call("PUT", value("empty"), new byte[0], "Content-Length: 0"));
                    expectDone(call("PUT", value("none")));
                    assertThat(call("GET", value("empty")).body()).isEmpty();
                    expectDone(call("PUT", value("big"), new byte[26_214_400]));
                    assertThat(call("PUT", value("big"), new byte[26_214_401]).refusal())
                            .isEqualTo("413 10001");
                }),
                row(
                        "metadata: serialized <= 1,024 UTF-8 bytes; 1,025 -> 413; null = none; falsy values are kept and listed",
                        () -> {
                            String longest = "\"" + "m".repeat(1022) + "\"";
                            expectDone(call("PUT", value("m"), form("v", longest), FORM));
                            assertThat(call("GET", ns("/metadata/m")).result().toString())
                                    .isEqualTo(longest);
                            assertThat(call("PUT", value("m2"), form("v", "\"m" + longest.substring(1)), FORM)
                                            .status())
                                    .isEqualTo(413);
                            for (String falsy : List.of("0", "false", "\"\"", "[]", "{}")) {
                                expectDone(call("PUT", value("falsy"), form("v", falsy), FORM));
                                assertThat(call("GET", ns("/metadata/falsy"))
                                                .result()
                                                .toString())
                                        .isEqualTo(falsy);
                                assertThat(call("GET", ns("/keys?prefix=falsy"))
                                                .result()
                                                .path(0)
                                                .toString())
                                        .isEqualTo("{\"name\":\"falsy\",\"metadata\":" + falsy + "}");
                            }
                            expectDone(call("PUT", value("falsy"), form("v", "null"), FORM));
                            assertThat(call("GET", ns("/keys?prefix=falsy"))
                                            .result()
                                            .path(0)
                                            .toString())
                                    .isEqualTo("{\"name\":\"falsy\"}");
                        }),
                row("expiration: >= 60 s ahead, absolute seconds or ttl; past or nearer -> 400", () -> {
                    long now = rig().clock.epochSecond();
                    put("e?expiration_ttl=60");
                    put("e?expiration=" + (now + 60));
                    assertThat(callWith("v", "PUT", value("e?expiration_ttl=59"))
                                    .refusal())
                            .isEqualTo("400 10034");
                    for (String bad : List.of(
                            "expiration=" + (now + 59),
                            "expiration=1",
                            "expiration=0",
                            "expiration=-1",
                            "expiration=x",
                            "expiration=1.5",
                            "expiration_ttl=x",
                            "expiration_ttl=-1",
                            "expiration_ttl=-60",
                            "expiration_ttl=0",
                            "expiration=999999999999999999",
                            "expiration=9999999999999999999",
                            "expiration_ttl=999999999999999999",
                            "expiration=" + (now + 60) + "&expiration=" + (now + 60))) {
                        assertThat(callWith("v", "PUT", value("e?" + bad)).status())
                                .as(bad)
                                .isEqualTo(400);
                    }
                }),
                row("same-key writes: not enforced by the emulator", () -> {
                    for (int i = 0; i < 50; i++) {
                        put("same");
                    }
                }),
                row("bulk REST put / delete: 10,000 items, 100 MB body; 10,001 -> 400", () -> {
                    assertThat(putAll(list(10_001, "{\"key\":\"k%d\",\"value\":\"\"}"))
                                    .status())
                            .isEqualTo(400);
                    assertThat(deleteAll(list(10_001, "\"k%d\"")).status()).isEqualTo(400);
                    assertThat(deleteAll(list(10_000, "\"k%d\"")).status()).isEqualTo(200);
                }),
                row("bulk get: 100 keys, 25 MiB total", () -> {
                    assertThat(getAll("{\"keys\":" + list(100, "\"k%d\"") + "}").status())
                            .isEqualTo(200);
                    assertThat(getAll("{\"keys\":" + list(101, "\"k%d\"") + "}").status())
                            .isEqualTo(400);
                    store("half", "a".repeat(13 * MIB));
                    store("other", "b".repeat(13 * MIB));
                    assertThat(getAll("{\"keys\":[\"half\",\"other\"]}").status())
                            .isEqualTo(413);
                }),
                row("namespace title: <= 512 characters, unique per account", () -> {
                    String title = "t".repeat(512);
                    assertThat(callWith("{\"title\":\"" + title + "\"}", "POST", namespaces())
                                    .status())
                            .isEqualTo(200);
                    assertThat(callWith("{\"title\":\"" + title + "\"}", "POST", namespaces())
                                    .refusal())
                            .isEqualTo("400 10014");
                    assertThat(callWith("{\"title\":\"" + title + "t\"}", "POST", namespaces())
                                    .status())
                            .isEqualTo(400);
                }));
    }

    @TestFactory
    List<DynamicTest> endpoints() {
        start();
        String counts = "{\"successful_key_count\":1,\"unsuccessful_keys\":[]}";
        return List.of(
                row(
                        "1 GET N: array of namespace; result_info {page, per_page, count, total_count}",
                        () -> assertThat(call("GET", namespaces()).text())
                                .isEqualTo(
                                        "{\"success\":true,\"errors\":[],\"messages\":[],\"result\":[{\"id\":\""
                                                + rig().namespace
                                                + "\",\"title\":\"default\",\"supports_url_encoding\":true}],"
                                                + "\"result_info\":{\"page\":1,\"per_page\":20,\"count\":1,\"total_count\":1}}")),
                row(
                        "2 POST N {title, jurisdiction?, mode?}: namespace {id (32 hex), title, supports_url_encoding}",
                        () -> {
                            JsonNode created = callWith(
                                            "{\"title\":\"two\",\"mode\":\"instant\"}", "POST", namespaces())
                                    .result();
                            assertThat(created.path("id").asString()).matches("[0-9a-f]{32}");
                            assertThat(created.path("supports_url_encoding").asBoolean())
                                    .isTrue();
                        }),
                row(
                        "3 GET N/{ns}: namespace",
                        () -> assertThat(call("GET", ns(""))
                                        .result()
                                        .path("title")
                                        .asString())
                                .isEqualTo("default")),
                row(
                        "4 PUT N/{ns} {title}: namespace",
                        () -> assertThat(callWith("{\"title\":\"four\"}", "PUT", ns(""))
                                        .result()
                                        .path("title")
                                        .asString())
                                .isEqualTo("four")),
                row(
                        "6 GET N/{ns}/keys: array {name, expiration?, metadata?}; result_info {count, cursor}; cursor \"\" on the last page",
                        () -> {
                            put("six1");
                            put("six2");
                            Answer first = call("GET", ns("/keys?prefix=six&limit=1"));
                            assertThat(first.result().toString()).isEqualTo("[{\"name\":\"six1\"}]");
                            String cursor = first.json()
                                    .path("result_info")
                                    .path("cursor")
                                    .asString();
                            assertThat(cursor).isNotEmpty();
                            Answer last = call("GET", ns("/keys?prefix=six&limit=1&cursor=" + cursor));
                            assertThat(last.result().toString()).isEqualTo("[{\"name\":\"six2\"}]");
                            assertThat(last.json().path("result_info").toString())
                                    .isEqualTo("{\"count\":1,\"cursor\":\"\"}");
                        }),
                row(
                        "7 GET N/{ns}/values/{key}: raw bytes, application/octet-stream, no envelope; header expiration if set",
                        () -> {
                            put("seven?expiration_ttl=100");
                            Answer got = call("GET", value("seven"));
                            assertThat(got.text()).isEqualTo("v");
                            assertThat(got.header("content-type")).isEqualTo("application/octet-stream");
                            assertThat(got.header("expiration"))
                                    .isEqualTo(Long.toString(rig().clock.epochSecond() + 100));
                        }),
                row(
                        "8 PUT N/{ns}/values/{key}: raw bytes of any content-type, or multipart/form-data: value, metadata",
                        () -> {
                            for (String type : List.of(
                                    "text/plain;charset=UTF-8",
                                    "application/json",
                                    "application/octet-stream",
                                    "image/png",
                                    "x",
                                    "multipart/mixed; boundary=XX")) {
                                expectDone(callWith("--XX", "PUT", value("eight"), "Content-Type: " + type));
                                assertThat(stored("eight")).isEqualTo("--XX");
                            }
                            expectDone(call("PUT", value("eight"), form("v8", "{\"a\":1}"), FORM));
                            assertThat(stored("eight")).isEqualTo("v8");
                        }),
                row("9 DELETE N/{ns}/values/{key}: null", () -> {
                    put("nine");
                    expectDone(call("DELETE", value("nine")));
                    expectDone(call("DELETE", value("nine")));
                }),
                row("10 GET N/{ns}/metadata/{key}: the JSON metadata, null if none", () -> {
                    put("ten");
                    expectDone(call("GET", ns("/metadata/ten")));
                    expectDone(call("PUT", value("ten"), form("v", "{\"a\":[1.50]}"), FORM));
                    assertThat(call("GET", ns("/metadata/ten")).text()).contains("\"result\":{\"a\":[1.50]}");
                }),
                row(
                        "11 PUT N/{ns}/bulk: {successful_key_count, unsuccessful_keys[]}",
                        () -> assertThat(putAll("[{\"key\":\"a\",\"value\":\"1\"}]")
                                        .result()
                                        .toString())
                                .isEqualTo(counts)),
                row("12 POST N/{ns}/bulk/get {keys[] 1-100, type?, withMetadata?}: {values:{k: v|null}}", () -> {
                    assertThat(getAll("{\"keys\":[\"a\",\"zz\"]}").result().toString())
                            .isEqualTo("{\"values\":{\"a\":\"1\",\"zz\":null}}");
                    assertThat(getAll("{\"keys\":[\"a\"],\"type\":\"json\",\"withMetadata\":true}")
                                    .result()
                                    .toString())
                            .isEqualTo("{\"values\":{\"a\":{\"value\":1,\"metadata\":null}}}");
                }),
                row(
                        "13 POST N/{ns}/bulk/delete: as 11",
                        () -> assertThat(deleteAll("[\"a\"]").result().toString())
                                .isEqualTo(counts)),
                row(
                        "14 DELETE N/{ns}/bulk: deprecated twin of 13, still what wrangler calls",
                        () -> assertThat(callWith("[\"a\"]", "DELETE", ns("/bulk"), "Content-Type: application/json")
                                        .result()
                                        .toString())
                                .isEqualTo(counts)),
                row(
                        "15 (auth probe) GET /user/tokens/verify: {id, status:\"active\"}",
                        () -> assertThat(call("GET", "/client/v4/user/tokens/verify")
                                        .result()
                                        .path("status")
                                        .asString())
                                .isEqualTo("active")),
                row(
                        "account discovery by wrangler: GET /accounts?page=1 and /memberships?page=1; whoami adds /user",
                        () -> {
                            assertThat(call("GET", "/client/v4/accounts?page=1")
                                            .result()
                                            .path(0)
                                            .path("id")
                                            .asString())
                                    .isEqualTo(rig().account.toString());
                            assertThat(call("GET", "/client/v4/memberships?page=1")
                                            .result()
                                            .path(0)
                                            .path("account")
                                            .path("id")
                                            .asString())
                                    .isEqualTo(rig().account.toString());
                            assertThat(call("GET", "/client/v4/user")
                                            .result()
                                            .path("email")
                                            .asString())
                                    .isNotEmpty();
                        }),
                row(
                        "5 DELETE N/{ns}: clients may send content-type: application/json with no body: null",
                        () -> expectDone(call("DELETE", ns(""), "Content-Type: application/json"))));
    }

    @TestFactory
    List<DynamicTest> envelope() {
        start();
        return List.of(
                row(
                        "success {\"success\":true,\"errors\":[],\"messages\":[],\"result\":...}",
                        () -> expectDone(call("DELETE", value("k")))),
                row(
                        "failure {\"success\":false,\"errors\":[{\"code\":int >= 1000,\"message\":str}],\"messages\":[],\"result\":null} with a 4xx/5xx status",
                        () -> {
                            for (Answer failure : List.of(
                                    call("GET", value("absent")),
                                    call("GET", "/"),
                                    call("GET", value("k"), "Authorization: x"),
                                    call("PATCH", value("k")),
                                    putAll("{"),
                                    call("GET", ns("/keys?limit=0")))) {
                                assertThat(failure.status()).isBetween(400, 599);
                                assertThat(failure.header("content-type")).isEqualTo("application/json");
                                assertThat(failure.json().path("success").isBoolean())
                                        .isTrue();
                                assertThat(failure.json().path("success").asBoolean())
                                        .isFalse();
                                assertThat(failure.code()).isGreaterThanOrEqualTo(1000);
                                assertThat(failure.json()
                                                .path("errors")
                                                .path(0)
                                                .path("message")
                                                .asString())
                                        .isNotEmpty();
                                assertThat(failure.json().path("result").isNull())
                                        .isTrue();
                            }
                        }),
                row("clients retry 408/409/429/5xx: a title that is taken is 400, a condition 412", () -> {
                    assertThat(callWith("{\"title\":\"default\"}", "POST", namespaces())
                                    .status())
                            .isEqualTo(400);
                    assertThat(call("DELETE", value("k"), "If-Match: *").status())
                            .isEqualTo(412);
                }));
    }

    @TestFactory
    List<DynamicTest> error_codes() {
        start();
        String never = namespaces() + "/" + "0".repeat(32);
        return List.of(
                row(
                        "10000 401: Authentication error: bad/foreign token",
                        () -> assertThat(call("GET", value("k"), "Authorization: Bearer x")
                                        .refusal())
                                .isEqualTo("401 10000")),
                row("10001 400: missing value field, bad metadata JSON, wrong types", () -> {
                    byte[] novalue = HttpSocket.latin1(
                            "--XX\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n--XX--\r\n");
                    assertThat(call("PUT", value("k"), novalue, FORM).refusal()).isEqualTo("400 10001");
                    assertThat(call("PUT", value("k"), form("v", "{"), FORM).refusal())
                            .isEqualTo("400 10001");
                    assertThat(callWith("{\"title\":1}", "POST", namespaces()).refusal())
                            .isEqualTo("400 10001");
                }),
                row("10009 404: get: 'key not found': value or metadata of a missing key", () -> {
                    for (String path : List.of(value("absent"), ns("/metadata/absent"))) {
                        Answer missing = call("GET", path);
                        assertThat(missing.refusal()).isEqualTo("404 10009");
                        assertThat(missing.text()).contains("get: 'key not found'");
                    }
                }),
                row("10011 400: could not parse UUID from request's namespace_id: ...: malformed namespace id", () -> {
                    for (String id : List.of("x", "0".repeat(31), "0".repeat(33), "g".repeat(32), "%30".repeat(32))) {
                        Answer refused = call("GET", namespaces() + "/" + id + "/values/k");
                        assertThat(refused.refusal()).isEqualTo("400 10011");
                        assertThat(refused.text()).contains("could not parse UUID from request's namespace_id");
                    }
                }),
                row("10012 400: invalid request body: bulk body of the wrong shape", () -> {
                    for (String bad : List.of("{}", "1", "[", "nonsense", "\"x\"")) {
                        assertThat(putAll(bad).refusal()).as(bad).isEqualTo("400 10012");
                        assertThat(deleteAll(bad).refusal()).as(bad).isEqualTo("400 10012");
                    }
                    assertThat(getAll("[]").refusal()).isEqualTo("400 10012");
                }),
                row("10013 404: 'namespace not found': unknown namespace, any operation", () -> {
                    for (Answer unknown : List.of(
                            call("GET", never),
                            call("DELETE", never),
                            callWith("{\"title\":\"x\"}", "PUT", never),
                            call("GET", never + "/keys"),
                            call("GET", never + "/values/k"),
                            callWith("v", "PUT", never + "/values/k"),
                            call("DELETE", never + "/values/k"),
                            call("GET", never + "/metadata/k"),
                            callWith("[]", "PUT", never + "/bulk"),
                            callWith("[]", "POST", never + "/bulk/delete"),
                            callWith("{\"keys\":[\"k\"]}", "POST", never + "/bulk/get"),
                            call("GET", never + "/watch"))) {
                        assertThat(unknown.refusal()).isEqualTo("404 10013");
                        assertThat(unknown.text()).contains("'namespace not found'");
                    }
                }),
                row("10014 400: a namespace with this account ID and title already exists: create or rename", () -> {
                    Answer taken = callWith("{\"title\":\"default\"}", "POST", namespaces());
                    assertThat(taken.refusal()).isEqualTo("400 10014");
                    assertThat(taken.text()).contains("a namespace with this account ID and title already exists");
                }),
                row("10019 400: title missing/empty: create or rename", () -> {
                    for (String body : List.of("{}", "{\"title\":\"\"}", "{\"title\":null}")) {
                        assertThat(callWith(body, "POST", namespaces()).refusal())
                                .isEqualTo("400 10019");
                        assertThat(callWith(body, "PUT", ns("")).refusal()).isEqualTo("400 10019");
                    }
                }),
                row(
                        "10029 400: at least 1 key: bulk get with no keys",
                        () -> assertThat(getAll("{\"keys\":[]}").refusal()).isEqualTo("400 10029")),
                row("10034 400: expiration_ttl must be at least 60: put", () -> {
                    Answer refused = callWith("v", "PUT", value("k?expiration_ttl=59"));
                    assertThat(refused.refusal()).isEqualTo("400 10034");
                    assertThat(refused.text()).contains("expiration_ttl must be at least 60");
                }),
                row("10405 405: METHOD method not allowed: empty key or empty namespace id in the path", () -> {
                    for (String path : List.of(
                            ns("/values/"),
                            ns("/values"),
                            ns("/metadata/"),
                            namespaces() + "/",
                            namespaces() + "//values/k")) {
                        Answer refused = call("GET", path);
                        assertThat(refused.refusal()).as(path).isEqualTo("405 10405");
                        assertThat(refused.text()).contains("GET method not allowed");
                    }
                }),
                row(
                        "7003 400/404: Could not route to /..., perhaps your object identifier is invalid?: malformed account id, unknown route",
                        () -> {
                            assertThat(call("GET", "/client/v4/accounts/x/storage/kv/namespaces")
                                            .refusal())
                                    .isEqualTo("400 7003");
                            for (String path : List.of(
                                    "/",
                                    "/client/v4",
                                    "/client/v4/",
                                    "/client/v4/accountsx",
                                    "/client/v4/accounts/",
                                    account(),
                                    account() + "/storage",
                                    namespaces() + "x",
                                    ns("/"),
                                    ns("/nothing"),
                                    ns("/keys/"),
                                    ns("/bulk/put"),
                                    ns("/valuesx/k"),
                                    "/client/v4/users")) {
                                Answer refused = call("GET", path);
                                assertThat(refused.refusal()).as(path).isEqualTo("404 7003");
                                assertThat(refused.text()).contains("perhaps your object identifier is invalid?");
                            }
                        }),
                row(
                        "1000 401: Invalid API Token (token verify)",
                        () -> assertThat(call("GET", "/client/v4/user/tokens/verify", "Authorization: Bearer x")
                                        .refusal())
                                .isEqualTo("401 1000")),
                row(
                        "over-size input in the emulators: 413 value/metadata, 414 key or prefix, 400 everything else",
                        () -> {
                            assertThat(call("GET", ns("/keys?prefix=" + "p".repeat(513)))
                                            .status())
                                    .isEqualTo(414);
                            assertThat(call("GET", value("k".repeat(513))).status())
                                    .isEqualTo(414);
                            assertThat(call("PUT", value("k"), form("v", "\"" + "m".repeat(1023) + "\""), FORM)
                                            .status())
                                    .isEqualTo(413);
                        }));
    }

    @TestFactory
    List<DynamicTest> edge_semantics() {
        start();
        return List.of(
                row("bulk put with one bad item: whole batch refused with 400/413/414, nothing written", () -> {
                    for (String bad : List.of(
                            "{\"key\":\"" + "k".repeat(513) + "\",\"value\":\"\"}",
                            "{\"key\":\".\",\"value\":\"\"}",
                            "{\"key\":\"k\",\"value\":\"\",\"expiration_ttl\":59}",
                            "{\"key\":\"k\",\"value\":\"\",\"expiration\":5}",
                            "{\"key\":\"k\",\"value\":\"?\",\"base64\":true}",
                            "{\"key\":\"k\",\"value\":null}",
                            "{\"key\":\"k\",\"value\":\"\",\"metadata\":\"" + "m".repeat(1023) + "\"}",
                            "{\"value\":\"\"}")) {
                        Answer refused = putAll("[{\"key\":\"good\",\"value\":\"\"}," + bad + "]");
                        assertThat(refused.status()).as(bad).isIn(400, 413, 414);
                        assertThat(stored("good")).isNull();
                    }
                }),
                row("bulk put, same key twice: identical / different: accepted once / 400", () -> {
                    String item = "{\"key\":\"twice\",\"value\":\"1\"}";
                    assertThat(putAll("[" + item + "," + item + "]").status()).isEqualTo(200);
                    assertThat(putAll("[" + item + ",{\"key\":\"twice\",\"value\":\"2\"}]")
                                    .status())
                            .isEqualTo(400);
                    assertThat(putAll("[" + item + ",{\"key\":\"twice\",\"value\":\"1\",\"expiration_ttl\":60}]")
                                    .text())
                            .contains("received duplicate key with different values or expiration parameters");
                }),
                row("bulk put / delete with []: 200, zero counts", () -> {
                    for (Answer none : List.of(putAll("[]"), deleteAll("[]"), callWith("[]", "DELETE", ns("/bulk")))) {
                        assertThat(none.result().toString())
                                .isEqualTo("{\"successful_key_count\":0,\"unsuccessful_keys\":[]}");
                    }
                }),
                row(
                        "bulk get: repeated key: one entry",
                        () -> assertThat(getAll("{\"keys\":[\"a\",\"a\",\"b\",\"a\"]}")
                                        .result()
                                        .toString())
                                .isEqualTo("{\"values\":{\"a\":null,\"b\":null}}")),
                row("bulk get: key __proto__: a key like any other", () -> {
                    put("__proto__");
                    assertThat(getAll("{\"keys\":[\"__proto__\"]}").text()).contains("\"__proto__\":\"v\"");
                }),
                row("list limit 1-9 over REST: either, never a silent change", () -> {
                    put("l1");
                    put("l2");
                    put("l3");
                    assertThat(listed("prefix=l&limit=1")).isEqualTo(1);
                    assertThat(listed("prefix=l&limit=2")).isEqualTo(2);
                }),
                row("list limit 0, -1, abc, 1001: 400 over REST", () -> {
                    for (String limit : List.of("0", "-1", "abc", "1001", "", "1.5", "%2B5", "10%00")) {
                        assertThat(call("GET", ns("/keys?limit=" + limit)).status())
                                .as(limit)
                                .isEqualTo(400);
                    }
                }),
                row("list with a made-up cursor: anything but 5xx", () -> {
                    for (String cursor : List.of("x", "AAAA", "%00", "Li4u", "=".repeat(2000))) {
                        assertThat(call("GET", ns("/keys?cursor=" + cursor)).status())
                                .as(cursor)
                                .isBetween(200, 499);
                    }
                }),
                row(
                        "delete/insert between pages: cursor = \"after this key\": nothing skipped, nothing repeated",
                        () -> {
                            for (String key : List.of("p1", "p2", "p3", "p4", "p5")) {
                                put(key);
                            }
                            Answer first = call("GET", ns("/keys?prefix=p&limit=2"));
                            String cursor = first.json()
                                    .path("result_info")
                                    .path("cursor")
                                    .asString();
                            call("DELETE", value("p2"));
                            put("p0");
                            put("p25");
                            assertThat(call("GET", ns("/keys?prefix=p&cursor=" + cursor))
                                            .result()
                                            .toString())
                                    .isEqualTo(
                                            "[{\"name\":\"p25\"},{\"name\":\"p3\"},{\"name\":\"p4\"},{\"name\":\"p5\"}]");
                        }),
                row(
                        "PUT with %2E, %2E%2E, empty key: 4xx",
                        () -> {
                            for (String key : List.of("%2E", "%2E%2E", "", ".", "..", "%2e%2e")) {
                                assertThat(callWith("v", "PUT", value(key)).status())
                                        .as(key)
                                        .isBetween(400, 499);
                            }
                        }),
                row(
                        "prefix a%, a_, a*: literal",
                        () -> {
                            put("xa%25b");
                            put("xa_b");
                            put("xa*b");
                            put("xaab");
                            assertThat(listed("prefix=xa%25")).isEqualTo(1);
                            assertThat(listed("prefix=xa_")).isEqualTo(1);
                            assertThat(listed("prefix=xa*")).isEqualTo(1);
                            assertThat(listed("prefix=xa")).isEqualTo(4);
                        }));
    }

    @TestFactory
    List<DynamicTest> traps_that_break_real_clients() {
        start();
        return List.of(
                row("a value GET must answer application/octet-stream", () -> {
                    callWith("{}", "PUT", value("t"), "Content-Type: application/json");
                    Answer got = call("GET", value("t"), "Accept: application/json");
                    assertThat(got.header("content-type")).isEqualTo("application/octet-stream");
                }),
                row("page must be honoured and a page past the end must be empty", () -> {
                    assertThat(call("GET", namespaces() + "?per_page=1000&order=title&direction=asc&page=1")
                                    .result()
                                    .size())
                            .isEqualTo(1);
                    assertThat(call("GET", namespaces() + "?per_page=1000&order=title&direction=asc&page=2")
                                    .result()
                                    .size())
                            .isZero();
                }),
                row("DELETE .../bulk with a body must work", () -> {
                    put("d");
                    assertThat(callWith("[\"d\"]", "DELETE", ns("/bulk")).status())
                            .isEqualTo(200);
                    assertThat(stored("d")).isNull();
                }),
                row("metadata GET of a key without metadata is 200 with null", () -> {
                    put("bare");
                    expectDone(call("GET", ns("/metadata/bare")));
                }),
                row(
                        "%2F is decoded inside one path segment, and + stays +",
                        () -> {
                            put("a%2Fb+c");
                            assertThat(stored("a/b+c")).isEqualTo("v");
                        }),
                row(
                        "SDKs retry 408, 409, 429 and 5xx by themselves: answer these only when a retry makes sense",
                        () -> {
                            for (Answer refused : List.of(
                                    callWith("{\"title\":\"default\"}", "POST", namespaces()),
                                    call("GET", value("absent")),
                                    putAll("["),
                                    call("PATCH", ns("")),
                                    call("GET", ns("/keys?cursor=x")))) {
                                assertThat(refused.status()).isIn(400, 404, 405);
                            }
                        }));
    }
}
