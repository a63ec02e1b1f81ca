package io.nearkv.bench.compare;

import java.util.Locale;

/** The servers that take part. */
enum ServerKind {
    /** {@code nearkv serve} as it is shipped. */
    NEARKV,
    /** The same with event loops that spin. */
    NEARKV_SPIN,
    /** Our server over a hash map in place of the engine. */
    NEARKV_MAP,
    /** The same with event loops that spin. */
    NEARKV_MAP_SPIN,
    /** A bare Netty server that sends back what it gets. */
    ECHO,
    /** Redis in memory alone. */
    REDIS,
    /** Redis with an append-only file, synced every second. */
    REDIS_EVERYSEC,
    /** Redis with an append-only file, synced before each answer. */
    REDIS_ALWAYS,
    /** etcd with one member. */
    ETCD,
    /** Three nodes of nearkv that are one store. */
    NEARKV_CLUSTER,
    /** etcd with three members. */
    ETCD_CLUSTER;

    String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    boolean isNearkv() {
        return this == NEARKV || this == NEARKV_SPIN || this == NEARKV_MAP || this == NEARKV_MAP_SPIN;
    }

    boolean isRedis() {
        return this == REDIS || this == REDIS_EVERYSEC || this == REDIS_ALWAYS;
    }
}
