package io.nearkv.server.metrics;

import com.sun.management.OperatingSystemMXBean;
import com.sun.management.UnixOperatingSystemMXBean;
import io.nearkv.server.metrics.MetricPage.Total;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryUsage;
import java.util.Map;
import java.util.TreeMap;

/** The metrics of the JVM and of the process, under the names that dashboards of Prometheus know. Thread-safe. */
final class ProcessMetrics {
    private static final double NANOS_PER_SECOND = 1e9;
    private static final double MILLIS_PER_SECOND = 1e3;

    void add(MetricPage page) {
        memory(page);
        collections(page);
        var threads = ManagementFactory.getThreadMXBean();
        page.gauge("jvm_threads_current", "Threads.", threads.getThreadCount());
        page.gauge("jvm_threads_peak", "Most threads there ever were.", threads.getPeakThreadCount());
        var runtime = ManagementFactory.getRuntimeMXBean();
        page.gauge(
                "process_start_time_seconds",
                "When the process started, in seconds since 1970.",
                runtime.getStartTime() / MILLIS_PER_SECOND);
        page.gauge(
                "process_uptime_seconds",
                "How long the process has been running.",
                runtime.getUptime() / MILLIS_PER_SECOND);
        system(page);
    }

    private static void memory(MetricPage page) {
        var memory = ManagementFactory.getMemoryMXBean();
        MemoryUsage heap = memory.getHeapMemoryUsage();
        MemoryUsage other = memory.getNonHeapMemoryUsage();
        page.gauges(
                "jvm_memory_used_bytes",
                "Memory in use, of the heap and of the JVM's own.",
                "area",
                new TreeMap<>(Map.of("heap", heap.getUsed(), "nonheap", other.getUsed())));
        page.gauges("jvm_memory_max_bytes", "The most that it may become.", "area", Map.of("heap", heap.getMax()));
        Map<String, Long> pools = new TreeMap<>();
        for (BufferPoolMXBean pool : ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class)) {
            pools.merge(pool.getName(), pool.getMemoryUsed(), Long::sum);
        }
        page.gauges(
                "jvm_buffer_pool_used_bytes",
                "Memory of buffers outside the heap that the JVM counts; the network's are in nearkv_net_buffer_bytes.",
                "pool",
                pools);
    }

    private static void collections(MetricPage page) {
        Map<String, Total> collectors = new TreeMap<>();
        for (GarbageCollectorMXBean collector : ManagementFactory.getGarbageCollectorMXBeans()) {
            collectors.put(
                    collector.getName(),
                    new Total(
                            Math.max(0, collector.getCollectionCount()),
                            Math.max(0, collector.getCollectionTime()) / MILLIS_PER_SECOND));
        }
        page.totals("jvm_gc_collection_seconds", "Garbage collections, by collector.", "gc", collectors);
    }

    private static void system(MetricPage page) {
        var bean = ManagementFactory.getOperatingSystemMXBean();
        if (bean instanceof OperatingSystemMXBean system && system.getProcessCpuTime() >= 0) {
            page.counter(
                    "process_cpu_seconds",
                    "Processor time of the process.",
                    system.getProcessCpuTime() / NANOS_PER_SECOND);
        }
        if (bean instanceof UnixOperatingSystemMXBean unix) {
            page.gauge("process_open_fds", "Open files and sockets.", unix.getOpenFileDescriptorCount());
            page.gauge("process_max_fds", "Most of them.", unix.getMaxFileDescriptorCount());
        }
    }
}
