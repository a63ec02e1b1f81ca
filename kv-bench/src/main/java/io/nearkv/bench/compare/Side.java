package io.nearkv.bench.compare;

import static java.util.Objects.requireNonNull;

import io.nearkv.bench.macro.LoadSpec;
import io.nearkv.bench.macro.Mix;
import java.time.Duration;

/**
 * One side of a scenario: a server, a client, and how the client loads it.
 *
 * @param name what the report calls it
 * @param server which server
 * @param client which client
 * @param load who sends when; its times are replaced by those of the options
 * @param clientSpins whether our client's event loop spins
 * @param buffered whether our writes are acknowledged before they are synced
 * @param strong whether our reads see every write that was acknowledged before
 */
record Side(
        String name,
        ServerKind server,
        WorkerSetup.Client client,
        LoadSpec load,
        boolean clientSpins,
        boolean buffered,
        boolean strong) {
    private static final Duration SECOND = Duration.ofSeconds(1);

    Side {
        requireNonNull(name, "name");
        requireNonNull(server, "server");
        requireNonNull(client, "client");
        requireNonNull(load, "load");
    }

    /** Our client, sending from completions. */
    static Side nearkv(String name, ServerKind server, int connections, int inFlight, Mix mix) {
        LoadSpec load = LoadSpec.closedLoop(connections, inFlight, mix, SECOND, SECOND);
        return new Side(name, server, WorkerSetup.Client.NEARKV, load, false, false, false);
    }

    /** Threads that wait, on shared connections or, for Jedis, on one each. */
    static Side blocking(
            String name, ServerKind server, WorkerSetup.Client client, int connections, int threads, Mix mix) {
        LoadSpec load = new LoadSpec(LoadSpec.Style.BLOCKING, connections, 1, threads, 0, mix, SECOND, SECOND);
        return new Side(name, server, client, load, false, false, false);
    }

    /** One thread a connection that sends batches: what Jedis calls a pipeline. */
    static Side batches(
            String name, ServerKind server, WorkerSetup.Client client, int connections, int inFlight, Mix mix) {
        LoadSpec load = new LoadSpec(LoadSpec.Style.BATCHES, connections, inFlight, 0, 0, mix, SECOND, SECOND);
        return new Side(name, server, client, load, false, false, false);
    }

    /** Another client, sending from completions. */
    static Side closedLoop(
            String name, ServerKind server, WorkerSetup.Client client, int connections, int inFlight, Mix mix) {
        LoadSpec load = LoadSpec.closedLoop(connections, inFlight, mix, SECOND, SECOND);
        return new Side(name, server, client, load, false, false, false);
    }

    /** Arrivals at a fixed rate. */
    static Side openLoop(
            String name, ServerKind server, WorkerSetup.Client client, int connections, long ratePerSecond, Mix mix) {
        LoadSpec load = new LoadSpec(LoadSpec.Style.OPEN_LOOP, connections, 1, 0, ratePerSecond, mix, SECOND, SECOND);
        return new Side(name, server, client, load, false, false, false);
    }

    Side spinning() {
        return new Side(name, server, client, load, true, buffered, strong);
    }

    Side withBufferedWrites() {
        return new Side(name, server, client, load, clientSpins, true, strong);
    }

    Side withStrongReads() {
        return new Side(name, server, client, load, clientSpins, buffered, true);
    }
}
