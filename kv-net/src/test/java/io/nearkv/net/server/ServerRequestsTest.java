package io.nearkv.net.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.nearkv.core.Condition;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.Metadata;
import io.nearkv.core.Mutation;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.net.protocol.EntryCodec;
import io.nearkv.net.protocol.FoundFrame;
import io.nearkv.net.protocol.FoundStreamFrame;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.Frames;
import io.nearkv.net.protocol.GetFrame;
import io.nearkv.net.protocol.Protocol;
import io.nearkv.net.server.RawConnection.Answer;
import io.nearkv.net.wire.Wire;
import io.netty.buffer.ByteBuf;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What each request is answered with, whether the store answers at once, later on another thread, or directly from memory. */
class ServerRequestsTest extends WithServer {
    /** How the store answers. */
    enum Store {
        DIRECT,
        AT_ONCE,
        LATER
    }

    private RawConnection login(Store store) throws IOException {
        TestServer test =
                use(store == Store.DIRECT ? TestServer.start(folder) : TestServer.startWithoutDirectReader(folder));
        test.store.mode(store == Store.LATER ? GatedStore.Mode.LATER : GatedStore.Mode.AT_ONCE);
        return test.login();
    }

    @ParameterizedTest
    @EnumSource
    void hello_tells_who_serves_and_within_which_limits(Store store) throws IOException {
        login(store).close();
        try (RawConnection connection = test().connect()) {
            Wire.HelloOk ok = connection.hello(test().token());

            assertThat(ok.getVersion()).isEqualTo(1);
            assertThat(ok.getEnvironment()).isEqualTo("production");
            assertThat(ok.getBuildId()).isEqualTo("build-1");
            assertThat(ok.getBuildToken())
                    .isEqualTo(test().authority.buildToken())
                    .isNotEmpty();
            assertThat(ok.getAccount()).hasSize(16);
            assertThat(ok.getLimits().getMaxFrameBytes()).isEqualTo(Protocol.MAX_FRAME_BYTES);
            assertThat(ok.getLimits().getStreamWindowBytes()).isEqualTo(256 * 1024);
            assertThat(ok.getLimits().getMaxRequestsInFlight()).isEqualTo(1024);
            assertThat(ok.getLimits().getIdleTimeoutMillis()).isEqualTo(300_000);
        }
    }

    @ParameterizedTest
    @EnumSource
    void a_key_is_missing_then_written_then_found_then_deleted(Store store) throws IOException {
        try (RawConnection connection = login(store)) {
            assertThat(connection.send(Requests.get(1, ns(), "k")).read().type())
                    .isEqualTo(FrameType.MISSING);

            PutOptions options =
                    PutOptions.metadata(Metadata.ofJson("{\"a\":1}")).withTtl(Duration.ofSeconds(60));
            Answer written = connection
                    .send(Requests.put(2, ns(), "k", Value.of("v"), options))
                    .read(FrameType.WRITTEN);

            GetResult.Found found = connection
                    .send(Requests.get(3, ns(), "k"))
                    .read(FrameType.FOUND)
                    .read(FoundFrame::read);
            assertThat(found.value()).isEqualTo(Value.of("v"));
            assertThat(found.metadata()).isEqualTo(Metadata.ofJson("{\"a\":1}"));
            assertThat(found.version()).isEqualTo(written.version());
            assertThat(found.expiresAt()).isEqualTo(test().clock.epochSecond() + 60);

            assertThat(connection
                            .send(Requests.delete(4, ns(), "k"))
                            .read(FrameType.WRITTEN)
                            .version())
                    .isGreaterThan(written.version());
            assertThat(connection.send(Requests.get(5, ns(), "k")).read().type())
                    .isEqualTo(FrameType.MISSING);
        }
        assertThat(test().server.stats().count("get", "missing")).isEqualTo(2);
        assertThat(test().server.stats().count("get", "ok")).isEqualTo(1);
        assertThat(test().server.stats().count("put", "ok")).isEqualTo(1);
    }

