package io.nearkv.net.protocol;

import java.io.Serial;

/**
 * The peer broke the framing or the flow control, so that nothing more that it sends can be understood: the connection ends. Never leaves kv-net. Has no
 * stack trace: it is the peer's mistake, and hostile peers make it often. Immutable.
 */
public final class ProtocolException extends RuntimeException {
    @Serial
    private static final long serialVersionUID = 1;

    /** Creates an exception that says what was wrong; the message holds no bytes of the peer. */
    public ProtocolException(String message) {
        super(message, null, false, false);
    }
}
