package io.nearkv.core;

import static java.util.Objects.requireNonNull;

import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInstance;

/**
 * The contract of {@link KvStore}, for every implementation and every stack of them: extend this class and open your tier. The tests of a class share one tier and
 * have a namespace each. {@code -Dnearkv.test.long=true} makes it larger, {@code -Dnearkv.test.seed=N} replays a property test.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class KvStoreContract
        implements ReadWriteContract,
                DirectReadContract,
                ConditionContract,
                BulkContract,
                ExpirationContract,
                ListingContract,
                StreamContract,
                FeedContract,
                NamespaceContract,
                LifecycleContract,
                ConcurrencyContract,
                ModelContract {
    private static final AtomicInteger COUNTER = new AtomicInteger();

    private @Nullable StoreFixture fixture;
    private @Nullable NamespaceId namespace;

    /** Opens the tier under test over empty data. */
    protected abstract StoreFixture open() throws Exception;

    @BeforeAll
    final void openFixture() throws Exception {
        fixture = open();
    }

    @AfterAll
    final void closeFixture() throws Exception {
        if (fixture != null) {
            fixture.close();
        }
    }

    @BeforeEach
    final void createNamespace() {
        namespace = newNamespace();
    }

    @AfterEach
    final void deleteNamespace() {
        try {
            Object unused = await(store().admin().deleteNamespace(ns()));
        } catch (KvException e) {
            if (e.code() != ErrorCode.NOT_FOUND) {
                throw e;
            }
        }
    }

    /** Returns a new, empty namespace. */
    private NamespaceId newNamespace() {
        String title = "contract-" + COUNTER.incrementAndGet();
        return await(store().admin().createNamespace(fixture().account(), title))
                .id();
    }

    @Override
    public final StoreFixture fixture() {
        return requireNonNull(fixture, "fixture");
    }

    @Override
    public final StoreFixture openAnother() throws Exception {
        return open();
    }

    @Override
    public final NamespaceId ns() {
        return requireNonNull(namespace, "namespace");
    }
}
