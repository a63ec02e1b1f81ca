package io.nearkv.net.protocol;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.UnsafeByteOperations;
import io.nearkv.core.BatchResult;
import io.nearkv.core.Cursor;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KeyInfo;
import io.nearkv.core.KvException;
import io.nearkv.core.ListOptions;
import io.nearkv.core.Metadata;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.Origin;
import io.nearkv.core.PutOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteResult;
import io.nearkv.net.wire.Wire;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Keys, mutations and results as the items and headers of calls. What comes from a peer is checked: {@link ErrorCode#INVALID_REQUEST} or
 * {@link ErrorCode#TOO_LARGE} where the contract says so. Messages made here may share the bytes of what they were made of, which is immutable. Stateless.
 */
public final class EntryCodec {
    private EntryCodec() {}

    /** Returns the 16 bytes of an id. */
    public static ByteString toWire(NamespaceId id) {
        return Ids.toWire(id.high(), id.low());
    }

    /** Returns the namespace with these 16 bytes. */
    public static NamespaceId namespace(ByteString id) {
        return new NamespaceId(Ids.high(id), Ids.low(id));
    }

    /** Returns a key as an item of a bulk read. */
    public static Wire.KeyItem toWire(Key key) {
        return Wire.KeyItem.newBuilder().setKey(wrap(key)).build();
    }

    /** Returns the key of an item. */
    public static Key fromWire(Wire.KeyItem item) {
        return key(item.getKey());
    }

    /** Returns a mutation as an item of a bulk write. */
    public static Wire.MutationItem toWire(Mutation mutation) {
        Wire.MutationItem.Builder item = Wire.MutationItem.newBuilder().setKey(wrap(mutation.key()));
        if (mutation.condition().kind() != io.nearkv.core.Condition.Kind.NONE) {
            item.setCondition(OptionsCodec.toWire(mutation.condition()));
        }
        if (mutation instanceof Mutation.Put put) {
            PutOptions options = put.options();
            item.setPut(Wire.Put.newBuilder()
                    .setMetadata(metadata(options.metadata()))
                    .setExpiresAt(options.expiresAt())
                    .setTtlSeconds(options.ttlSeconds())
                    .setValue(wrap(put.value().asByteBuffer())));
        } else {
            item.setDelete(Wire.Delete.getDefaultInstance());
        }
        return item.build();
    }

    /** Returns the mutation of an item. */
    public static Mutation fromWire(Wire.MutationItem item) {
        Key key = key(item.getKey());
        io.nearkv.core.Condition condition = OptionsCodec.fromWire(item.getCondition());
        return switch (item.getKindCase()) {
            case PUT -> {
                Wire.Put put = item.getPut();
                Value.checkLength(put.getValue().size());
                yield new Mutation.Put(
                        key,
                        Value.wrap(put.getValue().toByteArray()),
                        new PutOptions(
                                put.getMetadata().isEmpty()
                                        ? null
                                        : Metadata.ofUtf8(put.getMetadata().toByteArray()),
                                put.getExpiresAt(),
                                put.getTtlSeconds(),
                                condition));
            }
            case DELETE -> new Mutation.Delete(key, condition);
            case KIND_NOT_SET ->
                throw new KvException(ErrorCode.INVALID_REQUEST, "mutation is neither a put nor a delete");
        };
    }

    /** Returns a result as an item of a bulk read. */
    public static Wire.GetItem toWire(GetResult result) {
        Wire.GetItem.Builder item = Wire.GetItem.newBuilder();
        if (result.origin() != Origin.OWNER) {
            item.setOrigin(OptionsCodec.toWire(result.origin()));
        }
        if (!(result instanceof GetResult.Found found)) {
            return item.setAsOf(((GetResult.Missing) result).asOf()).build();
        }
        return item.setVersion(found.version())
                .setExpiresAt(found.expiresAt())
                .setMetadata(metadata(found.metadata()))
                .setValue(wrap(found.asByteBuffer()))
                .build();
    }

    /** Returns the result of an item. */
    public static GetResult fromWire(Wire.GetItem item) {
        Origin origin = item.hasOrigin() ? OptionsCodec.fromWire(item.getOrigin()) : Origin.OWNER;
        if (item.getVersion() == 0) {
            return GetResult.Missing.of(Math.max(0, item.getAsOf()), origin);
        }
        if (item.getVersion() < 0) {
            throw new KvException(ErrorCode.INVALID_REQUEST, "version " + item.getVersion() + " (expected: 1 or more)");
        }
        GetResult.Found found = GetResult.Found.wrap(
                item.getValue().toByteArray(),
                storedMetadata(item.getMetadata()),
                item.getVersion(),
                item.getExpiresAt());
        return origin == Origin.OWNER ? found : found.withOrigin(origin);
    }

    /** Returns a version as an item of a bulk read of versions. */
    public static Wire.GetItem versionToWire(long version) {
        return Wire.GetItem.newBuilder().setVersion(version).build();
    }

    /** Returns a result as an item of a bulk write. */
    public static Wire.WriteItem toWire(WriteResult result) {
        return result instanceof WriteResult.Applied applied
                ? Wire.WriteItem.newBuilder()
                        .setApplied(true)
                        .setVersion(applied.version())
                        .build()
                : Wire.WriteItem.newBuilder()
                        .setVersion(((WriteResult.ConditionFailed) result).currentVersion())
                        .build();
    }

    /** Returns the result of an item. */
    public static WriteResult fromWire(Wire.WriteItem item) {
        return item.getApplied()
                ? new WriteResult.Applied(item.getVersion())
                : new WriteResult.ConditionFailed(item.getVersion());
    }

    /** Returns the result of an atomic batch as the header of its reply. */
    public static Wire.BatchReply toWire(BatchResult result) {
        if (result instanceof BatchResult.Applied applied) {
            return Wire.BatchReply.newBuilder()
                    .setApplied(true)
                    .setFirstVersion(applied.firstVersion())
                    .setLastVersion(applied.lastVersion())
                    .build();
        }
        BatchResult.ConditionFailed failed = (BatchResult.ConditionFailed) result;
        return Wire.BatchReply.newBuilder()
                .setFailedIndex(failed.index())
                .setCurrentVersion(failed.currentVersion())
                .build();
    }

    /** Returns the result of an atomic batch. */
    public static BatchResult fromWire(Wire.BatchReply reply) {
        return reply.getApplied()
                ? new BatchResult.Applied(reply.getFirstVersion(), reply.getLastVersion())
                : new BatchResult.ConditionFailed(reply.getFailedIndex(), reply.getCurrentVersion());
    }

    /** Fills in which page of a listing is asked for. */
    public static Wire.List.Builder toWire(ListOptions options) {
        Wire.List.Builder list =
                Wire.List.newBuilder().setPrefix(options.prefix()).setLimit(options.limit());
        Cursor cursor = options.cursor();
        if (cursor != null) {
            list.setCursor(cursor.toString());
        }
        return list;
    }

    /** Returns which page of a listing is asked for. */
    public static ListOptions fromWire(Wire.List list) {
        return new ListOptions(
                list.getPrefix(),
                cursor(list.getCursor()),
                list.getLimit() == 0 ? ListOptions.ALL.limit() : list.getLimit());
    }

    /** Returns the cursor with this text; null for none. */
    public static @Nullable Cursor cursor(String text) {
        return text.isEmpty() ? null : Cursor.parse(text);
    }

    /** Returns a line of a listing: what a {@link Wire.KeyInfoItem} would be. */
    public static BodyWriter.Item toWire(KeyInfo info) {
        return new Line(info);
    }

    private static final class Line implements BodyWriter.Item {
        private final KeyInfo info;
        private final byte[] key;
        private final @Nullable ByteBuffer metadata;
        private final int bytes;

        Line(KeyInfo info) {
            this.info = info;
            this.key = info.key().toByteArray();
            Metadata described = info.metadata();
            this.metadata = described == null ? null : described.asByteBuffer();
            // What is 0 is left out, as everywhere in proto3.
            this.bytes = CodedOutputStream.computeByteArraySize(Wire.KeyInfoItem.KEY_FIELD_NUMBER, key)
                    + uint64Bytes(Wire.KeyInfoItem.VERSION_FIELD_NUMBER, info.version())
                    + uint64Bytes(Wire.KeyInfoItem.EXPIRES_AT_FIELD_NUMBER, info.expiresAt())
                    + (metadata == null
                            ? 0
                            : CodedOutputStream.computeByteBufferSize(Wire.KeyInfoItem.METADATA_FIELD_NUMBER, metadata))
                    + uint64Bytes(Wire.KeyInfoItem.VALUE_BYTES_FIELD_NUMBER, info.valueBytes());
        }

        private static int uint64Bytes(int field, long value) {
            return value == 0 ? 0 : CodedOutputStream.computeUInt64Size(field, value);
        }

        private static void write(CodedOutputStream out, int field, long value) throws IOException {
            if (value != 0) {
                out.writeUInt64(field, value);
            }
        }

        @Override
        public int bytes() {
            return bytes;
        }

        @Override
        public void writeTo(CodedOutputStream out) throws IOException {
            out.writeByteArray(Wire.KeyInfoItem.KEY_FIELD_NUMBER, key);
            write(out, Wire.KeyInfoItem.VERSION_FIELD_NUMBER, info.version());
            write(out, Wire.KeyInfoItem.EXPIRES_AT_FIELD_NUMBER, info.expiresAt());
            if (metadata != null) {
                out.writeByteBuffer(Wire.KeyInfoItem.METADATA_FIELD_NUMBER, metadata);
            }
            write(out, Wire.KeyInfoItem.VALUE_BYTES_FIELD_NUMBER, info.valueBytes());
        }
    }

    /** Returns a line of a listing. */
    public static KeyInfo fromWire(Wire.KeyInfoItem item) {
        return new KeyInfo(
                key(item.getKey()),
                item.getVersion(),
                storedMetadata(item.getMetadata()),
                item.getExpiresAt(),
                item.getValueBytes());
    }

    static Key key(ByteString bytes) {
        return Key.ofUtf8(bytes.asReadOnlyByteBuffer());
    }

    /** A copy: the few bytes of a key cost less than the three objects of a view. */
    static ByteString wrap(Key key) {
        return UnsafeByteOperations.unsafeWrap(key.toByteArray());
    }

    static ByteString wrap(ByteBuffer immutable) {
        return UnsafeByteOperations.unsafeWrap(immutable);
    }

    private static ByteString metadata(@Nullable Metadata metadata) {
        return metadata == null ? ByteString.EMPTY : wrap(metadata.asByteBuffer());
    }

    private static @Nullable Metadata storedMetadata(ByteString bytes) {
        return bytes.isEmpty() ? null : Metadata.ofStored(bytes.asReadOnlyByteBuffer());
    }
}
