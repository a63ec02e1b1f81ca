package io.nearkv.net.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.nearkv.core.BatchResult;
import io.nearkv.core.Condition;
import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KeyInfo;
import io.nearkv.core.KvException;
import io.nearkv.core.ListOptions;
import io.nearkv.core.Metadata;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.Origin;
import io.nearkv.core.Position;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.net.wire.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/**
 * The bytes of every frame. They are what clients in other languages and older builds speak: a change here is a change of the protocol, and changes
 * {@code docs/protocol.md} too. {@code -Dnearkv.golden.write=true} writes the file anew, so that its difference can be read.
 */
class GoldenFramesTest {
    private static final Path FILE = Path.of("src/test/resources/golden/frames.txt");
    private static final int BYTES_PER_LINE = 16;

    static final NamespaceId NAMESPACE = NamespaceId.parse("000102030405060708090a0b0c0d0e0f");
    static final Key KEY = Key.of("käse");
    static final Metadata METADATA = Metadata.ofJson("{\"a\":1}");

    /** Returns every kind of frame, by a name that says what it is. */
    static Map<String, Consumer<ByteBuf>> frames() {
        Map<String, Consumer<ByteBuf>> frames = new LinkedHashMap<>();
        frames.put(
                "HELLO, id 1: versions 1 to 1, token t, environment production, client c 0.1, window 256 KiB",
                out -> Frames.writeHello(
                        out,
                        1,
                        Wire.Hello.newBuilder()
                                .setMinVersion(1)
                                .setMaxVersion(1)
                                .setToken("t")
                                .setExpectedEnvironment("production")
                                .setClientName("c")
                                .setClientVersion("0.1")
                                .setStreamWindowBytes(262_144)
                                .build()));
        frames.put(
                "HELLO_OK, id 1",
                out -> Frames.writeMessage(
                        out,
                        FrameType.HELLO_OK,
                        0,
                        1,
                        Wire.HelloOk.newBuilder()
                                .setVersion(1)
                                .setEnvironment("production")
                                .setBuildId("b1")
                                .setBuildToken("bt")
                                .setAccount(ByteString.copyFrom(new byte[16]))
                                .setLineage(0x00c0ffee00c0ffeeL)
                                .setServerVersion("0.1")
                                .setLimits(Wire.ConnectionLimits.newBuilder()
                                        .setMaxFrameBytes(131_072)
                                        .setMaxRequestsInFlight(1024)
                                        .setMaxBytesInFlight(138_412_032)
                                        .setMaxWatches(64)
                                        .setStreamWindowBytes(262_144)
                                        .setMaxTimeoutMillis(3_600_000)
                                        .setIdleTimeoutMillis(300_000))
                                .build()));
        frames.put("GET, id 2: eventual, 10 s", out -> GetFrame.write(out, 2, NAMESPACE, KEY, ReadOptions.EVENTUAL));
        frames.put(
                "GET, id 0xffffffff: strong, 1 ms",
                out -> GetFrame.write(out, -1, NAMESPACE, KEY, ReadOptions.STRONG.withTimeout(Duration.ofNanos(1))));
        frames.put(
                "GET, id 3: at most 1.5 s stale, in the extension",
                out -> GetFrame.write(out, 3, NAMESPACE, KEY, ReadOptions.bounded(Duration.ofMillis(1500))));
        frames.put(
                "GET, id 4: after position 00c0ffee00c0ffee-7, in the extension",
                out -> GetFrame.write(
                        out, 4, NAMESPACE, KEY, ReadOptions.session(Position.parse("00c0ffee00c0ffee-7"))));
        frames.put(
                "PUT, id 5: value abc",
                out -> PutFrame.write(
                        out,
                        5,
                        NAMESPACE,
                        new Mutation.Put(KEY, Value.of("abc"), PutOptions.DEFAULT),
                        WriteOptions.DEFAULT));
        frames.put(
                "PUT, id 6: metadata, expires at 4102444800, if version 7, buffered, empty value",
                out -> PutFrame.write(
                        out,
                        6,
                        NAMESPACE,
                        new Mutation.Put(
                                KEY,
                                Value.empty(),
                                new PutOptions(METADATA, 4_102_444_800L, 0, Condition.ifVersion(7))),
                        WriteOptions.BUFFERED));
        frames.put(
                "PUT, id 7: time to live 3600 s, if absent",
                out -> PutFrame.write(
                        out,
                        7,
                        NAMESPACE,
                        new Mutation.Put(KEY, Value.of("x"), new PutOptions(null, 0, 3600, Condition.IF_ABSENT)),
                        WriteOptions.DEFAULT));
        frames.put(
                "DELETE, id 8: if present",
                out -> DeleteFrame.write(
                        out, 8, NAMESPACE, new Mutation.Delete(KEY, Condition.IF_PRESENT), WriteOptions.DEFAULT));
        frames.put(
                "PUT_STREAM, id 9: 100000 bytes to come, metadata",
                out -> PutFrame.writeStream(
                        out, 9, NAMESPACE, KEY, PutOptions.metadata(METADATA), WriteOptions.DEFAULT, 100_000));
        frames.put(
                "PUT_STREAM, id 10: length not known yet",
                out -> PutFrame.writeStream(
                        out, 10, NAMESPACE, KEY, PutOptions.DEFAULT, WriteOptions.DEFAULT, Protocol.UNKNOWN_LENGTH));
        frames.put("DATA, id 9: abc", out -> data(out, 9, 0, "abc"));
        frames.put("DATA, id 9: nothing more, END", out -> data(out, 9, FrameType.FLAG_END, ""));
        frames.put(
                "DATA, id 9: END with late options: metadata, time to live 60 s, if absent",
                out -> DataFrame.writeEnd(out, 9, new PutOptions(METADATA, 0, 60, Condition.IF_ABSENT)));
        frames.put("CREDIT, id 9: 65536", out -> Frames.writeInt(out, FrameType.CREDIT, 9, 65_536));
        frames.put("CANCEL, id 9", out -> Frames.writeEmpty(out, FrameType.CANCEL, 9));
        frames.put("PING, id 0: 42", out -> Frames.writeLong(out, FrameType.PING, 0, 42));
        frames.put("PONG, id 0: 42", out -> Frames.writeLong(out, FrameType.PONG, 0, 42));
        frames.put(
                "FOUND, id 2: version 7, expires at 4102444800, metadata, value abc",
                out -> FoundFrame.write(
                        out,
                        2,
                        ByteBuffer.wrap(new byte[] {'a', 'b', 'c'}),
                        METADATA.asByteBuffer(),
                        7,
                        4_102_444_800L));
        frames.put(
                "FOUND, id 2: version 7, empty value",
                out -> FoundFrame.write(out, 2, ByteBuffer.allocate(0), null, 7, 0));
        frames.put(
                "FOUND, id 2: version 7, value a, from the memory of a cache, 1.5 s old",
                out -> FoundFrame.write(
                        out,
                        2,
                        GetResult.Found.wrap(new byte[] {'a'}, null, 7, 0)
                                .withOrigin(Origin.of(Origin.Source.MEMORY, Duration.ofMillis(1500)))));
        frames.put(
                "MISSING, id 2: stale, 2 min old",
                out -> Frames.writeMissing(
                        out, 2, GetResult.Missing.of(0, Origin.of(Origin.Source.STALE, Duration.ofMinutes(2)))));
        frames.put(
                "MISSING, id 2: as of version 9",
                out -> Frames.writeMissing(out, 2, GetResult.Missing.of(9, Origin.OWNER)));
        frames.put(
                "GET, id 2: eventual, no copy older than 30 s, 1 min more if nobody answers",
                out -> GetFrame.write(
                        out,
                        2,
                        NAMESPACE,
                        KEY,
                        ReadOptions.EVENTUAL
                                .withCacheTtl(Duration.ofSeconds(30))
                                .withStaleIfError(Duration.ofMinutes(1))));
        frames.put("MISSING, id 2", out -> Frames.writeEmpty(out, FrameType.MISSING, 2));
        frames.put("WRITTEN, id 5: version 8", out -> Frames.writeLong(out, FrameType.WRITTEN, 5, 8));
        frames.put(
                "CONDITION_FAILED, id 6: version 8 is there",
                out -> Frames.writeLong(out, FrameType.CONDITION_FAILED, 6, 8));
        frames.put(
                "FOUND_STREAM, id 2: version 7, 100000 bytes, metadata",
                out -> FoundStreamFrame.write(out, 2, new StreamHead(7, 0, 100_000, METADATA)));
        frames.put(
                "CALL, id 11: get_all of two keys, strong, 5 s",
                out -> BodyWriter.of(
                                Wire.CallHeader.newBuilder()
                                        .setTimeoutMillis(5000)
                                        .setGetAll(Wire.GetAll.newBuilder()
                                                .setNamespace(EntryCodec.toWire(NAMESPACE))
                                                .setOptions(OptionsCodec.toWire(ReadOptions.STRONG)))
                                        .build(),
                                List.of(KEY, Key.of("b")),
                                EntryCodec::toWire)
                        .writeFirst(out, FrameType.CALL, 11));
        frames.put(
                "REPLY, id 11: found, missing",
                out -> BodyWriter.of(
                                Wire.ReplyHeader.getDefaultInstance(),
                                List.of(
                                        GetResult.Found.wrap(new byte[] {'a'}, METADATA, 7, 0),
                                        GetResult.Missing.INSTANCE),
                                EntryCodec::toWire)
                        .writeFirst(out, FrameType.REPLY, 11));
        frames.put(
                "CALL, id 12: write_all of a put and a delete",
                out -> mutations(Wire.CallHeader.newBuilder()
                                .setWriteAll(Wire.WriteAll.newBuilder().setNamespace(EntryCodec.toWire(NAMESPACE)))
                                .build())
                        .writeFirst(out, FrameType.CALL, 12));
        frames.put(
                "REPLY, id 12: version 8, condition failed at version 9",
                out -> BodyWriter.of(
                                Wire.ReplyHeader.getDefaultInstance(),
                                List.of(new WriteResult.Applied(8), new WriteResult.ConditionFailed(9)),
                                EntryCodec::toWire)
                        .writeFirst(out, FrameType.REPLY, 12));
        frames.put(
                "CALL, id 13: batch, buffered",
                out -> mutations(Wire.CallHeader.newBuilder()
                                .setBatch(Wire.Batch.newBuilder()
                                        .setNamespace(EntryCodec.toWire(NAMESPACE))
                                        .setDurability(Wire.Durability.BUFFERED))
                                .build())
                        .writeFirst(out, FrameType.CALL, 13));
        frames.put(
                "REPLY, id 13: versions 8 to 9",
                out -> reply(
                        out,
                        13,
                        Wire.ReplyHeader.newBuilder()
                                .setBatch(EntryCodec.toWire((BatchResult) new BatchResult.Applied(8, 9)))
                                .build()));
        frames.put(
                "REPLY, id 13: condition of operation 1 failed at version 5",
                out -> reply(
                        out,
                        13,
                        Wire.ReplyHeader.newBuilder()
                                .setBatch(EntryCodec.toWire((BatchResult) new BatchResult.ConditionFailed(1, 5)))
                                .build()));
        frames.put(
                "CALL, id 14: list, prefix a/, at most 10",
                out -> BodyWriter.of(Wire.CallHeader.newBuilder()
                                .setList(EntryCodec.toWire(
                                                ListOptions.prefix("a/").withLimit(10))
                                        .setNamespace(EntryCodec.toWire(NAMESPACE)))
                                .build())
                        .writeFirst(out, FrameType.CALL, 14));
        frames.put(
                "REPLY, id 14: one key, cursor c",
                out -> BodyWriter.ofItems(
                                Wire.ReplyHeader.newBuilder()
                                        .setList(Wire.ListReply.newBuilder().setNextCursor("c"))
                                        .build(),
                                List.of(new KeyInfo(KEY, 7, METADATA, 0, 3)),
                                EntryCodec::toWire)
                        .writeFirst(out, FrameType.REPLY, 14));
        frames.put(
                "CALL, id 15: get_all whose body of 80021 bytes is continued",
                out -> BodyWriter.of(
                                Wire.CallHeader.newBuilder()
                                        .setGetAll(Wire.GetAll.newBuilder().setNamespace(EntryCodec.toWire(NAMESPACE)))
                                        .build(),
                                java.util.Collections.nCopies(10_000, KEY),
                                EntryCodec::toWire)
                        .writeFirst(out, FrameType.CALL, 15));
        frames.put(
                "WATCH, id 16: prefix a/, after 00c0ffee00c0ffee-7, heartbeat 1 s, 100 credits",
                out -> Frames.writeMessage(
                        out,
                        FrameType.WATCH,
                        0,
                        16,
                        FeedCodec.toWire(
                                FeedRequest.of(
                                                NAMESPACE,
                                                new FeedRequest.Start.After(Position.parse("00c0ffee00c0ffee-7")))
                                        .withPrefix("a/"),
                                100)));
        frames.put(
                "EVENTS, id 16: a put, a heartbeat",
                out -> Frames.writeMessage(
                        out,
                        FrameType.EVENTS,
                        0,
                        16,
                        Wire.Events.newBuilder()
                                .addEvents(FeedCodec.toWire(new FeedEvent.Change(
                                        Position.of(1, 8), 8, NAMESPACE, KEY, FeedEvent.Kind.PUT, true)))
                                .addEvents(FeedCodec.toWire(new FeedEvent.Heartbeat(Position.of(1, 8))))
                                .build()));
        frames.put(
                "EVENTS, id 16: too old, the oldest is 1-5; END",
                out -> Frames.writeMessage(
                        out,
                        FrameType.EVENTS,
                        FrameType.FLAG_END,
                        16,
                        Wire.Events.newBuilder()
                                .addEvents(FeedCodec.toWire(new FeedEvent.TooOld(Position.of(1, 5))))
                                .build()));
        frames.put(
                "GOAWAY, id 0",
                out -> Frames.writeMessage(
                        out,
                        FrameType.GOAWAY,
                        0,
                        0,
                        Wire.GoAway.newBuilder().setMessage("bye").build()));
        frames.put(
                "ERROR, id 2: 401 environment_mismatch, expected production, presented staging, by build b1",
                out -> ErrorCodec.write(
                        out,
                        2,
                        KvException.denied(
                                new KvException.Denial(
                                        DenialReason.ENVIRONMENT_MISMATCH, "production", "staging", "b1"),
                                "no")));
        frames.put(
                "ERROR, id 2: 503, retry after 50 ms",
                out -> ErrorCodec.write(
                        out, 2, new KvException(ErrorCode.UNAVAILABLE, "busy", null, Duration.ofMillis(50), null)));
        frames.put(
                "OFFER, id 7: the document 01 02 03",
                out -> VerdictCodec.writeDocument(out, FrameType.OFFER, 7, new byte[] {1, 2, 3}));
        frames.put("FOLLOW, id 8", out -> Frames.writeEmpty(out, FrameType.FOLLOW, 8));
        frames.put(
                "VERDICT, id 7: rejected as bad_signature, by node edge-1, which follows epoch 3 seq 118",
                out -> VerdictCodec.write(
                        out,
                        7,
                        new DocumentVerdict(
                                DocumentVerdict.Outcome.REJECTED,
                                "bad_signature",
                                "d",
                                3,
                                118,
                                "0f",
                                "p7k3mq=10000",
                                "edge-1")));
        frames.put(
                "DOCUMENT: 01 02 03",
                out -> VerdictCodec.writeDocument(out, FrameType.DOCUMENT, 0, new byte[] {1, 2, 3}));
        return frames;
    }

