package io.nearkv.net.protocol;

import com.google.protobuf.UnsafeByteOperations;
import io.nearkv.core.Value;
import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.net.wire.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;

/** Signed documents on the wire, and what nodes say of them; section 10 of the specification. Stateless. */
public final class VerdictCodec {
    private VerdictCodec() {}

    /** Appends an OFFER or a DOCUMENT; borrows the buffer. */
    public static void writeDocument(ByteBuf out, int type, int correlationId, byte[] document) {
        Frames.writeHeader(out, type, 0, correlationId, document.length);
        out.writeBytes(document);
    }

    /** Returns the document of an OFFER or a DOCUMENT. */
    public static byte[] readDocument(ByteBuf in, FrameReader frame) {
        return ByteBufUtil.getBytes(in, frame.bodyOffset(), frame.bodyLength(), true);
    }

    /** Appends a VERDICT; borrows the buffer. */
    public static void write(ByteBuf out, int correlationId, DocumentVerdict verdict) {
        Frames.writeMessage(
                out,
                FrameType.VERDICT,
                0,
                correlationId,
                Wire.Verdict.newBuilder()
                        .setOutcome(
                                switch (verdict.outcome()) {
                                    case ACCEPTED -> Wire.VerdictOutcome.DOCUMENT_ACCEPTED;
                                    case KNOWN -> Wire.VerdictOutcome.DOCUMENT_KNOWN;
                                    case REJECTED -> Wire.VerdictOutcome.DOCUMENT_REJECTED;
                                    case STATUS -> Wire.VerdictOutcome.DOCUMENT_STATUS;
                                })
                        .setReason(verdict.reason())
                        .setDetail(verdict.detail())
                        .setEpoch(verdict.epoch())
                        .setSeq(verdict.seq())
                        .setHash(verdict.hash())
                        .setActive(verdict.active())
                        .setNode(verdict.node())
                        .setReport(
                                UnsafeByteOperations.unsafeWrap(verdict.report().asByteBuffer()))
                        .build());
    }

    /** Returns what a VERDICT says. Throws as {@link Frames#parse}. */
    public static DocumentVerdict read(ByteBuf in, FrameReader frame) {
        Wire.Verdict wire = Frames.parse(Wire.Verdict.parser(), in, frame);
        DocumentVerdict.Outcome outcome = switch (wire.getOutcome()) {
            case DOCUMENT_ACCEPTED -> DocumentVerdict.Outcome.ACCEPTED;
            case DOCUMENT_KNOWN -> DocumentVerdict.Outcome.KNOWN;
            case DOCUMENT_STATUS -> DocumentVerdict.Outcome.STATUS;
            case DOCUMENT_REJECTED, UNRECOGNIZED -> DocumentVerdict.Outcome.REJECTED;
        };
        return new DocumentVerdict(
                outcome,
                wire.getReason(),
                wire.getDetail(),
                wire.getEpoch(),
                wire.getSeq(),
                wire.getHash(),
                wire.getActive(),
                wire.getNode(),
                Value.wrap(wire.getReport().toByteArray()));
    }
}
