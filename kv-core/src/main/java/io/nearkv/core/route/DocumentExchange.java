package io.nearkv.core.route;

import java.util.List;
import java.util.function.Consumer;

/**
 * The signed documents of one process: what the network offers to, and hands on from, without knowing what is in them. The documents speak for themselves, so that none of
 * this asks who the peer is. Thread-safe.
 */
public interface DocumentExchange {
    /** The largest document, in bytes. */
    int MAX_DOCUMENT_BYTES = 64 * 1024;

    /** The most documents that a process hands on at once. */
    int MAX_DOCUMENTS = 8;

    /** An exchange that has no documents and takes none. */
    DocumentExchange NONE = new DocumentExchange() {
        @Override
        public DocumentVerdict offer(byte[] document, String from) {
            return status();
        }

        @Override
        public DocumentVerdict status() {
            return DocumentVerdict.unsupported("");
        }

        @Override
        public List<byte[]> documents() {
            return List.of();
        }

        @Override
        public Registration follow(Consumer<byte[]> follower) {
            return () -> {};
        }
    };

    /** Ends a subscription; idempotent. */
    interface Registration extends AutoCloseable {
        @Override
        void close();
    }

    /**
     * Judges a document and, if it is good and newer, puts it in force: verified, synced to the disk, then applied at once. Waits for the disk; not for event loops.
     *
     * @param document the bytes, of any length and content; not changed afterwards
     * @param from where it came from, for log and audit, such as {@code push kv://10.0.0.1:7400}
     */
    DocumentVerdict offer(byte[] document, String from);

    /** Returns which route this process follows. */
    DocumentVerdict status();

    /** Returns the documents in force, in the order in which a peer that has none must take them. */
    List<byte[]> documents();

    /** Has every document that is put in force from now on handed to a follower, which must not block, on the thread that has put it in force. */
    Registration follow(Consumer<byte[]> follower);
}
