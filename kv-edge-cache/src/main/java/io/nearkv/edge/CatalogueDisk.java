package io.nearkv.edge;

import io.nearkv.core.NamespaceId;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** Keeps what is known of namespaces beyond the life of the process. Thread-safe. */
interface CatalogueDisk {
    /** Keeps what is known of a namespace. */
    void catalogue(NamespaceId namespace, byte[] record);

    /** Returns what is known of a namespace, or null. */
    CompletableFuture<byte @Nullable []> catalogue(NamespaceId namespace);

    /** Keeps which namespace a title means. */
    default void title(byte[] title, NamespaceId namespace) {
        // One that gives out its whole catalogue at the start need not.
    }

    /** Returns which namespace a title means, or null. */
    default CompletableFuture<@Nullable NamespaceId> title(byte[] title) {
        return CompletableFuture.completedFuture(null);
    }
}
