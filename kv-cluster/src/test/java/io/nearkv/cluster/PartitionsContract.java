package io.nearkv.cluster;

import io.nearkv.core.Key;
import io.nearkv.core.KvStoreContract;
import io.nearkv.core.Sharding;

/** The contract of all tiers, kept by three partitions over which the keys of each namespace are spread; except where it promises one order of all, or batches of keys without a common tag. */
@ExceptTests({
    "a_batch_carries_large_values_metadata_and_expirations",
    "a_batch_happens_as_a_whole_with_consecutive_versions",
    "a_batch_of_the_most_bytes_is_done",
    "a_batch_of_the_most_operations_is_done_and_one_more_is_too_large",
    "a_batch_with_one_failed_condition_changes_nothing",
    "a_bulk_write_answers_for_each_in_order",
    "a_failed_batch_tells_which_condition_and_the_version_that_is_there",
    "a_feed_with_a_prefix_brings_its_keys_only_and_still_moves_on",
    "a_position_is_good_after_reopening",
    "a_reader_goes_on_after_any_position_also_inside_a_batch",
    "a_reader_that_is_slower_than_the_writers_gets_everything",
    "a_streamed_value_appears_in_the_feed_once",
    "a_watcher_of_a_namespace_is_told_when_it_is_deleted_whatever_its_prefix",
    "an_acknowledged_write_is_in_the_feed_of_who_asks_afterwards",
    "conditions_of_a_batch_see_the_earlier_changes_of_the_batch",
    "deleting_what_is_not_there_succeeds_and_has_a_version",
    "oldest_begins_with_what_was_written_before",
    "readers_see_batches_whole_or_not_at_all_and_never_go_back",
    "the_changes_of_a_batch_come_together_and_only_the_last_ends_the_commit",
    "the_feed_brings_every_change_once_and_in_order",
    "the_feed_of_everything_has_no_gap",
    "the_feed_of_many_writers_has_every_write_once_in_the_order_of_versions",
    "the_feed_tells_of_an_entry_that_the_store_removed_once",
    "the_position_of_a_version_is_that_of_its_change",
    "versions_grow_with_every_write_of_any_kind"
})
abstract class PartitionsContract extends KvStoreContract {
    static final Sharding SHARDING = new Sharding(3);

    @Override
    public long versionStep() {
        return SHARDING.partitions();
    }

    @Override
    public int partitionOf(Key key) {
        return SHARDING.partitionOf(ns(), key.asByteBuffer());
    }
}
