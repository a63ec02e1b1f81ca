package io.nearkv.server.command;

import io.nearkv.deploy.control.Coverage;
import io.nearkv.deploy.control.DocumentPush;
import io.nearkv.deploy.control.DocumentPush.Target;
import io.nearkv.deploy.control.NodeReport;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.net.client.KvTransport;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.JsonLine;
import io.nearkv.server.cli.PlainText;
import io.nearkv.server.cli.ProgressLine;
import io.nearkv.server.control.NodeTransports;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How a command reaches nodes without a control plane. */
final class PushOptions {
    private static final Duration RETRY_INTERVAL = Duration.ofMillis(200);

    @Option(
            names = "--node",
            order = 630,
            paramLabel = "URL",
            split = ",",
            description = "Nodes beside those that the route names: kv://HOST:PORT, with commas between.")
    private List<String> nodes = List.of();

    @Option(
            names = "--timeout",
            order = 631,
            paramLabel = "TIME",
            defaultValue = "60s",
            description = "How long to go on with nodes that do not answer. Default: ${DEFAULT-VALUE}.")
    private Duration timeout = Duration.ofSeconds(60);

    @Option(
            names = "--node-timeout",
            order = 632,
            paramLabel = "TIME",
            defaultValue = "1s",
            description = "How long one node may take to answer before it is tried again. Default: ${DEFAULT-VALUE}.")
    private Duration nodeTimeout = Duration.ofSeconds(1);

    @Option(
            names = "--tls-ca",
            order = 633,
            paramLabel = "FILE",
            description = "The roots of the certificates of kvs:// nodes (PEM). Default: those of the Java runtime.")
    private @Nullable Path roots;

    List<String> nodes() {
        return nodes;
    }

    Duration timeout() {
        return timeout;
    }

    /** Returns the way to the nodes, which the caller closes. */
    KvTransport transport(ServiceId service) {
        return NodeTransports.open(service, null, roots);
    }

    private DocumentPush push(KvTransport transport) {
        return new DocumentPush(transport, nodeTimeout, RETRY_INTERVAL, System::nanoTime);
    }

    /** Asks everybody once, and those that do not answer a second time. */
    Coverage ask(ServiceId service, Collection<Target> targets) throws InterruptedException {
        try (KvTransport transport = transport(service);
                DocumentPush push = push(transport)) {
            return push.status(targets, RETRY_INTERVAL);
        }
    }

    /** Offers a document to everybody until all follow, or only such are left that refuse, or the time is over. */
    Coverage push(Console console, ServiceId service, byte[] document, Collection<Target> targets)
            throws InterruptedException {
        AtomicInteger settled = new AtomicInteger();
        try (KvTransport transport = transport(service);
                DocumentPush push = push(transport);
                ProgressLine progress = new ProgressLine(console)) {
            return push.push(List.of(document), targets, timeout, report -> {
                if (report.settled()) {
                    progress.show("nodes", settled.incrementAndGet(), targets.size());
                }
            });
        }
    }

    /** Prints one line for each node that does not follow. */
    static void printMissing(Console console, Coverage coverage) {
        for (NodeReport node : coverage.missing()) {
            console.out()
                    .line(PlainText.visible(
                            "missing " + node.endpoint() + "  " + node.state().label() + "  " + node.detail()));
        }
    }

    /** Adds who follows to a line of JSON. */
    static JsonLine describe(JsonLine line, Coverage coverage) {
        List<String> missing = new ArrayList<>();
        for (NodeReport node : coverage.missing()) {
            missing.add(new JsonLine()
                    .text("endpoint", node.endpoint())
                    .text("state", node.state().label())
                    .text("detail", node.detail())
                    .number("epoch", node.epoch())
                    .number("seq", node.seq())
                    .toString());
        }
        return line.bool("complete", coverage.complete())
                .number("holding", coverage.holding())
                .number("total", coverage.total())
                .number("millis", coverage.elapsed().toMillis())
                .json("missing", "[" + String.join(",", missing) + "]");
    }

    /** Fails where not all follow: with what is to be done, or with this where nothing better is known. */
    static void requireComplete(Coverage coverage, String otherwise) {
        if (coverage.complete() && coverage.total() > 0) {
            return;
        }
        String text = coverage.total() == 0
                ? "nobody follows: the route names no node, and none of its instances follows one; name nodes with --node"
                : coverage.holding() + " of " + coverage.total() + " follow; "
                        + (coverage.waits() ? "run it again, or start the nodes that are missing" : otherwise);
        throw new CommandException(
                coverage.waits() ? ExitCode.UNAVAILABLE : ExitCode.FAILURE, "incomplete", text, null);
    }
}
