package io.nearkv.server.metrics;

import io.nearkv.net.server.Latency;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot.HistogramDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.InfoSnapshot;
import io.prometheus.metrics.model.snapshots.InfoSnapshot.InfoDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import io.prometheus.metrics.model.snapshots.SummarySnapshot;
import io.prometheus.metrics.model.snapshots.SummarySnapshot.SummaryDataPointSnapshot;
import java.util.Map;

/** The metrics of one scrape, as they are gathered. A name may be used once. Not thread-safe. */
final class MetricPage {
    private static final double NANOS_PER_SECOND = 1e9;

    private final MetricSnapshots.Builder snapshots = MetricSnapshots.builder();

    MetricSnapshots build() {
        return snapshots.build();
    }

    void gauge(String name, String help, Number value) {
        snapshots.metricSnapshot(GaugeSnapshot.builder()
                .name(name)
                .help(help)
                .dataPoint(GaugeDataPointSnapshot.builder()
                        .value(value.doubleValue())
                        .build())
                .build());
    }

    /** Adds one gauge for each value of a label. */
    void gauges(String name, String help, String label, Map<String, ? extends Number> values) {
        GaugeSnapshot.Builder gauge = GaugeSnapshot.builder().name(name).help(help);
        values.forEach((labelValue, value) -> gauge.dataPoint(GaugeDataPointSnapshot.builder()
                .labels(Labels.of(label, labelValue))
                .value(value.doubleValue())
                .build()));
        snapshots.metricSnapshot(gauge.build());
    }

    /** Adds one gauge for each pair of values of two labels. */
    void gauges(
            String name,
            String help,
            String label,
            String label2,
            Map<String, ? extends Map<String, ? extends Number>> values) {
        GaugeSnapshot.Builder gauge = GaugeSnapshot.builder().name(name).help(help);
        values.forEach((first, below) ->
                below.forEach((second, value) -> gauge.dataPoint(GaugeDataPointSnapshot.builder()
                        .labels(Labels.of(label, first, label2, second))
                        .value(value.doubleValue())
                        .build())));
        snapshots.metricSnapshot(gauge.build());
    }

    /** Adds a counter; {@code _total} is put behind its name. */
    void counter(String name, String help, Number value) {
        snapshots.metricSnapshot(CounterSnapshot.builder()
                .name(name)
                .help(help)
                .dataPoint(CounterDataPointSnapshot.builder()
                        .value(value.doubleValue())
                        .build())
                .build());
    }

    /** Adds one counter for each value of a label. */
    void counters(String name, String help, String label, Map<String, Long> values) {
        CounterSnapshot.Builder counter = CounterSnapshot.builder().name(name).help(help);
        values.forEach((labelValue, value) -> counter.dataPoint(CounterDataPointSnapshot.builder()
                .labels(Labels.of(label, labelValue))
                .value(value.doubleValue())
                .build()));
        snapshots.metricSnapshot(counter.build());
    }

    /** Adds one counter for each pair of values of two labels. */
    void counters(String name, String help, String label, String label2, Map<String, Map<String, Long>> values) {
        CounterSnapshot.Builder counter = CounterSnapshot.builder().name(name).help(help);
        values.forEach((first, below) ->
                below.forEach((second, value) -> counter.dataPoint(CounterDataPointSnapshot.builder()
                        .labels(Labels.of(label, first, label2, second))
                        .value(value.doubleValue())
                        .build())));
        snapshots.metricSnapshot(counter.build());
    }

    /** Adds one histogram, in seconds, for each value of a label. */
    void histograms(String name, String help, String label, Map<String, Latency> values) {
        HistogramSnapshot.Builder histogram =
                HistogramSnapshot.builder().name(name).help(help);
        values.forEach((labelValue, latency) -> {
            ClassicHistogramBuckets.Builder buckets = ClassicHistogramBuckets.builder();
            for (int i = 0; i < latency.counts().size(); i++) {
                long bound = Latency.BOUNDS_NANOS.get(i);
                buckets.bucket(
                        bound == Long.MAX_VALUE ? Double.POSITIVE_INFINITY : bound / NANOS_PER_SECOND,
                        latency.counts().get(i));
            }
            histogram.dataPoint(HistogramDataPointSnapshot.builder()
                    .labels(Labels.of(label, labelValue))
                    .classicHistogramBuckets(buckets.build())
                    .sum(latency.totalNanos() / NANOS_PER_SECOND)
                    .build());
        });
        snapshots.metricSnapshot(histogram.build());
    }

    /**
     * How often something happened, and how long it took in all.
     *
     * @param count how often
     * @param seconds how long, added up
     */
    record Total(long count, double seconds) {}

    /** Adds a count and a sum of seconds for each value of a label. */
    void totals(String name, String help, String label, Map<String, Total> values) {
        SummarySnapshot.Builder summary = SummarySnapshot.builder().name(name).help(help);
        values.forEach((labelValue, total) -> summary.dataPoint(SummaryDataPointSnapshot.builder()
                .labels(Labels.of(label, labelValue))
                .count(total.count())
                .sum(total.seconds())
                .build()));
        snapshots.metricSnapshot(summary.build());
    }

    /** Adds what does not change; {@code _info} is put behind its name. */
    void info(String name, String help, Labels labels) {
        snapshots.metricSnapshot(InfoSnapshot.builder()
                .name(name)
                .help(help)
                .dataPoint(InfoDataPointSnapshot.builder().labels(labels).build())
                .build());
    }
}
