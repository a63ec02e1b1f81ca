package io.nearkv.net.protocol;

import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.net.wire.Wire;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Errors on the wire; section 9 of the specification. Stateless. */
public final class ErrorCodec {
    /** Longest message that is sent, in characters; longer ones are cut. */
    private static final int MAX_MESSAGE_CHARS = 1024;

    private ErrorCodec() {}

    /** Appends an ERROR frame; borrows the buffer. What an {@link ErrorCode#INTERNAL} wraps stays here. */
    public static void write(ByteBuf out, int correlationId, KvException error) {
        Frames.writeMessage(out, FrameType.ERROR, 0, correlationId, toWire(error));
    }

    static Wire.Error toWire(KvException error) {
        Wire.Error.Builder wire =
                Wire.Error.newBuilder().setCode(error.code().wireNumber()).setMessage(message(error));
        KvException.Denial denial = error.denial();
        if (denial != null) {
            wire.setReason(denial.reason().wireNumber())
                    .setExpectedEnvironment(textOf(denial.expectedEnvironment()))
                    .setPresentedEnvironment(textOf(denial.presentedEnvironment()))
                    .setBuild(textOf(denial.build()));
        }
        Duration retryAfter = error.retryAfter();
        if (retryAfter != null) {
            wire.setRetryAfterMillis(Math.max(0, retryAfter.toMillis()));
        }
        return wire.build();
    }

    private static String message(KvException error) {
        String message = error.getMessage();
        if (message == null) {
            return error.code().label();
        }
        // An exception that is not ours may name classes and paths: those are for the log of the server.
        if (error.code() == ErrorCode.INTERNAL && error.getCause() != null) {
            return "internal error (the server's log says more)";
        }
        return message.length() <= MAX_MESSAGE_CHARS ? message : message.substring(0, MAX_MESSAGE_CHARS);
    }

    private static String textOf(@Nullable String text) {
        return text == null ? "" : text;
    }

    /** Returns the exception that an ERROR frame stands for. Throws as {@link Frames#parse}. */
    public static KvException read(ByteBuf in, FrameReader frame) {
        return fromWire(Frames.parse(Wire.Error.parser(), in, frame));
    }

    static KvException fromWire(Wire.Error wire) {
        ErrorCode known = ErrorCode.ofWireNumber(wire.getCode());
        ErrorCode code = known == null ? ErrorCode.INTERNAL : known;
        DenialReason reason = DenialReason.ofWireNumber(wire.getReason());
        KvException.Denial denial = reason == null
                ? null
                : new KvException.Denial(
                        reason,
                        nullIfEmpty(wire.getExpectedEnvironment()),
                        nullIfEmpty(wire.getPresentedEnvironment()),
                        nullIfEmpty(wire.getBuild()));
        Duration retryAfter = wire.hasRetryAfterMillis()
                ? Duration.ofMillis(wire.getRetryAfterMillis() < 0 ? Long.MAX_VALUE : wire.getRetryAfterMillis())
                : null;
        return new KvException(code, wire.getMessage(), denial, retryAfter, null);
    }

    private static @Nullable String nullIfEmpty(String text) {
        return text.isEmpty() ? null : text;
    }
}
