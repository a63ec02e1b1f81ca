package io.nearkv.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Values read and written piece by piece. */
public interface StreamContract extends ContractSupport {
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 4095, 4096, 4097, 65_535, 65_536, 65_537, 1_000_000, Limits.MAX_VALUE_BYTES})
    default void a_value_written_whole_is_read_piece_by_piece(int size) {
        Value value = bytes(size, size);
        WriteResult written = put("k", value, PutOptions.metadata(Metadata.ofJson("[]")));
        try (ValueReader reader = reader("k")) {
            assertThat(reader.length()).isEqualTo(size);
            assertThat(reader.metadata()).isEqualTo(Metadata.ofJson("[]"));
            assertThat(reader.version()).isEqualTo(written.orThrow());
            assertThat(reader.expiresAt()).isZero();
            assertThat(readRest(reader).equals(value)).isTrue();
            assertThat(await(reader.read()).hasRemaining())
                    .as("more after the end")
                    .isFalse();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "0,1",
        "1,1",
        "5000,100",
        "65535,65535",
        "65536,65536",
        "65537,65536",
        "65537,65537",
        "200000,1000",
        "300000,300000",
        "26214400,65536",
        "26214400,1000000"
    })
    default void a_value_written_piece_by_piece_is_read_whole(int size, int pieceBytes) {
        Value value = bytes(size, size);
        try (ValueWriter writer = upload("k", PutOptions.metadata(Metadata.ofJson("{\"u\":0}")))) {
            writePieces(writer, value, pieceBytes);
            assertThat(get("k")).as("before the commit").isEqualTo(GetResult.Missing.INSTANCE);
            assertThat(names("")).isEmpty();
            long version = await(writer.commit()).orThrow();

            GetResult.Found found = found("k");
            assertThat(found.value().equals(value)).isTrue();
            assertThat(found.version()).isEqualTo(version);
            assertThat(found.metadata()).isEqualTo(Metadata.ofJson("{\"u\":0}"));
        }
        assertThat(page(ListOptions.ALL).keys()).hasSize(1);
        assertThat(page(ListOptions.ALL).keys().get(0).valueBytes()).isEqualTo(size);
    }

    @Test
    default void opening_a_missing_key_is_an_answer() {
        OpenResult result = await(store().open(ns(), key("nothing"), reads()));
        assertThat(result).isEqualTo(OpenResult.Missing.INSTANCE);
    }

    @ParameterizedTest
    @ValueSource(ints = {100, 3_000_000})
    default void a_reader_sees_the_value_as_it_was_when_it_was_opened(int size) {
        Value old = bytes(size, 1);
        put("k", old, PutOptions.DEFAULT);
        try (ValueReader first = reader("k");
                ValueReader second = reader("k")) {
            ByteBuffer piece = await(first.read());
            int taken = piece.remaining();
            put("k", bytes(size, 2), PutOptions.DEFAULT);
            delete("k");
            put("k", bytes(10, 3), PutOptions.DEFAULT);

            Value rest = readRest(first);
            assertThat(rest.asByteBuffer()).isEqualTo(old.asByteBuffer().position(taken));
            assertThat(readRest(second).equals(old)).isTrue();
        }
        assertThat(found("k").value()).isEqualTo(bytes(10, 3));
    }

    @Test
    default void a_reader_outlives_its_namespace() {
        Value value = bytes(1_000_000, 1);
        NamespaceId gone = await(store().admin().createNamespace(fixture().account(), "gone of " + ns()))
                .id();
        Object unused = await(store().write(gone, Mutation.put(key("k"), value), WriteOptions.DEFAULT));
        OpenResult opened = await(store().open(gone, key("k"), reads()));
        try (ValueReader reader = ((OpenResult.Opened) opened).reader()) {
            unused = await(store().admin().deleteNamespace(gone));
            assertThat(readRest(reader).equals(value)).isTrue();
        }
    }

    @Test
    default void many_readers_and_writers_go_side_by_side() {
        Value value = bytes(500_000, 1);
        put("k", value, PutOptions.DEFAULT);
        List<ValueReader> readers =
                java.util.stream.Stream.generate(() -> reader("k")).limit(20).toList();
        List<ValueWriter> writers = java.util.stream.IntStream.range(0, 10)
                .mapToObj(i -> upload("w" + i, PutOptions.DEFAULT))
                .toList();
        for (int i = 0; i < 10; i++) {
            writePieces(writers.get(i), bytes(100_000 + i, i), 30_000);
        }
        for (ValueReader reader : readers) {
            assertThat(readRest(reader).equals(value)).isTrue();
            reader.close();
        }
        for (int i = 0; i < 10; i++) {
            assertThat(await(writers.get(i).commit()).applied()).isTrue();
            writers.get(i).close();
            assertThat(found("w" + i).value().equals(bytes(100_000 + i, i))).isTrue();
        }
    }

    @Test
    default void nothing_stays_of_an_upload_that_was_not_committed() {
        put("k", "old");
        try (FeedProbe feed = watchFromNow()) {
            for (int size : new int[] {0, 100, 1_000_000}) {
                ValueWriter writer = upload("k", PutOptions.DEFAULT);
                writePieces(writer, bytes(size, 1), 65_536);
                writer.close();
                writer.close();
                assertThat(found("k").value()).isEqualTo(Value.of("old"));
            }
            put("end", "v");
            assertThat(feed.awaitChanges(1).get(0).key()).isEqualTo(key("end"));
        }
    }

    @Test
    default void a_writer_that_was_closed_refuses_work() {
        ValueWriter writer = upload("k", PutOptions.DEFAULT);
        writePieces(writer, Value.of("v"), 10);
        writer.close();
        assertThatThrownBy(() -> writer.write(ByteBuffer.allocate(1))).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(writer::commit).isInstanceOf(IllegalStateException.class);
        assertThat(get("k")).isEqualTo(GetResult.Missing.INSTANCE);
    }

    @Test
    default void a_reader_that_was_closed_refuses_work() {
        put("k", bytes(200_000, 1), PutOptions.DEFAULT);
        ValueReader reader = reader("k");
        reader.close();
        reader.close();
        assertThatThrownBy(reader::read).isInstanceOf(IllegalStateException.class);
    }

    @Test
    default void closing_after_the_commit_takes_nothing_back() {
        ValueWriter writer = upload("k", PutOptions.DEFAULT);
        writePieces(writer, bytes(100_000, 1), 65_536);
        assertThat(await(writer.commit()).applied()).isTrue();
        writer.close();
        assertThat(found("k").value()).isEqualTo(bytes(100_000, 1));
    }

    @Test
    default void a_value_that_grows_beyond_the_limit_is_too_large() {
        put("k", "old");
        try (ValueWriter writer = upload("k", PutOptions.DEFAULT)) {
            writePieces(writer, Value.wrap(new byte[Limits.MAX_VALUE_BYTES]), 1 << 20);
            assertFails(ErrorCode.TOO_LARGE, () -> writer.write(ByteBuffer.allocate(1)));
        }
        try (ValueWriter writer = upload("k", PutOptions.DEFAULT)) {
            assertFails(ErrorCode.TOO_LARGE, () -> writer.write(ByteBuffer.allocate(Limits.MAX_VALUE_BYTES + 1)));
        }
        assertThat(found("k").value()).isEqualTo(Value.of("old"));
    }

    @ParameterizedTest
    @ValueSource(ints = {100, 100_000})
    default void the_condition_of_an_upload_is_decided_at_its_commit(int size) {
        try (ValueWriter writer = upload("k", PutOptions.when(Condition.IF_ABSENT))) {
            writePieces(writer, bytes(size, 1), 65_536);
            long version = put("k", "faster");
            assertThat(await(writer.commit())).isEqualTo(new WriteResult.ConditionFailed(version));
        }
        assertThat(found("k").value()).isEqualTo(Value.of("faster"));
        try (ValueWriter writer = upload("k", PutOptions.when(Condition.IF_ABSENT))) {
            writePieces(writer, bytes(size, 1), 65_536);
            delete("k");
            assertThat(await(writer.commit()).applied()).isTrue();
        }
        assertThat(found("k").value()).isEqualTo(bytes(size, 1));
    }

    @ParameterizedTest
    @ValueSource(ints = {100, 100_000})
    default void the_ttl_of_an_upload_counts_from_its_commit(int size) {
        TestClock clock = clock();
        try (ValueWriter writer = upload("k", PutOptions.expiresAfter(Duration.ofSeconds(5)))) {
            writePieces(writer, bytes(size, 1), 65_536);
            clock.advance(Duration.ofSeconds(100));
            assertThat(await(writer.commit()).applied()).isTrue();
            assertThat(found("k").expiresAt()).isEqualTo(clock.epochSecond() + 5);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {100, 100_000})
    default void options_that_come_with_the_commit_replace_those_of_the_start(int size) {
        PutOptions begin = new PutOptions(Metadata.ofJson("\"old\""), 0, 100, Condition.IF_PRESENT);
        PutOptions end = PutOptions.metadata(Metadata.ofJson("\"new\"")).withCondition(Condition.IF_ABSENT);
        try (ValueWriter writer = upload("k", begin)) {
            writePieces(writer, bytes(size, 1), 65_536);
            assertThat(await(writer.commit(end)).applied()).isTrue();
        }
        GetResult.Found found = found("k");
        assertThat(found.value()).isEqualTo(bytes(size, 1));
        assertThat(found.metadata()).isEqualTo(end.metadata());
        assertThat(found.expiresAt()).isZero();
        try (ValueWriter writer = upload("k", PutOptions.DEFAULT)) {
            assertThat(await(writer.commit(end))).isEqualTo(new WriteResult.ConditionFailed(found.version()));
        }
    }

    @Test
    default void pieces_may_come_from_any_kind_of_buffer_and_be_reused() {
        try (ValueWriter writer = upload("k", PutOptions.DEFAULT)) {
            ByteBuffer direct = ByteBuffer.allocateDirect(40_000);
            for (int i = 0; i < 4; i++) {
                direct.clear();
                while (direct.hasRemaining()) {
                    direct.put((byte) i);
                }
                Object unused = await(writer.write(direct.flip()));
            }
            Object unused = await(
                    writer.write(ByteBuffer.wrap(new byte[] {9, 9, 7, 9}, 2, 1).asReadOnlyBuffer()));
            unused = await(writer.write(ByteBuffer.allocate(0)));
            assertThat(await(writer.commit()).applied()).isTrue();
        }
        byte[] got = found("k").value().toByteArray();
        assertThat(got).hasSize(160_001);
        assertThat(new int[] {got[0], got[39_999], got[40_000], got[120_000], got[159_999], got[160_000]})
                .containsExactly(0, 0, 1, 3, 3, 7);
    }

    @Test
    default void a_streamed_value_appears_in_the_feed_once() {
        try (FeedProbe feed = watchFromNow();
                ValueWriter writer = upload("k", PutOptions.DEFAULT)) {
            writePieces(writer, bytes(500_000, 1), 65_536);
            long version = await(writer.commit()).orThrow();
            put("end", "v");
            List<FeedEvent.Change> changes = feed.awaitChanges(2);
            assertThat(changes.get(0).version()).isEqualTo(version);
            assertThat(changes.get(0).kind()).isEqualTo(FeedEvent.Kind.PUT);
            assertThat(changes.get(1).key()).isEqualTo(key("end"));
        }
    }
}
