package io.nearkv.bench.compare;

import io.nearkv.bench.macro.KeySpace;
import io.nearkv.bench.macro.KvStoreTarget;
import io.nearkv.bench.macro.LoadRun;
import io.nearkv.bench.macro.LoadSpec;
import io.nearkv.bench.macro.Target;
import io.nearkv.bench.peer.EchoTarget;
import io.nearkv.bench.peer.EtcdTarget;
import io.nearkv.bench.peer.JedisTarget;
import io.nearkv.bench.peer.LettuceTarget;
import io.nearkv.core.AccountId;
import io.nearkv.core.KvStore;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.WriteOptions;
import io.nearkv.net.client.KvClient;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/**
 * The client process of one side. Reads a {@link WorkerSetup} as its first line of standard input, then commands: {@code fill}, or a {@link LoadSpec} as JSON. Answers each
 * line with one that begins with {@code done}, {@code report} or {@code failed}. Ends with its input.
 */
final class LoadWorker {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final WorkerSetup setup;
    private final KeySpace space;
    private final InetSocketAddress address;
    private final Target target;
    private final @Nullable KvStore store;
    private final @Nullable NamespaceId namespace;

    private LoadWorker(WorkerSetup setup) throws Exception {
        this.setup = setup;
        KeySpace standard = KeySpace.standard();
        this.space = new KeySpace(setup.keys(), setup.valueBytes(), standard.zipfExponent(), standard.seed());
        this.address = InetSocketAddress.createUnresolved(setup.host(), setup.port());
        switch (setup.client()) {
            case NEARKV -> {
                KvStore opened = connect(setup);
                NamespaceId id = opened.admin()
                        .namespace(AccountId.parse(String.valueOf(setup.account())), "default")
                        .get(10, TimeUnit.SECONDS)
                        .id();
                store = opened;
                namespace = id;
                target = new KvStoreTarget(
                        opened,
                        id,
                        space,
                        setup.buffered() ? WriteOptions.BUFFERED : WriteOptions.DEFAULT,
                        setup.strong() ? ReadOptions.STRONG : ReadOptions.DEFAULT);
            }
            case JEDIS -> {
                store = null;
                namespace = null;
                target = new JedisTarget(address, space);
            }
            case LETTUCE -> {
                store = null;
                namespace = null;
                target = new LettuceTarget(address, space, setup.connections());
            }
            case ETCD -> {
                store = null;
                namespace = null;
                target = new EtcdTarget(address, space, setup.connections());
            }
            case ECHO -> {
                store = null;
                namespace = null;
                target = new EchoTarget(
                        new InetSocketAddress(InetAddress.getByName(setup.host()), setup.port()), setup.connections());
            }
            default -> throw new IllegalArgumentException("client: " + setup.client());
        }
    }

    private long[] pids() {
        return setup.serverPids().stream().mapToLong(Long::longValue).toArray();
    }

    private static KvStore connect(WorkerSetup setup) throws InterruptedException {
        KvClient client = KvClient.builder()
                .server("kv://" + setup.host() + ":" + setup.port())
                .token(String.valueOf(setup.token()))
                .name("bench")
                .connections(setup.connections())
                // One processor is all that a side has.
                .ioThreads(1)
                .spin(Duration.ofNanos(TimeUnit.MICROSECONDS.toNanos(setup.spinMicros())))
                .build();
        client.awaitReady(Duration.ofSeconds(10));
        return client.store();
    }

    /** Runs the worker; see the class. */
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        LoadWorker worker = new LoadWorker(JSON.readValue(in.readLine(), WorkerSetup.class));
        System.out.println("done");
        LoadRun run = new LoadRun(worker.target, worker.space, worker.pids());
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            try {
                if (line.equals("fill")) {
                    worker.fill();
                    System.out.println("done");
                } else {
                    System.out.println(
                            "report " + JSON.writeValueAsString(run.run(JSON.readValue(line, LoadSpec.class))));
                }
            } catch (RuntimeException | InterruptedException e) {
                System.out.println("failed " + e.toString().lines().findFirst().orElse(""));
            }
        }
        worker.target.close();
    }

    /** Puts every key. Nothing here is measured, so the fastest way is taken. */
    private void fill() throws InterruptedException {
        switch (setup.client()) {
            case NEARKV -> {
                if (store != null && namespace != null) {
                    // Not closed: it would close the store.
                    Target buffered = new KvStoreTarget(store, namespace, space, WriteOptions.BUFFERED);
                    new LoadRun(buffered, space, pids()).fill();
                }
            }
            case JEDIS, LETTUCE -> new JedisTarget(address, space).fill(setup.withNames());
            case ETCD -> new LoadRun(target, space, pids()).fill();
            case ECHO -> {}
        }
    }
}
