package io.nearkv.core;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;

/**
 * How far a reader of the change feed has come, or what a session has seen: a version per partition, within one lineage. A store gets a new lineage when its
 * history may have forked (created, restored from a backup), so that positions of one history are never mistaken for those of another. Immutable.
 *
 * <p>Text form: 16 hex digits of the lineage, a dash, and the versions in decimal, separated by dots: {@code 00c0ffee00c0ffee-1042}.
 *
 * @param lineage identifies the history
 * @param versions the version per partition, at least one partition, none negative
 */
public record Position(long lineage, List<Long> versions) {
    /** More partitions than any store has; bounds what is parsed. */
    private static final int MAX_PARTITIONS = 4096;

    /** Makes the list read-only and checks it. */
    public Position {
        versions = List.copyOf(versions);
        if (versions.isEmpty()
                || versions.size() > MAX_PARTITIONS
                || versions.stream().anyMatch(v -> v < 0)) {
            throw new IllegalArgumentException(
                    "versions: " + versions + " (expected: 1 to " + MAX_PARTITIONS + ", none negative)");
        }
    }

    /** Returns the position of a store of one partition. */
    public static Position of(long lineage, long version) {
        return new Position(lineage, List.of(version));
    }

    /**
     * Returns the position that covers one version of a store of several partitions, where the n-th version of a partition is told as n times their number, plus its own number counted from 0.
     *
     * @param version as it is told; 0 for none
     * @param partitions their number, at least 1
     */
    public static Position of(long lineage, long version, int partitions) {
        if (version < 0) {
            throw new IllegalArgumentException("version: " + version + " (expected: 0 or more)");
        }
        List<Long> versions = new ArrayList<>(Collections.nCopies(partitions, 0L));
        versions.set((int) (version % partitions), version / partitions);
        return new Position(lineage, versions);
    }

    /** Returns the version of a store of one partition. */
    public long version() {
        if (versions.size() != 1) {
            throw new IllegalStateException("position of " + versions.size() + " partitions (expected: 1)");
        }
        return versions.get(0);
    }

    /** Returns whether a reader that has come this far has seen all that {@code other} has seen; positions of two lineages have not. */
    public boolean covers(Position other) {
        if (lineage != other.lineage || versions.size() != other.versions.size()) {
            return false;
        }
        for (int i = 0; i < versions.size(); i++) {
            if (versions.get(i) < other.versions.get(i)) {
                return false;
            }
        }
        return true;
    }

    /** Returns whether a reader that has come this far has seen a version, as {@link #of(long, long, int)} has it. */
    public boolean coversVersion(long version) {
        int partitions = versions.size();
        return versions.get((int) (version % partitions)) >= version / partitions;
    }

    /** Returns the first position that covers this one and the other; the other one if they are of two histories. */
    public Position and(Position other) {
        if (covers(other)) {
            return this;
        }
        if (other.covers(this) || lineage != other.lineage || versions.size() != other.versions.size()) {
            return other;
        }
        List<Long> both = new ArrayList<>(versions.size());
        for (int i = 0; i < versions.size(); i++) {
            both.add(Math.max(versions.get(i), other.versions.get(i)));
        }
        return new Position(lineage, both);
    }

    /**
     * Returns the position with this text form.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if it is malformed
     */
    public static Position parse(String text) {
        requireNonNull(text, "text");
        try {
            if (text.length() <= 17 + 20 * MAX_PARTITIONS && text.length() > 17 && text.charAt(16) == '-') {
                long lineage = HexFormat.fromHexDigitsToLong(text, 0, 16);
                List<Long> versions = new ArrayList<>();
                for (String version : Arrays.asList(text.substring(17).split("\\.", -1))) {
                    // Long.parseLong also takes signs and the digits of other scripts.
                    if (!version.chars().allMatch(c -> c >= '0' && c <= '9')) {
                        throw malformed(text, null);
                    }
                    versions.add(Long.parseLong(version));
                }
                return new Position(lineage, versions);
            }
        } catch (IllegalArgumentException e) {
            throw malformed(text, e);
        }
        throw malformed(text, null);
    }

    private static KvException malformed(String text, @org.jspecify.annotations.Nullable Throwable cause) {
        return new KvException(
                ErrorCode.INVALID_REQUEST,
                "position '" + Key.display(text)
                        + "' (expected: one that a watch printed, such as 00c0ffee00c0ffee-1042)",
                cause);
    }

    /** Returns the text form. */
    @Override
    public String toString() {
        return HexFormat.of().toHexDigits(lineage) + "-"
                + versions.stream().map(String::valueOf).collect(Collectors.joining("."));
    }
}
