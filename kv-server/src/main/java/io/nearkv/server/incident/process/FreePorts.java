package io.nearkv.server.incident.process;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;

/** Ports that nobody listens on, outside of the range from which connections get theirs: documents must say where a build will listen before it does. */
final class FreePorts {
    private static final int FROM = 20_000;
    private static final int TO = 32_000;
    private static final int ATTEMPTS = 1_000;

    private final Random random;
    private final Set<Integer> given = new HashSet<>();

    FreePorts(long seed) {
        this.random = new Random(seed);
    }

    int next() {
        for (int i = 0; i < ATTEMPTS; i++) {
            int port = FROM + random.nextInt(TO - FROM);
            if (!given.contains(port) && isFree(port)) {
                given.add(port);
                return port;
            }
        }
        throw new KvException(ErrorCode.UNAVAILABLE, "no free port between " + FROM + " and " + TO);
    }

    private static boolean isFree(int port) {
        try (ServerSocket socket = new ServerSocket()) {
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
            return true;
        } catch (IOException e) {
            return false;
        }
    }
}
