package io.nearkv.deploy.report;

import static java.util.Objects.requireNonNull;

import io.nearkv.deploy.analysis.Sample;
import io.nearkv.deploy.model.Bytes;
import java.util.List;

/**
 * What the requests of one build have come to in one process, since it began. Immutable.
 *
 * @param build its id
 * @param kinds reads from memory, other reads, writes, listings
 * @param failedSlots slots that have failed in these ten seconds, as bits, the lowest first
 * @param refusals requests that it has refused as a build
 * @param diverted requests of its share that it was not given, because it could not be used
 * @param usable whether it can be used now
 */
public record BuildOutcome(
        String build, List<Sample> kinds, Bytes failedSlots, long refusals, long diverted, boolean usable) {
    /** Checks that nothing is missing. */
    public BuildOutcome {
        requireNonNull(build, "build");
        kinds = List.copyOf(kinds);
        requireNonNull(failedSlots, "failedSlots");
    }

    /** Returns what it has done with requests of one kind; nothing if it does not say. */
    public Sample kind(int kind) {
        return kind < kinds.size() ? kinds.get(kind) : Sample.NONE;
    }
}