    private static BodyWriter mutations(Wire.CallHeader header) {
        return BodyWriter.of(
                header,
                List.of(
                        new Mutation.Put(KEY, Value.of("abc"), new PutOptions(METADATA, 0, 60, Condition.ifVersion(7))),
                        Mutation.delete(Key.of("b"))),
                EntryCodec::toWire);
    }

    private static void reply(ByteBuf out, int id, Wire.ReplyHeader header) {
        BodyWriter.of(header).writeFirst(out, FrameType.REPLY, id);
    }

    private static void data(ByteBuf out, int id, int flags, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        Frames.writeHeader(out, FrameType.DATA, flags, id, bytes.length);
        out.writeBytes(bytes);
    }

    @Test
    void every_frame_has_the_bytes_that_the_protocol_gives_it() throws IOException {
        StringBuilder text = new StringBuilder("""
                # The bytes of every frame of the nearkv wire protocol, version 1; see docs/protocol.md.
                # The header is on the first line: length, type and flags and extension length, correlation id.
                """);
        frames().forEach((name, writer) -> {
            byte[] bytes = bytes(writer);
            text.append('\n').append(name).append('\n');
            text.append("  ")
                    .append(hex(bytes, 0, 4))
                    .append("  ")
                    .append(hex(bytes, 4, 8))
                    .append("  ")
                    .append(hex(bytes, 8, 12))
                    .append('\n');
            for (int from = Protocol.HEADER_BYTES; from < bytes.length; from += BYTES_PER_LINE) {
                text.append("    ")
                        .append(hex(bytes, from, Math.min(bytes.length, from + BYTES_PER_LINE)))
                        .append('\n');
            }
        });
        if (Boolean.getBoolean("nearkv.golden.write")) {
            Files.writeString(FILE, text);
        }
        assertThat(text.toString()).isEqualTo(Files.readString(FILE));
    }

    @Test
    void every_type_has_a_golden_frame() {
        List<Integer> seen = frames().values().stream()
                .map(GoldenFramesTest::bytes)
                .map(bytes -> bytes[4] & 0xff)
                .distinct()
                .sorted()
                .toList();
        List<Integer> known = java.util.stream.IntStream.range(0, 256)
                .filter(type -> !FrameType.name(type).startsWith("0x"))
                .boxed()
                .toList();
        assertThat(seen).isEqualTo(known);
    }

    static byte[] bytes(Consumer<ByteBuf> writer) {
        ByteBuf out = Unpooled.buffer();
        try {
            writer.accept(out);
            return ByteBufUtil.getBytes(out);
        } finally {
            out.release();
        }
    }

    private static String hex(byte[] bytes, int from, int to) {
        return ByteBufUtil.hexDump(bytes, from, to - from).replaceAll("(..)(?=.)", "$1 ");
    }
}
