package io.nearkv.deploy.control;

import io.nearkv.core.Condition;
import io.nearkv.core.GetResult;
import io.nearkv.core.KeyInfo;
import io.nearkv.core.Kv;
import io.nearkv.core.KvBatch;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.ListOptions;
import io.nearkv.core.Metadata;
import io.nearkv.core.PutOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteResult;
import io.nearkv.deploy.rollout.Rollout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What a control plane remembers, in its own embedded store: five namespaces, and nothing in memory. Every change is conditioned on the version that it was made from, so
 * that of two writers one wins, and is one write or one atomic batch, so that a crash leaves the old or the new. Thread-safe.
 *
 * <p>{@code builds}: id → manifest, with its state as metadata. {@code routes}: {@code current}, {@code lineage}, {@code frozen}, and {@code history/EPOCH-SEQ}. {@code ledger}:
 * {@code current}. {@code reports}: endpoint → what the node has said last. {@code rollouts}: {@code current} and {@code history/TIME-ID}.
 */
final class ControlState {
    private static final String CURRENT = "current";
    private static final String LINEAGE = "lineage";
    private static final String FROZEN = "frozen";
    private static final String HISTORY = "history/";
    private static final String DRILL = "drill/breakglass";
    private static final Pattern GENERATION =
            Pattern.compile("\\{\"generation\":(\\d{1,18}),\"ledger\":(\\d{1,18}),\"trust\":(\\d{1,18})}");
    private static final Pattern STATE = Pattern.compile("\\{\"state\":\"([a-z]{1,16})\"}");

    private final KvNamespace builds;
    private final KvNamespace routes;
    private final KvNamespace ledger;
    private final KvNamespace reports;
    private final KvNamespace rollouts;

    ControlState(Kv kv) {
        builds = namespace(kv, "builds");
        routes = namespace(kv, "routes");
        ledger = namespace(kv, "ledger");
        reports = namespace(kv, "reports");
        rollouts = namespace(kv, "rollouts");
    }

    private static KvNamespace namespace(Kv kv, String title) {
        return kv.namespace(kv.namespaces().findOrCreate(title).id().toString());
    }

    /**
     * The route in force.
     *
     * @param document the forward document, with its parachute
     * @param generation grows with each change that somebody has asked for; renewals of a lease leave it
     * @param ledger the number of the ledger's last entry when it was made
     * @param trust the serial of the trust then
     * @param version of the entry in the store
     */
    record Current(Value document, long generation, long ledger, long trust, long version) {}

    /**
     * Why nothing is changed until somebody reconciles.
     *
     * @param epoch of the route that nodes follow in place of ours
     * @param seq of it
     * @param hash of it, in hex
     * @param endpoint a node that follows it
     */
    record Frozen(long epoch, long seq, String hash, String endpoint) {
        String toText() {
            return epoch + " " + seq + " " + hash + " " + endpoint;
        }

        static Frozen parse(String text) {
            String[] parts = text.split(" ", -1);
            return new Frozen(Long.parseLong(parts[0]), Long.parseLong(parts[1]), parts[2], parts[3]);
        }
    }

    /** The ledger as it is kept, and the version of the entry in the store. */
    record StoredLedger(Value document, long version) {}

    /**
     * A build as it is kept.
     *
     * @param document its manifest
     * @param state such as {@code published}
     * @param version of the entry in the store
     */
    record StoredBuild(Value document, String state, long version) {}

    @Nullable
    Current current() {
        if (!(routes.get(CURRENT) instanceof GetResult.Found found)) {
            return null;
        }
        Matcher matcher = GENERATION.matcher(json(found.metadata()));
        if (!matcher.matches()) {
            throw new IllegalStateException("the route in force has no generation; restore the folder from a copy");
        }
        return new Current(
                found.value(),
                Long.parseLong(matcher.group(1)),
                Long.parseLong(matcher.group(2)),
                Long.parseLong(matcher.group(3)),
                found.version());
    }

    Lineage lineage() {
        return routes.getString(LINEAGE).map(Lineage::parse).orElse(Lineage.NONE);
    }

    @Nullable
    Frozen frozen() {
        return routes.getString(FROZEN).map(Frozen::parse).orElse(null);
    }

    /** Notes that nothing may be changed; the first note wins, unless a later epoch is seen. */
    void freeze(Frozen frozen) {
        Frozen before = frozen();
        if (before == null || before.epoch() < frozen.epoch()) {
            WriteResult unused = routes.put(FROZEN, frozen.toText());
        }
    }

    /**
     * Puts a route in place of the one that it was made from.
     *
     * @param from what it was made from, or null if there was none
     * @param unfreeze whether it ends a freeze
     * @return false if somebody else was faster; nothing is changed then
     */
    boolean replace(@Nullable Current from, Current next, Lineage lineage, boolean unfreeze) {
        Condition condition = from == null ? Condition.IF_ABSENT : Condition.ifVersion(from.version());
        Metadata metadata = Metadata.ofJson("{\"generation\":" + next.generation() + ",\"ledger\":" + next.ledger()
                + ",\"trust\":" + next.trust() + "}");
        Lineage.Step step = lineage.steps().get(0);
        KvBatch batch = routes.batch()
                .put(CURRENT, next.document(), PutOptions.when(condition).withMetadata(metadata))
                .put(LINEAGE, lineage.toText())
                .put(historyKey(step), next.document());
        if (unfreeze) {
            batch = batch.delete(FROZEN);
        }
        List<KeyInfo> old = history();
        for (int i = 0; i <= old.size() - ControlLimits.MAX_HISTORY; i++) {
            batch = batch.delete(old.get(i).key().toString());
        }
        return batch.commit().applied();
    }

