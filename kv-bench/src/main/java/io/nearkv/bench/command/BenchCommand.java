package io.nearkv.bench.command;

import io.nearkv.bench.macro.Host;
import io.nearkv.bench.macro.KeySpace;
import io.nearkv.bench.macro.KvStoreTarget;
import io.nearkv.bench.macro.LoadReport;
import io.nearkv.bench.macro.LoadRun;
import io.nearkv.bench.macro.LoadSpec;
import io.nearkv.bench.macro.LoadTable;
import io.nearkv.bench.macro.Mix;
import io.nearkv.bench.macro.ProcessCpu;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.WriteOptions;
import io.nearkv.net.client.KvClient;
import io.nearkv.net.client.KvClientBuilder;
import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.ConnectionOptions;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.ServerAccess;
import java.io.IOException;
import java.time.Duration;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;

/** Loads a running server and says how it did. */
@Command(
        name = "bench",
        description =
                "Loads a running server and prints throughput, latencies and processor time. Exit code 1 if an answer "
                        + "was wrong, missing or late beyond the timeout.",
        footer = {
            "",
            "Closed loop (default): --connections x --in-flight operations are in flight all the time: throughput.",
            "Open loop (--rate): operations arrive at a fixed rate and count from when they should have been sent: latency.",
            "Blocking (--blocking-threads): threads that wait for each answer.",
            "",
            "Works in a namespace of its own, made if it is missing; 'nearkv namespace delete bench' removes it."
        })
final class BenchCommand extends BaseCommand {
    @Mixin
    private final ConnectionOptions connection = new ConnectionOptions();

    @Option(
            names = "--namespace",
            order = 1,
            paramLabel = "TITLE",
            defaultValue = "bench",
            description = "The namespace to work in; keys begin with 'bench/'. Default: ${DEFAULT-VALUE}.")
    private String namespace = "bench";

    @Option(
            names = "--connections",
            order = 2,
            paramLabel = "N",
            defaultValue = "8",
            description = "Connections, at most 64. Default: ${DEFAULT-VALUE}.")
    private int connections;

    @Option(
            names = "--in-flight",
            order = 3,
            paramLabel = "N",
            defaultValue = "16",
            description = "Operations in flight on each connection. Default: ${DEFAULT-VALUE}.")
    private int inFlight;

    @Option(
            names = "--rate",
            order = 4,
            paramLabel = "N",
            description = "Operations that arrive each second, whatever the server does.")
    private @Nullable Long rate;

    @Option(
            names = "--blocking-threads",
            order = 5,
            paramLabel = "N",
            description = "Threads that wait for each answer, over --connections.")
    private @Nullable Integer blockingThreads;

    @Option(
            names = "--duration",
            order = 6,
            paramLabel = "TIME",
            defaultValue = "10s",
            description = "Length of the measurement. Default: ${DEFAULT-VALUE}.")
    private Duration duration = Duration.ofSeconds(10);

    @Option(
            names = "--warm-up",
            order = 7,
            paramLabel = "TIME",
            defaultValue = "5s",
            description = "The same load before it. Default: ${DEFAULT-VALUE}.")
    private Duration warmUp = Duration.ofSeconds(5);

    @Option(
            names = "--keys",
            order = 8,
            paramLabel = "N",
            defaultValue = "1000000",
            description = "How many keys. Default: ${DEFAULT-VALUE}.")
    private int keys;

    @Option(
            names = "--value-bytes",
            order = 9,
            paramLabel = "N",
            defaultValue = "100",
            description = "Bytes of each value. Default: ${DEFAULT-VALUE}.")
    private int valueBytes;

    @Option(
            names = "--zipf",
            order = 10,
            paramLabel = "X",
            defaultValue = "0.99",
            description = "How skewed the choice of keys is; 0 for all alike. Default: ${DEFAULT-VALUE}.")
    private double zipf;

    @Option(
            names = "--mix",
            order = 11,
            paramLabel = "MIX",
            defaultValue = "get=100",
            description =
                    "What to do, such as get=90,put=10; also delete, and list (100 names). Default: ${DEFAULT-VALUE}.")
    private String mix = "get=100";

    @Option(
            names = "--durability",
            order = 12,
            paramLabel = "fsync|buffered",
            defaultValue = "fsync",
            description = "When writes are acknowledged. Default: ${DEFAULT-VALUE}.")
    private String durability = "fsync";

    @Option(names = "--no-fill", order = 13, description = "The keys are there already from an earlier run.")
    private boolean noFill;

    @Option(
            names = "--io-threads",
            order = 14,
            paramLabel = "N",
            defaultValue = "1",
            description = "Event loops of the client. Default: ${DEFAULT-VALUE}.")
    private int ioThreads;

