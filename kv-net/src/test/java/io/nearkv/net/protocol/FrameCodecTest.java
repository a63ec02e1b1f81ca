package io.nearkv.net.protocol;

import static io.nearkv.net.protocol.GoldenFramesTest.KEY;
import static io.nearkv.net.protocol.GoldenFramesTest.METADATA;
import static io.nearkv.net.protocol.GoldenFramesTest.NAMESPACE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import io.nearkv.core.Condition;
import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KeyInfo;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.Mutation;
import io.nearkv.core.Origin;
import io.nearkv.core.Position;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.net.wire.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What is written is read again, and what was not written so is refused. */
class FrameCodecTest {
    private static final Duration DEFAULT = Duration.ofSeconds(3);

    private static <T> T roundTrip(Consumer<ByteBuf> writer, BiFunction<ByteBuf, FrameReader, T> reader) {
        ByteBuf buffer = Unpooled.directBuffer();
        try {
            writer.accept(buffer);
            FrameReader frame = new FrameReader(Protocol.MAX_FRAME_BYTES);
            assertThat(frame.next(buffer)).isTrue();
            assertThat(buffer.isReadable()).isFalse();
            return reader.apply(buffer, frame);
        } finally {
            buffer.release();
        }
    }

    static List<ReadOptions> readOptions() {
        return List.of(
                ReadOptions.EVENTUAL,
                ReadOptions.STRONG,
                ReadOptions.bounded(Duration.ZERO),
                ReadOptions.bounded(Duration.ofNanos(1)),
                ReadOptions.session(new Position(-1, List.of(1L, 2L, Long.MAX_VALUE))),
                ReadOptions.EVENTUAL.withTimeout(Limits.MAX_TIMEOUT),
                ReadOptions.STRONG.withTimeout(Duration.ofMillis(1)));
    }

    @ParameterizedTest
    @MethodSource("readOptions")
    void a_get_is_read_as_it_was_written(ReadOptions options) {
        roundTrip(out -> GetFrame.write(out, 7, NAMESPACE, KEY, options), (in, frame) -> {
            GetFrame.check(in, frame);
            assertThat(frame.type()).isEqualTo(FrameType.GET);
            assertThat(frame.correlationId()).isEqualTo(7);
            assertThat(GetFrame.namespaceHigh(in, frame)).isEqualTo(NAMESPACE.high());
            assertThat(GetFrame.namespaceLow(in, frame)).isEqualTo(NAMESPACE.low());
            assertThat(GetFrame.key(in, frame)).isEqualTo(KEY);
            assertThat(GetFrame.options(in, frame, DEFAULT)).isEqualTo(options);
            return frame;
        });
    }

    static List<Mutation.Put> puts() {
        return List.of(
                new Mutation.Put(KEY, Value.empty(), PutOptions.DEFAULT),
                new Mutation.Put(
                        Key.of("k".repeat(Limits.MAX_KEY_BYTES)),
                        Value.wrap(new byte[Limits.CHUNK_BYTES]),
                        new PutOptions(METADATA, Limits.MAX_EXPIRATION_EPOCH_SECOND, 0, Condition.ifVersion(9))),
                new Mutation.Put(KEY, Value.of("abc"), new PutOptions(null, 0, 60, Condition.IF_ABSENT)),
                new Mutation.Put(KEY, Value.of("abc"), PutOptions.when(Condition.IF_PRESENT)));
    }

    @ParameterizedTest
    @MethodSource("puts")
    void a_put_is_read_as_it_was_written(Mutation.Put put) {
        WriteOptions options = WriteOptions.BUFFERED.withTimeout(Duration.ofMillis(1234));
        roundTrip(out -> PutFrame.write(out, 7, NAMESPACE, put, options), (in, frame) -> {
            PutFrame.check(in, frame);
            assertThat(PutFrame.namespace(in, frame)).isEqualTo(NAMESPACE);
            assertThat(new Mutation.Put(
                            PutFrame.key(in, frame), PutFrame.value(in, frame), PutFrame.putOptions(in, frame)))
                    .isEqualTo(put);
            assertThat(PutFrame.writeOptions(in, frame, DEFAULT)).isEqualTo(options);
            return frame;
        });
        Wire.MutationItem item = EntryCodec.toWire((Mutation) put);
        assertThat(EntryCodec.fromWire(item)).isEqualTo(put);
    }

    @Test
    void a_value_over_64_KiB_does_not_go_into_a_put() {
        Mutation.Put put = new Mutation.Put(KEY, Value.wrap(new byte[Limits.CHUNK_BYTES + 1]), PutOptions.DEFAULT);
        ByteBuf out = Unpooled.buffer();

        assertThatThrownBy(() -> PutFrame.write(out, 1, NAMESPACE, put, WriteOptions.DEFAULT))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(out.readableBytes()).isZero();
    }

