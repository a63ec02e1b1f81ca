package io.nearkv.net.protocol;

/** The types of frames. Numbers and not an enum: they are switched on for every message, and an unknown one must be carried too. */
public final class FrameType {
    /** Client: {@code NKV1} and {@code Wire.Hello}. */
    public static final int HELLO = 0x01;
    /** Client: {@link GetFrame}. */
    public static final int GET = 0x02;
    /** Client: {@link PutFrame}. */
    public static final int PUT = 0x03;
    /** Client: {@link DeleteFrame}. */
    public static final int DELETE = 0x04;
    /** Client: {@link PutFrame} without a value; DATA follow. */
    public static final int PUT_STREAM = 0x05;
    /** Client: {@code Wire.CallHeader} and items, delimited. */
    public static final int CALL = 0x06;
    /** Client: {@code Wire.WatchRequest}. */
    public static final int WATCH = 0x07;
    /** Client: empty. */
    public static final int CANCEL = 0x08;
    /** Both: raw bytes of a stream. */
    public static final int DATA = 0x10;
    /** Both: how much more may be sent, 4 bytes. */
    public static final int CREDIT = 0x11;
    /** Both: 8 bytes to be returned. */
    public static final int PING = 0x12;
    /** Both: the 8 bytes of the PING. */
    public static final int PONG = 0x13;
    /** Server: {@code Wire.GoAway}. */
    public static final int GOAWAY = 0x14;
    /** Server: {@code Wire.HelloOk}. */
    public static final int HELLO_OK = 0x21;
    /** Server: {@link FoundFrame}. */
    public static final int FOUND = 0x22;
    /** Server: empty. */
    public static final int MISSING = 0x23;
    /** Server: the version, 8 bytes. */
    public static final int WRITTEN = 0x24;
    /** Server: the version that is there, 8 bytes. */
    public static final int CONDITION_FAILED = 0x25;
    /** Server: {@link FoundStreamFrame}; DATA follow. */
    public static final int FOUND_STREAM = 0x26;
    /** Server: {@code Wire.ReplyHeader} and items, delimited. */
    public static final int REPLY = 0x27;
    /** Server: {@code Wire.Events}. */
    public static final int EVENTS = 0x28;
    /** Server: {@code Wire.Error}. */
    public static final int ERROR = 0x2f;
    /** From here on, a receiver ignores what it does not know. */
    public static final int FIRST_IGNORABLE = 0x80;
    /** Client, also before HELLO: a signed document; empty to ask for the node's status alone. */
    public static final int OFFER = 0x81;
    /** Client: empty. */
    public static final int FOLLOW = 0x82;
    /** Server: {@code Wire.Verdict}. */
    public static final int VERDICT = 0x91;
    /** Server: a signed document. */
    public static final int DOCUMENT = 0x92;

    /** Flag of DATA and EVENTS: the last of its stream. */
    public static final int FLAG_END = 0x01;
    /** Flag of CALL and REPLY: begins with the length of the whole body, the rest of which follows in DATA. */
    public static final int FLAG_CONTINUED = 0x02;

    private FrameType() {}

    /** Returns the flags that a type defines; all others must be 0. */
    public static int definedFlags(int type) {
        return switch (type) {
            case DATA, EVENTS -> FLAG_END;
            case CALL, REPLY -> FLAG_CONTINUED;
            default -> 0;
        };
    }

    /** Returns the name of a type as the specification writes it, for messages. */
    public static String name(int type) {
        return switch (type) {
            case HELLO -> "HELLO";
            case GET -> "GET";
            case PUT -> "PUT";
            case DELETE -> "DELETE";
            case PUT_STREAM -> "PUT_STREAM";
            case CALL -> "CALL";
            case WATCH -> "WATCH";
            case CANCEL -> "CANCEL";
            case DATA -> "DATA";
            case CREDIT -> "CREDIT";
            case PING -> "PING";
            case PONG -> "PONG";
            case GOAWAY -> "GOAWAY";
            case HELLO_OK -> "HELLO_OK";
            case FOUND -> "FOUND";
            case MISSING -> "MISSING";
            case WRITTEN -> "WRITTEN";
            case CONDITION_FAILED -> "CONDITION_FAILED";
            case FOUND_STREAM -> "FOUND_STREAM";
            case REPLY -> "REPLY";
            case EVENTS -> "EVENTS";
            case ERROR -> "ERROR";
            case OFFER -> "OFFER";
            case FOLLOW -> "FOLLOW";
            case VERDICT -> "VERDICT";
            case DOCUMENT -> "DOCUMENT";
            default -> String.format("0x%02x", type);
        };
    }
}
