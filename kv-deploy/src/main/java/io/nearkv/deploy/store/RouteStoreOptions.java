package io.nearkv.deploy.store;

import static java.util.Objects.requireNonNull;

import io.nearkv.deploy.model.SafetyLayers;
import java.time.Duration;
import java.time.InstantSource;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * How a process keeps its routes. Immutable.
 *
 * @param node what the process calls itself, for verdicts and audit
 * @param clock the time of day; judges where a break-glass or a key ends, nothing else
 * @param nanoTime a clock that never goes back; measures leases
 * @param probe tries new instances before a route is taken; null where they are not tried
 * @param layers which layers are on; {@link SafetyLayers#ALL} but in the replay of the incident
 * @param dropInInterval how often the folder of drop-ins is looked at; zero for never. Default: 500 ms, so that a rollback by file takes less than a second
 */
public record RouteStoreOptions(
        String node,
        InstantSource clock,
        LongSupplier nanoTime,
        @Nullable EndpointProbe probe,
        SafetyLayers layers,
        Duration dropInInterval) {
    /** Checks that nothing is missing. */
    public RouteStoreOptions {
        requireNonNull(node, "node");
        requireNonNull(clock, "clock");
        requireNonNull(nanoTime, "nanoTime");
        requireNonNull(layers, "layers");
        if (dropInInterval.isNegative()) {
            throw new IllegalArgumentException("drop-in interval: " + dropInInterval + " (expected: not negative)");
        }
    }

    /** Returns the defaults: all layers, no probe, drop-ins every 500 ms. */
    public static RouteStoreOptions of(String node, InstantSource clock) {
        return new RouteStoreOptions(node, clock, System::nanoTime, null, SafetyLayers.ALL, Duration.ofMillis(500));
    }

    /** Returns these options with another clock for leases. */
    public RouteStoreOptions withNanoTime(LongSupplier value) {
        return new RouteStoreOptions(node, clock, value, probe, layers, dropInInterval);
    }

    /** Returns these options with a probe. */
    public RouteStoreOptions withProbe(@Nullable EndpointProbe value) {
        return new RouteStoreOptions(node, clock, nanoTime, value, layers, dropInInterval);
    }

    /** Returns these options with other layers; for the replay of the incident alone. */
    public RouteStoreOptions withLayers(SafetyLayers value) {
        return new RouteStoreOptions(node, clock, nanoTime, probe, value, dropInInterval);
    }

    /** Returns these options with another interval of drop-ins; zero for none. */
    public RouteStoreOptions withDropInInterval(Duration value) {
        return new RouteStoreOptions(node, clock, nanoTime, probe, layers, value);
    }
}
