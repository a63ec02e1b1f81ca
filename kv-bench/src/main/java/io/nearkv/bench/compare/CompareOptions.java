package io.nearkv.bench.compare;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a comparison is run.
 *
 * @param nearkv the launcher
 * @param workFolder where the servers keep their data; it must be on a real disk
 * @param serverCpu the processor of the servers, or null for all
 * @param clientCpu the processor of the clients, or null for all
 * @param rounds how often the sides take turns
 * @param tries how often a turn may be taken while others keep the machine busy; the least disturbed one counts
 * @param seconds length of each measurement
 * @param warmUpSeconds length of the load before the first round of each side
 * @param warmUpInFlight operations in flight on each connection during that load, where a side sends from completions; 0 for as many as are measured
 * @param keys how many keys
 * @param valueBytes bytes of each value
 * @param spinMicros for the sides that spin: microseconds for which an event loop looks for more work
 * @param spinFlags what {@code nearkv serve} takes to spin that long
 */
record CompareOptions(
        Path nearkv,
        Path workFolder,
        @Nullable Integer serverCpu,
        @Nullable Integer clientCpu,
        int rounds,
        int tries,
        double seconds,
        double warmUpSeconds,
        int warmUpInFlight,
        int keys,
        int valueBytes,
        int spinMicros,
        List<String> spinFlags) {}
