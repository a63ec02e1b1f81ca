package io.nearkv.net.protocol;

import io.nearkv.core.Condition;
import io.nearkv.core.KvException;
import io.nearkv.core.Metadata;
import io.nearkv.core.PutOptions;
import io.nearkv.net.wire.Wire;
import io.netty.buffer.ByteBuf;
import org.jspecify.annotations.Nullable;

/** The last DATA of an upload, which may change the options that the upload began with; section 5.2 of the specification. Stateless. */
public final class DataFrame {
    private DataFrame() {}

    /**
     * Appends a DATA with END and without bytes; borrows the buffer.
     *
     * @param lateOptions what takes the place of the options of the PUT_STREAM; null to leave them
     */
    public static void writeEnd(ByteBuf out, int correlationId, @Nullable PutOptions lateOptions) {
        if (lateOptions == null) {
            Frames.writeHeader(out, FrameType.DATA, FrameType.FLAG_END, correlationId, 0);
            return;
        }
        Wire.PutOptions.Builder options = Wire.PutOptions.newBuilder()
                .setExpiresAt(lateOptions.expiresAt())
                .setTtlSeconds(lateOptions.ttlSeconds())
                .setCondition(OptionsCodec.toWire(lateOptions.condition()));
        Metadata metadata = lateOptions.metadata();
        if (metadata != null) {
            options.setMetadata(EntryCodec.wrap(metadata.asByteBuffer()));
        }
        Frames.writeHeader(
                out,
                FrameType.DATA,
                FrameType.FLAG_END,
                correlationId,
                Wire.Extension.newBuilder().setLateOptions(options).build(),
                0);
    }

    /**
     * Returns the options that take the place of those of the PUT_STREAM, or null if the frame has none.
     *
     * @throws KvException as {@link PutOptions} and {@link Metadata#ofUtf8}, and 400 if the extension is malformed
     */
    public static @Nullable PutOptions lateOptions(ByteBuf in, FrameReader frame) {
        if (frame.extensionLength() == 0) {
            return null;
        }
        Wire.Extension extension = Frames.parseExtension(in, frame);
        if (!extension.hasLateOptions()) {
            return null;
        }
        Wire.PutOptions options = extension.getLateOptions();
        Condition condition = OptionsCodec.fromWire(options.getCondition());
        return new PutOptions(
                options.getMetadata().isEmpty()
                        ? null
                        : Metadata.ofUtf8(options.getMetadata().toByteArray()),
                options.getExpiresAt(),
                options.getTtlSeconds(),
                condition);
    }
}
