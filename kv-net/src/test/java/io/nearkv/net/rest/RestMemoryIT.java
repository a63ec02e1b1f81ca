package io.nearkv.net.rest;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.Limits;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufAllocatorMetricProvider;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** A server in a process of its own with 512 MiB of heap takes 64 of the largest values at once, both ways, and then the largest bulk body. */
@EnabledIfSystemProperty(
        named = "nearkv.test.long",
        matches = "true",
        disabledReason = "takes 45 s; RestMemoryTest does it in short")
class RestMemoryIT {
    private static final int REQUESTS = 64;

    @TempDir
    Path folder;

    /** Serves until its standard input ends; then prints the most direct memory and budget that were ever taken. */
    public static final class Server {
        private Server() {}

        /** Serves out of the folder that is the argument. */
        public static void main(String[] arguments) throws Exception {
            try (RestRig rig = new RestRig.Setup(Path.of(arguments[0]))
                    .overEngine()
                    .loops(2)
                    .start()) {
                System.out.println(
                        rig.rest.address().getPort() + " " + rig.account + " " + rig.namespace + " " + rig.token());
                long[] most = new long[2];
                Thread sampler = new Thread(() -> sample(rig, most));
                sampler.setDaemon(true);
                sampler.start();
                while (System.in.read() >= 0) {}
                sampler.interrupt();
                sampler.join();
                System.out.println(most[0] + " " + most[1]);
            }
        }

        private static void sample(RestRig rig, long[] most) {
            ByteBufAllocatorMetricProvider allocator = (ByteBufAllocatorMetricProvider) ByteBufAllocator.DEFAULT;
            while (!Thread.currentThread().isInterrupted()) {
                most[0] = Math.max(most[0], allocator.metric().usedDirectMemory());
                most[1] = Math.max(most[1], rig.stats().bytesInFlight());
                java.util.concurrent.locks.LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(2));
            }
        }
    }

    private record Target(int port, String namespace, String token) {
        HttpSocket connect() throws IOException {
            return HttpSocket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        }

        byte[] request(String method, String path, long length) {
            return HttpSocket.Request.of(method, namespace + path)
                    .header("Authorization: Bearer " + token)
                    .header("Content-Length: " + length)
                    .bytes();
        }
    }

    @Test
    void sixty_four_of_the_largest_values_fit_in_512_mebibytes_of_heap_and_so_does_a_bulk_body_of_100_megabytes()
            throws Exception {
        Process server = new ProcessBuilder(
                        ProcessHandle.current().info().command().orElse("java"),
                        "-Xmx512m",
                        "-XX:+ExitOnOutOfMemoryError",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Server.class.getName(),
                        folder.resolve("data").toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try {
            BufferedReader output =
                    new BufferedReader(new InputStreamReader(server.getInputStream(), StandardCharsets.UTF_8));
            String[] ready = String.valueOf(output.readLine()).split(" ", -1);
            assertThat(ready).hasSize(4);
            Target target = new Target(
                    Integer.parseInt(ready[0]),
                    "/client/v4/accounts/" + ready[1] + "/storage/kv/namespaces/" + ready[2],
                    ready[3]);
            byte[] value = WithRest.random(Limits.MAX_VALUE_BYTES);
            atOnce(index -> {
                try (HttpSocket socket = target.connect()) {
                    socket.socket.setSoTimeout(120_000);
                    socket.send(target.request("PUT", "/values/k" + index, value.length), value);
                    Answer written = socket.read();
                    assertThat(written.status()).as(written.toString()).isEqualTo(200);
                }
            });
            atOnce(index -> {
                try (HttpSocket socket = target.connect()) {
                    socket.socket.setSoTimeout(120_000);
                    socket.send(target.request("GET", "/values/k" + index, 0));
                    socket.expect(value);
                }
            });
            bulk(target);
            chunksOfOne(target);

            try (PrintStream input = new PrintStream(server.getOutputStream(), true, StandardCharsets.UTF_8)) {
                input.println();
            }
            String[] most = String.valueOf(output.readLine()).split(" ", -1);
            assertThat(server.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(server.exitValue()).isZero();
            // The bulk body is counted, too; it is the larger one.
            assertThat(Long.parseLong(most[1])).isLessThan(140L * 1024 * 1024);
            assertThat(Long.parseLong(most[0])).isLessThan(REQUESTS * 1024L * 1024);
        } finally {
            server.destroyForcibly();
            assertThat(server.waitFor(30, TimeUnit.SECONDS)).isTrue();
        }
    }

    private interface Client {
        void run(int index) throws Exception;
    }

    /** Runs one client for each request at the same time. */
    private static void atOnce(Client client) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(REQUESTS);
        try {
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < REQUESTS; i++) {
                int index = i;
                all.add(threads.submit(() -> {
                    client.run(index);
                    return null;
                }));
            }
            for (Future<?> each : all) {
                each.get(180, TimeUnit.SECONDS);
            }
        } finally {
            threads.shutdownNow();
        }
    }

    private static void chunksOfOne(Target target) throws IOException {
        byte[] value = WithRest.random(1024 * 1024);
        try (HttpSocket socket = target.connect()) {
            socket.send(
                    HttpSocket.Request.of("PUT", target.namespace + "/values/chunks")
                            .header("Authorization: Bearer " + target.token)
                            .header("Transfer-Encoding: chunked")
                            .bytes(),
                    HttpSocket.chunksOfOne(value));
            assertThat(socket.read().status()).isEqualTo(200);
            socket.send(target.request("GET", "/values/chunks", 0));
            socket.expect(value);
        }
    }

    private static void bulk(Target target) throws IOException {
        for (boolean bad : new boolean[] {true, false}) {
            byte[] item = HttpSocket.latin1("\",\"value\":\"" + "v".repeat(999_000) + "\"},");
            byte[] end = HttpSocket.latin1(
                    (bad ? "{\"key\":\"..\",\"value\":\"\"}" : "{\"key\":\"end\",\"value\":\"\"}") + "]");
            int count = 99;
            long length = 1 + end.length + (long) count * (item.length + "{\"key\":\"bulk00".length());
            try (HttpSocket socket = target.connect()) {
                socket.socket.setSoTimeout(120_000);
                socket.send(target.request("PUT", "/bulk", length)).send("[");
                for (int i = 0; i < count; i++) {
                    socket.send(HttpSocket.latin1("{\"key\":\"bulk%02d".formatted(i)), item);
                }
                Answer answer = socket.send(end).read();
                assertThat(answer.status()).as(answer.toString()).isEqualTo(bad ? 400 : 200);
            }
            try (HttpSocket socket = target.connect()) {
                socket.send(target.request("GET", "/keys?prefix=bulk", 0));
                assertThat(socket.read().result().size()).isEqualTo(bad ? 0 : count);
            }
        }
    }
}