    @ParameterizedTest
    @EnumSource
    void a_condition_that_does_not_hold_is_an_answer(Store store) throws IOException {
        try (RawConnection connection = login(store)) {
            store("k", 1);
            Answer answer = connection
                    .send(Requests.put(1, ns(), "k", Value.of("v"), PutOptions.when(Condition.IF_ABSENT)))
                    .read(FrameType.CONDITION_FAILED);

            assertThat(answer.version()).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @EnumSource
    void a_burst_of_requests_is_answered_each_with_its_id(Store store) throws IOException {
        int count = 500;
        try (RawConnection connection = login(store)) {
            Map<Integer, byte[]> values = new HashMap<>();
            List<Consumer<ByteBuf>> burst = new ArrayList<>();
            for (int id = 1; id <= count; id++) {
                values.put(id, store("k" + id, id * 7));
                burst.add(Requests.get(id, ns(), "k" + id));
            }
            @SuppressWarnings({"unchecked", "rawtypes"}) // an array of a generic type
            Consumer<ByteBuf>[] frames = burst.toArray(new Consumer[0]);
            connection.send(frames);
            for (int i = 0; i < count; i++) {
                Answer answer = connection.read(FrameType.FOUND);
                byte[] expected = values.remove(answer.id());
                assertThat(answer.read(FoundFrame::read).value().toByteArray()).isEqualTo(expected);
            }
            assertThat(values).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource
    void frames_that_come_byte_by_byte_are_understood(Store store) throws IOException {
        try (RawConnection connection = login(store)) {
            for (byte b : RawConnection.bytes(
                    Requests.put(1, ns(), "k", "v"), Requests.ping(7), Requests.get(2, ns(), "k"))) {
                connection.send(new byte[] {b});
            }
            List<String> answers = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                answers.add(FrameType.name(connection.read().type()));
            }
            assertThat(answers).contains("WRITTEN", "PONG");
        }
    }

    @ParameterizedTest
    @EnumSource
    void values_of_every_size_come_back_whole(Store store) throws IOException {
        try (RawConnection connection = login(store)) {
            for (int size : new int[] {0, 1, 65_535, 65_536, 65_537, 200_000, 262_144, 1_000_000}) {
                byte[] value = store("k", size);
                assertThat(download(connection, 9)).isEqualTo(value);
            }
        }
    }

    /** Gets the key, granting credit as the pieces come. */
    private byte[] download(RawConnection connection, int id) throws IOException {
        Answer answer = connection.send(Requests.get(id, ns(), "k")).read();
        if (answer.type() == FrameType.FOUND) {
            return answer.read(FoundFrame::read).value().toByteArray();
        }
        FoundStreamFrame head = answer.read(FoundStreamFrame::read);
        assertThat(head.valueBytes()).isGreaterThan(Limits.CHUNK_BYTES);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        while (true) {
            Answer piece = connection.read(FrameType.DATA);
            bytes.writeBytes(piece.body());
            if (piece.flags() == FrameType.FLAG_END) {
                return bytes.toByteArray();
            }
            connection.send(Requests.credit(id, piece.body().length));
        }
    }

    @ParameterizedTest
    @EnumSource
    void a_download_stops_where_the_credit_ends(Store store) throws IOException {
        try (RawConnection connection = login(store)) {
            store("k", 1_000_000);
            connection.send(Requests.get(9, ns(), "k")).read(FrameType.FOUND_STREAM);
            int received = 0;
            while (received < Protocol.DEFAULT_STREAM_WINDOW_BYTES) {
                received += connection.read(FrameType.DATA).body().length;
            }
            assertThat(received).isEqualTo(Protocol.DEFAULT_STREAM_WINDOW_BYTES);
            // The answer to the ping comes although the stream stands still, and nothing of the stream comes before it.
            connection.send(Requests.ping(1)).read(FrameType.PONG);
            connection.send(Requests.credit(9, 10));
            assertThat(connection.read(FrameType.DATA).body()).hasSize(10);
            connection.send(Requests.cancel(9));
            assertThat(connection.read().error().code()).isEqualTo(ErrorCode.DEADLINE_EXCEEDED);
        }
    }

    @ParameterizedTest
    @EnumSource
    void an_upload_of_any_size_is_stored_whole(Store store) throws IOException {
        try (RawConnection connection = login(store)) {
            for (int size : new int[] {0, 1, 65_536, 100_000, 1_000_000}) {
                for (boolean known : new boolean[] {true, false}) {
                    byte[] value = new byte[size];
                    new Random(size).nextBytes(value);
                    connection.send(Requests.putStream(3, ns(), "big", known ? size : Protocol.UNKNOWN_LENGTH));
                    long version = upload(connection, 3, value).version();
                    GetResult stored = test().map
                            .get(ns(), Key.of("big"), ReadOptions.DEFAULT)
                            .join();
                    assertThat(stored).isInstanceOfSatisfying(GetResult.Found.class, found -> {
                        assertThat(found.value().toByteArray()).isEqualTo(value);
                        assertThat(found.version()).isEqualTo(version);
                    });
                }
            }
        }
    }

    private static Answer upload(RawConnection connection, int id, byte[] value) throws IOException {
        int credit = Protocol.DEFAULT_STREAM_WINDOW_BYTES;
        int sent = 0;
        do {
            int count = Math.min(Math.min(Limits.CHUNK_BYTES, value.length - sent), credit);
            connection.send(Requests.data(id, sent + count == value.length, value, sent, count));
            sent += count;
            credit -= count;
            if (credit == 0 && sent < value.length) {
                credit += connection.read(FrameType.CREDIT).read(Frames::readInt);
            }
        } while (sent < value.length);
        return Requests.afterCredits(connection);
    }

    @ParameterizedTest
    @EnumSource
    void an_upload_that_brings_more_or_less_than_announced_is_refused(Store store) throws IOException {
        try (RawConnection connection = login(store)) {
            for (int total : new int[] {9, 11}) {
                connection.send(Requests.putStream(3, ns(), "big", total), Requests.data(3, true, new byte[10]));
                assertThat(connection.read().error().code()).isEqualTo(ErrorCode.INVALID_REQUEST);
            }
            // The rest of the pieces were on their way and are ignored.
            connection.send(Requests.data(3, true, new byte[10]), Requests.get(4, ns(), "big"));
            assertThat(connection.read().type()).isEqualTo(FrameType.MISSING);
        }
    }

    @ParameterizedTest
    @EnumSource
    void an_upload_that_is_cancelled_leaves_nothing(Store store) throws IOException {
        try (RawConnection connection = login(store)) {
            connection.send(
                    Requests.putStream(3, ns(), "big", Protocol.UNKNOWN_LENGTH),
                    Requests.data(3, false, new byte[70_000], 0, 65_536),
                    Requests.cancel(3));
            assertThat(Requests.afterCredits(connection).error().code()).isEqualTo(ErrorCode.DEADLINE_EXCEEDED);
            connection.send(Requests.get(4, ns(), "big"));
            assertThat(connection.read().type()).isEqualTo(FrameType.MISSING);
        }
    }

    @ParameterizedTest
    @EnumSource
    void a_bulk_write_and_a_bulk_read_go_in_pieces_both_ways(Store store) throws IOException {
        try (RawConnection connection = login(store)) {
            List<Mutation> mutations = new ArrayList<>();
            for (int i = 0; i < 300; i++) {
                mutations.add(Mutation.put(Key.of("k" + i), Value.of("v".repeat(i * 10))));
            }
            Answer answer = Requests.call(connection, 1, Requests.writeAll(ns()), mutations, EntryCodec::toWire);
            List<Wire.WriteItem> results = Requests.items(connection, answer, Wire.WriteItem.parser());
            assertThat(results).hasSize(300).allMatch(Wire.WriteItem::getApplied);

            List<Key> keys = new ArrayList<>();
            for (int i = 0; i < 310; i++) {
                keys.add(Key.of("k" + i));
            }
            Answer read = Requests.call(connection, 2, Requests.getAll(ns()), keys, EntryCodec::toWire);
            List<Wire.GetItem> items = Requests.items(connection, read, Wire.GetItem.parser());
            assertThat(items).hasSize(310);
            assertThat(items.get(299).getValue()).isEqualTo(ByteString.copyFromUtf8("v".repeat(2990)));
            assertThat(items.get(300).getVersion()).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource
    void a_batch_happens_whole_or_not_at_all(Store store) throws IOException {
        try (RawConnection connection = login(store)) {
            List<Mutation> mutations = List.of(
                    Mutation.put(Key.of("a"), Value.of("1")),
                    new Mutation.Put(Key.of("b"), Value.of("2"), PutOptions.when(Condition.IF_PRESENT)));
            Answer answer = Requests.call(connection, 1, Requests.batch(ns()), mutations, EntryCodec::toWire);
            Wire.ReplyHeader failed = Requests.header(connection, answer, Wire.KeyItem.parser(), new ArrayList<>());
            assertThat(failed.getBatch().getApplied()).isFalse();
            assertThat(failed.getBatch().getFailedIndex()).isEqualTo(1);

            Answer second =
                    Requests.call(connection, 2, Requests.batch(ns()), mutations.subList(0, 1), EntryCodec::toWire);
            Wire.ReplyHeader applied = Requests.header(connection, second, Wire.KeyItem.parser(), new ArrayList<>());
            assertThat(applied.getBatch().getApplied()).isTrue();
        }
        assertThat(test().server.stats().count("batch", "condition_failed")).isEqualTo(1);
        assertThat(test().server.stats().count("batch", "ok")).isEqualTo(1);
    }

    @ParameterizedTest
    @EnumSource
    void a_listing_comes_in_order_with_a_cursor(Store store) throws IOException {
        try (RawConnection connection = login(store)) {
            for (String key : List.of("a/2", "a/1", "b")) {
                store(key, 3);
            }
            Wire.CallHeader list = Requests.list(ns(), "a/");
            connection.send(Requests.call(
                    1,
                    list.toBuilder()
                            .setList(list.getList().toBuilder().setLimit(1))
                            .build()));
            List<Wire.KeyInfoItem> first = new ArrayList<>();
            String cursor = Requests.header(connection, connection.read(), Wire.KeyInfoItem.parser(), first)
                    .getList()
                    .getNextCursor();
            assertThat(first).extracting(item -> item.getKey().toStringUtf8()).containsExactly("a/1");
            assertThat(first.get(0).getValueBytes()).isEqualTo(3);
            connection.send(Requests.call(
                    2,
                    list.toBuilder()
                            .setList(list.getList().toBuilder().setCursor(cursor))
                            .build()));
            assertThat(Requests.items(connection, Wire.KeyInfoItem.parser()))
                    .extracting(item -> item.getKey().toStringUtf8())
                    .containsExactly("a/2");
        }
    }

    @ParameterizedTest
    @EnumSource
    void namespaces_are_made_found_renamed_and_deleted(Store store) throws IOException {
        try (RawConnection connection = login(store)) {
            connection.send(Requests.call(
                    1,
                    Wire.CallHeader.newBuilder()
                            .setCreateNamespace(
                                    Wire.CreateNamespace.newBuilder().setTitle("new"))
                            .build()));
            Wire.NamespaceItem created =
                    Requests.items(connection, Wire.NamespaceItem.parser()).get(0);
            connection.send(Requests.call(
                    2,
                    Wire.CallHeader.newBuilder()
                            .setRenameNamespace(Wire.RenameNamespace.newBuilder()
                                    .setId(created.getId())
                                    .setTitle("newer"))
                            .build()));
            assertThat(Requests.items(connection, Wire.NamespaceItem.parser()))
                    .extracting(Wire.NamespaceItem::getTitle)
                    .containsExactly("newer");
            connection.send(Requests.call(
                    3,
                    Wire.CallHeader.newBuilder()
                            .setNamespace(Wire.FindNamespace.newBuilder().setTitle("newer"))
                            .build()));
            assertThat(Requests.items(connection, Wire.NamespaceItem.parser()))
                    .extracting(Wire.NamespaceItem::getId)
                    .containsExactly(created.getId());
            connection.send(Requests.call(
                    4,
                    Wire.CallHeader.newBuilder()
                            .setNamespaces(Wire.Namespaces.getDefaultInstance())
                            .build()));
            assertThat(Requests.items(connection, Wire.NamespaceItem.parser())).hasSize(2);
            connection.send(Requests.call(
                    5,
                    Wire.CallHeader.newBuilder()
                            .setDeleteNamespace(
                                    Wire.DeleteNamespace.newBuilder().setId(created.getId()))
                            .build()));
            assertThat(Requests.items(connection, Wire.NamespaceItem.parser())).isEmpty();
            connection.send(Requests.get(6, EntryCodec.namespace(created.getId()), "k"));
            assertThat(connection.read().error().code()).isEqualTo(ErrorCode.NOT_FOUND);
        }
    }

    @ParameterizedTest
    @EnumSource
    void a_bad_key_is_400_and_a_long_one_413(Store store) throws IOException {
        try (RawConnection connection = login(store)) {
            for (String bad : List.of(".", "..")) {
                assertThat(getRaw(connection, bad.getBytes(java.nio.charset.StandardCharsets.UTF_8))
                                .code())
                        .isEqualTo(ErrorCode.INVALID_REQUEST);
            }
            assertThat(getRaw(connection, new byte[0]).code()).isEqualTo(ErrorCode.INVALID_REQUEST);
            assertThat(getRaw(connection, new byte[] {(byte) 0xff}).code()).isEqualTo(ErrorCode.INVALID_REQUEST);
            assertThat(getRaw(connection, new byte[513]).code()).isEqualTo(ErrorCode.TOO_LARGE);
        }
    }

    private KvException getRaw(RawConnection connection, byte[] key) throws IOException {
        return connection
                .send(out -> {
                    Frames.writeHeader(out, FrameType.GET, 0, 5, GetFrame.FIXED_BYTES + key.length);
                    out.writeLong(ns().high()).writeLong(ns().low()).writeInt(0).writeShort(0);
                    out.writeShort(key.length).writeBytes(key);
                })
                .read()
                .error();
    }

    @ParameterizedTest
    @EnumSource
    void what_is_not_known_is_400_and_the_connection_goes_on(Store store) throws IOException {
        try (RawConnection connection = login(store)) {
            connection.send(out -> Frames.writeEmpty(out, 0x3f, 5));
            assertThat(connection.read().error().code()).isEqualTo(ErrorCode.INVALID_REQUEST);
            connection.send(out -> Frames.writeHeader(out, FrameType.GET, 0x40, 6, 0));
            assertThat(connection.read().error().code()).isEqualTo(ErrorCode.INVALID_REQUEST);
            connection.send(Requests.call(7, Wire.CallHeader.getDefaultInstance()));
            assertThat(connection.read().error().code()).isEqualTo(ErrorCode.INVALID_REQUEST);
            connection.send(out -> Frames.writeEmpty(out, 0x80, 8));
            connection.send(Requests.ping(3)).read(FrameType.PONG);
        }
    }

    @Test
    void strong_reads_are_the_stores_to_answer() throws IOException {
        try (RawConnection connection = login(Store.DIRECT)) {
            store("k", 3);
            connection
                    .send(out -> GetFrame.write(out, 1, ns(), Key.of("k"), ReadOptions.STRONG))
                    .read(FrameType.FOUND);
            assertThat(test().store.directReads).hasValue(0);
            connection.send(Requests.get(2, ns(), "k")).read(FrameType.FOUND);
            assertThat(test().store.directReads).hasValue(1);
        }
    }
}
