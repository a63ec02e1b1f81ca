package io.nearkv.bench.micro;

import com.sun.management.ThreadMXBean;
import io.nearkv.bench.macro.Host;
import io.nearkv.bench.macro.KeySpace;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvStore;
import io.nearkv.core.ReadOptions;
import io.nearkv.net.client.KvClient;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * {@code kv-bench/run garbage}: the bytes that a remote get allocates, exactly, for the server and for the client (row 17). Both run in this process, on threads of their
 * own, and the JVM counts what each thread has allocated. The thread that asks makes nothing itself and only looks whether answers are there, so that what it
 * and the client's event loop allocate is the client's.
 */
public final class GarbagePerGet {
    private static final int IN_FLIGHT = 128;
    private static final int CONNECTIONS = 8;
    private static final int WARM_UP = 6_000;
    private static final int BATCHES = 4_000;
    private static final int ROUNDS = 5;
    /** Bytes of an array of 100 bytes with its header, in whole words. */
    private static final int VALUE_ARRAY_BYTES = 120;

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private final Key[] keys;
    private final int[] sequence;
    private final CompletableFuture<?>[] answers = new CompletableFuture<?>[IN_FLIGHT];
    private int at;

    private GarbagePerGet(KeySpace space) {
        keys = new Key[space.keys()];
        for (int i = 0; i < keys.length; i++) {
            keys[i] = Key.of(space.name(i));
        }
        sequence = space.sequence(1 << 20, 9);
    }

    /** Prints the figures for the engine and for the hash map. */
    public static void main(String[] args) throws Exception {
        System.out.println("machine: " + Host.describe());
        System.out.println("get 100 B, " + CONNECTIONS + " connections, " + IN_FLIGHT + " in flight, Zipf 0.99, "
                + ROUNDS + " rounds of " + BATCHES * IN_FLIGHT + " gets; bytes per get");
        int keyCount = args.length > 0 ? Integer.parseInt(args[0]) : 1_000_000;
        KeySpace space = new KeySpace(keyCount, 100, 0.99, 42);
        for (Backing backing : Backing.values()) {
            new GarbagePerGet(space).measure(backing, space);
        }
        System.out.println(
                "the client's share includes the value that it hands out: an array of " + VALUE_ARRAY_BYTES + " bytes");
    }

    private void measure(Backing backing, KeySpace space) throws Exception {
        Set<Long> before = ids();
        try (LoopbackServer server = new LoopbackServer(backing, space)) {
            try (KvClient client = server.connect(CONNECTIONS)) {
                KvStore store = client.store();
                run(server, store, WARM_UP);
                double[] ofServer = new double[ROUNDS];
                double[] ofClient = new double[ROUNDS];
                for (int round = 0; round < ROUNDS; round++) {
                    // By name: threads of either end may start late.
                    Set<Long> clientNow = new HashSet<>();
                    Set<Long> serverNow = new HashSet<>();
                    for (ThreadInfo each : threads.getThreadInfo(threads.getAllThreadIds())) {
                        if (each != null && !before.contains(each.getThreadId())) {
                            (each.getThreadName().contains(LoopbackServer.CLIENT) ? clientNow : serverNow)
                                    .add(each.getThreadId());
                        }
                    }
                    long serverBytes = allocated(serverNow);
                    long clientBytes = allocated(clientNow);
                    long ownBytes = threads.getThreadAllocatedBytes(
                            Thread.currentThread().getId());
                    run(server, store, BATCHES);
                    double gets = (double) BATCHES * IN_FLIGHT;
                    ofClient[round] = (allocated(clientNow)
                                    - clientBytes
                                    + threads.getThreadAllocatedBytes(
                                            Thread.currentThread().getId())
                                    - ownBytes)
                            / gets;
                    ofServer[round] = (allocated(serverNow) - serverBytes) / gets;
                }
                print(backing, "server", ofServer);
                print(backing, "client", ofClient);
            }
        }
    }

    private static void print(Backing backing, String end, double[] bytes) {
        Arrays.sort(bytes);
        System.out.println(String.format(
                Locale.ROOT,
                "%-6s %s %.1f (%.1f..%.1f)",
                backing.name().toLowerCase(Locale.ROOT),
                end,
                bytes[bytes.length / 2],
                bytes[0],
                bytes[bytes.length - 1]));
    }

    private Set<Long> ids() {
        Set<Long> ids = new HashSet<>();
        for (long id : threads.getAllThreadIds()) {
            ids.add(id);
        }
        return ids;
    }

    private long allocated(Set<Long> ids) {
        long sum = 0;
        for (long bytes : threads.getThreadAllocatedBytes(
                ids.stream().mapToLong(Long::longValue).toArray())) {
            sum += Math.max(0, bytes);
        }
        return sum;
    }

    /** Sends batches and looks for the answers without waiting: waiting would allocate. */
    private void run(LoopbackServer server, KvStore store, int batches) throws Exception {
        for (int batch = 0; batch < batches; batch++) {
            for (int i = 0; i < IN_FLIGHT; i++) {
                at = (at + 1) & (sequence.length - 1);
                answers[i] = store.get(server.namespace(), keys[sequence[at]], ReadOptions.DEFAULT);
            }
            for (int i = 0; i < IN_FLIGHT; i++) {
                CompletableFuture<?> answer = Objects.requireNonNull(answers[i]);
                while (!answer.isDone()) {
                    Thread.onSpinWait();
                }
                if (!(answer.join() instanceof GetResult.Found)) {
                    throw new IllegalStateException("a key is missing");
                }
            }
        }
    }
}
