package io.nearkv.net.server;

import io.nearkv.core.ErrorCode;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/** What a server counts. Internal to kv-net. Thread-safe. */
public final class Counters {
    /** Outcomes that are not errors; an error has the number of its code behind them. */
    public static final int OK = 0;

    /** The key was absent. */
    public static final int MISSING = 1;
    /** The condition of a write did not hold. */
    public static final int CONDITION_FAILED = 2;

    private static final int ERRORS = 2;
    private static final int OUTCOMES = 32;

    /** Why the server ended a connection. */
    public enum Cut {
        /** No HELLO, or no first request, in time. */
        HELLO_TIMEOUT("hello_timeout"),
        /** A frame, or the head of a request, took too long. */
        FRAME_TIMEOUT("frame_timeout"),
        /** Nothing was asked for long. */
        IDLE("idle"),
        /** Answers were not read. */
        SLOW_READER("slow_reader"),
        /** What came could not be understood. */
        PROTOCOL_ERROR("protocol_error");

        private final String label;

        Cut(String label) {
            this.label = label;
        }
    }

    private final LongAdder[] operations = new LongAdder[Op.values().length * OUTCOMES];
    private final EnumMap<Cut, LongAdder> cuts = new EnumMap<>(Cut.class);

    final AtomicInteger connections = new AtomicInteger();
    final LongAdder accepted = new LongAdder();
    final LongAdder refused = new LongAdder();
    final LongAdder refusedPerPeer = new LongAdder();
    final AtomicInteger requestsInFlight = new AtomicInteger();
    final AtomicLong bytesInFlight = new AtomicLong();
    /** Running watches. */
    public final LongAdder watches = new LongAdder();
    /** Running uploads and downloads of large values. */
    public final LongAdder streams = new LongAdder();

    final LongAdder failedHellos = new LongAdder();
    final LongAdder rateLimitedHellos = new LongAdder();
    final LongAdder shed = new LongAdder();
    /** Streams that were ended because their peer did not keep up. */
    public final LongAdder stalledStreams = new LongAdder();
    /** Bytes from clients. */
    public final LongAdder bytesRead = new LongAdder();
    /** Bytes to clients. */
    public final LongAdder bytesWritten = new LongAdder();

    Counters() {
        for (int i = 0; i < operations.length; i++) {
            operations[i] = new LongAdder();
        }
        for (Cut cut : Cut.values()) {
            cuts.put(cut, new LongAdder());
        }
    }

    /** Counts an operation that ended like this. */
    public void count(Op op, int outcome) {
        count(op, outcome, 1);
    }

    void count(Op op, int outcome, long times) {
        operations[op.index() * OUTCOMES + outcome].add(times);
    }

    /** Counts an operation that failed. */
    public void count(Op op, ErrorCode error) {
        count(op, ERRORS + error.wireNumber(), 1);
    }

    /** Counts a connection that the server ended. */
    public void count(Cut cut) {
        LongAdder adder = cuts.get(cut);
        if (adder != null) {
            adder.increment();
        }
    }

    ServerStats snapshot() {
        Map<String, Map<String, Long>> byOperation = new HashMap<>();
        for (Op op : Op.values()) {
            Map<String, Long> byOutcome = new HashMap<>();
            for (int outcome = 0; outcome < OUTCOMES; outcome++) {
                long sum = operations[op.index() * OUTCOMES + outcome].sum();
                if (sum > 0) {
                    byOutcome.put(outcomeLabel(outcome), sum);
                }
            }
            if (!byOutcome.isEmpty()) {
                byOperation.put(op.label(), Map.copyOf(byOutcome));
            }
        }
        Map<String, Long> byCut = new HashMap<>();
        cuts.forEach((cut, adder) -> byCut.put(cut.label, adder.sum()));
        return new ServerStats(
                byOperation,
                connections.get(),
                accepted.sum(),
                refused.sum(),
                refusedPerPeer.sum(),
                byCut,
                requestsInFlight.get(),
                bytesInFlight.get(),
                watches.sum(),
                streams.sum(),
                failedHellos.sum(),
                rateLimitedHellos.sum(),
                shed.sum(),
                stalledStreams.sum(),
                bytesRead.sum(),
                bytesWritten.sum());
    }

    private static String outcomeLabel(int outcome) {
        return switch (outcome) {
            case OK -> "ok";
            case MISSING -> "missing";
            case CONDITION_FAILED -> "condition_failed";
            default -> {
                ErrorCode code = ErrorCode.ofWireNumber(outcome - ERRORS);
                yield code == null ? "unknown" : code.label();
            }
        };
    }
}
