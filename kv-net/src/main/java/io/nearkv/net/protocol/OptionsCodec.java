package io.nearkv.net.protocol;

import io.nearkv.core.Condition;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.Origin;
import io.nearkv.core.Position;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.ReadOptions.Consistency;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteOptions.Durability;
import io.nearkv.net.wire.Wire;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Options of reads and writes on the wire. What comes from a peer is checked: 400 if it makes no sense. Stateless. */
public final class OptionsCodec {
    private static final int MAX_TIMEOUT_MILLIS = (int) Limits.MAX_TIMEOUT.toMillis();
    private static final int DEFAULT_TIMEOUT_MILLIS = (int) Limits.DEFAULT_TIMEOUT.toMillis();

    private OptionsCodec() {}

    /** Returns the timeout as it is sent: whole milliseconds, rounded up so that a short one does not become 0, the server's default. */
    public static int timeoutMillis(Duration timeout) {
        if (timeout.equals(Limits.DEFAULT_TIMEOUT)) {
            return DEFAULT_TIMEOUT_MILLIS;
        }
        return (int) Math.min(MAX_TIMEOUT_MILLIS, timeout.plusNanos(999_999).toMillis());
    }

    /** Throws {@link ErrorCode#INVALID_REQUEST} if a timeout on the wire is over {@link Limits#MAX_TIMEOUT}. */
    public static void checkTimeoutMillis(int millis) {
        if (millis < 0 || millis > MAX_TIMEOUT_MILLIS) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "timeout: " + Integer.toUnsignedString(millis) + " ms (expected: at most " + MAX_TIMEOUT_MILLIS
                            + ")");
        }
    }

    /** Returns a checked timeout; {@code defaultTimeout} for 0. */
    public static Duration timeout(int millis, Duration defaultTimeout) {
        if (millis == DEFAULT_TIMEOUT_MILLIS) {
            return Limits.DEFAULT_TIMEOUT;
        }
        return millis == 0 ? defaultTimeout : Duration.ofMillis(millis);
    }

    static void checkDurability(int durability) {
        if (durability > 1) {
            throw new KvException(ErrorCode.INVALID_REQUEST, "durability: " + durability + " (expected: 0 or 1)");
        }
    }

    static WriteOptions writeOptions(int durability, int timeoutMillis, Duration defaultTimeout) {
        Duration timeout = timeout(timeoutMillis, defaultTimeout);
        boolean buffered = durability == WireNumbers.BUFFERED;
        if (timeout.equals(Limits.DEFAULT_TIMEOUT)) {
            return buffered ? WriteOptions.BUFFERED : WriteOptions.DEFAULT;
        }
        return new WriteOptions(buffered ? Durability.BUFFERED : Durability.FSYNC, timeout);
    }

    /** Returns the options of a call. */
    public static WriteOptions fromWire(Wire.Durability durability, int timeoutMillis, Duration defaultTimeout) {
        checkTimeoutMillis(timeoutMillis);
        if (durability == Wire.Durability.UNRECOGNIZED) {
            throw new KvException(ErrorCode.INVALID_REQUEST, "unknown durability (expected: 0 or 1)");
        }
        return writeOptions(durability.getNumber(), timeoutMillis, defaultTimeout);
    }

    /** Returns the durability as a message has it. */
    public static Wire.Durability toWire(Durability durability) {
        return durability == Durability.FSYNC ? Wire.Durability.FSYNC : Wire.Durability.BUFFERED;
    }

    static Condition condition(int kind, long version) {
        Condition.Kind known = WireNumbers.condition(kind);
        if (known == null) {
            throw new KvException(ErrorCode.INVALID_REQUEST, "condition: " + kind + " (expected: 0 to 3)");
        }
        boolean wantsVersion = known == Condition.Kind.VERSION_IS;
        if (wantsVersion ? version < 1 : version != 0) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "condition version: " + version + " (expected: at least 1 with condition 3, 0 with any other)");
        }
        return switch (known) {
            case NONE -> Condition.NONE;
            case ABSENT -> Condition.IF_ABSENT;
            case PRESENT -> Condition.IF_PRESENT;
            case VERSION_IS -> Condition.ifVersion(version);
        };
    }

    static Condition fromWire(Wire.Condition condition) {
        return condition(condition.getKindValue(), condition.getVersion());
    }

    static Wire.Condition toWire(Condition condition) {
        return Wire.Condition.newBuilder()
                .setKindValue(WireNumbers.of(condition.kind()))
                .setVersion(condition.version())
                .build();
    }

    static Wire.Extension extension(ReadOptions options) {
        Wire.Extension.Builder extension =
                Wire.Extension.newBuilder().setMaxStalenessNanos(nanos(options.maxStaleness()));
        Position after = options.after();
        if (after != null) {
            extension.setAfter(toWire(after));
        }
        Duration cacheTtl = options.cacheTtl();
        if (cacheTtl != null) {
            extension.setCacheTtlMillis(millis(cacheTtl));
        }
        Duration staleIfError = options.staleIfError();
        if (staleIfError != null) {
            extension.setStaleIfErrorMillis(millis(staleIfError));
        }
        return extension.build();
    }

    /** Returns the options as a message has them; the timeout travels in the header of the call. */
    public static Wire.ReadOptions toWire(ReadOptions options) {
        Wire.ReadOptions.Builder wire = Wire.ReadOptions.newBuilder()
                .setConsistencyValue(WireNumbers.of(options.consistency()))
                .setMaxStalenessNanos(nanos(options.maxStaleness()));
        Position after = options.after();
        if (after != null) {
            wire.setAfter(toWire(after));
        }
        Duration cacheTtl = options.cacheTtl();
        if (cacheTtl != null) {
            wire.setCacheTtlMillis(millis(cacheTtl));
        }
        Duration staleIfError = options.staleIfError();
        if (staleIfError != null) {
            wire.setStaleIfErrorMillis(millis(staleIfError));
        }
        return wire.build();
    }

    /** Returns the options of a call. */
    public static ReadOptions fromWire(Wire.ReadOptions options, int timeoutMillis, Duration defaultTimeout) {
        checkTimeoutMillis(timeoutMillis);
        return readOptions(
                options.getConsistencyValue(),
                options.getMaxStalenessNanos(),
                options.hasAfter() ? options.getAfter() : null,
                timeout(timeoutMillis, defaultTimeout),
                options.hasCacheTtlMillis() ? age(options.getCacheTtlMillis()) : null,
                options.hasStaleIfErrorMillis() ? age(options.getStaleIfErrorMillis()) : null);
    }

    static ReadOptions readOptions(
            int consistency,
            long maxStalenessNanos,
            Wire.@Nullable Position after,
            Duration timeout,
            @Nullable Duration cacheTtl,
            @Nullable Duration staleIfError) {
        Consistency level = WireNumbers.consistency(consistency);
        if (level == null) {
            throw new KvException(ErrorCode.INVALID_REQUEST, "consistency: " + consistency + " (expected: 0 to 3)");
        }
        if (level == Consistency.SESSION && after == null) {
            throw new KvException(ErrorCode.INVALID_REQUEST, "session read without a position (expected: after)");
        }
        // What the level does not use is dropped and not refused: an intermediate may send its defaults along.
        return new ReadOptions(
                level,
                level == Consistency.BOUNDED
                        ? Duration.ofNanos(maxStalenessNanos < 0 ? Long.MAX_VALUE : maxStalenessNanos)
                        : Duration.ZERO,
                level == Consistency.SESSION && after != null ? fromWire(after) : null,
                timeout,
                cacheTtl,
                staleIfError);
    }

    /** Returns an age in whole milliseconds, cut: what may be so old must not become older on the way. */
    private static long millis(Duration age) {
        return nanos(age) / 1_000_000;
    }

    /** Returns an age on the wire; more than a {@code long} can count in nanoseconds is as good as forever. */
    static Duration age(long millis) {
        return Duration.ofMillis(
                millis < 0 || millis > Long.MAX_VALUE / 1_000_000 ? Long.MAX_VALUE / 1_000_000 : millis);
    }

    /** Returns where an answer comes from as a message has it. */
    static Wire.Origin toWire(Origin origin) {
        return Wire.Origin.newBuilder()
                .setSourceValue(WireNumbers.of(origin.source()))
                .setAgeMillis(millis(origin.age()))
                .build();
    }

    /** Returns where an answer comes from. */
    static Origin fromWire(Wire.Origin origin) {
        return Origin.of(WireNumbers.source(origin.getSourceValue()), age(origin.getAgeMillis()));
    }

    /** Returns the extension of an answer; null if it needs none. */
    static Wire.@Nullable Extension extension(Origin origin, long asOf) {
        if (origin == Origin.OWNER && asOf == 0) {
            return null;
        }
        Wire.Extension.Builder extension = Wire.Extension.newBuilder().setAsOf(asOf);
        if (origin != Origin.OWNER) {
            extension.setOrigin(toWire(origin));
        }
        return extension.build();
    }

    /** Returns where the answer in a frame comes from. */
    static Origin origin(Wire.Extension extension) {
        return extension.hasOrigin() ? fromWire(extension.getOrigin()) : Origin.OWNER;
    }

    /** Returns the position as a message has it. */
    public static Wire.Position toWire(Position position) {
        return Wire.Position.newBuilder()
                .setLineage(position.lineage())
                .addAllVersions(position.versions())
                .build();
    }

    /** Returns the position in a message; {@link ErrorCode#INVALID_REQUEST} if it is malformed. */
    public static Position fromWire(Wire.Position position) {
        try {
            return new Position(position.getLineage(), position.getVersionsList());
        } catch (IllegalArgumentException e) {
            throw new KvException(ErrorCode.INVALID_REQUEST, "position is malformed", e);
        }
    }

    private static long nanos(Duration duration) {
        try {
            return duration.toNanos();
        } catch (ArithmeticException tooLong) {
            // Over 292 years: as good as forever.
            return Long.MAX_VALUE;
        }
    }
}
