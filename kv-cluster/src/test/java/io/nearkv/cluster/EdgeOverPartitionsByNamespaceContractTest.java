package io.nearkv.cluster;

import io.nearkv.core.KvStoreContract;
import io.nearkv.core.StoreFixture;
import java.io.IOException;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** The contract of all tiers, by an edge over partitions where each namespace lies in one of them: so its feed of positions of several partitions has one order. */
@EnabledIfSystemProperty(
        named = "nearkv.test.long",
        matches = "true",
        disabledReason = "takes a minute; PartitionedEdgeTest says in every build what is different")
@ExceptTests({
    "the_position_of_a_version_is_that_of_its_change",
    "the_feed_of_everything_has_no_gap",
    "a_watcher_of_a_namespace_is_told_when_it_is_deleted_whatever_its_prefix"
})
class EdgeOverPartitionsByNamespaceContractTest extends KvStoreContract {
    private static final int PARTITIONS = 3;

    @Override
    protected StoreFixture open() throws IOException {
        return new EdgeFixture(new ShardedFixture(
                PARTITIONS, (namespace, key) -> (int) Long.remainderUnsigned(namespace.low(), PARTITIONS)));
    }

    @Override
    public long versionStep() {
        return PARTITIONS;
    }
}
