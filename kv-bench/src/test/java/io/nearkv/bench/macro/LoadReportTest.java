package io.nearkv.bench.macro;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Map;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class LoadReportTest {
    private static LoadReport report(Map<String, Long> errors, long misses) {
        Histogram nanos = new Histogram(3_600_000_000_000L, 3);
        for (int micros = 1; micros <= 1000; micros++) {
            nanos.recordValue(micros * 1000L);
        }
        return new LoadReport(
                "8x16",
                "closed_loop",
                "get=100",
                1_000_000,
                100,
                0.99,
                2.0,
                1000,
                500,
                Map.of("get", LoadReport.Percentiles.ofNanos(nanos)),
                errors,
                misses,
                false,
                0,
                0,
                100_000,
                1.5,
                null,
                0.05,
                null);
    }

    @Test
    void the_json_of_a_histogram_has_its_percentiles_in_microseconds() {
        JsonMapper mapper = JsonMapper.builder().build();
        JsonNode json = mapper.readTree(mapper.writeValueAsString(report(Map.of(), 0)));
        JsonNode latency = json.get("latencyMicros").get("get");

        assertThat(latency.get("count").asLong()).isEqualTo(1000);
        assertThat(latency.get("mean").asDouble()).isCloseTo(500.5, within(1.0));
        assertThat(latency.get("p50").asDouble()).isCloseTo(500, within(1.0));
        assertThat(latency.get("p90").asDouble()).isCloseTo(900, within(1.0));
        assertThat(latency.get("p99").asDouble()).isCloseTo(990, within(1.0));
        assertThat(latency.get("p999").asDouble()).isCloseTo(999, within(1.0));
        assertThat(latency.get("max").asDouble()).isCloseTo(1000, within(1.0));
        assertThat(json.get("shape").asString()).isEqualTo("8x16");
        assertThat(json.get("serverCpuMicrosPerOperation").isNull()).isTrue();
        assertThat(json.get("errors").size()).isZero();
    }

    @Test
    void a_report_reads_back_as_it_was_written() {
        JsonMapper mapper = JsonMapper.builder().build();
        LoadReport report = report(Map.of("unavailable", 3L), 7);

        assertThat(mapper.readValue(mapper.writeValueAsString(report), LoadReport.class))
                .isEqualTo(report);
    }

    @Test
    void errors_and_misses_are_shown_and_make_it_unsound() {
        assertThat(report(Map.of(), 0).sound()).isTrue();
        assertThat(report(Map.of(), 1).sound()).isFalse();
        assertThat(report(Map.of("unavailable", 3L), 0).sound()).isFalse();
        assertThat(LoadTable.lines(report(Map.of("unavailable", 3L), 7)))
                .last()
                .isEqualTo("errors {unavailable=3}, misses 7, wrong answers 0, never answered 0");
    }
}
