package io.nearkv.deploy.control;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.util.Objects.requireNonNull;

import io.nearkv.deploy.model.BuildRef;
import io.nearkv.deploy.model.Bytes;
import io.nearkv.deploy.model.Ledger;
import io.nearkv.deploy.model.LedgerEntry;
import io.nearkv.deploy.model.ModelLimits;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteEntry;
import io.nearkv.deploy.model.RouteKind;
import io.nearkv.deploy.model.ServiceId;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Makes the next route from the present one, the ledger and a wish. Pure: it looks at nothing else, and decides nothing about whether the wish is a good one.
 *
 * <p>Versions: forward routes have even numbers, beginning with 2; the parachute of each has the odd number above it. Known-good builds of a rollout begin with what was there
 * before it; those of a way back begin with where it went, so that going back twice is going back once.
 */
final class RoutePlanner {
    private final ServiceId service;
    private final List<String> nodes;
    private final SecureRandom random;

    RoutePlanner(ServiceId service, List<String> nodes, SecureRandom random) {
        this.service = service;
        this.nodes = List.copyOf(nodes);
        this.random = random;
    }

    /**
     * What the next route stands on.
     *
     * @param current the route in force, or null if there is none
     * @param lineage the routes up to and with it
     * @param ledger what is known to be good
     * @param usable which of these builds may be named: not those that were retired
     * @param now seconds since 1970
     */
    record Ground(@Nullable Route current, Lineage lineage, Ledger ledger, Predicate<BuildRef> usable, long now) {}

    /**
     * Returns a route in which the candidate has this weight, 1 to 10,000: a new rollout, or the next step of the one that runs. The candidate is not what has the rest of the
     * present route; where there is a present route or the weight is not all, something is known to be good.
     */
    Route withWeight(Ground ground, RouteEntry candidate, int weight, Duration lease, String reason) {
        Route current = ground.current;
        Map<BuildRef, Long> numbers = numbers(ground.ledger);
        List<RouteEntry> knownGood = new ArrayList<>();
        List<RouteEntry> entries = new ArrayList<>();
        RouteEntry moved = numbered(candidate, numbers);
        RouteEntry before = current == null ? null : baselineBeside(current, candidate.build());
        if (before == null) {
            before = knownGood(ground.ledger, ground.usable).stream()
                    .filter(entry -> !entry.build().equals(candidate.build()))
                    .findFirst()
                    .orElse(null);
        }
        entries.add(moved.withWeight(weight));
        if (weight < ModelLimits.TOTAL_WEIGHT) {
            entries.add(requireNonNull(before, "before").withWeight(ModelLimits.TOTAL_WEIGHT - weight));
        }
        if (before != null && numbers.containsKey(before.build())) {
            knownGood.add(numbered(before, numbers));
        }
        knownGood.addAll(knownGood(ground.ledger, ground.usable));
        knownGood.removeIf(entry -> entry.build().equals(candidate.build()));
        if (knownGood.isEmpty()) {
            knownGood.add(moved); // There has never been another.
        }
        boolean sameRollout = current != null
                && current.kind() == RouteKind.FORWARD
                && !current.rolloutId().isEmpty()
                && current.entries().stream().anyMatch(entry -> entry.build().equals(candidate.build()))
                && current.entries().size() > 1;
        String rollout = sameRollout ? requireNonNull(current).rolloutId() : newRolloutId();
        return next(ground)
                .rollout(rollout, sameRollout ? requireNonNull(current).step() + 1 : 1)
                .salt(sameRollout ? requireNonNull(current).salt() : Bytes.of(rollout.getBytes(US_ASCII)))
                .entries(entries)
                .knownGood(filled(ground, knownGood, numbers))
                .lease(weight < ModelLimits.TOTAL_WEIGHT ? lease : Duration.ZERO)
                .reason(reason)
                .build();
    }

