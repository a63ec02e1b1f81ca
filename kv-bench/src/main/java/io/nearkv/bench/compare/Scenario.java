package io.nearkv.bench.compare;

import static io.nearkv.bench.compare.Goal.Metric.CPU;
import static io.nearkv.bench.compare.Goal.Metric.P50;
import static io.nearkv.bench.compare.Goal.Metric.P999;
import static io.nearkv.bench.compare.Goal.Metric.THROUGHPUT;
import static io.nearkv.bench.compare.Goal.floor;
import static io.nearkv.bench.compare.Goal.goal;
import static io.nearkv.bench.compare.WorkerSetup.Client.ECHO;
import static io.nearkv.bench.compare.WorkerSetup.Client.ETCD;
import static io.nearkv.bench.compare.WorkerSetup.Client.JEDIS;
import static io.nearkv.bench.compare.WorkerSetup.Client.LETTUCE;
import static io.nearkv.bench.compare.WorkerSetup.Client.NEARKV;

import io.nearkv.bench.macro.Mix;
import io.nearkv.bench.macro.OperationKind;
import java.util.ArrayList;
import java.util.List;

/**
 * One row of the table of targets in {@code docs/benchmarks.md}: sides that take turns, and what is to come out.
 *
 * @param id the row, and a letter where it has several shapes
 * @param title what is measured
 * @param sides who takes turns, ours first
 * @param goals what is to come out
 * @param maxKeys most keys, where a side cannot be filled with a million in reasonable time
 */
record Scenario(String id, String title, List<Side> sides, List<Goal> goals, int maxKeys) {
    private static final int MILLION = 1_000_000;
    private static final int TEN_THOUSAND = 10_000;
    private static final Mix GETS = Mix.GETS;
    private static final Mix PUTS = Mix.only(OperationKind.PUT);
    private static final Mix DELETES = Mix.only(OperationKind.DELETE);
    private static final Mix LISTS = Mix.only(OperationKind.LIST);

    Scenario {
        sides = List.copyOf(sides);
        goals = List.copyOf(goals);
    }

    /** Returns all scenarios, in the order of the table. */
    static List<Scenario> all() {
        List<Scenario> all = new ArrayList<>();
        all.add(pipelinedGets("1", 8, 16, 1.2, 1.8));
        all.add(pipelinedGets("3", 64, 16, 1.2, 1.7));
        all.add(getsOneByOne("4a", 8));
        all.add(getsOneByOne("4b", 64));
        all.add(loneGet());
        all.add(loneGetSpinning());
        all.add(blockingGets());
        all.add(openLoopGets());
        all.add(writes("9", "put, acknowledged from the log's buffer, 8x16", PUTS, true, MILLION));
        all.add(writes("10", "put, acknowledged after fsync, 8x16", PUTS, false, 100_000));
        all.add(writes("11a", "delete, acknowledged from the log's buffer, 8x16", DELETES, true, MILLION));
        all.add(writes("11b", "delete, acknowledged after fsync, 8x16", DELETES, false, 100_000));
        all.add(lists());
        all.add(inCluster("20a", "put, 1 in flight", 1, 1, PUTS, 1, 1.5));
        all.add(inCluster("20b", "put, 16 in flight", 4, 4, PUTS, 2, 3));
        all.add(inCluster("20c", "put, 256 in flight", 16, 16, PUTS, 3, 5));
        all.add(inCluster("21a", "linearizable get, 1 in flight", 1, 1, GETS, 4, 4));
        all.add(inCluster("21b", "linearizable get, 16 in flight", 4, 4, GETS, 8, 8));
        all.add(inCluster("21c", "linearizable get, 256 in flight", 16, 16, GETS, 10, 10));
        all.add(inCluster("22", "list of 100 names below a prefix, 8x4", 8, 4, LISTS, 5, 5));
        return all;
    }

