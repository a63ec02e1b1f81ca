package io.nearkv.deploy.report;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.Value;
import io.nearkv.deploy.analysis.LatencyBins;
import io.nearkv.deploy.analysis.Sample;
import io.nearkv.deploy.model.Bytes;
import io.nearkv.deploy.wire.Documents;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class OutcomeReportTest {
    private static Sample sample(long failures, long each) {
        long[] bins = new long[LatencyBins.COUNT];
        Arrays.fill(bins, 20, 200, each);
        return Sample.of(failures, bins);
    }

    private static OutcomeReport report(String build, Sample... kinds) {
        return new OutcomeReport(
                7,
                1_700_000_000_000L,
                "impact",
                "e=4e3",
                List.of(new BuildOutcome(build, List.of(kinds), Bytes.of(new byte[] {1, 2}), 3, 4, true)));
    }

    @Test
    void what_is_told_is_what_is_understood() {
        OutcomeReport told = requireNonNull(OutcomeReport.parse(
                report("p7k3mq2vd9xab", sample(5, 9), Sample.NONE, sample(1, 0)).encode()));

        BuildOutcome build = requireNonNull(told.find("p7k3mq2vd9xab"));
        assertThat(told.pulled()).isEqualTo("impact");
        assertThat(told.evidence()).isEqualTo("e=4e3");
        assertThat(told.process()).isEqualTo(7);
        assertThat(build.kind(0).requests()).isEqualTo(180 * 9 + 5);
        assertThat(build.kind(0).failures()).isEqualTo(5);
        assertThat(build.kind(0).latency(20)).isEqualTo(9);
        assertThat(build.kind(0).latency(19)).isZero();
        assertThat(build.kind(1).requests()).isZero();
        assertThat(build.kind(2).requests()).isEqualTo(1);
        assertThat(build.kind(3)).isSameAs(Sample.NONE);
        assertThat(build.failedSlots()).isEqualTo(Bytes.of(new byte[] {1, 2}));
        assertThat(build.refusals()).isEqualTo(3);
        assertThat(build.diverted()).isEqualTo(4);
        assertThat(told.find("other")).isNull();
    }

    @Test
    void a_busy_node_with_two_builds_needs_a_few_kilobytes() {
        Sample busy = sample(1_000_000, 1_000_000_000L);
        BuildOutcome build = new BuildOutcome(
                "p7k3mq2vd9xab", List.of(busy, busy, busy, busy), Bytes.of(new byte[1_250]), 1, 1, true);
        int bytes = new OutcomeReport(-1, Long.MAX_VALUE, "", "", List.of(build, build))
                .encode()
                .length();
        assertThat(bytes).isLessThan(OutcomeReport.MAX_BYTES);
    }

    @Test
    void what_makes_no_sense_is_no_report() {
        Documents.Report.Builder wire = Documents.Report.newBuilder();
        assertThat(OutcomeReport.parse(Value.empty())).isNull();
        assertThat(OutcomeReport.parse(Value.of(new byte[OutcomeReport.MAX_BYTES + 1])))
                .isNull();
        assertThat(OutcomeReport.parse(Value.of("nonsense"))).isNull();
        for (Documents.KindReport bad : List.of(
                Documents.KindReport.newBuilder().setFailures(-1).build(),
                Documents.KindReport.newBuilder().setFailures(Long.MAX_VALUE).build(),
                Documents.KindReport.newBuilder().addBins(-5).build(),
                Documents.KindReport.newBuilder()
                        .setFirstBin(LatencyBins.COUNT)
                        .addBins(1)
                        .build(),
                Documents.KindReport.newBuilder().setFirstBin(-1).build())) {
            Documents.BuildReport build =
                    Documents.BuildReport.newBuilder().addKinds(bad).build();
            assertThat(OutcomeReport.parse(
                            Value.of(wire.clone().addBuilds(build).build().toByteArray())))
                    .as("%s", bad)
                    .isNull();
        }
    }

    @Test
    void no_bytes_at_all_make_it_fail() {
        byte[] good = report("p7k3mq2vd9xab", sample(5, 9)).encode().toByteArray();
        Random random = new Random(1);
        for (int i = 0; i < 20_000; i++) {
            byte[] bad = good.clone();
            for (int flips = random.nextInt(4); flips >= 0; flips--) {
                bad[random.nextInt(bad.length)] = (byte) random.nextInt();
            }
            OutcomeReport report = OutcomeReport.parse(Value.of(Arrays.copyOf(bad, random.nextInt(bad.length + 1))));
            if (report != null) {
                report.builds()
                        .forEach(build -> build.kinds()
                                .forEach(kind -> assertThat(kind.requests()).isNotNegative()));
            }
        }
    }
}
