package io.nearkv.core;

import java.time.Duration;

/** The limits that every tier shares. Those of Workers KV are kept where it has one, so that data can move both ways. */
public final class Limits {
    /** Longest key in bytes of UTF-8 (Workers KV: 512). */
    public static final int MAX_KEY_BYTES = 512;
    /** Largest value in bytes: 25 MiB (Workers KV). */
    public static final int MAX_VALUE_BYTES = 25 * 1024 * 1024;
    /** Longest metadata in bytes of serialized JSON (Workers KV). */
    public static final int MAX_METADATA_BYTES = 1024;
    /** Largest page of a listing (Workers KV). */
    public static final int MAX_LIST_LIMIT = 1000;
    /** Most operations in one batch or bulk call (Workers KV's bulk writes). */
    public static final int MAX_BATCH_OPERATIONS = 10_000;
    /** Most bytes of keys, values and metadata in one batch or bulk call (Workers KV: 100 MB bodies). */
    public static final long MAX_BATCH_BYTES = 100L * 1024 * 1024;
    /** Most keys in one bulk read. Together with {@link #MAX_BULK_GET_BYTES} it bounds what one request can ask a server to hold. */
    public static final int MAX_BULK_GET_KEYS = 10_000;
    /** Most bytes of values that one bulk read answers with (Workers KV: 25 MiB). */
    public static final int MAX_BULK_GET_BYTES = 25 * 1024 * 1024;
    /** Shortest time to live that the native API accepts. The Workers-compatible face asks for {@link #MIN_WORKERS_TTL}. */
    public static final Duration MIN_TTL = Duration.ofSeconds(1);
    /** Shortest time to live over the Workers-KV-compatible face. */
    public static final Duration MIN_WORKERS_TTL = Duration.ofSeconds(60);
    /** Latest expiration in seconds since the epoch: 9999-12-31T23:59:59Z, so that every expiration has a usual text form. */
    public static final long MAX_EXPIRATION_EPOCH_SECOND = 253_402_300_799L;
    /** Longest namespace title in characters (Workers KV). */
    public static final int MAX_TITLE_CHARS = 512;
    /** Most namespaces of an account (Workers KV: 1,000). */
    public static final int MAX_NAMESPACES_PER_ACCOUNT = 1000;
    /** Longest question of {@link KvAdmin#ask}, and longest answer. */
    public static final int MAX_QUESTION_BYTES = 64 * 1024;
    /** Largest piece of a streamed value. Values up to this size travel whole in one message. */
    public static final int CHUNK_BYTES = 64 * 1024;
    /** The time that a call may take where the caller says nothing. */
    public static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(10);
    /** Longest time that a call may ask for; also what keeps a deadline from overflowing. */
    public static final Duration MAX_TIMEOUT = Duration.ofHours(1);

    private Limits() {}
}