    private static Scenario pipelinedGets(String id, int connections, int inFlight, double floor, double goal) {
        String shape = connections + "x" + inFlight;
        return new Scenario(
                id,
                "get " + shape,
                List.of(
                        Side.nearkv("nearkv-map", ServerKind.NEARKV_MAP, connections, inFlight, GETS),
                        Side.nearkv("nearkv", ServerKind.NEARKV, connections, inFlight, GETS),
                        Side.batches("jedis-pipeline", ServerKind.REDIS, JEDIS, connections, inFlight, GETS),
                        Side.batches("lettuce-threads", ServerKind.REDIS, LETTUCE, connections, inFlight, GETS),
                        Side.closedLoop("echo", ServerKind.ECHO, ECHO, connections, inFlight, GETS)),
                List.of(
                        floor(THROUGHPUT, "nearkv-map", "jedis-pipeline", floor),
                        goal(THROUGHPUT, "nearkv-map", "jedis-pipeline", goal),
                        goal(THROUGHPUT, "nearkv-map", "lettuce-threads", 4),
                        floor(CPU, "nearkv-map", "jedis-pipeline", 0.8),
                        goal(THROUGHPUT, "nearkv", "jedis-pipeline", floor)),
                MILLION);
    }

    private static Scenario getsOneByOne(String id, int connections) {
        return new Scenario(
                id,
                "get " + connections + "x1",
                List.of(
                        Side.nearkv("nearkv-map", ServerKind.NEARKV_MAP, connections, 1, GETS),
                        Side.nearkv("nearkv", ServerKind.NEARKV, connections, 1, GETS),
                        Side.blocking("jedis", ServerKind.REDIS, JEDIS, connections, connections, GETS),
                        Side.closedLoop("echo", ServerKind.ECHO, ECHO, connections, 1, GETS)),
                List.of(floor(THROUGHPUT, "nearkv-map", "jedis", 1.0), goal(THROUGHPUT, "nearkv-map", "jedis", 1.2)),
                MILLION);
    }

    private static Scenario loneGet() {
        return new Scenario(
                "5",
                "get 1x1, default",
                List.of(
                        Side.nearkv("nearkv", ServerKind.NEARKV, 1, 1, GETS),
                        Side.nearkv("nearkv-map", ServerKind.NEARKV_MAP, 1, 1, GETS),
                        Side.blocking("nearkv-thread", ServerKind.NEARKV, NEARKV, 1, 1, GETS),
                        Side.blocking("jedis", ServerKind.REDIS, JEDIS, 1, 1, GETS),
                        Side.closedLoop("echo", ServerKind.ECHO, ECHO, 1, 1, GETS)),
                List.of(
                        floor(THROUGHPUT, "nearkv", "jedis", 0.95),
                        goal(THROUGHPUT, "nearkv", "jedis", 1.0),
                        floor(P50, "nearkv", "jedis", 1 / 0.95)),
                MILLION);
    }

    private static Scenario loneGetSpinning() {
        return new Scenario(
                "6",
                "get 1x1, adaptive spin on both ends",
                List.of(
                        Side.nearkv("nearkv-spin", ServerKind.NEARKV_SPIN, 1, 1, GETS)
                                .spinning(),
                        Side.nearkv("nearkv-map-spin", ServerKind.NEARKV_MAP_SPIN, 1, 1, GETS)
                                .spinning(),
                        Side.closedLoop("lettuce-async", ServerKind.REDIS, LETTUCE, 1, 1, GETS),
                        Side.blocking("lettuce-sync", ServerKind.REDIS, LETTUCE, 1, 1, GETS)),
                List.of(
                        floor(P50, "nearkv-spin", "lettuce-async", 0.4),
                        goal(P50, "nearkv-spin", "lettuce-async", 0.25),
                        goal(P50, "nearkv-spin", "", 20)),
                MILLION);
    }

