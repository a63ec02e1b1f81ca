package io.nearkv.cluster;

import io.nearkv.core.KvStoreContract;
import io.nearkv.core.StoreFixture;
import java.io.IOException;

/**
 * The contract of all tiers, kept by four partitions where each namespace lies in one of them: so its keys have one order and may be in one batch, and everything else of a sharded store is there:
 * versions that are not dense, positions of all partitions, merged feeds and listings.
 */
@ExceptTests({
    "the_position_of_a_version_is_that_of_its_change",
    "the_feed_of_everything_has_no_gap",
    "a_watcher_of_a_namespace_is_told_when_it_is_deleted_whatever_its_prefix"
})
abstract class ByNamespaceContract extends KvStoreContract {
    private static final int PARTITIONS = 4;

    static StoreFixture sharded() throws IOException {
        return new ShardedFixture(
                PARTITIONS, (namespace, key) -> (int) Long.remainderUnsigned(namespace.low(), PARTITIONS));
    }

    @Override
    public long versionStep() {
        return PARTITIONS;
    }
}
