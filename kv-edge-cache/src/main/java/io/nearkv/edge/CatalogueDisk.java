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
}
