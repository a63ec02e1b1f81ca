package io.nearkv.net.rest;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** An HTTP answer that was read whole. */
final class Answer {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final int status;
    private final Map<String, List<String>> headers;
    private final byte[] body;

    /** Takes header names in lower case. */
    Answer(int status, Map<String, List<String>> headers, byte[] body) {
        this.status = status;
        this.headers = new TreeMap<>(headers);
        this.body = body.clone();
    }

    int status() {
        return status;
    }

    /** Returns the first header of this name, or null. */
    @Nullable
    String header(String name) {
        List<String> values = headers.get(name.toLowerCase(Locale.ROOT));
        return values == null ? null : values.get(0);
    }

    List<String> headers(String name) {
        return headers.getOrDefault(name.toLowerCase(Locale.ROOT), List.of());
    }

    boolean closes() {
        return "close".equals(header("connection"));
    }

    byte[] body() {
        return body.clone();
    }

    String text() {
        return new String(body, StandardCharsets.UTF_8);
    }

    JsonNode json() {
        return JSON.readTree(body);
    }

    JsonNode result() {
        return json().path("result");
    }

    /** Returns {@code errors[0].code}, 0 if there is none. */
    int code() {
        return json().path("errors").path(0).path("code").asInt(0);
    }

    /** Returns {@code messages[0].message}: the row of the error table, or the reason of a denial. */
    String reason() {
        return json().path("messages").path(0).path("message").asString("");
    }

    /** Returns status and code, such as {@code 404 10009}. */
    String refusal() {
        return status + " " + code();
    }

    @Override
    public String toString() {
        return status + " " + headers + "\n" + (body.length > 2000 ? body.length + " bytes" : text());
    }
}
