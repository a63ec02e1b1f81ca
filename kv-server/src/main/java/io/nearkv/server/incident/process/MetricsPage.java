package io.nearkv.server.incident.process;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

/** The metrics of a node at one moment. Immutable. */
final class MetricsPage {
    private static final Duration TIMEOUT = Duration.ofSeconds(3);
    private static final HttpClient HTTP = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(TIMEOUT)
            .build();

    private final String text;

    /** Takes the text of the page. */
    MetricsPage(String text) {
        this.text = text;
    }

    /** Asks a node's operations port. */
    static MetricsPage of(String hostAndPort) throws InterruptedException {
        try {
            return new MetricsPage(HTTP.send(
                            HttpRequest.newBuilder(URI.create("http://" + hostAndPort + "/metrics"))
                                    .timeout(TIMEOUT)
                                    .build(),
                            HttpResponse.BodyHandlers.ofString())
                    .body());
        } catch (IOException e) {
            throw new KvException(ErrorCode.UNAVAILABLE, "the metrics of " + hostAndPort + " cannot be read", e);
        }
    }

    /** Returns the sum of all values of a metric whose labels contain a text. */
    double sum(String metric, String label) {
        return text.lines()
                .filter(line -> line.startsWith(metric))
                .filter(line -> line.length() > metric.length() && "{ ".indexOf(line.charAt(metric.length())) >= 0)
                .filter(line -> line.contains(label))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
                .sum();
    }
}
