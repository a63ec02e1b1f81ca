package io.nearkv.server.control;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.Value;
import io.nearkv.deploy.analysis.Impact;
import io.nearkv.deploy.control.Alert;
import io.nearkv.deploy.control.BuildItem;
import io.nearkv.deploy.control.ControlStatus;
import io.nearkv.deploy.control.Coverage;
import io.nearkv.deploy.control.Finding;
import io.nearkv.deploy.control.NodeReport;
import io.nearkv.deploy.control.PublishedBuild;
import io.nearkv.deploy.control.RefusedException;
import io.nearkv.deploy.control.RolloutStatus;
import io.nearkv.deploy.control.RouteChange;
import io.nearkv.deploy.model.Ledger;
import io.nearkv.deploy.model.LedgerEntry;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteEntry;
import io.nearkv.deploy.rollout.Rollout;
import io.nearkv.deploy.rollout.RolloutPlan;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What travels between a control plane and those who ask it, as JSON; {@code docs/release-safety.md} has the members. */
final class ControlJson {
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private ControlJson() {}

    static byte[] write(Map<String, ?> answer) {
        return MAPPER.writeValueAsBytes(answer);
    }

    /** Reads an object; fails with {@link ErrorCode#INVALID_REQUEST}. */
    static JsonNode read(String text, String what) {
        try {
            JsonNode node = MAPPER.readTree(text);
            if (node.isObject()) {
                return node;
            }
        } catch (JacksonException e) {
            // Without the cause: the parser's messages quote what they read.
        }
        throw new KvException(ErrorCode.INVALID_REQUEST, what + " is not a JSON object");
    }

    static Map<String, Object> error(KvException failure) {
        Map<String, Object> error = new LinkedHashMap<>();
        error.put("code", failure.code().label());
        if (failure.denial() != null) {
            error.put("reason", failure.denial().reason().label());
        }
        error.put("message", String.valueOf(failure.getMessage()));
        if (failure.retryAfter() != null) {
            error.put("retry_after_ms", failure.retryAfter().toMillis());
        }
        return Map.of("error", error);
    }

    static Map<String, Object> refusal(RefusedException refusal) {
        Map<String, Object> error = new LinkedHashMap<>();
        error.put("code", "refused");
        error.put("message", String.valueOf(refusal.getMessage()));
        error.put(
                "findings",
                refusal.findings().stream().map(ControlJson::finding).toList());
        error.put("unchanged", refusal.unchanged());
        return Map.of("error", error);
    }

    static Map<String, Object> rollout(RolloutStatus status) {
        Rollout rollout = status.rollout();
        Map<String, Object> members = rollout(rollout);
        members.put("weight", status.weight());
        members.put("followed", status.followed());
        members.put("coverage", status.coverage());
        members.put("in_step_ms", status.inStep().toMillis());
        List<RolloutPlan.Step> steps = rollout.plan().all();
        members.put(
                "step_ms",
                steps.get(Math.min(rollout.step(), steps.size() - 1)).time().toMillis());
        members.put("units", Math.round(status.units()));
        members.put("requests_per_second", Math.round(status.requestsPerSecond()));
        members.put("probes", status.probes());
        Impact impact = status.impact();
        Map<String, Object> seen = new LinkedHashMap<>();
        seen.put("kind", impact.kind().label());
        seen.put("e", String.format(Locale.ROOT, "%.2g", Math.exp(Math.min(300, impact.logErrors()))));
        seen.put("e_latency", String.format(Locale.ROOT, "%.2g", Math.exp(Math.min(300, impact.logLatency()))));
        seen.put("candidate_requests", impact.candidate().requests());
        seen.put("candidate_failures", impact.candidate().failures());
        seen.put("base_requests", impact.base().requests());
        seen.put("base_failures", impact.base().failures());
        seen.put("text", impact.text());
        members.put("impact", seen);
        List<Map<String, Object>> planned = new ArrayList<>();
        for (int i = 0; i < steps.size(); i++) {
            Map<String, Object> each = new LinkedHashMap<>();
            each.put("weight", steps.get(i).weight());
            each.put("seconds", steps.get(i).time().toSeconds());
            each.put("units", steps.get(i).units());
            each.put(
                    "detectable_bp",
                    i < status.detectable().size()
                            ? Math.round(status.detectable().get(i) * 10_000)
                            : 10_000);
            planned.add(each);
        }
        members.put("steps", planned);
        return members;
    }

    static Map<String, Object> rollout(Rollout rollout) {
        Map<String, Object> members = new LinkedHashMap<>();
        members.put("id", rollout.id());
        members.put("build", rollout.build());
        members.put("version", rollout.version());
        members.put("plan", rollout.plan().name());
        members.put("state", rollout.state().label());
        members.put("over", rollout.state().isTerminal());
        members.put("step", rollout.step());
        members.put("hold", rollout.hold().label());
        members.put("text", rollout.text());
        members.put("actor", rollout.actor());
        members.put("reason", rollout.reason());
        members.put("started", rollout.startedMillis());
        List<Map<String, Object>> events = new ArrayList<>();
        for (Rollout.Event event : rollout.events()) {
            Map<String, Object> each = new LinkedHashMap<>();
            each.put("millis", event.millis());
            each.put("state", event.state());
            each.put("text", event.text());
            events.add(each);
        }
        members.put("events", events);
        return members;
    }

