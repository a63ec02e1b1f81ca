package io.nearkv.cluster;

import io.nearkv.core.AccountId;
import io.nearkv.core.KvStore;
import io.nearkv.core.StoreFixture;
import io.nearkv.core.TestClock;
import java.io.IOException;

/** Three nodes, of which one is asked: the one that leads, or another. */
final class ClusterFixture implements StoreFixture {
    private final TestClock clock = new TestClock();
    private final LocalCluster cluster;
    private final boolean asksLeader;
    private KvStore store;

    ClusterFixture(boolean asksLeader, int partitions) throws IOException {
        this.asksLeader = asksLeader;
        this.cluster = new LocalCluster(3, 3, partitions, clock, builder -> builder);
        this.store = choose();
    }

    private KvStore choose() {
        return (asksLeader ? cluster.leader() : cluster.follower()).store();
    }

    @Override
    public KvStore store() {
        return store;
    }

    @Override
    public AccountId account() {
        return LocalCluster.ACCOUNT.id();
    }

    @Override
    public TestClock clock() {
        return clock;
    }

    @Override
    public boolean canReopen() {
        return true;
    }

    @Override
    public void reopen() {
        cluster.stopAll();
        for (String id : new String[] {"n1", "n2", "n3"}) {
            cluster.start(id);
        }
        store = choose();
    }

    @Override
    public void close() {
        cluster.close();
    }
}
