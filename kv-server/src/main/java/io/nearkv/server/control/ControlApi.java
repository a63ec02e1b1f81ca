package io.nearkv.server.control;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.AccountId;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Value;
import io.nearkv.deploy.control.BuildItem;
import io.nearkv.deploy.control.BuildListing;
import io.nearkv.deploy.control.ControlPlane;
import io.nearkv.deploy.control.ControlStatus;
import io.nearkv.deploy.control.Finding;
import io.nearkv.deploy.control.PromoteRequest;
import io.nearkv.deploy.control.PublishRequest;
import io.nearkv.deploy.control.RefusedException;
import io.nearkv.deploy.control.RolloutCodec;
import io.nearkv.deploy.control.RolloutStatus;
import io.nearkv.deploy.control.StartRequest;
import io.nearkv.deploy.control.WeightRequest;
import io.nearkv.deploy.document.DocumentVerifier;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.deploy.rollout.Facts;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** What a control plane answers, without HTTP. Every path names tenant, service and environment: no request is about a bare id. Thread-safe. */
public final class ControlApi {
    private static final String ROOT = "/v1/services";

    /** How long instances may take to prove themselves while a list of builds waits. */
    private static final Duration LIST_PROBE = Duration.ofMillis(1_500);

    /** After which time no more builds are asked: a list is not to take for ever because ten old builds are down. */
    private static final Duration LIST_PROBES = Duration.ofSeconds(6);

    private final ControlPlane plane;
    private final ServiceId service;
    private final AccountId account;

    /**
     * A request.
     *
     * @param method such as {@code GET}
     * @param path without the query
     * @param query empty for none
     * @param body empty for none
     * @param caller whom the caller's token was made for
     */
    record Request(String method, String path, String query, String body, String caller) {}

    /** Creates the face of a control plane. The account is that of those who operate it. */
    public ControlApi(ControlPlane plane, ServiceId service, AccountId account) {
        this.plane = requireNonNull(plane, "plane");
        this.service = requireNonNull(service, "service");
        this.account = requireNonNull(account, "account");
    }

    AccountId account() {
        return account;
    }