    @Test
    void a_delete_is_read_as_it_was_written() {
        Mutation.Delete delete = new Mutation.Delete(KEY, Condition.ifVersion(3));
        roundTrip(out -> DeleteFrame.write(out, 7, NAMESPACE, delete, WriteOptions.DEFAULT), (in, frame) -> {
            DeleteFrame.check(in, frame);
            assertThat(DeleteFrame.mutation(in, frame)).isEqualTo(delete);
            assertThat(DeleteFrame.writeOptions(in, frame, DEFAULT)).isEqualTo(WriteOptions.DEFAULT);
            return frame;
        });
    }

    @Test
    void a_found_is_read_as_it_was_written() {
        GetResult.Found found = roundTrip(
                out -> FoundFrame.write(out, 7, ByteBuffer.wrap(new byte[] {1, 2}), METADATA.asByteBuffer(), 5, 99),
                FoundFrame::read);

        assertThat(found).isEqualTo(GetResult.Found.wrap(new byte[] {1, 2}, METADATA, 5, 99));
    }

    @Test
    void a_found_stream_is_read_as_it_was_written() {
        FoundStreamFrame read = roundTrip(
                out -> FoundStreamFrame.write(out, 7, new StreamHead(5, 99, 70_000, METADATA)), FoundStreamFrame::read);

        assertThat(read).isEqualTo(new FoundStreamFrame(5, 99, 70_000, METADATA, Origin.OWNER));
    }

    @Test
    void where_an_answer_comes_from_is_read_as_it_was_written() {
        for (Origin.Source source : Origin.Source.values()) {
            if (source == Origin.Source.SUBSTITUTE) {
                continue; // Made by a client, and nothing that travels.
            }
            Origin origin = Origin.of(source, Duration.ofMillis(1234));
            GetResult.Found found =
                    GetResult.Found.wrap(new byte[] {1, 2}, METADATA, 5, 99).withOrigin(origin);
            GetResult.Found read = roundTrip(out -> FoundFrame.write(out, 7, found), FoundFrame::read);
            assertThat(read).isEqualTo(found);
            assertThat(read.origin()).isEqualTo(origin);
            GetResult.Missing missing = roundTrip(
                    out -> Frames.writeMissing(out, 7, GetResult.Missing.of(12, origin)), Frames::readMissing);
            assertThat(missing.origin()).isEqualTo(origin);
            assertThat(missing.asOf()).isEqualTo(12);
        }
    }

    @Test
    void late_options_are_read_as_they_were_written() {
        PutOptions options = new PutOptions(METADATA, 99, 0, Condition.ifVersion(4));

        assertThat(roundTrip(out -> DataFrame.writeEnd(out, 7, options), DataFrame::lateOptions))
                .isEqualTo(options);
        assertThat(roundTrip(out -> DataFrame.writeEnd(out, 7, PutOptions.DEFAULT), DataFrame::lateOptions))
                .isEqualTo(PutOptions.DEFAULT);
        boolean none = roundTrip(
                out -> DataFrame.writeEnd(out, 7, null), (in, frame) -> DataFrame.lateOptions(in, frame) == null);
        assertThat(none).isTrue();
    }

    @Test
    void errors_keep_all_that_they_say() {
        for (ErrorCode code : ErrorCode.values()) {
            KvException read = roundTrip(
                    out -> ErrorCodec.write(out, 7, new KvException(code, "what", null, Duration.ofMillis(1500), null)),
                    ErrorCodec::read);
            assertThat(read.code()).isEqualTo(code);
            assertThat(read).hasMessage("what");
            assertThat(read.retryAfter()).isEqualTo(Duration.ofMillis(1500));
            assertThat(read.denial()).isNull();
        }
        for (DenialReason reason : DenialReason.values()) {
            KvException.Denial denial = new KvException.Denial(reason, "production", null, "b1");
            KvException read =
                    roundTrip(out -> ErrorCodec.write(out, 7, KvException.denied(denial, "why")), ErrorCodec::read);
            assertThat(read.code()).isEqualTo(reason.errorCode());
            assertThat(read.denial()).isEqualTo(denial);
            assertThat(read.retryAfter()).isNull();
        }
    }

    @Test
    void an_error_that_was_not_ours_does_not_tell_what_it_was() {
        KvException read = roundTrip(
                out -> ErrorCodec.write(out, 7, KvException.from(new IllegalArgumentException("/secret/path"))),
                ErrorCodec::read);

        assertThat(read.code()).isEqualTo(ErrorCode.INTERNAL);
        assertThat(read.getMessage()).doesNotContain("secret", "IllegalArgument");
    }

