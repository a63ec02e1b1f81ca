package io.nearkv.server.incident.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.server.incident.cluster.ClusterFactory;
import io.nearkv.server.incident.measure.Check;
import io.nearkv.server.incident.measure.ProductResult;
import io.nearkv.server.incident.model.Layer;
import io.nearkv.server.incident.model.Mode;
import io.nearkv.server.incident.report.HtmlReport;
import io.nearkv.server.incident.report.JsonReport;
import io.nearkv.server.incident.report.TextReport;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** Whole replays, in some seconds each, on a cluster inside this process. */
@EnabledIfSystemProperty(named = "nearkv.test.long", matches = "true", disabledReason = "kv-server/campaign control")
class ReplayIT {
    /** Of the report. */
    private static final int MINUTE_MILLIS = 50;

    private static final int SETTLE_MILLIS = 100;
    private static final double LOAD = 2;

    @TempDir
    private Path folder;

    private final List<String> progress = new ArrayList<>();

    private ReplayResult replay(Mode mode, Set<FakeCluster.Fault> faults) throws Exception {
        ClusterFactory clusters = (name, plan) -> new FakeCluster(folder.resolve(name), plan, faults);
        Replay replay = new Replay(
                clusters,
                new Replay.Settings(MINUTE_MILLIS, SETTLE_MILLIS, LOAD, 7, "nearkv test"),
                progress::add,
                InstantSource.system(),
                System::nanoTime);
        return replay.run(EnumSet.of(mode));
    }

    private static List<Check> wrong(ReplayResult result) {
        List<Check> wrong = new ArrayList<>(result.drills());
        result.runs().forEach(run -> wrong.addAll(run.allChecks()));
        wrong.removeIf(Check::passed);
        return wrong;
    }

    private static List<String> text(ReplayResult result) {
        List<String> lines = new ArrayList<>();
        TextReport.write(result, lines::add);
        return lines;
    }

    @Test
    void the_incident_without_protections_is_the_report_s() throws Exception {
        ReplayResult result = replay(Mode.LEGACY, Set.of());

        assertThat(wrong(result)).isEmpty();
        assertThat(result.passed()).isTrue();
        RunResult run = result.runs().get(0);
        assertThat(run.products())
                .extracting(ProductResult::id)
                .containsExactly(
                        "D1", "D2", "D3", "D4", "D5", "D6", "D7", "D8", "D9", "D10", "D11", "D12", "D13", "D14");
        assertThat(run.failed()).isPositive();
        assertThat(text(result)).contains("PASS  all matches").noneMatch(line -> line.endsWith("FAIL"));
        assertThat(JsonReport.of(result)).startsWith("{\"format\":1,").contains("\"passed\":true");
        String html = HtmlReport.of(result);
        assertThat(html).contains("37.", "Workers KV", "</html>");
        assertThat(html).as("nothing is loaded").doesNotContain(" src=", "@import", "url(", "href=\"http");
    }

    @Test
    void the_same_script_with_protections_harms_nobody() throws Exception {
        ReplayResult result = replay(Mode.PROTECTED, Set.of());

        assertThat(wrong(result)).isEmpty();
        assertThat(result.passed()).isTrue();
        assertThat(result.runs().get(0).failed()).isZero();
    }

    @Test
    void each_layer_holds_alone() throws Exception {
        ReplayResult result = replay(Mode.EACH_LAYER, Set.of());

        assertThat(wrong(result)).isEmpty();
        assertThat(result.runs()).extracting(RunResult::layer).containsExactly(Layer.values());
        assertThat(result.runs()).allMatch(run -> run.failed() == 0);
        assertThat(result.drills()).extracting(Check::id).contains("A8", "B18", "audit");
    }

    @Test
    void a_legacy_that_is_not_the_report_s_does_not_pass() throws Exception {
        ReplayResult result = replay(Mode.LEGACY, Set.of(FakeCluster.Fault.STAGING_ANSWERS));

        assertThat(result.passed()).isFalse();
        assertThat(text(result)).anyMatch(line -> line.startsWith("FAIL  ") && line.contains("not match"));
        assertThat(JsonReport.of(result)).contains("\"passed\":false");
    }

    @Test
    void a_protection_that_leaks_does_not_pass() throws Exception {
        ReplayResult result = replay(Mode.PROTECTED, Set.of(FakeCluster.Fault.LEAKS));

        assertThat(result.passed()).isFalse();
        assertThat(wrong(result)).extracting(Check::id).contains("D1", "T7");
    }

    @Test
    void a_drill_that_fails_does_not_pass() throws Exception {
        ReplayResult result = replay(
                Mode.EACH_LAYER,
                Set.of(
                        FakeCluster.Fault.ONE_ROUTER_STAYS,
                        FakeCluster.Fault.ONE_ROUTER_UNREACHED,
                        FakeCluster.Fault.FOREIGN_BUILD_JOINS));

        assertThat(result.passed()).isFalse();
        assertThat(wrong(result)).extracting(Check::id).containsExactly("A8", "B18", "F6", "F6");
    }
}
