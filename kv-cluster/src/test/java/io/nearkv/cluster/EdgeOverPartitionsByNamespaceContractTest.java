package io.nearkv.cluster;

import io.nearkv.core.StoreFixture;
import java.io.IOException;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** The contract over namespaces in partitions of their own, by an edge: its feed of positions of several partitions has one order. */
@EnabledIfSystemProperty(
        named = "nearkv.test.contracts",
        matches = "true",
        disabledReason = "takes a minute; PartitionedEdgeTest says in every build what is different")
class EdgeOverPartitionsByNamespaceContractTest extends ByNamespaceContract {
    @Override
    protected StoreFixture open() throws IOException {
        return new EdgeFixture(sharded());
    }
}
