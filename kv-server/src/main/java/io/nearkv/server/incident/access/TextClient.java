package io.nearkv.server.incident.access;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

/** Asks a {@link TextServer}. Thread-safe. */
public final class TextClient {
    private final HttpClient http;
    private final String url;
    private final Duration timeout;

    /** Creates a client of the server there. */
    public TextClient(String url, Duration timeout) {
        this.url = url;
        this.timeout = timeout;
        this.http = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(timeout)
                .build();
    }

    /**
     * Returns the line.
     *
     * @throws KvException {@link ErrorCode#UNAVAILABLE} with the server's reason, or because it does not answer
     * @throws InterruptedException if the thread is interrupted
     */
    public String ask(String path) throws InterruptedException {
        try {
            HttpResponse<String> answer = http.send(
                    HttpRequest.newBuilder(URI.create(url + "/" + path))
                            .timeout(timeout)
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
            if (answer.statusCode() != 200) {
                throw new KvException(ErrorCode.UNAVAILABLE, answer.body());
            }
            return answer.body();
        } catch (IOException e) {
            throw new KvException(
                    ErrorCode.UNAVAILABLE,
                    "nothing answers there: " + e.getClass().getSimpleName(),
                    e);
        }
    }
}
