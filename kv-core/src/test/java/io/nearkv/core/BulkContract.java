package io.nearkv.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Many keys in one call: bulk reads, bulk writes and atomic batches, with their limits. */
public interface BulkContract extends ContractSupport {
    private List<GetResult> getAll(List<Key> keys) {
        return await(store().getAll(ns(), keys, reads()));
    }

    private List<WriteResult> writeAll(List<Mutation> mutations) {
        return await(store().writeAll(ns(), mutations, WriteOptions.DEFAULT));
    }

    private static List<Mutation> puts(int count) {
        List<Mutation> mutations = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            mutations.add(Mutation.put(Key.of("k" + i), Value.of("v" + i)));
        }
        return mutations;
    }

    @Test
    default void a_bulk_read_answers_in_the_order_asked() {
        put("a", "1");
        put("b", bytes(100_000, 1), PutOptions.metadata(Metadata.ofJson("2")));

        List<GetResult> results = getAll(List.of(key("b"), key("nothing"), key("a"), key("b")));

        assertThat(results).hasSize(4);
        assertThat(results.get(0)).isEqualTo(found("b"));
        assertThat(results.get(1)).isEqualTo(GetResult.Missing.INSTANCE);
        assertThat(results.get(2)).isEqualTo(found("a"));
        assertThat(results.get(3)).isEqualTo(found("b"));
        assertThat(getAll(List.of())).isEmpty();
    }

    @Test
    default void a_bulk_read_of_the_most_keys_is_answered_and_one_more_is_too_large() {
        put("k", "v");
        List<GetResult> results = getAll(Collections.nCopies(Limits.MAX_BULK_GET_KEYS, key("k")));
        assertThat(results).hasSize(Limits.MAX_BULK_GET_KEYS).containsOnly(found("k"));
        assertFails(
                ErrorCode.TOO_LARGE,
                () -> store().getAll(ns(), Collections.nCopies(Limits.MAX_BULK_GET_KEYS + 1, key("k")), reads()));
    }

    @Test
    default void a_bulk_read_of_the_most_bytes_is_answered_and_one_more_is_too_large() {
        int half = Limits.MAX_BULK_GET_BYTES / 2;
        put("a", bytes(half, 1), PutOptions.DEFAULT);
        put("b", bytes(Limits.MAX_BULK_GET_BYTES - half, 2), PutOptions.DEFAULT);
        put("c", "1");
        assertThat(getAll(List.of(key("a"), key("b"))))
                .allSatisfy(result -> assertThat(result).isInstanceOf(GetResult.Found.class));
        assertFails(ErrorCode.TOO_LARGE, () -> store().getAll(ns(), List.of(key("a"), key("b"), key("c")), reads()));
    }

    @Test
    default void a_bulk_write_answers_for_each_in_order() {
        long version = put("present", "old");

        List<WriteResult> results = writeAll(List.of(
                new Mutation.Put(key("present"), Value.of("x"), PutOptions.when(Condition.IF_ABSENT)),
                putOf("new", "1"),
                Mutation.delete(key("nothing")),
                new Mutation.Put(key("new"), Value.of("2"), PutOptions.when(Condition.IF_PRESENT)),
                new Mutation.Delete(key("present"), Condition.ifVersion(version))));

        assertThat(results.get(0)).isEqualTo(new WriteResult.ConditionFailed(version));
        assertThat(results.subList(1, 5)).allMatch(WriteResult::applied);
        List<Long> versions =
                results.subList(1, 5).stream().map(WriteResult::orThrow).toList();
        assertThat(versions).isSorted().doesNotHaveDuplicates().allMatch(v -> v > version);
        assertThat(found("new").value()).isEqualTo(Value.of("2"));
        assertThat(names("")).containsExactly("new");
        assertThat(writeAll(List.of())).isEmpty();
    }

    @Test
    default void a_bulk_write_of_the_most_operations_is_done_and_one_more_is_too_large() {
        List<WriteResult> results = writeAll(puts(Limits.MAX_BATCH_OPERATIONS));
        assertThat(results).hasSize(Limits.MAX_BATCH_OPERATIONS).allMatch(WriteResult::applied);
        assertThat(listAll(ListOptions.ALL)).hasSize(Limits.MAX_BATCH_OPERATIONS);
        assertFails(
                ErrorCode.TOO_LARGE,
                () -> store().writeAll(ns(), puts(Limits.MAX_BATCH_OPERATIONS + 1), WriteOptions.DEFAULT));
    }

    /** Fills a batch up to the limit of bytes and, with {@code more}, beyond it; all values are one array, so that the test needs little memory. */
    private List<Mutation> batchOfBytes(long total) {
        Value whole = bytes(Limits.MAX_VALUE_BYTES, 1);
        List<Mutation> mutations = new ArrayList<>();
        long left = total;
        for (int i = 0; left > 0; i++) {
            int size = (int) Math.min(left - 1, Limits.MAX_VALUE_BYTES);
            Value value = size == Limits.MAX_VALUE_BYTES ? whole : bytes(size, i);
            mutations.add(Mutation.put(key(Integer.toString(i)), value));
            left -= size + 1L;
        }
        return mutations;
    }

    @Test
    default void a_batch_of_one_byte_more_than_the_most_is_too_large() {
        List<Mutation> mutations = batchOfBytes(Limits.MAX_BATCH_BYTES + 1);
        assertThat(mutations.stream().mapToLong(Mutation::sizeBytes).sum()).isEqualTo(Limits.MAX_BATCH_BYTES + 1);
        assertFails(ErrorCode.TOO_LARGE, () -> store().batch(ns(), mutations, WriteOptions.DEFAULT));
        assertFails(ErrorCode.TOO_LARGE, () -> store().writeAll(ns(), mutations, WriteOptions.DEFAULT));
        assertThat(names("")).isEmpty();
    }

    @Test
    default void a_batch_of_the_most_bytes_is_done() {
        assumeTrue(LONG, "writes 100 MiB");
        List<Mutation> mutations = batchOfBytes(Limits.MAX_BATCH_BYTES);
        assertThat(await(store().batch(ns(), mutations, WriteOptions.DEFAULT)).applied())
                .isTrue();
        for (Mutation mutation : mutations) {
            Value expected = ((Mutation.Put) mutation).value();
            assertThat(found(mutation.key().toString()).value().equals(expected))
                    .isTrue();
        }
    }

    @Test
    default void a_batch_happens_as_a_whole_with_consecutive_versions() {
        put("old", "1");
        BatchResult result = batch(putOf("a", "1"), Mutation.delete(key("old")), putOf("b", "2"), putOf("a", "3"));

        assertThat(result).isInstanceOf(BatchResult.Applied.class);
        BatchResult.Applied applied = (BatchResult.Applied) result;
        assertThat(applied.lastVersion() - applied.firstVersion()).isEqualTo(3 * versionStep());
        assertThat(found("b").version()).isEqualTo(applied.firstVersion() + 2 * versionStep());
        assertThat(found("a").version()).isEqualTo(applied.lastVersion());
        assertThat(found("a").value()).isEqualTo(Value.of("3"));
        assertThat(names("")).containsExactly("a", "b");
    }

    @Test
    default void a_batch_with_one_failed_condition_changes_nothing() {
        long version = put("present", "old");
        BatchResult result = batch(
                putOf("a", "1"),
                Mutation.delete(key("present")),
                new Mutation.Put(key("b"), Value.of("2"), PutOptions.when(Condition.IF_PRESENT)));

        assertThat(result).isEqualTo(new BatchResult.ConditionFailed(2, 0));
        assertThat(names("")).containsExactly("present");
        assertThat(found("present").version()).isEqualTo(version);
    }

    @Test
    default void a_failed_batch_tells_which_condition_and_the_version_that_is_there() {
        long version = put("present", "old");
        assertThat(batch(
                        putOf("a", "1"),
                        new Mutation.Put(key("present"), Value.of("x"), PutOptions.when(Condition.IF_ABSENT)),
                        new Mutation.Put(key("b"), Value.of("2"), PutOptions.when(Condition.IF_PRESENT))))
                .isEqualTo(new BatchResult.ConditionFailed(1, version));
    }

    @Test
    default void conditions_of_a_batch_see_the_earlier_changes_of_the_batch() {
        put("old", "1");
        BatchResult done = batch(
                new Mutation.Put(key("a"), Value.of("1"), PutOptions.when(Condition.IF_ABSENT)),
                new Mutation.Put(key("a"), Value.of("2"), PutOptions.when(Condition.IF_PRESENT)),
                Mutation.delete(key("old")),
                new Mutation.Put(key("old"), Value.of("3"), PutOptions.when(Condition.IF_ABSENT)));
        assertThat(done.applied()).isTrue();
        assertThat(found("a").value()).isEqualTo(Value.of("2"));
        assertThat(found("old").value()).isEqualTo(Value.of("3"));

        assertThat(batch(
                        Mutation.delete(key("a")),
                        new Mutation.Put(key("a"), Value.of("x"), PutOptions.when(Condition.IF_PRESENT))))
                .isEqualTo(new BatchResult.ConditionFailed(1, 0));
        assertThat(found("a").value()).isEqualTo(Value.of("2"));
    }

    @Test
    default void a_batch_of_the_most_operations_is_done_and_one_more_is_too_large() {
        BatchResult result = await(store().batch(ns(), puts(Limits.MAX_BATCH_OPERATIONS), WriteOptions.DEFAULT));
        assertThat(result.applied()).isTrue();
        assertThat(listAll(ListOptions.ALL)).hasSize(Limits.MAX_BATCH_OPERATIONS);
        assertFails(
                ErrorCode.TOO_LARGE,
                () -> store().batch(ns(), puts(Limits.MAX_BATCH_OPERATIONS + 1), WriteOptions.DEFAULT));
    }

    @Test
    default void an_empty_batch_is_refused() {
        assertFails(ErrorCode.INVALID_REQUEST, () -> store().batch(ns(), List.of(), WriteOptions.DEFAULT));
    }

    @Test
    default void a_batch_carries_large_values_metadata_and_expirations() {
        Value large = bytes(300_000, 5);
        BatchResult result = batch(
                new Mutation.Put(key("large"), large, PutOptions.metadata(Metadata.ofJson("[1]"))),
                new Mutation.Put(key("small"), Value.of("s"), PutOptions.expiresAfter(java.time.Duration.ofHours(1))));
        assertThat(result.applied()).isTrue();
        assertThat(found("large").value()).isEqualTo(large);
        assertThat(found("large").metadata()).isEqualTo(Metadata.ofJson("[1]"));
        assertThat(found("small").expiresAt()).isPositive();
    }

    @Test
    default void a_value_beyond_its_limit_spoils_the_whole_batch() {
        Value tooLarge = Value.wrap(new byte[Limits.MAX_VALUE_BYTES + 1]);
        List<Mutation> mutations = List.of(putOf("a", "1"), Mutation.put(key("b"), tooLarge));
        assertFails(ErrorCode.TOO_LARGE, () -> store().batch(ns(), mutations, WriteOptions.DEFAULT));
        assertThat(names("")).isEmpty();
    }
}
