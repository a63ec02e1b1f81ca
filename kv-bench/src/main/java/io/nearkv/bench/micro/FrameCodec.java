package io.nearkv.bench.micro;

import io.nearkv.bench.macro.KeySpace;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.ReadOptions;
import io.nearkv.net.protocol.FoundFrame;
import io.nearkv.net.protocol.FrameReader;
import io.nearkv.net.protocol.GetFrame;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Encoding and decoding of the frames of a get. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Thread)
@Fork(
        value = 3,
        jvmArgsAppend = {"-XX:-UsePerfData", "--enable-native-access=ALL-UNNAMED"})
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
public class FrameCodec {
    private static final int KEYS = 1 << 12;
    private static final int MAX_FRAME_BYTES = 128 * 1024;

    /** Bytes of the value. */
    @Param({"100", "1024"})
    public int valueBytes = 100;

    private final NamespaceId namespace = new NamespaceId(1, 2);
    private final FrameReader reader = new FrameReader(MAX_FRAME_BYTES);
    private final ByteBuf out = PooledByteBufAllocator.DEFAULT.directBuffer(4096);
    private final ByteBuf request = PooledByteBufAllocator.DEFAULT.directBuffer(4096);
    private final ByteBuf answer = PooledByteBufAllocator.DEFAULT.directBuffer(4096);
    private final Key[] keys = new Key[KEYS];
    private ByteBuffer value = ByteBuffer.allocate(0);
    private int at;

    /** Makes keys, a value, and a frame of each type to read. */
    @Setup(Level.Trial)
    public void prepare() {
        KeySpace space = new KeySpace(1_000_000, valueBytes, 0.99, 42);
        int[] sequence = space.sequence(KEYS, 3);
        for (int i = 0; i < KEYS; i++) {
            keys[i] = Key.of(space.name(sequence[i]));
        }
        value = ByteBuffer.wrap(space.values()[0]);
        GetFrame.write(request, 7, namespace, keys[0], ReadOptions.DEFAULT);
        FoundFrame.write(answer, 7, value.duplicate(), null, 42, 0);
    }

    /** Frees the buffers. */
    @TearDown(Level.Trial)
    public void free() {
        boolean unused = out.release() && request.release() && answer.release();
    }

    /** The client writes a request. */
    @Benchmark
    public int encodeGet() {
        at = (at + 1) & (KEYS - 1);
        out.clear();
        GetFrame.write(out, at, namespace, keys[at], ReadOptions.DEFAULT);
        return out.writerIndex();
    }

    /** The server reads a request, as far as the lookup needs it. */
    @Benchmark
    public long decodeGet() {
        request.readerIndex(0);
        boolean complete = reader.next(request);
        GetFrame.check(request, reader);
        return GetFrame.namespaceHigh(request, reader)
                + GetFrame.namespaceLow(request, reader)
                + GetFrame.keyLength(reader)
                + (GetFrame.isEventual(request, reader) && complete ? 1 : 0);
    }

    /** The server writes an answer. */
    @Benchmark
    public int encodeFound() {
        at = (at + 1) & (KEYS - 1);
        out.clear();
        FoundFrame.write(out, at, value.position(0), null, 42, 0);
        return out.writerIndex();
    }

    /** The client reads an answer, with the value in an array of its own. */
    @Benchmark
    public GetResult.Found decodeFound() {
        answer.readerIndex(0);
        if (!reader.next(answer)) {
            throw new IllegalStateException("frame is not complete");
        }
        return FoundFrame.read(answer, reader);
    }
}
