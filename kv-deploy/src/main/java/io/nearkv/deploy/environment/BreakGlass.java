package io.nearkv.deploy.environment;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.deploy.document.DocumentSigner;
import io.nearkv.deploy.document.Documents;
import io.nearkv.deploy.document.StoredDocuments;
import io.nearkv.deploy.model.Bytes;
import io.nearkv.deploy.model.Ledger;
import io.nearkv.deploy.model.LedgerEntry;
import io.nearkv.deploy.model.ModelLimits;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteEntry;
import io.nearkv.deploy.model.RouteKind;
import io.nearkv.deploy.model.Trust;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Routes of an emergency: made offline, from what lies on any node's disk, and signed with the keys of people. */
public final class BreakGlass {
    private BreakGlass() {}

    /**
     * Returns the signed route that leads wholly to one build of the ledger, in the epoch after the highest that is known.
     *
     * @param local what a node keeps ({@code RouteStore.peek} or {@code snapshot})
     * @param highestEpoch the highest epoch that any reachable node follows; that of {@code local} counts too
     * @param ledgerNumber the number of the build in the ledger
     * @param people their keys; as many as the trust says
     * @param reason for people
     * @param ttl how long it can be taken, at most an hour
     * @throws KvException {@link ErrorCode#NOT_FOUND} if there is no such build, {@link ErrorCode#INVALID_REQUEST} if the folder has no trust or the people are too few
     */
    public static byte[] create(
            StoredDocuments local,
            long highestEpoch,
            long ledgerNumber,
            List<DocumentSigner> people,
            String reason,
            Duration ttl,
            InstantSource clock) {
        if (local.trust() == null || local.ledger() == null) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST, "there is no trust or no ledger here; take the folder of a node");
        }
        Route active = local.active() == null ? null : local.active().route();
        long epoch = Math.max(highestEpoch, active == null ? 0 : active.epoch());
        List<String> ancestors = local.history();
        return create(
                local.trust().trust(),
                local.ledger().ledger(),
                active,
                ancestors,
                epoch,
                ledgerNumber,
                people,
                reason,
                ttl,
                clock);
    }

    private static byte[] create(
            Trust trust,
            Ledger ledger,
            @Nullable Route active,
            List<String> ancestors,
            long epoch,
            long ledgerNumber,
            List<DocumentSigner> people,
            String reason,
            Duration ttl,
            InstantSource clock) {
        requireNonNull(reason, "reason");
        if (ttl.isNegative() || ttl.isZero() || ttl.compareTo(ModelLimits.MAX_BREAK_GLASS) > 0) {
            throw new IllegalArgumentException(
                    "ttl: " + ttl + " (expected: more than zero, at most " + ModelLimits.MAX_BREAK_GLASS + ")");
        }
        LedgerEntry target = ledger.find(ledgerNumber);
        if (target == null) {
            throw new KvException(
                    ErrorCode.NOT_FOUND,
                    "the ledger has no entry " + ledgerNumber + "; it has "
                            + ledger.entries().stream()
                                    .map(entry -> String.valueOf(entry.number()))
                                    .toList());
        }
        checkPeople(trust, people);
        long now = Math.floorDiv(clock.millis(), 1000L);
        Route route = Route.builder(trust.service())
                .kind(RouteKind.BREAK_GLASS)
                .version(epoch + 1, 0)
                .entries(List.of(target.build().withWeight(ModelLimits.TOTAL_WEIGHT)))
                .knownGood(knownGood(ledger, target))
                .ancestors(ancestors)
                .salt(active == null ? Bytes.NONE : active.salt())
                .createdAt(now)
                .notAfter(now + ttl.toSeconds())
                .reason(reason)
                .nodes(active == null ? List.of() : active.nodes())
                .build();
        return Documents.breakGlass(route, people);
    }

    private static void checkPeople(Trust trust, List<DocumentSigner> people) {
        long owners = people.stream()
                .map(person -> trust.owners().get(person.keyId()))
                .filter(Objects::nonNull)
                .distinct()
                .count();
        if (owners != people.size() || owners < trust.breakGlassThreshold()) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "keys of " + owners + " people of this environment among " + people.size()
                            + " keys (expected: at least " + trust.breakGlassThreshold() + " people, one key each)");
        }
    }

    /** The target first, then the other builds of the ledger, the newest first. */
    private static List<RouteEntry> knownGood(Ledger ledger, LedgerEntry target) {
        List<RouteEntry> knownGood = new ArrayList<>();
        knownGood.add(target.build());
        for (int i = ledger.entries().size() - 1; i >= 0; i--) {
            RouteEntry other = ledger.entries().get(i).build();
            boolean isNew = knownGood.stream().noneMatch(known -> known.build().equals(other.build()));
            if (isNew && knownGood.size() < ModelLimits.MAX_ENTRIES) {
                knownGood.add(other);
            }
        }
        return knownGood;
    }
}
