package io.nearkv.net.rest;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufAllocatorMetricProvider;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Large values pass through the server in a few pieces, however many are on their way and however slow their clients are. */
class RestMemoryTest extends WithRest {
    private static final int REQUESTS = 64;
    private static final int VALUE_BYTES = 3 * MIB;

    /** The stream window of an upload, and the piece that every request is admitted with. */
    private static final long MOST_COUNTED_BYTES = 320L * 1024;

    /** What is counted, read buffers, and what an allocator rounds up. */
    private static final long MOST_BUFFER_BYTES = 700L * 1024;

    private static long directMemory() {
        return ((ByteBufAllocatorMetricProvider) ByteBufAllocator.DEFAULT)
                .metric()
                .usedDirectMemory();
    }

    private static void closeAll(List<HttpSocket> sockets) throws IOException {
        for (HttpSocket socket : sockets) {
            socket.close();
        }
    }

    @Test
    void uploads_hold_a_few_hundred_kibibytes_each_while_their_clients_pause() throws IOException {
        use(setup().overEngine().start());
        byte[] value = random(VALUE_BYTES);
        byte[] part = Arrays.copyOf(value, VALUE_BYTES - 1);
        long before = directMemory();
        List<HttpSocket> sockets = new ArrayList<>();
        try {
            for (int i = 0; i < REQUESTS; i++) {
                HttpSocket socket = rig().connect();
                sockets.add(socket);
                socket.send(request("PUT", value("k" + i), "Content-Length: " + VALUE_BYTES), part);
            }
            eventually().until(() -> rig().stats().streams() == REQUESTS);
            assertThat(rig().stats().bytesInFlight()).isLessThanOrEqualTo(REQUESTS * MOST_COUNTED_BYTES);
            assertThat(directMemory() - before).isLessThan(REQUESTS * MOST_BUFFER_BYTES);
            for (HttpSocket socket : sockets) {
                assertThat(socket.send(new byte[] {value[VALUE_BYTES - 1]})
                                .read()
                                .status())
                        .isEqualTo(200);
            }
            assertThat(call("GET", value("k0")).body()).isEqualTo(value);
        } finally {
            closeAll(sockets);
        }
    }

    @Test
    void downloads_hold_a_few_hundred_kibibytes_each_while_nobody_reads_them() throws IOException {
        use(setup().overEngine().start());
        byte[] value = store("k", 25 * MIB);
        long before = directMemory();
        List<HttpSocket> sockets = new ArrayList<>();
        try {
            for (int i = 0; i < REQUESTS; i++) {
                HttpSocket socket = rig().connect();
                sockets.add(socket);
                socket.send(request("GET", value("k")));
            }
            long[] last = {-1};
            eventually().pollInterval(java.time.Duration.ofMillis(500)).until(() -> {
                long now = rig().stats().bytesWritten();
                boolean still = now == last[0];
                last[0] = now;
                return still && rig().stats().streams() == REQUESTS;
            });
            assertThat(rig().stats().bytesInFlight()).isLessThanOrEqualTo(REQUESTS * MOST_COUNTED_BYTES);
            assertThat(directMemory() - before).isLessThan(REQUESTS * MOST_BUFFER_BYTES);
            assertThat(sockets.get(0).read().body()).isEqualTo(value);
            assertThat(sockets.get(REQUESTS - 1).read().body()).isEqualTo(value);
        } finally {
            closeAll(sockets);
        }
    }

    @Test
    void an_upload_that_finds_no_room_is_503_and_gives_back_what_it_has() throws IOException {
        use(setup().limits(limits -> limits.maxBytesInFlight(300 * 1024).streamWindowBytes(256 * 1024))
                .start());
        try (HttpSocket first = rig().connect();
                HttpSocket second = rig().connect()) {
            first.send(request("PUT", value("a"), "Content-Length: 200000"), new byte[100_000]);
            eventually().until(() -> rig().stats().streams() == 1);
            second.send(request("PUT", value("b"), random(100_000)));
            Answer shed = second.read();
            assertThat(shed.refusal()).isEqualTo("503 10503");
            assertThat(shed.header("retry-after")).isEqualTo("1");
            first.send(new byte[100_000]);
            assertThat(first.read().status()).isEqualTo(200);
            second.send(request("PUT", value("b"), random(100_000)));
            assertThat(second.read().status()).isEqualTo(200);
        }
        assertThat(rig().stats().shed()).isEqualTo(1);
    }
}