    private static String historyKey(Lineage.Step step) {
        return HISTORY + String.format("%016d-%016d", step.epoch(), step.seq());
    }

    private List<KeyInfo> history() {
        List<KeyInfo> all = new ArrayList<>();
        routes.list(HISTORY).forEach(all::add);
        return all;
    }

    /** Returns the ledger's document, or null if there is none. */
    @Nullable
    StoredLedger ledger() {
        return ledger.get(CURRENT) instanceof GetResult.Found found
                ? new StoredLedger(found.value(), found.version())
                : null;
    }

    /** Returns false if somebody else was faster. */
    boolean replaceLedger(@Nullable StoredLedger from, Value document) {
        Condition condition = from == null ? Condition.IF_ABSENT : Condition.ifVersion(from.version());
        return ledger.put(CURRENT, document, PutOptions.when(condition)).applied();
    }

    @Nullable
    StoredBuild build(String id) {
        return builds.get(id) instanceof GetResult.Found found ? stored(found) : null;
    }

    /** Returns all builds by id. */
    Map<String, StoredBuild> builds() {
        Map<String, StoredBuild> all = new LinkedHashMap<>();
        for (KeyInfo info : builds.list()) {
            String id = info.key().toString();
            if (builds.get(id) instanceof GetResult.Found found) {
                all.put(id, stored(found));
            }
        }
        return all;
    }

    int buildCount() {
        return builds.listPage(ListOptions.ALL).keys().size();
    }

    private static StoredBuild stored(GetResult.Found found) {
        Matcher matcher = STATE.matcher(json(found.metadata()));
        if (!matcher.matches()) {
            throw new IllegalStateException("a build has no state; restore the folder from a copy");
        }
        return new StoredBuild(found.value(), matcher.group(1), found.version());
    }

    /** Returns false if there is such a build already. */
    boolean add(String id, Value document, String state) {
        return builds.put(id, document, state(Condition.IF_ABSENT, state)).applied();
    }

    /** Returns false if somebody else has changed it meanwhile. */
    boolean setState(String id, StoredBuild from, String state) {
        return builds.put(id, from.document(), state(Condition.ifVersion(from.version()), state))
                .applied();
    }

    private static PutOptions state(Condition condition, String state) {
        return PutOptions.when(condition).withMetadata(Metadata.ofJson("{\"state\":\"" + state + "\"}"));
    }

    /** Notes what a node has said. */
    void report(String endpoint, String text) {
        WriteResult unused = reports.put(endpoint, text);
    }

    /** A rollout as it is kept, and the version of the entry in the store. */
    record StoredRollout(Rollout rollout, long version) {}

    /** Returns the rollout that was begun last, or null if there was none. */
    @Nullable
    StoredRollout rollout() {
        return rollouts.get(CURRENT) instanceof GetResult.Found found
                ? new StoredRollout(RolloutCodec.parse(found.value().asString()), found.version())
                : null;
    }

    /** Returns false if somebody else was faster; nothing is changed then. */
    boolean replaceRollout(@Nullable StoredRollout from, Rollout next) {
        Condition condition = from == null ? Condition.IF_ABSENT : Condition.ifVersion(from.version());
        Value text = Value.of(RolloutCodec.text(next));
        KvBatch batch = rollouts.batch()
                .put(CURRENT, text, PutOptions.when(condition))
                .put(HISTORY + String.format("%016d-%s", next.startedMillis(), next.id()), text);
        List<KeyInfo> old = rolloutKeys();
        for (int i = 0; i <= old.size() - ControlLimits.MAX_ROLLOUTS; i++) {
            batch = batch.delete(old.get(i).key().toString());
        }
        return batch.commit().applied();
    }

    /** Notes that the break-glass keys were tried. */
    void drilled(long millis) {
        WriteResult unused = reports.put(DRILL, Long.toString(millis));
    }

    /** Returns when the break-glass keys were tried last, or null if nobody knows. */
    @Nullable
    Long lastDrillMillis() {
        return reports.getString(DRILL).map(Long::valueOf).orElse(null);
    }

    private List<KeyInfo> rolloutKeys() {
        List<KeyInfo> all = new ArrayList<>();
        rollouts.list(HISTORY).forEach(all::add);
        return all;
    }

    /** Returns all rollouts that are kept, the oldest first. */
    List<Rollout> allRollouts() {
        List<Rollout> all = new ArrayList<>();
        for (KeyInfo info : rolloutKeys()) {
            rollouts.getString(info.key().toString()).map(RolloutCodec::parse).ifPresent(all::add);
        }
        return all;
    }

    private static String json(@Nullable Metadata metadata) {
        return metadata == null ? "" : metadata.json();
    }
}
