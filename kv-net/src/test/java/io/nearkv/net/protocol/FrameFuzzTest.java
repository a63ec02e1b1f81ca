package io.nearkv.net.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.WriteOptions;
import io.nearkv.net.wire.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Whatever bytes come, the decoders of both sides either understand them or refuse them with an exception of theirs. A normal run tries the seeds in
 * {@code FrameFuzzTestInputs} and a round of seeded mutations; with {@code JAZZER_FUZZ=1} the fuzzer goes on from the seeds.
 */
class FrameFuzzTest {
    private static final Duration TIMEOUT = Limits.DEFAULT_TIMEOUT;

    @FuzzTest
    void any_bytes_are_understood_or_refused(byte[] data) {
        decodeAll(data);
    }

    @Test
    void mutated_frames_are_understood_or_refused() {
        long seed = Long.getLong("nearkv.test.seed", 20261107L);
        Random random = new Random(seed);
        var frames = GoldenFramesTest.frames().values().stream()
                .map(GoldenFramesTest::bytes)
                .toList();
        for (int round = 0; round < 20_000; round++) {
            byte[] bytes = frames.get(random.nextInt(frames.size())).clone();
            for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
            }
            // The length fits in most rounds, so that what is behind it is looked at.
            if (random.nextInt(8) != 0) {
                int length = bytes.length - Protocol.LENGTH_BYTES;
                for (int i = 0; i < Protocol.LENGTH_BYTES; i++) {
                    bytes[i] = (byte) (length >>> (24 - 8 * i));
                }
            }
            try {
                decodeAll(bytes);
            } catch (RuntimeException | AssertionError e) {
                throw new AssertionError("seed " + seed + ", round " + round, e);
            }
        }
    }

    private static void decodeAll(byte[] data) {
        ByteBuf in = Unpooled.directBuffer(Math.max(1, data.length)).writeBytes(data);
        try {
            FrameReader frame = new FrameReader(Protocol.MAX_FRAME_BYTES);
            while (frame.next(in)) {
                assertThat(frame.bodyOffset() + frame.bodyLength()).isEqualTo(in.readerIndex());
                assertThat(frame.bodyLength()).isNotNegative();
                try {
                    decode(in, frame);
                } catch (KvException refused) {
                    assertThat(refused.getMessage()).isNotEmpty();
                }
            }
        } catch (ProtocolException refused) {
            assertThat(refused.getMessage()).isNotEmpty();
        } finally {
            in.release();
        }
    }

    private static void decode(ByteBuf in, FrameReader frame) {
        Object decoded = switch (frame.type()) {
            case FrameType.HELLO -> Frames.parseHello(in, frame);
            case FrameType.GET -> {
                GetFrame.check(in, frame);
                ReadOptions options = GetFrame.options(in, frame, TIMEOUT);
                assertThat(options.timeout()).isPositive();
                yield GetFrame.key(in, frame);
            }
            case FrameType.PUT, FrameType.PUT_STREAM -> {
                PutFrame.check(in, frame);
                WriteOptions options = PutFrame.writeOptions(in, frame, TIMEOUT);
                assertThat(options.timeout()).isPositive();
                assertThat(PutFrame.putOptions(in, frame)).isNotNull();
                yield frame.type() == FrameType.PUT ? PutFrame.value(in, frame) : PutFrame.key(in, frame);
            }
            case FrameType.DELETE -> {
                DeleteFrame.check(in, frame);
                yield DeleteFrame.mutation(in, frame);
            }
            case FrameType.FOUND -> FoundFrame.read(in, frame);
            case FrameType.FOUND_STREAM -> FoundStreamFrame.read(in, frame);
            case FrameType.ERROR -> ErrorCodec.read(in, frame);
            case FrameType.WATCH -> FeedCodec.fromWire(Frames.parse(Wire.WatchRequest.parser(), in, frame));
            case FrameType.EVENTS ->
                Frames.parse(Wire.Events.parser(), in, frame).getEventsList().stream()
                        .map(FeedCodec::fromWire)
                        .toList();
            case FrameType.CALL -> {
                BodyReader<Wire.CallHeader> body =
                        new BodyReader<>(FrameType.CALL, Wire.CallHeader.parser(), Protocol.MAX_CALL_BYTES);
                body.begin(in, frame);
                body.items(
                        Wire.MutationItem.parser(),
                        item -> assertThat(EntryCodec.fromWire(item)).isNotNull());
                yield body.header();
            }
            case FrameType.REPLY -> {
                BodyReader<Wire.ReplyHeader> body =
                        new BodyReader<>(FrameType.REPLY, Wire.ReplyHeader.parser(), Protocol.MAX_REPLY_BYTES);
                body.begin(in, frame);
                body.items(
                        Wire.GetItem.parser(),
                        item -> assertThat(EntryCodec.fromWire(item)).isNotNull());
                yield body.header();
            }
            case FrameType.DATA -> {
                Object late = DataFrame.lateOptions(in, frame);
                yield late == null ? frame : late;
            }
            case FrameType.CREDIT -> Frames.readInt(in, frame);
            case FrameType.PING, FrameType.PONG -> Frames.readLong(in, frame);
            default -> Frames.parseExtension(in, frame);
        };
        assertThat(decoded).isNotNull();
    }
}
