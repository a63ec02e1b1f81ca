package io.nearkv.server.incident.product;

import io.nearkv.core.NamespaceId;
import io.nearkv.server.incident.cluster.RestDoor;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** A program on the HTTP API, as a customer would write it. Thread-safe. */
final class RestClient {
    private static final Duration PATIENCE = Duration.ofSeconds(10);
    /** One for all: each brings threads of its own. */
    private static final HttpClient HTTP = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(PATIENCE)
            .build();

    private static final Pattern REASON = Pattern.compile("\"message\":\"([a-z_]+)\"");

    private final String namespace;
    private final String authorization;

    RestClient(RestDoor door, NamespaceId namespace) {
        this.namespace = door.namespaces() + "/" + namespace;
        this.authorization = "Bearer " + door.token();
    }

    void get(String key) throws IOException, InterruptedException, UserFailure {
        call("GET", "/values/" + encoded(key), null);
    }

    void metadata(String key) throws IOException, InterruptedException, UserFailure {
        call("GET", "/metadata/" + encoded(key), null);
    }

    void getAll(List<String> keys) throws IOException, InterruptedException, UserFailure {
        String names = keys.stream().map(key -> "\"" + key + "\"").collect(Collectors.joining(",", "[", "]"));
        call("POST", "/bulk/get", "{\"keys\":" + names + "}");
    }

    void put(String key, String value) throws IOException, InterruptedException, UserFailure {
        call("PUT", "/values/" + encoded(key), value);
    }

    void delete(String key) throws IOException, InterruptedException, UserFailure {
        call("DELETE", "/values/" + encoded(key), null);
    }

    void list(String prefix) throws IOException, InterruptedException, UserFailure {
        call("GET", "/keys?limit=10&prefix=" + encoded(prefix), null);
    }

    private static String encoded(String key) {
        return URLEncoder.encode(key, StandardCharsets.UTF_8);
    }

    private void call(String method, String path, @Nullable String body)
            throws IOException, InterruptedException, UserFailure {
        BodyPublisher sent = body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body);
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(namespace + path))
                .timeout(PATIENCE)
                .header("Authorization", authorization)
                .method(method, sent);
        if (body != null) {
            request.header("Content-Type", "application/json");
        }
        HttpResponse<String> answer = HTTP.send(request.build(), BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
            Matcher reason = REASON.matcher(answer.body());
            throw new UserFailure(answer.statusCode() + (reason.find() ? " " + reason.group(1) : ""));
        }
    }
}
