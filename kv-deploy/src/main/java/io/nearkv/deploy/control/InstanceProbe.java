package io.nearkv.deploy.control;

import io.nearkv.core.DenialReason;
import io.nearkv.core.KvException;
import io.nearkv.core.KvException.Denial;
import io.nearkv.core.identity.BuildCredential;
import io.nearkv.core.identity.TokenVerifier;
import io.nearkv.core.route.DocumentExchange;
import io.nearkv.core.route.LinkRequest;
import io.nearkv.core.route.RouteLink;
import io.nearkv.core.route.RouteTransport;
import io.nearkv.deploy.model.BuildRef;
import io.nearkv.deploy.model.Trust;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** Asks instances to prove which build they are, by the handshake that every client makes. Thread-safe. */
final class InstanceProbe {
    private final RouteTransport transport;
    private final TokenVerifier tokens;
    private final Duration timeout;
    private final LongSupplier nanoTime;

    /**
     * What the instances have answered.
     *
     * @param instances how many were asked
     * @param refusals why some are not good, one line each
     */
    record Answer(int instances, List<String> refusals) {
        int ready() {
            return instances - refusals.size();
        }
    }

    InstanceProbe(RouteTransport transport, Trust trust, ControlPlaneOptions options) {
        this.transport = transport;
        this.tokens = TokenVerifier.of(trust.keyset(), options.clock);
        this.timeout = options.handshakeTimeout;
        this.nanoTime = options.nanoTime;
    }

    /** Asks all endpoints at once, and waits at most the time of one handshake for all of them. */
    Answer ask(BuildRef build, List<String> endpoints) throws InterruptedException {
        return ask(build, endpoints, timeout);
    }

    Answer ask(BuildRef build, List<String> endpoints, Duration atMost) throws InterruptedException {
        long deadline = nanoTime.getAsLong() + atMost.toNanos();
        Map<String, RouteLink> links = new LinkedHashMap<>();
        List<String> refusals = new ArrayList<>();
        try {
            for (String endpoint : endpoints) {
                links.put(
                        endpoint,
                        transport.connect(new LinkRequest(
                                build.id(),
                                build.service().environment(),
                                List.of(endpoint),
                                token -> judge(build, token),
                                true,
                                DocumentExchange.NONE)));
            }
            for (Map.Entry<String, RouteLink> link : links.entrySet()) {
                long left = Math.max(1_000_000, deadline - nanoTime.getAsLong());
                try {
                    link.getValue().awaitReady(Duration.ofNanos(left));
                } catch (KvException e) {
                    refusals.add(link.getKey() + ": " + explain(e));
                }
            }
        } finally {
            links.values().forEach(RouteLink::close);
        }
        return new Answer(endpoints.size(), refusals);
    }

    private static String explain(KvException failure) {
        Denial denial = failure.denial();
        if (denial == null) {
            return String.valueOf(failure.getMessage());
        }
        DenialReason reason = denial.reason();
        return reason.label() + ": " + failure.getMessage();
    }

    private @Nullable KvException judge(BuildRef build, String token) {
        try {
            BuildCredential credential = tokens.verifyBuild(token);
            return credential.buildId().equals(build.id())
                    ? null
                    : KvException.denied(
                            new Denial(
                                    DenialReason.BUILD_NOT_AUTHORIZED,
                                    build.service().environment(),
                                    credential.environment(),
                                    credential.buildId()),
                            "it is build " + credential.buildId() + ", not " + build.id());
        } catch (KvException e) {
            return e;
        }
    }
}
