package io.nearkv.core.transfer;

import static java.util.Objects.requireNonNull;

import java.time.InstantSource;
import java.util.function.Consumer;

/**
 * How to import.
 *
 * @param onlyAbsent leave keys alone that are there already; false by default, which overwrites them
 * @param requireEnd refuse a file whose last line is missing or does not agree with what came before it; true by default. False is for files written or
 *     edited by hand
 * @param clock tells which entries have expired since they were exported; the system's by default
 * @param progress is told how far the import has come, at least every 1,000 entries, on the thread that runs it
 */
public record ImportOptions(
        boolean onlyAbsent, boolean requireEnd, InstantSource clock, Consumer<TransferCounts> progress) {
    /** Overwrites, requires the end, and says nothing. */
    public static final ImportOptions DEFAULT = new ImportOptions(false, true, InstantSource.system(), counts -> {});

    /** Checks that nothing is missing. */
    public ImportOptions {
        requireNonNull(clock, "clock");
        requireNonNull(progress, "progress");
    }

    /** Returns a copy that leaves keys alone, or not, that are there already. */
    public ImportOptions withOnlyAbsent(boolean newOnlyAbsent) {
        return new ImportOptions(newOnlyAbsent, requireEnd, clock, progress);
    }

    /** Returns a copy that requires the last line, or not. */
    public ImportOptions withRequireEnd(boolean newRequireEnd) {
        return new ImportOptions(onlyAbsent, newRequireEnd, clock, progress);
    }

    /** Returns a copy with this clock. */
    public ImportOptions withClock(InstantSource newClock) {
        return new ImportOptions(onlyAbsent, requireEnd, newClock, progress);
    }

    /** Returns a copy that tells this its progress. */
    public ImportOptions withProgress(Consumer<TransferCounts> newProgress) {
        return new ImportOptions(onlyAbsent, requireEnd, clock, newProgress);
    }
}
