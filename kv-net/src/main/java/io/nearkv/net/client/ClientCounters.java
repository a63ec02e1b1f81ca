package io.nearkv.net.client;

import io.nearkv.core.ErrorCode;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/** Counts what the client does. Thread-safe. */
final class ClientCounters {
    static final String OK = "ok";
    static final String CANCELLED = "cancelled";

    /** Done, cancelled, and one for each error code, whose wire numbers begin at 1. */
    private static final int COLUMNS = 2 + ErrorCode.values().length;

    final LongAdder retries = new LongAdder();
    final LongAdder budgetExhausted = new LongAdder();
    final LongAdder refusedFull = new LongAdder();
    final LongAdder connected = new LongAdder();
    final LongAdder reconnected = new LongAdder();
    final LongAdder connectionsLost = new LongAdder();
    final LongAdder failedRounds = new LongAdder();
    final LongAdder goAways = new LongAdder();
    final LongAdder pings = new LongAdder();
    final LongAdder deadPeers = new LongAdder();
    final LongAdder lateAnswers = new LongAdder();
    final LongAdder strayFrames = new LongAdder();
    final LongAdder feedsResumed = new LongAdder();

    private final Map<Operation, LongAdder[]> calls = new EnumMap<>(Operation.class);

    ClientCounters() {
        for (Operation operation : Operation.values()) {
            LongAdder[] row = new LongAdder[COLUMNS];
            Arrays.setAll(row, i -> new LongAdder());
            calls.put(operation, row);
        }
    }

    void succeeded(Operation operation) {
        count(operation, 0);
    }

    void cancelled(Operation operation) {
        count(operation, 1);
    }

    void failed(Operation operation, ErrorCode code) {
        count(operation, 1 + code.wireNumber());
    }

    private void count(Operation operation, int column) {
        Slot.required(calls.get(operation))[column].increment();
    }

    /** Returns the calls by operation and outcome; what never happened is left out. */
    Map<String, Map<String, Long>> calls() {
        Map<String, Map<String, Long>> byName = new LinkedHashMap<>();
        calls.forEach((operation, row) -> {
            Map<String, Long> outcomes = new LinkedHashMap<>();
            put(outcomes, OK, row[0]);
            put(outcomes, CANCELLED, row[1]);
            for (ErrorCode code : ErrorCode.values()) {
                put(outcomes, code.label(), row[1 + code.wireNumber()]);
            }
            if (!outcomes.isEmpty()) {
                byName.put(operation.label(), outcomes);
            }
        });
        return byName;
    }

    private static void put(Map<String, Long> outcomes, String outcome, LongAdder count) {
        long sum = count.sum();
        if (sum > 0) {
            outcomes.put(outcome, sum);
        }
    }
}
