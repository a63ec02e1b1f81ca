package io.nearkv.deploy.report;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.nearkv.core.Value;
import io.nearkv.deploy.analysis.ImpactDetector;
import io.nearkv.deploy.analysis.LatencyBins;
import io.nearkv.deploy.analysis.Sample;
import io.nearkv.deploy.model.Bytes;
import io.nearkv.deploy.wire.Documents;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What one process tells of the builds that it sends requests to. Counts are since its beginning, so that a report that is lost is made good by the next one. Immutable.
 *
 * @param process a random number, another one after a restart
 * @param millis the time by its clock
 * @param pulled why it has taken the way back, empty if it has not
 * @param evidence what it had seen then, for people
 * @param builds those of the route that it follows
 */
public record OutcomeReport(long process, long millis, String pulled, String evidence, List<BuildOutcome> builds) {
    /** Longest report in bytes. */
    public static final int MAX_BYTES = 16 * 1024;

    private static final int MAX_BUILDS = 8;
    private static final int MAX_TEXT_CHARS = 256;
    private static final int SLOT_BYTES = 1_250;

    /** Checks that nothing is missing. */
    public OutcomeReport {
        requireNonNull(pulled, "pulled");
        requireNonNull(evidence, "evidence");
        builds = List.copyOf(builds);
    }

    /** Returns what it says of a build, or null. */
    public @Nullable BuildOutcome find(String build) {
        for (BuildOutcome each : builds) {
            if (each.build().equals(build)) {
                return each;
            }
        }
        return null;
    }

    /** Returns the report as it travels. */
    public Value encode() {
        Documents.Report.Builder out = Documents.Report.newBuilder()
                .setProcess(process)
                .setMillis(millis)
                .setPulled(shortened(pulled))
                .setEvidence(shortened(evidence));
        for (BuildOutcome build : builds.subList(0, Math.min(MAX_BUILDS, builds.size()))) {
            Documents.BuildReport.Builder each = Documents.BuildReport.newBuilder()
                    .setBuild(build.build())
                    .setFailedSlots(ByteString.copyFrom(build.failedSlots().toArray()))
                    .setRefusals(build.refusals())
                    .setDiverted(build.diverted())
                    .setUsable(build.usable());
            build.kinds().forEach(kind -> each.addKinds(encode(kind)));
            out.addBuilds(each);
        }
        return Value.wrap(out.build().toByteArray());
    }

    private static String shortened(String text) {
        return text.length() <= MAX_TEXT_CHARS ? text : text.substring(0, MAX_TEXT_CHARS);
    }

    private static Documents.KindReport encode(Sample sample) {
        int first = 0;
        while (first < LatencyBins.COUNT && sample.latency(first) == 0) {
            first++;
        }
        int end = LatencyBins.COUNT;
        while (end > first && sample.latency(end - 1) == 0) {
            end--;
        }
        Documents.KindReport.Builder out =
                Documents.KindReport.newBuilder().setFailures(sample.failures()).setFirstBin(first);
        long timed = 0;
        for (int i = first; i < end; i++) {
            out.addBins(sample.latency(i));
            timed += sample.latency(i);
        }
        return out.setUntimed(sample.requests() - sample.failures() - timed).build();
    }

    /** Returns what a node has said, or null if it has said nothing, or nothing that makes sense: a report is no document, and nobody has signed it. */
    public static @Nullable OutcomeReport parse(Value value) {
        if (value.length() == 0 || value.length() > MAX_BYTES) {
            return null;
        }
        Documents.Report in;
        try {
            in = Documents.Report.parseFrom(value.toByteArray());
        } catch (InvalidProtocolBufferException e) {
            return null;
        }
        if (in.getBuildsCount() > MAX_BUILDS) {
            return null;
        }
        List<BuildOutcome> builds = new ArrayList<>();
        for (Documents.BuildReport each : in.getBuildsList()) {
            if (each.getKindsCount() > ImpactDetector.KINDS
                    || each.getFailedSlots().size() > SLOT_BYTES) {
                return null;
            }
            List<Sample> kinds = new ArrayList<>();
            for (Documents.KindReport kind : each.getKindsList()) {
                Sample sample = decode(kind);
                if (sample == null) {
                    return null;
                }
                kinds.add(sample);
            }
            builds.add(new BuildOutcome(
                    each.getBuild(),
                    kinds,
                    Bytes.of(each.getFailedSlots().toByteArray()),
                    each.getRefusals(),
                    each.getDiverted(),
                    each.getUsable()));
        }
        return new OutcomeReport(
                in.getProcess(), in.getMillis(), shortened(in.getPulled()), shortened(in.getEvidence()), builds);
    }

    /** More than a process can count in its life; sums of such numbers still fit. */
    private static final long MAX_COUNT = 1L << 50;

    private static @Nullable Sample decode(Documents.KindReport kind) {
        int first = kind.getFirstBin();
        if (first < 0
                || first > LatencyBins.COUNT - kind.getBinsCount()
                || kind.getUntimed() < 0
                || kind.getUntimed() > MAX_COUNT
                || kind.getFailures() < 0
                || kind.getFailures() > MAX_COUNT) {
            return null;
        }
        long[] bins = new long[LatencyBins.COUNT];
        for (int i = 0; i < kind.getBinsCount(); i++) {
            long count = kind.getBins(i);
            if (count < 0 || count > MAX_COUNT) {
                return null;
            }
            bins[first + i] = count;
        }
        return Sample.of(kind.getFailures(), kind.getUntimed(), bins);
    }
}