    @Option(
            names = "--spin",
            order = 15,
            paramLabel = "TIME",
            defaultValue = "0ms",
            description =
                    "How long these look for more work before they sleep, at most 1ms. Default: ${DEFAULT-VALUE}.")
    private Duration spin = Duration.ZERO;

    @Option(
            names = "--server-pid",
            order = 16,
            paramLabel = "PID",
            description = "The server's process on this machine: its processor time is reported too.")
    private @Nullable Long serverPid;

    @Option(
            names = "--seed",
            order = 17,
            paramLabel = "N",
            defaultValue = "42",
            description = "Where the random numbers begin. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Option(names = "--json", order = 18, description = "Print one JSON object.")
    private boolean json;

    BenchCommand(Console console) {
        super(console);
    }

    /** What {@code --json} prints. */
    private record Document(Host host, LoadReport load) {}

    @Override
    protected ExitCode run() throws IOException, InterruptedException {
        LoadSpec spec;
        KeySpace space;
        WriteOptions writes;
        KvClientBuilder builder;
        ServerAccess access = connection.resolve(console());
        try {
            spec = spec();
            space = new KeySpace(keys, valueBytes, zipf, seed);
            writes = writeOptions().withTimeout(connection.timeout());
            builder = builder(access);
        } catch (IllegalArgumentException e) {
            throw CommandException.usage(String.valueOf(e.getMessage()));
        }
        try (KvClient client = builder.build()) {
            NamespaceId id = namespace(client.kv());
            // Closing the target closes the store and with it the client, which may be closed twice.
            try (KvStoreTarget target = new KvStoreTarget(client.store(), id, space, writes)) {
                LoadRun run = new LoadRun(target, space, serverPid == null ? ProcessCpu.UNKNOWN : serverPid);
                if (!noFill) {
                    note(String.format(Locale.ROOT, "putting %,d keys (--no-fill skips this)", keys));
                    KvStoreTarget filling = new KvStoreTarget(client.store(), id, space, WriteOptions.BUFFERED);
                    LoadReport unused = new LoadRun(filling, space, ProcessCpu.UNKNOWN).fill();
                }
                note("loading for " + warmUp.plus(duration).toSeconds() + " s");
                return print(run.run(spec));
            }
        }
    }

    private void note(String text) {
        if (console().errIsTerminal()) {
            console().err().println(text);
        }
    }

    private LoadSpec spec() {
        if (rate != null && blockingThreads != null) {
            throw new IllegalArgumentException("--rate and --blocking-threads exclude each other");
        }
        LoadSpec.Style style = rate != null
                ? LoadSpec.Style.OPEN_LOOP
                : blockingThreads != null ? LoadSpec.Style.BLOCKING : LoadSpec.Style.CLOSED_LOOP;
        return new LoadSpec(
                style,
                connections,
                inFlight,
                blockingThreads == null ? 0 : blockingThreads,
                rate == null ? 0 : rate,
                Mix.parse(mix),
                warmUp,
                duration);
    }

    private WriteOptions writeOptions() {
        return switch (durability.toLowerCase(Locale.ROOT)) {
            case "fsync" -> WriteOptions.DEFAULT;
            case "buffered" -> WriteOptions.BUFFERED;
            default ->
                throw new IllegalArgumentException("--durability: " + durability + " (expected: fsync or buffered)");
        };
    }

    private KvClientBuilder builder(ServerAccess access) {
        KvClientBuilder builder = KvClient.builder()
                .token(access.token())
                .name("nearkv-bench")
                .connections(connections)
                .ioThreads(ioThreads)
                .spin(spin)
                .timeout(access.timeout());
        access.addresses().forEach(builder::server);
        if (access.tlsCa() != null) {
            builder.trust(access.tlsCa());
        }
        if (access.tlsCertificate() != null && access.tlsKey() != null) {
            builder.clientCertificate(access.tlsCertificate(), access.tlsKey());
        }
        return builder;
    }

    private NamespaceId namespace(Kv kv) {
        try {
            return kv.namespace(namespace).info().id();
        } catch (KvException e) {
            if (e.code() != ErrorCode.NOT_FOUND) {
                throw e;
            }
            return kv.namespaces().create(namespace).id();
        }
    }

    private ExitCode print(LoadReport report) {
        if (json) {
            console()
                    .out()
                    .line(JsonMapper.builder().build().writeValueAsString(new Document(Host.describe(), report)));
        } else {
            console().out().line("machine      " + Host.describe());
            LoadTable.lines(report).forEach(console().out()::line);
        }
        if (!report.sound()) {
            throw CommandException.failed(
                    "load",
                    "not every operation got the answer that it must get: the figures above mean nothing",
                    null);
        }
        return ExitCode.DONE;
    }
}
