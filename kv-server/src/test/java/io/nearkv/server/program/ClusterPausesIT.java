package io.nearkv.server.program;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.Kv;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A process that leads is stopped for about as long as its lease lasts (740 ms), and goes on as if nothing had happened, with what it was asked meanwhile waiting in its sockets. Somebody else
 * may lead and have written by then. This is how stale reads come about.
 */
class ClusterPausesIT {
    private static final boolean LONG = Boolean.getBoolean("nearkv.test.long");
    private static final int ROUNDS = Integer.getInteger("nearkv.test.rounds", 1);
    private static final List<Integer> PAUSES_MILLIS =
            LONG ? List.of(500, 700, 760, 800, 900, 1_100, 1_500) : List.of(760, 1_500);
    /** From this pause on it is over when another node has written. */
    private static final int OTHERS_WRITE_MILLIS = 1_500;

    private static final int CONNECTIONS = 8;
    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TempDir
    Path folder;

    @Test
    void a_leader_that_was_stopped_never_answers_with_what_was_before() throws Exception {
        int overtaken = 0;
        int pauses = 0;
        try (ClusterProcesses cluster = ClusterProcesses.init(folder)) {
            cluster.start("n1", "n2", "n3");
            for (int round = 0; round < ROUNDS; round++) {
                for (int pause : PAUSES_MILLIS) {
                    overtaken += pause(cluster, "r" + round + "-p" + pause, pause) ? 1 : 0;
                    pauses++;
                }
            }
        }
        System.out.println("pauses of a leader: " + pauses + ", in " + overtaken
                + " of them another node wrote before it went on, no stale read");
        assertThat(overtaken).isGreaterThanOrEqualTo(ROUNDS);
    }

    /** Returns whether another node wrote during the pause. */
    private static boolean pause(ClusterProcesses cluster, String name, int millis) throws Exception {
        String stopped = cluster.awaitLeader();
        List<String> others = Stream.of("n1", "n2", "n3")
                .filter(node -> !node.equals(stopped))
                .toList();
        // On many connections, because a node that goes on learns within milliseconds that it does not lead any more:
        // what it reads first counts.
        List<Kv> waiting = new ArrayList<>();
        // Short timeouts, so that whoever leads next is asked soon; and readers who stay where they are.
        try (Kv first = cluster.client(others.get(0))
                        .timeout(Duration.ofMillis(200))
                        .build()
                        .kv();
                Kv second = cluster.client(others.get(1))
                        .timeout(Duration.ofMillis(200))
                        .build()
                        .kv();
                Kv reader = patient(cluster, stopped);
                RecordedClients clients = new RecordedClients(name)
                        .writing(first)
                        .writing(second)
                        .reading(reader)
                        .reading(reader)) {
            for (int i = 0; i < CONNECTIONS; i++) {
                Kv connection = patient(cluster, stopped);
                waiting.add(connection);
                clients.send(connection);
            }
            clients.awaitWrites(20);
            clients.awaitReads(20);
            cluster.signal(stopped, "STOP");
            // What was under way when it was stopped is not what counts.
            int before = clients.written() + 2;
            int after;
            try {
                long end = System.nanoTime() + Duration.ofMillis(millis).toNanos();
                if (millis >= OTHERS_WRITE_MILLIS) {
                    await().atMost(LIMIT).until(() -> clients.written() >= before + 5);
                }
                // How long it is stopped is what is tested.
                TimeUnit.NANOSECONDS.sleep(end - System.nanoTime());
                after = clients.written();
                for (int i = 0; i < 10; i++) {
                    waiting.forEach(clients::send);
                }
            } finally {
                cluster.signal(stopped, "CONT");
            }
            clients.awaitReads(200);
            clients.check();
            return after > before;
        } finally {
            waiting.forEach(Kv::close);
        }
    }

    /** Connects to a node and stays with it, whether or not it answers. */
    private static Kv patient(ClusterProcesses cluster, String node) throws Exception {
        return cluster.client(node)
                .ioThreads(1)
                .silenceTimeout(Duration.ofSeconds(40))
                .timeout(Duration.ofSeconds(20))
                .build()
                .kv();
    }
}