    /** Returns a route in which one build has everything, with nothing but other known-good builds behind it: a way back, or what a break-glass has chosen. */
    Route wholly(Ground ground, RouteEntry target, String reason) {
        Map<BuildRef, Long> numbers = numbers(ground.ledger);
        Route current = ground.current;
        List<RouteEntry> knownGood = new ArrayList<>();
        knownGood.add(numbered(target, numbers));
        knownGood.addAll(knownGood(ground.ledger, ground.usable));
        // What is left is last, if it is there at all.
        if (current != null) {
            for (RouteEntry entry : current.entries()) {
                if (!entry.build().equals(target.build())
                        && knownGood.removeIf(each -> each.build().equals(entry.build()))) {
                    knownGood.add(numbered(entry, numbers));
                }
            }
        }
        String rollout = newRolloutId();
        return next(ground)
                .rollout(rollout, 1)
                .salt(Bytes.of(rollout.getBytes(US_ASCII)))
                .entries(List.of(numbered(target, numbers).withWeight(ModelLimits.TOTAL_WEIGHT)))
                .knownGood(filled(ground, knownGood, numbers))
                .reason(reason)
                .build();
    }

    /** Returns the same route under the next number, with the numbers that the ledger has now. */
    Route again(Ground ground, String reason) {
        Route current = requireNonNull(ground.current, "current");
        Map<BuildRef, Long> numbers = numbers(ground.ledger);
        return current.toBuilder()
                .version(current.epoch(), nextSeq(current))
                .ancestors(ground.lineage.hashes())
                .entries(current.entries().stream()
                        .map(entry -> numbered(entry, numbers))
                        .toList())
                .knownGood(filled(ground, current.knownGood(), numbers))
                .createdAt(ground.now)
                .nodes(nodes)
                .resumes(false)
                .reason(reason)
                .build();
    }

    private Route.Builder next(Ground ground) {
        Route current = ground.current;
        return Route.builder(service)
                .version(current == null ? 1 : current.epoch(), current == null ? 2 : nextSeq(current))
                .ancestors(ground.lineage.hashes())
                .reconciles(current == null ? "" : current.reconciles())
                .createdAt(ground.now)
                .nodes(nodes);
    }

    /** The next even number: also behind a parachute, whose number is odd, and a break-glass, whose number is 0. */
    private static long nextSeq(Route current) {
        return current.seq() - Math.floorMod(current.seq(), 2) + 2;
    }

    /** Returns the build that has what the candidate has not, or null if the candidate has everything. */
    private static @Nullable RouteEntry baselineBeside(Route current, BuildRef candidate) {
        for (int i = current.entries().size() - 1; i >= 0; i--) {
            if (!current.entries().get(i).build().equals(candidate)) {
                return current.entries().get(i);
            }
        }
        return null;
    }

    /** The usable builds of the ledger, the newest first. */
    static List<RouteEntry> knownGood(Ledger ledger, Predicate<BuildRef> usable) {
        List<RouteEntry> found = new ArrayList<>();
        List<LedgerEntry> entries = ledger.entries();
        for (int i = entries.size() - 1; i >= 0; i--) {
            RouteEntry build = entries.get(i).build();
            if (usable.test(build.build())) {
                found.add(build);
            }
        }
        return found;
    }

    /** Each build once, no more than a route should carry, and two where two have proved good, be the second one the candidate that did so before. */
    private static List<RouteEntry> filled(Ground ground, List<RouteEntry> first, Map<BuildRef, Long> numbers) {
        Map<BuildRef, RouteEntry> once = new LinkedHashMap<>();
        first.forEach(entry -> once.putIfAbsent(entry.build(), numbered(entry, numbers)));
        for (RouteEntry entry : knownGood(ground.ledger, ground.usable)) {
            if (once.size() < 2) {
                once.putIfAbsent(entry.build(), numbered(entry, numbers));
            }
        }
        return once.values().stream().limit(ControlLimits.MAX_KNOWN_GOOD).toList();
    }

    private static Map<BuildRef, Long> numbers(Ledger ledger) {
        Map<BuildRef, Long> numbers = new LinkedHashMap<>();
        ledger.entries().forEach(entry -> numbers.put(entry.build().build(), entry.number()));
        return numbers;
    }

    private static RouteEntry numbered(RouteEntry entry, Map<BuildRef, Long> numbers) {
        return new RouteEntry(
                entry.build(),
                entry.weight(),
                entry.endpoints(),
                entry.version(),
                numbers.getOrDefault(entry.build(), 0L));
    }

    private String newRolloutId() {
        byte[] id = new byte[8];
        random.nextBytes(id);
        return "r-" + HexFormat.of().formatHex(id);
    }
}
