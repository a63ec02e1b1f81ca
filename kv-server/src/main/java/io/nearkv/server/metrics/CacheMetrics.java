package io.nearkv.server.metrics;

import io.nearkv.edge.EdgeStats;
import io.nearkv.edge.MirrorStats;
import java.util.LinkedHashMap;
import java.util.Map;

/** The metrics of the cache. Stateless. */
final class CacheMetrics {
    private static final double MILLIS_PER_SECOND = 1e3;

    private CacheMetrics() {}

    static void add(MetricPage page, EdgeStats stats) {
        Map<String, Long> reads = new LinkedHashMap<>();
        reads.put("memory", stats.memoryHits());
        reads.put("disk", stats.diskHits());
        reads.put("upstream", stats.misses() - stats.diskHits());
        page.counters("nearkv_cache_reads", "Reads, by where the answer was looked for last.", "tier", reads);
        page.counter("nearkv_cache_coalesced", "Reads that joined one which was under way.", stats.coalesced());
        page.counter("nearkv_cache_loads", "Questions to the tier above.", stats.loads());
        page.counter(
                "nearkv_cache_refreshes",
                "Of these, for an entry that is read often, ahead of time.",
                stats.refreshes());
        page.counter(
                "nearkv_cache_stale_answers",
                "Answers that were too old, because nobody above answered.",
                stats.staleAnswers());
        page.counter(
                "nearkv_cache_refused",
                "Reads that were refused because the tier above does not answer, or too many ask.",
                stats.refused());
        page.gauge("nearkv_cache_loads_in_flight", "Questions that are not answered yet.", stats.loadsUnderWay());
        page.gauge("nearkv_cache_loads_in_flight_limit", "Most of them.", stats.maxLoads());
        page.gauge("nearkv_cache_entries", "Entries in memory.", stats.entries());
        page.gauge("nearkv_cache_memory_bytes", "Bytes that they take, about.", stats.memoryBytes());
        page.gauge("nearkv_cache_memory_limit_bytes", "Most of them.", stats.maxMemoryBytes());
        page.gauge("nearkv_cache_disk_bytes", "Bytes on the disk of the cache.", stats.diskBytes());
        page.counter(
                "nearkv_cache_disk_drops", "Times that the disk was emptied: damaged, or too slow.", stats.diskDrops());
        page.counter("nearkv_cache_evictions", "Entries that had to go for others.", stats.evictions());
        Map<String, Long> lists = new LinkedHashMap<>();
        lists.put("memory", stats.listHits());
        lists.put("upstream", stats.listMisses());
        page.counters("nearkv_cache_list_pages", "Pages of listings, by where they came from.", "tier", lists);
        if (!stats.feed().equals("coherent")) {
            feed(page, stats);
        }
    }

    static void add(MetricPage page, MirrorStats stats) {
        page.counter("nearkv_cache_mirror_answers", "Reads and lists answered from the copy.", stats.answers());
        page.counter("nearkv_cache_mirror_passed_on", "Those that the tier above was asked for.", stats.passedOn());
        page.counter(
                "nearkv_cache_mirror_stale_answers",
                "Answers from the copy that were too old, because nobody above answered.",
                stats.staleAnswers());
        page.gauge("nearkv_cache_mirror_namespaces", "Namespaces that are copied.", stats.namespaces());
        page.gauge(
                "nearkv_cache_mirror_namespaces_complete",
                "Of these, those of which everything is here.",
                stats.completeNamespaces());
        page.counter("nearkv_cache_mirror_fetched_keys", "Keys that were copied.", stats.fetchedKeys());
        page.gauge(
                "nearkv_cache_mirror_behind_keys",
                "Keys that have changed and are not copied yet.",
                stats.behindKeys());
        page.gauge("nearkv_cache_mirror_disk_bytes", "Bytes of the copy, about.", stats.diskBytes());
        page.counter("nearkv_cache_mirror_disk_drops", "Times that the copy was dropped: damaged.", stats.diskDrops());
        page.gauge(
                "nearkv_cache_mirror_feed_following",
                "Whether the change feed of the tier above comes.",
                stats.feed().equals("following") ? 1 : 0);
        page.gauge(
                "nearkv_cache_mirror_feed_age_seconds",
                "Time since there was no change that had not been heard of; -1 if never.",
                stats.feedAgeMillis() < 0 ? -1 : stats.feedAgeMillis() / MILLIS_PER_SECOND);
    }

    private static void feed(MetricPage page, EdgeStats stats) {
        page.gauge(
                "nearkv_cache_upstream_answers",
                "Whether the tier above has answered lately.",
                stats.upstreamAnswers() ? 1 : 0);
        page.gauge(
                "nearkv_cache_feed_following",
                "Whether the change feed of the tier above comes.",
                stats.feed().equals("following") ? 1 : 0);
        page.gauge(
                "nearkv_cache_feed_age_seconds",
                "Time since there was no change that had not been taken in; -1 if never.",
                stats.feedAgeMillis() < 0 ? -1 : stats.feedAgeMillis() / MILLIS_PER_SECOND);
        String position = stats.position();
        page.gauge(
                "nearkv_cache_feed_version",
                "The version up to which changes were taken in.",
                position == null ? 0 : Long.parseLong(position.substring(position.lastIndexOf('-') + 1)));
        page.gauge("nearkv_cache_feed_generation", "Grows with every gap of the feed.", stats.generation());
        page.counter("nearkv_cache_changes", "Changes that the feed has brought.", stats.changes());
        page.counter("nearkv_cache_invalidations", "Entries that a change took away.", stats.invalidations());
        page.counter(
                "nearkv_cache_revalidated",
                "Entries that the tier above has vouched for after a gap.",
                stats.revalidated());
    }
}