    private static Scenario blockingGets() {
        return new Scenario(
                "7",
                "get, blocking API, 64 threads",
                List.of(
                        Side.blocking("nearkv", ServerKind.NEARKV, NEARKV, 1, 64, GETS),
                        Side.blocking("nearkv-8", ServerKind.NEARKV, NEARKV, 8, 64, GETS),
                        Side.blocking("lettuce-sync", ServerKind.REDIS, LETTUCE, 1, 64, GETS),
                        Side.blocking("lettuce-sync-8", ServerKind.REDIS, LETTUCE, 8, 64, GETS)),
                List.of(
                        floor(THROUGHPUT, "nearkv", "lettuce-sync", 1.2),
                        goal(THROUGHPUT, "nearkv", "lettuce-sync", 1.6)),
                MILLION);
    }

    private static Scenario openLoopGets() {
        return new Scenario(
                "8",
                "get, open loop, 40,000 a second, 8 connections",
                List.of(
                        Side.openLoop("nearkv", ServerKind.NEARKV, NEARKV, 8, 40_000, GETS),
                        Side.openLoop("nearkv-map", ServerKind.NEARKV_MAP, NEARKV, 8, 40_000, GETS),
                        Side.openLoop("lettuce-async", ServerKind.REDIS, LETTUCE, 8, 40_000, GETS)),
                List.of(floor(P999, "nearkv", "lettuce-async", 1.0), goal(P999, "nearkv", "lettuce-async", 0.5)),
                MILLION);
    }

    private static Scenario writes(String id, String title, Mix mix, boolean buffered, int maxKeys) {
        List<Side> sides = new ArrayList<>();
        List<Goal> goals = new ArrayList<>();
        if (buffered) {
            sides.add(Side.nearkv("nearkv-buffered", ServerKind.NEARKV, 8, 16, mix)
                    .withBufferedWrites());
            sides.add(Side.batches("redis-everysec", ServerKind.REDIS_EVERYSEC, JEDIS, 8, 16, mix));
            goals.add(floor(THROUGHPUT, "nearkv-buffered", "redis-everysec", 0.5));
            goals.add(goal(THROUGHPUT, "nearkv-buffered", "redis-everysec", 0.85));
        } else {
            sides.add(Side.nearkv("nearkv-fsync", ServerKind.NEARKV, 8, 16, mix));
            sides.add(Side.batches("redis-always", ServerKind.REDIS_ALWAYS, JEDIS, 8, 16, mix));
            sides.add(Side.closedLoop("etcd", ServerKind.ETCD, ETCD, 8, 16, mix));
            goals.add(floor(THROUGHPUT, "nearkv-fsync", "etcd", 5));
            goals.add(goal(THROUGHPUT, "nearkv-fsync", "etcd", 15));
            goals.add(goal(THROUGHPUT, "nearkv-fsync", "redis-always", 1.0));
        }
        return new Scenario(id, title, sides, goals, maxKeys);
    }

    private static Scenario lists() {
        return new Scenario(
                "12",
                "list of 100 names below a prefix, 8x4",
                List.of(
                        Side.nearkv("nearkv", ServerKind.NEARKV, 8, 4, LISTS),
                        Side.closedLoop("etcd", ServerKind.ETCD, ETCD, 8, 4, LISTS),
                        Side.batches("redis-zrangebylex", ServerKind.REDIS, JEDIS, 8, 4, LISTS)),
                List.of(floor(THROUGHPUT, "nearkv", "etcd", 3), goal(THROUGHPUT, "nearkv", "etcd", 6)),
                100_000);
    }

    /** Three nodes each, the clients at the one that leads. */
    private static Scenario inCluster(
            String id, String title, int connections, int inFlight, Mix mix, double floor, double goal) {
        return new Scenario(
                id,
                "three nodes: " + title,
                List.of(
                        Side.nearkv("nearkv", ServerKind.NEARKV_CLUSTER, connections, inFlight, mix)
                                .withStrongReads(),
                        Side.closedLoop("etcd", ServerKind.ETCD_CLUSTER, ETCD, connections, inFlight, mix)),
                List.of(floor(THROUGHPUT, "nearkv", "etcd", floor), goal(THROUGHPUT, "nearkv", "etcd", goal)),
                TEN_THOUSAND);
    }

    boolean deletes() {
        return sides.stream().anyMatch(side -> side.load().mix().deletes());
    }
}
