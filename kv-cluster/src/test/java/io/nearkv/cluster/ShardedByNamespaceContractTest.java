package io.nearkv.cluster;

import io.nearkv.core.StoreFixture;
import java.io.IOException;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** The contract over namespaces in partitions of their own, kept without a cluster. */
@EnabledIfSystemProperty(
        named = "nearkv.test.contracts",
        matches = "true",
        disabledReason = "ShardedStoreContractTest runs the most of it in every build")
class ShardedByNamespaceContractTest extends ByNamespaceContract {
    @Override
    protected StoreFixture open() throws IOException {
        return sharded();
    }
}
