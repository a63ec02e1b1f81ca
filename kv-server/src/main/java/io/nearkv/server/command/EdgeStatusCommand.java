package io.nearkv.server.command;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.JsonLine;
import io.nearkv.server.config.ListenAddress;
import java.io.IOException;
import java.math.BigDecimal;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code nearkv edge status}. */
@Command(
        name = "status",
        description = {
            "Shows what the cache of a running node does: hits by tier, misses, loads, stale answers, the change feed and",
            "how far it is behind. Asks the node's operations port, which needs no token."
        })
final class EdgeStatusCommand extends BaseCommand {
    private static final String PREFIX = "nearkv_cache_";
    private static final Duration TIMEOUT = Duration.ofSeconds(5);

    @Option(
            names = "--ops",
            paramLabel = "HOST:PORT",
            defaultValue = "127.0.0.1:8788",
            description = "The operations port of the node, as 'ops=' in its ready line. Default: ${DEFAULT-VALUE}.")
    private ListenAddress operations = ListenAddress.parse("127.0.0.1:8788");

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    EdgeStatusCommand(Console console) {
        super(console);
    }

    @Override
    protected ExitCode run() throws InterruptedException {
        Map<String, String> metrics = new TreeMap<>();
        for (String line : fetch().lines().toList()) {
            if (line.startsWith(PREFIX)) {
                int space = line.lastIndexOf(' ');
                metrics.put(line.substring(PREFIX.length(), space), plain(line.substring(space + 1)));
            }
        }
        if (metrics.isEmpty()) {
            throw new KvException(ErrorCode.NOT_FOUND, "the node at " + operations + " has no cache");
        }
        if (json) {
            JsonLine line = new JsonLine();
            metrics.forEach((name, value) -> line.json(jsonName(name), value));
            console().out().line(line.toString());
        } else {
            int width = metrics.keySet().stream().mapToInt(String::length).max().orElse(0);
            metrics.forEach((name, value) ->
                    console().out().line(name + " ".repeat(width - name.length() + 2) + value));
        }
        return ExitCode.DONE;
    }

    /** {@code reads_total{tier="disk"}} becomes {@code reads_total_disk}. */
    private static String jsonName(String name) {
        return name.replaceAll("\\{[a-z]+=\"([a-z]+)\"\\}", "_$1");
    }

    /** Without an exponent, and whole numbers without a fraction. */
    private static String plain(String number) {
        return new BigDecimal(number).stripTrailingZeros().toPlainString();
    }

    private String fetch() throws InterruptedException {
        URI uri = URI.create("http://" + operations + "/metrics");
        HttpClient client = HttpClient.newBuilder().connectTimeout(TIMEOUT).build();
        try {
            HttpResponse<String> answer = client.send(
                    HttpRequest.newBuilder(uri).timeout(TIMEOUT).build(), HttpResponse.BodyHandlers.ofString());
            if (answer.statusCode() != 200) {
                throw new KvException(ErrorCode.UNAVAILABLE, uri + " answers " + answer.statusCode());
            }
            return answer.body();
        } catch (IOException e) {
            throw new KvException(
                    ErrorCode.UNAVAILABLE,
                    "the node at " + operations + " cannot be asked: " + e
                            + " (expected: --ops with what its ready line says)",
                    e);
        }
    }
}
