package io.nearkv.deploy.document;

import com.google.protobuf.ByteString;
import io.nearkv.deploy.model.ModelLimits;
import io.nearkv.deploy.model.RejectReason;
import io.nearkv.deploy.wire.Documents.HighWater;
import io.nearkv.deploy.wire.Documents.StoredState;
import java.io.ByteArrayOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a process keeps in its one file, and its bytes. Immutable.
 *
 * @param trust whom it believes
 * @param active the route in force
 * @param previous the one before
 * @param ledger the ledger
 * @param highWater the highest version that was taken from each key, by the key's id
 * @param history the hashes of the routes that were in force in hex, the newest first
 * @param pulledRollouts the rollouts that were pulled here
 */
public record StoredDocuments(
        @Nullable SignedDocument trust,
        @Nullable SignedDocument active,
        @Nullable SignedDocument previous,
        @Nullable SignedDocument ledger,
        Map<String, Version> highWater,
        List<String> history,
        List<String> pulledRollouts) {
    /** Nothing at all. */
    public static final StoredDocuments NONE =
            new StoredDocuments(null, null, null, null, Map.of(), List.of(), List.of());

    /** Longest file in bytes. */
    public static final int MAX_BYTES = 512 * 1024;

    /** Most keys whose high-water is kept; a keyset has 64 at most. */
    public static final int MAX_HIGH_WATER = 256;

    /** Most pulled rollouts that are remembered. */
    public static final int MAX_PULLED = 64;

    private static final int FORMAT = 1;
    private static final int HASH_BYTES = ModelLimits.HASH_BYTES;
    private static final byte[] MAGIC = {'n', 'k', 'r', 'o', 'u', 't', 'e', 's', FORMAT};

    /**
     * A version of a route.
     *
     * @param epoch the epoch
     * @param seq within the epoch
     */
    public record Version(long epoch, long seq) {
        /** Returns whether this version is higher. */
        public boolean isHigherThan(Version other) {
            return epoch > other.epoch || (epoch == other.epoch && seq > other.seq);
        }

        /** Returns the higher of the two. */
        public Version max(Version other) {
            return other.isHigherThan(this) ? other : this;
        }
    }

    /** Makes copies, in the same order. */
    public StoredDocuments {
        highWater = Collections.unmodifiableMap(new LinkedHashMap<>(highWater));
        history = List.copyOf(history);
        pulledRollouts = List.copyOf(pulledRollouts);
    }

    /** Returns the file: eight letters, the format as one byte, the message, and the SHA-256 of all before it. */
    public byte[] encode() {
        StoredState.Builder state = StoredState.newBuilder()
                .setFormat(FORMAT)
                .setTrust(bytes(trust))
                .setActive(bytes(active))
                .setPrevious(bytes(previous))
                .setLedger(bytes(ledger))
                .addAllHistory(history.stream().map(WireCodec::encodeHex).toList())
                .addAllPulledRollouts(pulledRollouts);
        highWater.forEach((keyId, version) -> state.addHighWater(
                HighWater.newBuilder().setKeyId(keyId).setEpoch(version.epoch()).setSeq(version.seq())));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(MAGIC);
        out.writeBytes(state.build().toByteArray());
        out.writeBytes(sha256(out.toByteArray(), out.size()));
        return out.toByteArray();
    }

    /**
     * Reads a file.
     *
     * @throws Rejected {@link RejectReason#MALFORMED} if it is damaged or of a later version
     */
    public static StoredDocuments decode(byte[] file) throws Rejected {
        int end = file.length - HASH_BYTES;
        if (end < MAGIC.length || file.length > MAX_BYTES || !Arrays.equals(MAGIC, Arrays.copyOf(file, MAGIC.length))) {
            throw new Rejected(RejectReason.MALFORMED, "it is not such a file, or of another version");
        }
        if (!MessageDigest.isEqual(sha256(file, end), Arrays.copyOfRange(file, end, file.length))) {
            throw new Rejected(RejectReason.MALFORMED, "its checksum is not that of its content");
        }
        StoredState state =
                WireCodec.canonical(StoredState.parser(), Arrays.copyOfRange(file, MAGIC.length, end), "its content");
        if (state.getFormat() != FORMAT) {
            throw new Rejected(RejectReason.MALFORMED, "it is of another version");
        }
        Map<String, Version> highWater = new LinkedHashMap<>();
        state.getHighWaterList()
                .forEach(mark -> highWater.put(mark.getKeyId(), new Version(mark.getEpoch(), mark.getSeq())));
        return new StoredDocuments(
                document(state.getTrust(), DocumentKind.TRUST),
                document(state.getActive(), DocumentKind.ROUTE),
                document(state.getPrevious(), DocumentKind.ROUTE),
                document(state.getLedger(), DocumentKind.LEDGER),
                highWater,
                state.getHistoryList().stream().map(WireCodec::decodeHex).toList(),
                state.getPulledRolloutsList());
    }

    private static ByteString bytes(@Nullable SignedDocument document) {
        return document == null ? ByteString.EMPTY : WireCodec.encode(document.bytes());
    }

    private static @Nullable SignedDocument document(ByteString bytes, DocumentKind kind) throws Rejected {
        if (bytes.isEmpty()) {
            return null;
        }
        SignedDocument document = SignedDocument.parse(bytes.toByteArray());
        if (document.kind() != kind) {
            throw new Rejected(RejectReason.MALFORMED, "a document in it is of another kind");
        }
        return document;
    }

    private static byte[] sha256(byte[] content, int length) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(content, 0, length);
            return digest.digest();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
