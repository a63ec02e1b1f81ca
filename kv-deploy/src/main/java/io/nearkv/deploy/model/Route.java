package io.nearkv.deploy.model;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A route: which builds of a service get which share of its traffic, and where to go if they turn out bad. Made with {@link #builder}. Immutable.
 *
 * @param service what it is for
 * @param kind why there is one
 * @param epoch 1 or higher; grows with each break-glass
 * @param seq within the epoch: even for a forward route, odd for a parachute, 0 for a break-glass
 * @param rolloutId which rollout it is a step of, empty for none
 * @param step of that rollout
 * @param entries the builds; the weights add up to 10,000, the last one is the baseline
 * @param knownGood where to go, the first first; at least two, unless there have never been as many
 * @param salt which keys go to which slot; stays the same for a rollout
 * @param ancestors the hashes of the routes before it in hex, the last first, at most 32
 * @param lease how long a candidate keeps its weight without a newer document, in whole milliseconds; zero: for ever
 * @param createdAt seconds since 1970
 * @param notAfter of a break-glass: until when it may be taken, in seconds since 1970; else 0
 * @param reason for people
 * @param reconciles the hash of the break-glass in hex that this route follows upon, empty for none. Every route goes on naming it, until the next break-glass: a node that has
 *     missed the first is not to stay frozen
 * @param nodes where nodes listen that follow this route
 * @param resumes whether it goes on with a rollout that was pulled, because an operator says so
 */
public record Route(
        ServiceId service,
        RouteKind kind,
        long epoch,
        long seq,
        String rolloutId,
        int step,
        List<RouteEntry> entries,
        List<RouteEntry> knownGood,
        Bytes salt,
        List<String> ancestors,
        Duration lease,
        long createdAt,
        long notAfter,
        String reason,
        String reconciles,
        List<String> nodes,
        boolean resumes) {
    /** Checks every range, with {@link IllegalArgumentException}. What depends on other documents is judged by whoever takes the route. */
    public Route {
        requireNonNull(service, "service");
        requireNonNull(kind, "kind");
        ModelLimits.number("epoch", epoch, 1);
        ModelLimits.number("seq", seq, 0);
        ModelLimits.rolloutId(rolloutId);
        ModelLimits.range("step", step, 0, Integer.MAX_VALUE);
        entries = List.copyOf(entries);
        ModelLimits.range("entries", entries.size(), 1, ModelLimits.MAX_ENTRIES);
        knownGood = List.copyOf(knownGood);
        ModelLimits.range("known-good", knownGood.size(), 0, ModelLimits.MAX_ENTRIES);
        ModelLimits.range("salt", salt.length(), 0, ModelLimits.MAX_SALT_BYTES);
        ancestors = List.copyOf(ancestors);
        ModelLimits.range("ancestors", ancestors.size(), 0, ModelLimits.MAX_ANCESTORS);
        ancestors.forEach(ancestor -> ModelLimits.hexHash("ancestor", ancestor));
        ModelLimits.range("lease in ms", lease.toMillis(), 0, ModelLimits.MAX_LEASE.toMillis());
        lease = Duration.ofMillis(lease.toMillis());
        ModelLimits.time("created", createdAt);
        ModelLimits.time("not after", notAfter);
        ModelLimits.text("reason", reason);
        if (!reconciles.isEmpty()) {
            ModelLimits.hexHash("reconciles", reconciles);
        }
        nodes = ModelLimits.endpoints("nodes", nodes, ModelLimits.MAX_NODES);
        boolean forward = kind == RouteKind.FORWARD;
        if (!forward && (!lease.isZero() || resumes)) {
            throw new IllegalArgumentException("kind: a lease or a resumption belongs to a forward route alone");
        }
        if (kind != RouteKind.BREAK_GLASS && notAfter != 0) {
            throw new IllegalArgumentException("not after: belongs to a break-glass alone");
        }
    }

    /** Returns a builder of a forward route. */
    public static Builder builder(ServiceId service) {
        return new Builder(service);
    }

    /** Returns a builder that starts with all that this route says. */
    public Builder toBuilder() {
        return new Builder(this);
    }

    /** Returns the builds and their shares, such as {@code p7k3mq2vd9xab=9900 p2vd9xk4mq7ab=100}. */
    public String summary() {
        return entries.stream().map(entry -> entry.id() + "=" + entry.weight()).collect(Collectors.joining(" "));
    }

    /** Returns the entry that gets all that the others do not: the last. */
    public RouteEntry baseline() {
        return entries.get(entries.size() - 1);
    }

    /** Returns whether this version, the pair of epoch and seq, is higher. */
    public boolean isNewerThan(long otherEpoch, long otherSeq) {
        return epoch > otherEpoch || (epoch == otherEpoch && seq > otherSeq);
    }

    /** Returns whether all traffic goes to the first of the known-good builds. */
    public boolean isWhollyKnownGood() {
        return !knownGood.isEmpty()
                && entries.stream()
                        .allMatch(entry -> entry.weight() == 0
                                || entry.build().equals(knownGood.get(0).build()));
    }

    /** Builds a route. Everything but the service and one entry has a default: kind forward, epoch 1, seq 0, all else empty. Not thread-safe. */
    public static final class Builder {
        private final ServiceId service;
        private RouteKind kind = RouteKind.FORWARD;
        private long epoch = 1;
        private long seq;
        private String rolloutId = "";
        private int step;
        private List<RouteEntry> entries = List.of();
        private List<RouteEntry> knownGood = List.of();
        private Bytes salt = Bytes.NONE;
        private List<String> ancestors = List.of();
        private Duration lease = Duration.ZERO;
        private long createdAt;
        private long notAfter;
        private String reason = "";
        private String reconciles = "";
        private List<String> nodes = List.of();
        private boolean resumes;

        private Builder(ServiceId service) {
            this.service = requireNonNull(service, "service");
        }

        private Builder(Route route) {
            this(route.service);
            kind = route.kind;
            epoch = route.epoch;
            seq = route.seq;
            rolloutId = route.rolloutId;
            step = route.step;
            entries = route.entries;
            knownGood = route.knownGood;
            salt = route.salt;
            ancestors = route.ancestors;
            lease = route.lease;
            createdAt = route.createdAt;
            notAfter = route.notAfter;
            reason = route.reason;
            reconciles = route.reconciles;
            nodes = route.nodes;
            resumes = route.resumes;
        }

        /** Why there is a route. */
        public Builder kind(RouteKind value) {
            kind = requireNonNull(value, "kind");
            return this;
        }

        /** The version. */
        public Builder version(long epochValue, long seqValue) {
            epoch = epochValue;
            seq = seqValue;
            return this;
        }

        /** The rollout, and which step of it this is. */
        public Builder rollout(String id, int stepValue) {
            rolloutId = requireNonNull(id, "id");
            step = stepValue;
            return this;
        }

        /** The builds with their weights, the baseline last. */
        public Builder entries(List<RouteEntry> value) {
            entries = List.copyOf(value);
            return this;
        }

        /** The builds to fall back to, the first first; their weights become 0. */
        public Builder knownGood(List<RouteEntry> value) {
            knownGood = value.stream().map(entry -> entry.withWeight(0)).toList();
            return this;
        }

        /** Which keys go to which slot. */
        public Builder salt(Bytes value) {
            salt = requireNonNull(value, "salt");
            return this;
        }

        /** The hashes of the routes before it, the last first; those beyond 32 are left out. */
        public Builder ancestors(List<String> value) {
            ancestors = List.copyOf(value.subList(0, Math.min(value.size(), ModelLimits.MAX_ANCESTORS)));
            return this;
        }

        /** How long a candidate keeps its weight without a newer document. */
        public Builder lease(Duration value) {
            lease = requireNonNull(value, "lease");
            return this;
        }

        /** When it was made, in seconds since 1970. */
        public Builder createdAt(long value) {
            createdAt = value;
            return this;
        }

        /** Until when a break-glass may be taken, in seconds since 1970. */
        public Builder notAfter(long value) {
            notAfter = value;
            return this;
        }

        /** Why, for people. */
        public Builder reason(String value) {
            reason = requireNonNull(value, "reason");
            return this;
        }

        /** The hash of the break-glass that it follows upon. */
        public Builder reconciles(String value) {
            reconciles = requireNonNull(value, "reconciles");
            return this;
        }

        /** Where nodes listen that follow it. */
        public Builder nodes(List<String> value) {
            nodes = List.copyOf(value);
            return this;
        }

        /** Whether it goes on with a rollout that was pulled. */
        public Builder resumes(boolean value) {
            resumes = value;
            return this;
        }

        /**
         * Returns the route.
         *
         * @throws IllegalArgumentException if something is out of range
         */
        public Route build() {
            return new Route(
                    service,
                    kind,
                    epoch,
                    seq,
                    rolloutId,
                    step,
                    entries,
                    knownGood,
                    salt,
                    ancestors,
                    lease,
                    createdAt,
                    notAfter,
                    reason,
                    reconciles,
                    nodes,
                    resumes);
        }
    }
}
