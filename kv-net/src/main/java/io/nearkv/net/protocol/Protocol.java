package io.nearkv.net.protocol;

import io.nearkv.core.Limits;

/** The constants of the wire protocol. {@code docs/protocol.md} specifies it. */
public final class Protocol {
    /** The first bytes of a HELLO body: {@code NKV1}. */
    public static final int MAGIC = 0x4e4b5631;
    /** The oldest version that this build speaks. */
    public static final int MIN_VERSION = 1;
    /** The newest version that this build speaks. */
    public static final int MAX_VERSION = 1;
    /** The port where nothing else is said. */
    public static final int DEFAULT_PORT = 7400;

    /** Bytes of the length field, which does not count itself. */
    public static final int LENGTH_BYTES = 4;
    /** Bytes before the extension: length, type, flags, extension length, correlation id. */
    public static final int HEADER_BYTES = 12;
    /** Smallest value of the length field. */
    public static final int MIN_LENGTH = HEADER_BYTES - LENGTH_BYTES;
    /** Largest frame, the length field included: a value of 64 KiB with key, metadata and room for a large extension. */
    public static final int MAX_FRAME_BYTES = 128 * 1024;
    /** Largest frame before HELLO is answered: what a stranger can make us hold. */
    public static final int MAX_HELLO_FRAME_BYTES = 16 * 1024;
    /** Most body bytes of a call that travel inside its frame; also the largest piece of DATA. */
    public static final int MAX_INLINE_BYTES = Limits.CHUNK_BYTES;
    /** Bytes of DATA per stream that may be on their way where nothing else is said. */
    public static final int DEFAULT_STREAM_WINDOW_BYTES = 256 * 1024;
    /** The smallest stream window: less would not let one piece pass. */
    public static final int MIN_STREAM_WINDOW_BYTES = Limits.CHUNK_BYTES;
    /** The value length of an upload whose total is not known yet. */
    public static final long UNKNOWN_LENGTH = 0xffff_ffffL;
    /** Largest body of a call: a full batch with what stands around its keys and values. */
    public static final long MAX_CALL_BYTES = Limits.MAX_BATCH_BYTES + 64L * Limits.MAX_BATCH_OPERATIONS + 4096;
    /** Largest body of a reply: a full bulk read with metadata and what stands around its values. */
    public static final long MAX_REPLY_BYTES = Limits.MAX_BULK_GET_BYTES
            + (Limits.MAX_METADATA_BYTES + 64L) * Limits.MAX_BULK_GET_KEYS
            + Limits.MAX_TITLE_CHARS * 4L * Limits.MAX_NAMESPACES_PER_ACCOUNT
            + 4096;
    /** Largest item of a call or reply: a value with key, metadata and what stands around them. */
    public static final int MAX_ITEM_BYTES = Limits.MAX_VALUE_BYTES + 8 * 1024;

    private Protocol() {}
}