    Map<String, ?> answer(Request request) throws RefusedException, InterruptedException {
        if (request.path.equals(ROOT)) {
            return Map.of("services", List.of(service.toString()));
        }
        if (!request.path.startsWith(ROOT + "/")) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "the path names no environment (expected: " + ROOT + "/TENANT/SERVICE/ENVIRONMENT/…)");
        }
        String[] parts = request.path.substring(ROOT.length() + 1).split("/", -1);
        if (parts.length < 3) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "the path names no environment (expected: " + ROOT + "/TENANT/SERVICE/ENVIRONMENT/…)");
        }
        String named = parts[0] + "/" + parts[1] + "/" + parts[2];
        if (!named.equals(service.toString())) {
            throw new KvException(
                    ErrorCode.NOT_FOUND,
                    "there is no '" + Key.display(named) + "' here; this is the control plane of " + service);
        }
        String what = String.join("/", List.of(parts).subList(3, parts.length));
        boolean get = request.method.equals("GET");
        if (!get && !request.method.equals("POST")) {
            throw new KvException(ErrorCode.INVALID_REQUEST, "method " + Key.display(request.method));
        }
        Map<String, ?> answer = get ? get(what, request) : post(what, new Body(request.body), request.caller);
        if (answer == null) {
            throw new KvException(
                    ErrorCode.NOT_FOUND, "there is no " + request.method + " '" + Key.display(what) + "'");
        }
        return answer;
    }

    private @Nullable Map<String, ?> get(String what, Request request) throws InterruptedException {
        return switch (what) {
            case "" -> ControlJson.status(plane.status());
            case "builds" -> builds(request.query.equals("ready=true"));
            case "ledger" -> ledger();
            case "rollout" -> rollout();
            case "rollouts" ->
                Map.of(
                        "rollouts",
                        plane.listRollouts().stream().map(ControlJson::rollout).toList());
            case "alerts" ->
                Map.of("alerts", plane.alerts().stream().map(ControlJson::alert).toList());
            case "bundle" -> Map.of("bundle", ControlJson.base64(plane.bundle()));
            default -> null;
        };
    }

    private Map<String, ?> builds(boolean ready) throws InterruptedException {
        List<BuildItem> items = plane.listBuilds();
        // Only what belongs here is asked; what does not is for the caller to see.
        BuildListing listing = BuildListing.verify(service, null, new DocumentVerifier(InstantSource.system()), items);
        List<Map<String, Object>> answers = new ArrayList<>();
        long deadline = System.nanoTime() + LIST_PROBES.toNanos();
        for (BuildItem item : items) {
            BuildListing.Build build = listing.builds().stream()
                    .filter(each -> each.item().equals(item))
                    .findFirst()
                    .orElse(null);
            boolean asked = ready
                    && build != null
                    && !item.state().equals(BuildItem.RETIRED)
                    && System.nanoTime() - deadline < 0;
            answers.add(ControlJson.item(
                    item, asked && build != null ? plane.readyInstances(build.manifest(), LIST_PROBE) : null));
        }
        return Map.of("builds", answers);
    }

    private Map<String, ?> rollout() {
        RolloutStatus status = plane.rolloutStatus();
        if (status == null) {
            throw new KvException(ErrorCode.NOT_FOUND, "there was no rollout yet");
        }
        return ControlJson.rollout(status);
    }

    private Map<String, ?> start(StartRequest request) throws RefusedException, InterruptedException {
        List<Finding> warnings = plane.startRollout(request);
        Map<String, Object> members = new LinkedHashMap<>(rollout());
        members.put("warnings", warnings.stream().map(ControlJson::finding).toList());
        return members;
    }

    /** Returns all that the page of operations shows. Nothing in it is secret, and nobody needs a token for it. */
    Map<String, ?> view() {
        RolloutStatus status = plane.rolloutStatus();
        Map<String, Object> members = new LinkedHashMap<>(ControlJson.status(plane.status()));
        List<Map<String, Object>> builds = new ArrayList<>();
        BuildListing listing =
                BuildListing.verify(service, null, new DocumentVerifier(InstantSource.system()), plane.listBuilds());
        for (BuildListing.Build build : listing.builds()) {
            Map<String, Object> each = new LinkedHashMap<>();
            each.put("build", build.id());
            each.put("version", build.manifest().version());
            each.put("digest", build.manifest().build().digestHex());
            each.put("state", build.item().state());
            each.put("ledger", build.item().ledgerNumber());
            each.put("weight", build.item().weight());
            builds.add(each);
        }
        members.put("builds", builds);
        members.put("rollout", status == null ? null : ControlJson.rollout(status));
        members.put("alerts", plane.alerts().stream().map(ControlJson::alert).toList());
        members.put("audit", plane.auditTail());
        return members;
    }

    Map<String, Long> alertCounts() {
        return plane.alertCounts();
    }

    /** Returns the labels that each metric has: whose control plane it is. */
    String labels() {
        return "tenant=\"" + service.tenant() + "\",service=\"" + service.service() + "\",environment=\""
                + service.environment() + "\"";
    }

    /** Returns the metrics of the rollout and of the nodes, in Prometheus' format. */
    String metrics() {
        StringBuilder page = new StringBuilder();
        ControlStatus status = plane.status();
        gauge(
                page,
                "nearkv_control_nodes",
                "Nodes that are to follow the route.",
                status.coverage().total());
        gauge(
                page,
                "nearkv_control_nodes_following",
                "Nodes that do.",
                status.coverage().holding());
        gauge(
                page,
                "nearkv_control_frozen",
                "Whether a break-glass waits to be reconciled.",
                status.frozen() == null ? 0 : 1);
        RolloutStatus rollout = plane.rolloutStatus();
        boolean active = rollout != null && !rollout.rollout().state().isTerminal();
        gauge(page, "nearkv_control_rollout_active", "Whether a rollout is under way.", active ? 1 : 0);
        if (rollout != null) {
            gauge(
                    page,
                    "nearkv_control_rollout_weight",
                    "The share of its build, 0 to 1.",
                    rollout.weight() / 10_000.0);
            gauge(
                    page,
                    "nearkv_control_rollout_log_e",
                    "The evidence that it fails more often, as a logarithm.",
                    rollout.impact().logErrors());
        }
        return page.toString();
    }

    private void gauge(StringBuilder page, String name, String help, double value) {
        page.append("# HELP ").append(name).append(' ').append(help).append('\n');
        page.append("# TYPE ").append(name).append(" gauge\n");
        page.append(name)
                .append('{')
                .append(labels())
                .append("} ")
                .append(value)
                .append('\n');
    }

    private Map<String, ?> ledger() {
        Map<String, Object> members =
                new LinkedHashMap<>(ControlJson.ledger(plane.status().ledger()));
        Value document = plane.ledgerDocument();
        members.put("document", document == null ? null : ControlJson.base64(document));
        return members;
    }

    private @Nullable Map<String, ?> post(String what, Body body, String caller)
            throws RefusedException, InterruptedException {
        switch (what) {
            case "builds" -> {
                PublishRequest request = new PublishRequest(
                        body.text("digest"),
                        body.text("version"),
                        body.texts("endpoints"),
                        body.number("reads_from", 1),
                        body.number("reads_to", 1),
                        body.number("writes", 1),
                        body.text("provenance", ""),
                        body.seconds("token_seconds"));
                body.end();
                return ControlJson.published(plane.publishBuild(request, caller));
            }
            case "promotions" -> {
                String evidence = body.text("evidence", "");
                PromoteRequest request = new PromoteRequest(
                        body.text("digest"),
                        evidence.isEmpty() ? null : ControlJson.ofBase64(evidence, "evidence"),
                        body.texts("endpoints"),
                        body.seconds("token_seconds"),
                        caller);
                body.end();
                return ControlJson.published(plane.promote(request));
            }
            case "route" -> {
                int lease = body.number("lease_seconds", 0);
                WeightRequest request = new WeightRequest(
                        body.text("build"),
                        body.number("weight", -1),
                        lease == 0 ? null : Duration.ofSeconds(lease),
                        body.number("min_ready", 0),
                        body.text("reason", ""),
                        caller);
                body.end();
                return ControlJson.change(plane.setWeight(request));
            }
            case "rollouts" -> {
                StartRequest request = new StartRequest(
                        body.text("build"),
                        RolloutCodec.plan(body.text("plan", "")),
                        body.number("min_ready", 0),
                        body.text("reason", ""),
                        caller);
                body.end();
                return start(request);
            }
            case "rollouts/hold", "rollouts/resume", "rollouts/abort" -> {
                body.end();
                String verb = what.substring(what.indexOf('/') + 1);
                return ControlJson.rollout(
                        plane.commandRollout(Facts.Command.valueOf(verb.toUpperCase(Locale.ROOT)), caller));
            }
            case "drills" -> {
                body.end();
                plane.drilled(caller);
                return Map.of("drilled", true);
            }
            case "rollback" -> {
                String reason = body.text("reason", "");
                body.end();
                return ControlJson.change(plane.rollback(reason, caller));
            }
            case "reconcile" -> {
                String reason = body.text("reason", "");
                body.end();
                return ControlJson.change(plane.reconcile(reason, caller));
            }
            case "ledger" -> {
                String build = body.text("build");
                String why = body.text("why", "");
                body.end();
                return ControlJson.ledgerEntry(plane.addToLedger(build, why, caller));
            }
            default -> {
                return ofBuild(what, body, caller);
            }
        }
    }

    private @Nullable Map<String, ?> ofBuild(String what, Body body, String caller) throws RefusedException {
        String[] parts = what.split("/", -1);
        if (parts.length != 3 || !parts[0].equals("builds")) {
            return null;
        }
        switch (parts[2]) {
            case "retire" -> {
                body.end();
                plane.retire(parts[1], caller);
                return Map.of("build", parts[1], "state", BuildItem.RETIRED);
            }
            case "token" -> {
                Duration lifetime = body.seconds("token_seconds");
                body.end();
                return Map.of("build", parts[1], "build_token", plane.issueBuildToken(parts[1], lifetime, caller));
            }
            default -> {
                return null;
            }
        }
    }

    /** The members of a body, each of which must be known: a typing error must not pass for a default. */
    private static final class Body {
        private final JsonNode node;
        private final Set<String> known = new HashSet<>();

        Body(String text) {
            node = ControlJson.read(text.isEmpty() ? "{}" : text, "the body");
        }

        private @Nullable JsonNode member(String name) {
            known.add(name);
            JsonNode member = node.get(name);
            return member == null || member.isNull() ? null : member;
        }

        private static KvException malformed(String name, String expected) {
            return new KvException(ErrorCode.INVALID_REQUEST, "'" + name + "' (expected: " + expected + ")");
        }

        String text(String name) {
            JsonNode member = member(name);
            if (member == null || !member.isString()) {
                throw malformed(name, "a text");
            }
            return member.asString();
        }

        String text(String name, String otherwise) {
            return member(name) == null ? otherwise : text(name);
        }

        List<String> texts(String name) {
            JsonNode member = member(name);
            if (member == null || !member.isArray() || !member.valueStream().allMatch(JsonNode::isString)) {
                throw malformed(name, "a list of texts");
            }
            return ControlJson.texts(member);
        }

        int number(String name, int otherwise) {
            JsonNode member = member(name);
            if (member == null) {
                return otherwise;
            }
            if (!member.isInt()) {
                throw malformed(name, "a whole number");
            }
            return member.asInt();
        }

        Duration seconds(String name) {
            int seconds = number(name, 0);
            if (seconds < 1) {
                throw malformed(name, "a number of seconds");
            }
            return Duration.ofSeconds(seconds);
        }

        void end() {
            for (String name : node.propertyNames()) {
                if (!known.contains(name)) {
                    throw new KvException(ErrorCode.INVALID_REQUEST, "'" + Key.display(name) + "' is not known here");
                }
            }
        }
    }
}
