package io.nearkv.server.program;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.identity.JoinDocument;
import io.nearkv.core.identity.NodeAuthority;
import io.nearkv.net.client.KvClient;
import io.nearkv.net.server.KvServer;
import io.nearkv.net.server.KvServerOptions;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/** An instance of a build, as a process of its own, whose reads take a few milliseconds and can be made to fail or to be slow: {@code FAILING-SHARE SLOWNESS} as a line on standard input. */
final class TestBuild {
    /** Answers take this long on average, spread exponentially: the 99th percentile is at about 14 ms. */
    private static final double MEAN_MICROS = 3_000;
    /** Beyond this an answer is among the slowest tenth. */
    private static final double SLOW_MICROS = 2.3 * MEAN_MICROS;

    private static volatile double failing;
    private static volatile double slowness = 1;

    private TestBuild() {}

    /** Runs one: the join file, the data folder, the core, the port. */
    public static void main(String[] args) throws IOException {
        Path folder = Path.of(args[1]);
        Files.createDirectories(folder);
        JoinDocument.read(Path.of(args[0])).unpack(folder);
        JoinDocument.Unpacked node = requireNonNull(JoinDocument.unpacked(folder));
        try (NodeAuthority authority =
                        NodeAuthority.open(node.environment(), node.files(), null, InstantSource.system());
                KvClient core = KvClient.builder()
                        .token(node.token())
                        .environment(node.environment().name())
                        .server(args[2])
                        .build();
                KvServer server = KvServer.start(
                        faulty(core.store()),
                        authority,
                        KvServerOptions.listeningOn(new InetSocketAddress(
                                        InetAddress.getLoopbackAddress(), Integer.parseInt(args[3])))
                                .withOperatorAccount(node.account())
                                .withIdentity("test", () -> 0))) {
            System.out.println("nearkv ready kv://127.0.0.1:" + server.address().getPort() + " environment="
                    + node.environment().name() + " account=" + node.account() + " build=" + authority.buildId());
            BufferedReader in = new BufferedReader(new InputStreamReader(System.in, UTF_8));
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                String[] words = line.split(" ", -1);
                failing = Double.parseDouble(words[0]);
                slowness = Double.parseDouble(words[1]);
            }
        }
    }

    private static KvStore faulty(KvStore store) {
        return (KvStore) Proxy.newProxyInstance(
                TestBuild.class.getClassLoader(), new Class<?>[] {KvStore.class}, (self, method, arguments) -> {
                    if (method.getName().equals("directReader")) {
                        return null;
                    }
                    ThreadLocalRandom random = ThreadLocalRandom.current();
                    // A server answers a get by opening the entry: a large value goes out piece by piece.
                    boolean read =
                            method.getName().equals("open") || method.getName().equals("get");
                    if (read && random.nextDouble() < failing) {
                        return CompletableFuture.failedFuture(new KvException(ErrorCode.INTERNAL, "fails for a test"));
                    }
                    try {
                        Object answer = method.invoke(store, arguments);
                        if (!read || !(answer instanceof CompletableFuture<?> future)) {
                            return answer;
                        }
                        double micros = -MEAN_MICROS * Math.log(1 - random.nextDouble());
                        long delay = (long) (micros > SLOW_MICROS ? micros * slowness : micros);
                        return future.thenCombine(
                                CompletableFuture.supplyAsync(
                                        () -> delay,
                                        CompletableFuture.delayedExecutor(delay, TimeUnit.MICROSECONDS, Runnable::run)),
                                (result, unused) -> result);
                    } catch (InvocationTargetException e) {
                        throw requireNonNull(e.getCause());
                    }
                });
    }
}
