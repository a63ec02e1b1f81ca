package io.nearkv.net.protocol;

import com.google.protobuf.ByteString;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.NamespaceId;
import io.nearkv.net.wire.Wire;
import java.time.Duration;

/** The change feed on the wire; section 7 of the specification; checks as {@link EntryCodec}. Stateless. */
public final class FeedCodec {
    private FeedCodec() {}

    /** Returns the request of a watch. */
    public static Wire.WatchRequest toWire(FeedRequest request, int credits) {
        Wire.WatchRequest.Builder watch = Wire.WatchRequest.newBuilder()
                .setPrefix(request.prefix())
                .setHeartbeatMillis(OptionsCodec.timeoutMillis(request.heartbeat()))
                .setCredits(credits);
        NamespaceId namespace = request.namespace();
        if (namespace != null) {
            watch.setNamespace(EntryCodec.toWire(namespace));
        }
        FeedRequest.Start start = request.start();
        if (start instanceof FeedRequest.Start.After after) {
            watch.setAfter(OptionsCodec.toWire(after.position()));
        } else if (start instanceof FeedRequest.Start.Oldest) {
            watch.setOldest(true);
        } else {
            watch.setNow(true);
        }
        return watch.build();
    }

    /** Returns what a watch asks for. */
    public static FeedRequest fromWire(Wire.WatchRequest watch) {
        FeedRequest.Start start = switch (watch.getStartCase()) {
            case NOW, START_NOT_SET -> new FeedRequest.Start.Now();
            case OLDEST -> new FeedRequest.Start.Oldest();
            case AFTER -> new FeedRequest.Start.After(OptionsCodec.fromWire(watch.getAfter()));
        };
        ByteString namespace = watch.getNamespace();
        try {
            return new FeedRequest(
                    namespace.isEmpty() ? null : EntryCodec.namespace(namespace),
                    watch.getPrefix(),
                    start,
                    watch.getHeartbeatMillis() == 0
                            ? FeedRequest.DEFAULT_HEARTBEAT
                            : Duration.ofMillis(Integer.toUnsignedLong(watch.getHeartbeatMillis())));
        } catch (IllegalArgumentException e) {
            throw new KvException(ErrorCode.INVALID_REQUEST, String.valueOf(e.getMessage()), e);
        }
    }

    /** Returns an event. */
    public static Wire.Event toWire(FeedEvent event) {
        Wire.Event.Builder wire = Wire.Event.newBuilder();
        if (event instanceof FeedEvent.Change change) {
            Wire.Change.Builder builder = wire.getChangeBuilder()
                    .setPosition(OptionsCodec.toWire(change.position()))
                    .setVersion(change.version())
                    .setNamespace(EntryCodec.toWire(change.namespace()))
                    .setKindValue(WireNumbers.of(change.kind()))
                    .setEndsCommit(change.endsCommit());
            Key key = change.key();
            if (key != null) {
                builder.setKey(EntryCodec.wrap(key));
            }
        } else if (event instanceof FeedEvent.Heartbeat heartbeat) {
            wire.setHeartbeat(OptionsCodec.toWire(heartbeat.position()));
        } else {
            wire.setTooOld(OptionsCodec.toWire(((FeedEvent.TooOld) event).oldest()));
        }
        return wire.build();
    }

    /** Returns the event of a message. */
    public static FeedEvent fromWire(Wire.Event event) {
        return switch (event.getEventCase()) {
            case CHANGE -> change(event.getChange());
            case HEARTBEAT -> new FeedEvent.Heartbeat(OptionsCodec.fromWire(event.getHeartbeat()));
            case TOO_OLD -> new FeedEvent.TooOld(OptionsCodec.fromWire(event.getTooOld()));
            case EVENT_NOT_SET -> throw new KvException(ErrorCode.INVALID_REQUEST, "event of an unknown kind");
        };
    }

    private static FeedEvent.Change change(Wire.Change change) {
        FeedEvent.Kind kind = WireNumbers.change(change.getKindValue());
        if (kind == null) {
            throw new KvException(ErrorCode.INVALID_REQUEST, "change of unknown kind " + change.getKindValue());
        }
        boolean ofNamespace = kind == FeedEvent.Kind.NAMESPACE_DELETED;
        return new FeedEvent.Change(
                OptionsCodec.fromWire(change.getPosition()),
                change.getVersion(),
                EntryCodec.namespace(change.getNamespace()),
                ofNamespace ? null : EntryCodec.key(change.getKey()),
                kind,
                change.getEndsCommit());
    }
}