    @Test
    void a_code_that_is_not_known_is_internal() {
        assertThat(ErrorCodec.fromWire(Wire.Error.newBuilder().setCode(200).build())
                        .code())
                .isEqualTo(ErrorCode.INTERNAL);
    }

    @Test
    void feed_requests_and_events_are_read_as_they_were_written() {
        for (FeedRequest.Start start : List.of(
                new FeedRequest.Start.Now(),
                new FeedRequest.Start.Oldest(),
                new FeedRequest.Start.After(Position.of(3, 4)))) {
            FeedRequest request =
                    FeedRequest.of(NAMESPACE, start).withPrefix("p").withHeartbeat(Duration.ofMillis(10));
            assertThat(FeedCodec.fromWire(FeedCodec.toWire(request, 5))).isEqualTo(request);
        }
        assertThat(FeedCodec.fromWire(Wire.WatchRequest.getDefaultInstance()))
                .isEqualTo(FeedRequest.of(null, new FeedRequest.Start.Now()));
        List<FeedEvent> events = new ArrayList<>(List.of(
                new FeedEvent.Heartbeat(Position.of(1, 0)),
                new FeedEvent.TooOld(Position.of(1, 2)),
                new FeedEvent.Change(Position.of(1, 9), 9, NAMESPACE, null, FeedEvent.Kind.NAMESPACE_DELETED, true)));
        for (FeedEvent.Kind kind : List.of(FeedEvent.Kind.PUT, FeedEvent.Kind.DELETE, FeedEvent.Kind.EXPIRE)) {
            events.add(new FeedEvent.Change(Position.of(1, 9), 9, NAMESPACE, KEY, kind, false));
        }
        for (FeedEvent event : events) {
            assertThat(FeedCodec.fromWire(FeedCodec.toWire(event))).isEqualTo(event);
        }
    }

    @Test
    void a_frame_is_shown_only_when_it_is_complete() {
        byte[] bytes = GoldenFramesTest.bytes(out -> GetFrame.write(out, 7, NAMESPACE, KEY, ReadOptions.STRONG));
        FrameReader frame = new FrameReader(Protocol.MAX_FRAME_BYTES);
        for (int length = 0; length < bytes.length; length++) {
            ByteBuf part = Unpooled.wrappedBuffer(bytes, 0, length);
            assertThat(frame.next(part)).isFalse();
            assertThat(part.readerIndex()).isZero();
            assertThat(FrameReader.expectedBytes(part)).isEqualTo(length < 4 ? 0 : bytes.length);
        }
    }

    @Test
    void an_impossible_length_is_refused_before_the_frame_is_there() {
        for (int length : new int[] {0, 7, -1, Integer.MIN_VALUE, Integer.MAX_VALUE, Protocol.MAX_FRAME_BYTES - 3}) {
            ByteBuf in = Unpooled.buffer().writeInt(length);
            assertThatThrownBy(() -> new FrameReader(Protocol.MAX_FRAME_BYTES).next(in))
                    .isInstanceOf(ProtocolException.class);
        }
        ByteBuf largest = Unpooled.buffer().writeInt(Protocol.MAX_FRAME_BYTES - 4);
        assertThat(new FrameReader(Protocol.MAX_FRAME_BYTES).next(largest)).isFalse();
    }

    @Test
    void an_extension_beyond_the_frame_is_refused() {
        ByteBuf in =
                Unpooled.buffer().writeInt(8).writeInt(FrameType.GET << 24 | 1).writeInt(1);

        assertThatThrownBy(() -> new FrameReader(Protocol.MAX_FRAME_BYTES).next(in))
                .isInstanceOf(ProtocolException.class);
    }

    @Test
    void a_body_in_pieces_of_any_size_gives_the_same_items() {
        Random random = new Random(42);
        List<Key> keys = new ArrayList<>();
        for (int i = 0; i < 5000; i++) {
            keys.add(Key.of(Integer.toHexString(i) + "x".repeat(random.nextInt(100))));
        }
        for (int maxPiece : new int[] {1000, 7777, 65_536, 1_000_000}) {
            BodyWriter writer = BodyWriter.of(Wire.CallHeader.getDefaultInstance(), keys, EntryCodec::toWire);
            BodyReader<Wire.CallHeader> reader =
                    new BodyReader<>(FrameType.CALL, Wire.CallHeader.parser(), Protocol.MAX_CALL_BYTES);
            List<Key> read = new ArrayList<>();
            roundTrip(out -> writer.writeFirst(out, FrameType.CALL, 1), (in, frame) -> {
                assertThat(frame.has(FrameType.FLAG_CONTINUED)).isTrue();
                reader.begin(in, frame);
                reader.items(Wire.KeyItem.parser(), item -> read.add(EntryCodec.fromWire(item)));
                return reader;
            });
            assertThat(reader.totalBytes()).isEqualTo(writer.totalBytes());
            while (!writer.isDone()) {
                boolean last = roundTrip(out -> writer.writeData(out, 1, 1 + random.nextInt(maxPiece)), reader::data);
                assertThat(last).isEqualTo(writer.isDone());
            }
            assertThat(read).isEqualTo(keys);
        }
    }

