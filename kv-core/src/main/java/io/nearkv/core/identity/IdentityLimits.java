package io.nearkv.core.identity;

import java.time.Duration;

/** The limits of everything that this package reads and makes. */
public final class IdentityLimits {
    /** Longest token in characters. A token for {@link Permissions#MAX_NAMESPACES} namespaces takes about 7,000. */
    public static final int MAX_TOKEN_CHARS = 8 * 1024;
    /** How far a token's not-before may lie ahead of this node's clock: clocks of issuer and node differ. There is no leeway at the other end. */
    public static final Duration NOT_BEFORE_LEEWAY = Duration.ofSeconds(30);
    /** Longest life of a token. */
    public static final Duration MAX_LIFETIME = Duration.ofDays(3653);
    /**
     * Life of the tokens that the first start makes, about 10 years. They lie beside the keys that could make new ones, so a shorter life would protect
     * nothing, and would stop a forgotten server one day.
     */
    public static final Duration FIRST_START_LIFETIME = MAX_LIFETIME;
    /** Longest time that a rotated key goes on verifying. */
    public static final Duration MAX_OVERLAP = MAX_LIFETIME;
    /** Longest subject in characters. */
    public static final int MAX_SUBJECT_CHARS = 128;
    /** Longest build id in characters. */
    public static final int MAX_BUILD_ID_CHARS = 64;
    /** Most verdicts that a verifier remembers: 10,000 connections that come back at once cost no signature, at about 500 bytes each. */
    public static final int MAX_CACHED_VERDICTS = 10_000;
    /** Most keys of a keyset: three roles with a dozen rotations in overlap. */
    static final int MAX_KEYS = 64;
    /** Longest keyset file; 64 keys take about 20 KiB. */
    static final int MAX_KEYSET_BYTES = 64 * 1024;
    /** Most tokens on a revocation list; beyond that, rotating the token key is the better answer. */
    static final int MAX_REVOKED = 10_000;
    /** Longest revocation list in characters; a full one takes about 700,000. */
    static final int MAX_REVOCATIONS_CHARS = 1024 * 1024;
    /** Deepest nesting of any JSON read here; tokens use 3 levels. */
    static final int MAX_JSON_DEPTH = 8;
    /** Longest name of a JSON member; the longest of ours has 19 characters, token ids on the revocation list have 32. */
    static final int MAX_JSON_NAME_CHARS = 64;
    /** Longest number in JSON; the times used here take 12 digits. */
    static final int MAX_JSON_NUMBER_CHARS = 20;

    private IdentityLimits() {}
}
