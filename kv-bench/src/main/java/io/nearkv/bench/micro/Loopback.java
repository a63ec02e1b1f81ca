package io.nearkv.bench.micro;

import io.nearkv.bench.macro.KeySpace;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvStore;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import io.nearkv.net.client.KvClient;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.Blackhole;

/**
 * A get and a put over the loopback interface through the real client and server, all in this process: threads x operations in flight, where each thread sends a batch and waits
 * for it. For the cost of the path and its garbage; throughput against peers is measured between processes.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(
        value = 3,
        jvmArgsAppend = {"-XX:-UsePerfData", "--enable-native-access=ALL-UNNAMED", "-Xmx2g"})
@Warmup(iterations = 4, time = 2)
@Measurement(iterations = 5, time = 2)
public class Loopback {
    private static final int IN_FLIGHT = 16;

    /** Server and client. */
    @State(Scope.Benchmark)
    public static class Both {
        /** What the server serves. */
        @Param
        public Backing backing = Backing.MAP;

        /** Connections of the client; also the threads, but for the lone request. */
        @Param({"8"})
        public int connections = 8;

        private final KeySpace space = new KeySpace(1_000_000, 100, 0.99, 42);
        private final Key[] keys = new Key[space.keys()];
        private final Value value = Value.of(space.values()[0]);
        private final int[] sequence = space.sequence(1 << 20, 5);
        private @Nullable LoopbackServer server;
        private @Nullable KvClient client;

        /** Starts and fills the server, and connects. */
        @Setup(Level.Trial)
        public void start() throws Exception {
            for (int i = 0; i < keys.length; i++) {
                keys[i] = Key.of(space.name(i));
            }
            server = new LoopbackServer(backing, space);
            client = server.connect(connections);
        }

        /** Stops both. */
        @TearDown(Level.Trial)
        public void stop() {
            Objects.requireNonNull(client).close();
            Objects.requireNonNull(server).close();
        }

        private KvStore store() {
            return Objects.requireNonNull(client).store();
        }

        private NamespaceId namespace() {
            return Objects.requireNonNull(server).namespace();
        }

        private Key key(Walk walk) {
            walk.at = (walk.at + 1) & (sequence.length - 1);
            return keys[sequence[walk.at]];
        }
    }

    /** Where a thread is in the sequence of keys. */
    @State(Scope.Thread)
    public static class Walk {
        private static final AtomicInteger THREADS = new AtomicInteger();

        private int at = THREADS.getAndIncrement() * 7919;
        private final CompletableFuture<?>[] answers = new CompletableFuture<?>[IN_FLIGHT];
    }

    /** One get at a time. */
    @Benchmark
    @Threads(1)
    public GetResult get1x1(Both both, Walk walk) throws Exception {
        return both.store()
                .get(both.namespace(), both.key(walk), ReadOptions.DEFAULT)
                .get();
    }

    /** One put at a time, fsynced where there is an engine. */
    @Benchmark
    @Threads(1)
    public WriteResult put1x1(Both both, Walk walk) throws Exception {
        return both.store()
                .write(both.namespace(), Mutation.put(both.key(walk), both.value), WriteOptions.DEFAULT)
                .get();
    }

    /** 8 threads, 16 gets each. */
    @Benchmark
    @Threads(8)
    @OperationsPerInvocation(IN_FLIGHT)
    public void get8x16(Both both, Walk walk, Blackhole blackhole) throws Exception {
        gets(both, walk, blackhole);
    }

    /** 8 threads, 16 puts each. */
    @Benchmark
    @Threads(8)
    @OperationsPerInvocation(IN_FLIGHT)
    public void put8x16(Both both, Walk walk, Blackhole blackhole) throws Exception {
        puts(both, walk, blackhole);
    }

    /** 64 threads, 16 gets each. */
    @Benchmark
    @Threads(64)
    @OperationsPerInvocation(IN_FLIGHT)
    public void get64x16(Both both, Walk walk, Blackhole blackhole) throws Exception {
        gets(both, walk, blackhole);
    }

    /** 64 threads, 16 puts each. */
    @Benchmark
    @Threads(64)
    @OperationsPerInvocation(IN_FLIGHT)
    public void put64x16(Both both, Walk walk, Blackhole blackhole) throws Exception {
        puts(both, walk, blackhole);
    }

    private static void gets(Both both, Walk walk, Blackhole blackhole) throws Exception {
        for (int i = 0; i < IN_FLIGHT; i++) {
            walk.answers[i] = both.store().get(both.namespace(), both.key(walk), ReadOptions.DEFAULT);
        }
        await(walk, blackhole);
    }

    private static void puts(Both both, Walk walk, Blackhole blackhole) throws Exception {
        for (int i = 0; i < IN_FLIGHT; i++) {
            walk.answers[i] = both.store()
                    .write(both.namespace(), Mutation.put(both.key(walk), both.value), WriteOptions.DEFAULT);
        }
        await(walk, blackhole);
    }

    private static void await(Walk walk, Blackhole blackhole) throws Exception {
        for (CompletableFuture<?> answer : walk.answers) {
            blackhole.consume(answer.get());
        }
    }
}
