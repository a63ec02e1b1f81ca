package io.nearkv.net.rest;

import io.nearkv.core.Limits;

/** What a request body may hold, beyond {@link Limits}. Whatever a body can make the server keep has its bound here or there. */
final class BodyLimits {
    /** Longest boundary in characters (RFC 2046, section 5.1.1). */
    static final int MAX_BOUNDARY_CHARS = 70;
    /** Most bytes of the header lines of one part. Clients send under 300; a name or a file name may be long. */
    static final int MAX_PART_HEADER_BYTES = 8 * 1024;
    /** Most parts of one form. A put has two. */
    static final int MAX_PARTS = 32;
    /** Most bytes before the first boundary, and most after the last. Clients send none, or a line end. */
    static final int MAX_AROUND_PARTS_BYTES = 64 * 1024;

    /** Most bytes of a bulk body: 100 MiB, so that the 100 MB of Workers KV pass however they are counted. */
    static final long MAX_BULK_BYTES = Limits.MAX_BATCH_BYTES;
    /** Most bytes of the body of a bulk get: 100 keys of 512 bytes, each byte written as an escape of six, is a third of it. */
    static final long MAX_BULK_GET_BYTES = 1024 * 1024;
    /** Most bytes of the body that names a namespace: a title of escapes is 6 KiB. */
    static final long MAX_NAMESPACE_BYTES = 64 * 1024;

    /** Most keys of one bulk get (Workers KV). Fewer than {@link Limits#MAX_BULK_GET_KEYS}, which is for our own protocol. */
    static final int MAX_BULK_GET_KEYS = 100;
    /** Longest JSON text of a value: the base64 of the largest one. */
    static final int MAX_VALUE_CHARS = (Limits.MAX_VALUE_BYTES + 2) / 3 * 4;
    /** Longest text in a body that has no values. A key has at most 512 characters, and so has a title. */
    static final int MAX_TEXT_CHARS = 64 * 1024;
    /** Deepest nesting of a body: an array of objects, and in them metadata, in which the core allows 65. */
    static final int MAX_DEPTH = 2 + 65;
    /** Longest name of a member in bytes. Names occur in metadata alone, which is no longer than this. */
    static final int MAX_NAME_BYTES = Limits.MAX_METADATA_BYTES;
    /** Longest number in characters. As for names. */
    static final int MAX_NUMBER_CHARS = Limits.MAX_METADATA_BYTES;

    private BodyLimits() {}
}