    static Map<String, Object> alert(Alert alert) {
        Map<String, Object> members = new LinkedHashMap<>();
        members.put("id", alert.id());
        members.put("millis", alert.millis());
        members.put("kind", alert.kind());
        members.put("service", alert.service());
        members.put("build", alert.build());
        members.put("phase", alert.phase());
        members.put("reason", alert.reason());
        members.put("evidence", alert.evidence());
        return members;
    }

    static Map<String, Object> finding(Finding finding) {
        Map<String, Object> members = new LinkedHashMap<>();
        members.put("check", finding.check());
        members.put("code", finding.code());
        members.put("found", finding.found());
        members.put("advice", finding.advice());
        return members;
    }

    static Map<String, Object> status(ControlStatus status) {
        Map<String, Object> members = new LinkedHashMap<>();
        members.put("service", status.service().toString());
        members.put("class", status.environmentClass().label());
        members.put("trust_serial", status.trustSerial());
        members.put("route", status.route() == null ? null : route(status.route(), status.hash()));
        members.put("coverage", coverage(status.coverage()));
        members.put("ledger", ledger(status.ledger()));
        members.put("frozen", status.frozen() == null ? null : finding(status.frozen()));
        members.put("problems", status.problems());
        return members;
    }

    static Map<String, Object> route(Route route, String hash) {
        Map<String, Object> members = new LinkedHashMap<>();
        members.put("epoch", route.epoch());
        members.put("seq", route.seq());
        members.put("hash", hash);
        members.put("rollout", route.rolloutId());
        members.put("step", route.step());
        members.put("entries", route.entries().stream().map(ControlJson::entry).toList());
        members.put(
                "known_good", route.knownGood().stream().map(ControlJson::entry).toList());
        members.put("lease_seconds", route.lease().toSeconds());
        members.put("created_at", route.createdAt());
        members.put("reason", route.reason());
        members.put("nodes", route.nodes());
        return members;
    }

    private static Map<String, Object> entry(RouteEntry entry) {
        Map<String, Object> members = new LinkedHashMap<>();
        members.put("build", entry.id());
        members.put("weight", entry.weight());
        members.put("version", entry.version());
        members.put("digest", entry.build().digestHex());
        members.put("ledger", entry.ledgerNumber());
        members.put("endpoints", entry.endpoints());
        return members;
    }

    static Map<String, Object> coverage(Coverage coverage) {
        Map<String, Object> members = new LinkedHashMap<>();
        members.put("complete", coverage.complete());
        members.put("holding", coverage.holding());
        members.put("total", coverage.total());
        members.put("millis", coverage.elapsed().toMillis());
        members.put("nodes", coverage.nodes().stream().map(ControlJson::node).toList());
        return members;
    }

    private static Map<String, Object> node(NodeReport node) {
        Map<String, Object> members = new LinkedHashMap<>();
        members.put("endpoint", node.endpoint());
        members.put("node", node.node());
        members.put("state", node.state().label());
        members.put("detail", node.detail());
        members.put("epoch", node.epoch());
        members.put("seq", node.seq());
        members.put("active", node.active());
        return members;
    }

    static Map<String, Object> ledger(Ledger ledger) {
        Map<String, Object> members = new LinkedHashMap<>();
        members.put(
                "entries",
                ledger.entries().stream().map(ControlJson::ledgerEntry).toList());
        return members;
    }

    static Map<String, Object> ledgerEntry(LedgerEntry entry) {
        Map<String, Object> members = new LinkedHashMap<>();
        members.put("number", entry.number());
        members.put("build", entry.build().id());
        members.put("version", entry.build().version());
        members.put("added_at", entry.addedAt());
        members.put("why", entry.why());
        members.put("hash", entry.hash());
        return members;
    }

    static Map<String, Object> change(RouteChange change) {
        Map<String, Object> members = new LinkedHashMap<>();
        members.put("route", route(change.route(), change.hash()));
        members.put("coverage", coverage(change.coverage()));
        return members;
    }

    static Map<String, Object> published(PublishedBuild build) {
        Map<String, Object> members = new LinkedHashMap<>();
        members.put("build", build.id());
        members.put("version", build.manifest().version());
        members.put("digest", build.manifest().build().digestHex());
        members.put("manifest", base64(build.document()));
        members.put("build_token", build.buildToken());
        return members;
    }

    /** @param ready how many instances run, or null where they were not asked */
    static Map<String, Object> item(BuildItem item, @Nullable Integer ready) {
        Map<String, Object> members = new LinkedHashMap<>();
        members.put("manifest", base64(item.document()));
        members.put("state", item.state());
        members.put("ledger", item.ledgerNumber());
        members.put("weight", item.weight());
        members.put("ready", ready);
        return members;
    }

    static String base64(Value bytes) {
        return Base64.getEncoder().encodeToString(bytes.toByteArray());
    }

    static Value ofBase64(String text, String what) {
        try {
            return Value.wrap(Base64.getDecoder().decode(text));
        } catch (IllegalArgumentException e) {
            throw new KvException(ErrorCode.INVALID_REQUEST, what + " is not base64", e);
        }
    }

    static List<String> texts(JsonNode array) {
        return array.valueStream().map(JsonNode::asString).toList();
    }
}