    @Test
    void a_page_of_a_thousand_lines_in_pieces_gives_the_same_lines() {
        List<KeyInfo> lines = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            lines.add(new KeyInfo(Key.of("k" + i), 1 + i, i % 3 == 0 ? null : METADATA, i % 2, i));
            lines.add(new KeyInfo(Key.of("l".repeat(100) + i), 1, null, 0, 0));
        }
        BodyWriter writer = BodyWriter.ofItems(Wire.ReplyHeader.getDefaultInstance(), lines, EntryCodec::toWire);
        BodyReader<Wire.ReplyHeader> reader =
                new BodyReader<>(FrameType.REPLY, Wire.ReplyHeader.parser(), Protocol.MAX_CALL_BYTES);
        List<KeyInfo> read = new ArrayList<>();
        roundTrip(out -> writer.writeFirst(out, FrameType.REPLY, 1), (in, frame) -> {
            assertThat(frame.has(FrameType.FLAG_CONTINUED)).isTrue();
            reader.begin(in, frame);
            reader.items(Wire.KeyInfoItem.parser(), item -> read.add(EntryCodec.fromWire(item)));
            return reader;
        });
        while (!writer.isDone()) {
            boolean unused = roundTrip(out -> writer.writeData(out, 1, 777), reader::data);
        }
        assertThat(read).isEqualTo(lines);
    }

    @Test
    void a_line_of_a_listing_has_the_bytes_of_its_message() throws IOException {
        for (KeyInfo info : List.of(
                new KeyInfo(KEY, 7, METADATA, 1_900_000_000, 3),
                new KeyInfo(KEY, 1, null, 0, 0),
                new KeyInfo(Key.of("é".repeat(256)), Long.MAX_VALUE, null, 1, Limits.MAX_VALUE_BYTES))) {
            Wire.KeyInfoItem.Builder message = Wire.KeyInfoItem.newBuilder()
                    .setKey(ByteString.copyFrom(info.key().toByteArray()))
                    .setVersion(info.version())
                    .setExpiresAt(info.expiresAt())
                    .setValueBytes(info.valueBytes());
            if (info.metadata() != null) {
                message.setMetadata(ByteString.copyFrom(info.metadata().asByteBuffer()));
            }
            byte[] expected = message.build().toByteArray();

            BodyWriter.Item line = EntryCodec.toWire(info);
            byte[] written = new byte[line.bytes()];
            CodedOutputStream out = CodedOutputStream.newInstance(written);
            line.writeTo(out);
            out.checkNoSpaceLeft();

            assertThat(written).isEqualTo(expected);
            assertThat(EntryCodec.fromWire(Wire.KeyInfoItem.parseFrom(written))).isEqualTo(info);
        }
    }

    @Test
    void a_body_that_is_not_what_it_announced_is_refused() {
        BodyReader<Wire.CallHeader> reader =
                new BodyReader<>(FrameType.CALL, Wire.CallHeader.parser(), Protocol.MAX_CALL_BYTES);
        roundTrip(
                out -> {
                    Frames.writeHeader(out, FrameType.CALL, FrameType.FLAG_CONTINUED, 1, 5);
                    out.writeInt(100).writeByte(0);
                },
                (in, frame) -> {
                    reader.begin(in, frame);
                    reader.items(Wire.KeyItem.parser(), item -> {});
                    return reader;
                });
        assertThatThrownBy(() -> roundTrip(
                        out -> {
                            Frames.writeHeader(out, FrameType.DATA, FrameType.FLAG_END, 1, 3);
                            out.writeBytes(new byte[3]);
                        },
                        reader::data))
                .isInstanceOfSatisfying(
                        KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_REQUEST));
    }

    @Test
    void an_item_announced_larger_than_any_is_refused_at_once() {
        BodyReader<Wire.CallHeader> reader =
                new BodyReader<>(FrameType.CALL, Wire.CallHeader.parser(), Protocol.MAX_CALL_BYTES);
        assertThatThrownBy(() -> roundTrip(
                        out -> {
                            Frames.writeHeader(out, FrameType.CALL, 0, 1, 6);
                            out.writeByte(0).writeBytes(new byte[] {-1, -1, -1, -1, 7});
                        },
                        (in, frame) -> {
                            reader.begin(in, frame);
                            reader.items(Wire.KeyItem.parser(), item -> {});
                            return reader;
                        }))
                .isInstanceOfSatisfying(
                        KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_REQUEST));
    }
}
