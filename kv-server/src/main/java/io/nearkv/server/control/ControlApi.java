package io.nearkv.server.control;

import static java.nio.charset.StandardCharsets.UTF_8;
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
import io.nearkv.deploy.control.QuotaUse;
import io.nearkv.deploy.control.RefusedException;
import io.nearkv.deploy.control.RolloutCodec;
import io.nearkv.deploy.control.RolloutStatus;
import io.nearkv.deploy.control.StartRequest;
import io.nearkv.deploy.control.WeightRequest;
import io.nearkv.deploy.document.DocumentVerifier;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.deploy.rollout.Facts;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** What a control plane answers, without HTTP. Every path names tenant, service and environment: no request is about a bare id. Thread-safe. */
public final class ControlApi {
    private static final String ROOT = "/v1/services";
    private static final String HERE = ROOT + "/{tenant}/{service}/{environment}";

    /** How long instances may take to prove themselves while a list of builds waits. */
    private static final Duration LIST_PROBE = Duration.ofMillis(1_500);

    /** After which time no more builds are asked: a list is not to take for ever because ten old builds are down. */
    private static final Duration LIST_PROBES = Duration.ofSeconds(6);

    private final ControlPlane plane;
    private final ServiceId service;
    private final AccountId account;
    private final @Nullable AlertWebhook webhook;
    private final List<Endpoint> endpoints;

    /**
     * A request.
     *
     * @param method such as {@code GET}
     * @param path without the query
     * @param query empty for none
     * @param body empty for none
     * @param caller whom the caller's token was made for, empty without one
     */
    record Request(String method, String path, String query, String body, String caller) {}

    /** Creates the face of a control plane. The account is that of those who operate it; the webhook, which is told of alerts, is there for its counts. */
    public ControlApi(ControlPlane plane, ServiceId service, AccountId account, @Nullable AlertWebhook webhook) {
        this.webhook = webhook;
        this.endpoints = table();
        this.plane = requireNonNull(plane, "plane");
        this.service = requireNonNull(service, "service");
        this.account = requireNonNull(account, "account");
    }

    AccountId account() {
        return account;
    }

    /** Whom an endpoint answers. */
    enum Access {
        /** Everybody: nothing in the answer is of a tenant. */
        OPEN,
        /** An administrator of the operating account; and who is on this machine and shows no token. Changes nothing. */
        LOOK,
        /** An administrator of the operating account. */
        ADMINISTRATOR
    }

    /** What is answered. */
    sealed interface Answer {
        /** An object in JSON. */
        record Json(Map<String, ?> members) implements Answer {}

        /** A page, with its type. */
        record Page(String type, String text) implements Answer {}
    }

    /** Answers one request; {@code build} is the part of the path that names one, or empty. */
    private interface Handler {
        Answer answer(Request request, String build) throws RefusedException, InterruptedException;
    }

    /**
     * One thing that can be asked. The table of these is what requests are dispatched by, so that nothing is answered that is not in it, and what is in it can be tried whole.
     *
     * @param method {@code GET} or {@code POST}
     * @param path with {@code {tenant}}, {@code {service}}, {@code {environment}} and {@code {build}}
     */
    record Endpoint(String method, String path, Access access, Handler handler) {
        /** Returns what the path has in place of {@code {build}}, empty where it has none, or null if it is not this endpoint's. The service may be any. */
        @Nullable
        String match(String asked) {
            String[] expected = path.split("/", -1);
            String[] parts = asked.split("/", -1);
            if (expected.length != parts.length) {
                return null;
            }
            String build = "";
            for (int i = 0; i < parts.length; i++) {
                if (expected[i].equals("{build}")) {
                    build = parts[i];
                } else if (!expected[i].startsWith("{") && !expected[i].equals(parts[i])) {
                    return null;
                }
            }
            return build;
        }

        /** Returns whether it is about one environment. */
        boolean isOfService() {
            return path.startsWith(HERE);
        }
    }

    private static Answer json(Map<String, ?> members) {
        return new Answer.Json(members);
    }

    private static Endpoint open(String path, Handler handler) {
        return new Endpoint("GET", path, Access.OPEN, handler);
    }

    private static Endpoint look(String path, Handler handler) {
        return new Endpoint("GET", path, Access.LOOK, handler);
    }

    private static Endpoint get(String what, Handler handler) {
        return new Endpoint("GET", what.isEmpty() ? HERE : HERE + "/" + what, Access.ADMINISTRATOR, handler);
    }

    private static Endpoint post(String what, Handler handler) {
        return new Endpoint("POST", HERE + "/" + what, Access.ADMINISTRATOR, handler);
    }

    private List<Endpoint> table() {
        return List.of(
                open("/healthz", (request, build) -> json(Map.of("status", "ok"))),
                open("/ui", (request, build) -> new Answer.Page("text/html; charset=utf-8", page())),
                look("/metrics", (request, build) -> new Answer.Page("text/plain; version=0.0.4", metrics())),
                look("/v1/view", (request, build) -> json(view())),
                new Endpoint(
                        "GET",
                        ROOT,
                        Access.ADMINISTRATOR,
                        (request, build) -> json(Map.of("services", List.of(service.toString())))),
                get("", (request, build) -> json(ControlJson.status(plane.status()))),
                get("builds", (request, build) -> json(builds(request.query.equals("ready=true")))),
                get("ledger", (request, build) -> json(ledger())),
                get("rollout", (request, build) -> json(rollout())),
                get("rollouts", (request, build) -> json(rollouts())),
                get("alerts", (request, build) -> json(alerts())),
                get("bundle", (request, build) -> json(Map.of("bundle", ControlJson.base64(plane.bundle())))),
                post("builds", (request, build) -> json(publish(request))),
                post("promotions", (request, build) -> json(promote(request))),
                post("route", (request, build) -> json(route(request))),
                post("rollouts", (request, build) -> json(start(request))),
                post("rollouts/hold", (request, build) -> json(command(Facts.Command.HOLD, request))),
                post("rollouts/resume", (request, build) -> json(command(Facts.Command.RESUME, request))),
                post("rollouts/abort", (request, build) -> json(command(Facts.Command.ABORT, request))),
                post("drills", (request, build) -> json(drilled(request))),
                post("rollback", (request, build) -> json(rollback(request))),
                post("reconcile", (request, build) -> json(reconcile(request))),
                post("ledger", (request, build) -> json(addToLedger(request))),
                post("builds/{build}/retire", (request, build) -> json(retire(request, build))),
                post("builds/{build}/token", (request, build) -> json(buildToken(request, build))));
    }

    /** Returns all that can be asked. */
    List<Endpoint> endpoints() {
        return endpoints;
    }

    /** Returns what a request asks for, or null if there is no such thing. */
    @Nullable
    Endpoint find(String method, String path) {
        for (Endpoint endpoint : endpoints) {
            if (endpoint.method().equals(method) && endpoint.match(path) != null) {
                return endpoint;
            }
        }
        return null;
    }

    /** Answers; whether the caller may ask was decided before. */
    Answer answer(Endpoint endpoint, Request request) throws RefusedException, InterruptedException {
        if (endpoint.isOfService()
                && !request.path.startsWith(ROOT + "/" + service + "/")
                && !request.path.equals(ROOT + "/" + service)) {
            String[] parts = request.path.substring(ROOT.length() + 1).split("/", -1);
            throw new KvException(
                    ErrorCode.NOT_FOUND,
                    "there is no '" + Key.display(parts[0] + "/" + parts[1] + "/" + parts[2]) + "' here; see: GET "
                            + ROOT);
        }
        String build = requireNonNull(endpoint.match(request.path), "path");
        return endpoint.handler().answer(request, build);
    }

    /** Returns why there is nothing for a request that no endpoint is there for. */
    static KvException nothing(String method, String path) {
        if (!method.equals("GET") && !method.equals("POST")) {
            return new KvException(
                    ErrorCode.INVALID_REQUEST, "method " + Key.display(method) + " (expected: GET or POST)");
        }
        if (path.split("/", -1).length < 6) {
            return new KvException(
                    ErrorCode.INVALID_REQUEST, "the path names no environment (expected: " + HERE + "/…)");
        }
        return new KvException(ErrorCode.NOT_FOUND, "there is no " + method + " '" + Key.display(path) + "'");
    }

    private static String page() {
        try (InputStream in = ControlApi.class.getResourceAsStream("operations.html")) {
            return new String(requireNonNull(in, "operations.html").readAllBytes(), UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Map<String, ?> rollouts() {
        return Map.of(
                "rollouts",
                plane.listRollouts().stream().map(ControlJson::rollout).toList());
    }

    private Map<String, ?> alerts() {
        return Map.of("alerts", plane.alerts().stream().map(ControlJson::alert).toList());
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

    private Map<String, ?> start(Request asked) throws RefusedException, InterruptedException {
        Body body = new Body(asked.body);
        StartRequest request = new StartRequest(
                body.text("build"),
                RolloutCodec.plan(body.text("plan", "")),
                body.number("min_ready", 0),
                body.text("reason", ""),
                asked.caller);
        body.end();
        List<Finding> warnings = plane.startRollout(request);
        Map<String, Object> members = new LinkedHashMap<>(rollout());
        members.put("warnings", warnings.stream().map(ControlJson::finding).toList());
        return members;
    }

    /** Returns all that the page of operations shows; nothing in it is secret to those who operate the service. */
    private Map<String, ?> view() {
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

    /** Returns the labels that each metric has: whose control plane it is. */
    private String labels() {
        return "tenant=\"" + service.tenant() + "\",service=\"" + service.service() + "\",environment=\""
                + service.environment() + "\"";
    }

    /** Returns the metrics of the rollout, of the nodes, of alerts and of quotas, in Prometheus' format. */
    private String metrics() {
        StringBuilder page = new StringBuilder();
        head(page, "nearkv_control_alerts_total", "Alerts since the start, by kind.", "counter");
        plane.alertCounts().forEach((kind, count) -> row(page, "nearkv_control_alerts_total", "kind", kind, count));
        webhook(page);
        List<QuotaUse> quotas = plane.quotas();
        head(page, "nearkv_control_quota_limit", "Most of it in a minute.", "gauge");
        quotas.forEach(each -> row(page, "nearkv_control_quota_limit", "quota", each.name(), (double) each.limit()));
        head(page, "nearkv_control_quota_left", "What is left of it now.", "gauge");
        quotas.forEach(each -> row(page, "nearkv_control_quota_left", "quota", each.name(), Math.floor(each.left())));
        head(page, "nearkv_control_quota_refused_total", "Requests that were refused for it.", "counter");
        quotas.forEach(
                each -> row(page, "nearkv_control_quota_refused_total", "quota", each.name(), (double) each.refused()));
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

    private void webhook(StringBuilder page) {
        if (webhook == null) {
            return;
        }
        AlertWebhook.Counts counts = webhook.counts();
        head(page, "nearkv_control_webhook_alerts_total", "What has become of alerts for the webhook.", "counter");
        row(page, "nearkv_control_webhook_alerts_total", "outcome", "sent", (double) counts.sent());
        row(page, "nearkv_control_webhook_alerts_total", "outcome", "failed", (double) counts.failed());
        row(page, "nearkv_control_webhook_alerts_total", "outcome", "dropped", (double) counts.dropped());
        head(
                page,
                "nearkv_control_webhook_retries_total",
                "Attempts that were not the first of their alert.",
                "counter");
        value(page, "nearkv_control_webhook_retries_total", (double) counts.retried());
        gauge(page, "nearkv_control_webhook_queue", "Alerts that wait for the webhook.", counts.queued());
        gauge(page, "nearkv_control_webhook_queue_limit", "Most that may wait.", webhook.maxQueued());
    }

    private static void head(StringBuilder page, String name, String help, String type) {
        page.append("# HELP ").append(name).append(' ').append(help).append('\n');
        page.append("# TYPE ").append(name).append(' ').append(type).append('\n');
    }

    private void row(StringBuilder page, String name, String label, String is, double value) {
        page.append(name)
                .append('{')
                .append(labels())
                .append(',')
                .append(label)
                .append("=\"")
                .append(is)
                .append("\"} ")
                .append(number(value))
                .append('\n');
    }

    private static String number(double value) {
        return value == Math.rint(value) && Math.abs(value) < 1e15
                ? Long.toString((long) value)
                : Double.toString(value);
    }

    private void gauge(StringBuilder page, String name, String help, double value) {
        head(page, name, help, "gauge");
        value(page, name, value);
    }

    private void value(StringBuilder page, String name, double value) {
        page.append(name)
                .append('{')
                .append(labels())
                .append("} ")
                .append(number(value))
                .append('\n');
    }

    private Map<String, ?> ledger() {
        Map<String, Object> members =
                new LinkedHashMap<>(ControlJson.ledger(plane.status().ledger()));
        Value document = plane.ledgerDocument();
        members.put("document", document == null ? null : ControlJson.base64(document));
        return members;
    }

    private Map<String, ?> publish(Request asked) {
        Body body = new Body(asked.body);
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
        return ControlJson.published(plane.publishBuild(request, asked.caller));
    }

    private Map<String, ?> promote(Request asked) throws RefusedException {
        Body body = new Body(asked.body);
        String evidence = body.text("evidence", "");
        PromoteRequest request = new PromoteRequest(
                body.text("digest"),
                evidence.isEmpty() ? null : ControlJson.ofBase64(evidence, "evidence"),
                body.texts("endpoints"),
                body.seconds("token_seconds"),
                asked.caller);
        body.end();
        return ControlJson.published(plane.promote(request));
    }

    private Map<String, ?> route(Request asked) throws RefusedException, InterruptedException {
        Body body = new Body(asked.body);
        int lease = body.number("lease_seconds", 0);
        WeightRequest request = new WeightRequest(
                body.text("build"),
                body.number("weight", -1),
                lease == 0 ? null : Duration.ofSeconds(lease),
                body.number("min_ready", 0),
                body.text("reason", ""),
                asked.caller);
        body.end();
        return ControlJson.change(plane.setWeight(request));
    }

    private Map<String, ?> command(Facts.Command command, Request asked) throws RefusedException, InterruptedException {
        new Body(asked.body).end();
        return ControlJson.rollout(plane.commandRollout(command, asked.caller));
    }

    private Map<String, ?> drilled(Request asked) {
        new Body(asked.body).end();
        plane.drilled(asked.caller);
        return Map.of("drilled", true);
    }

    private static String reason(Request asked) {
        Body body = new Body(asked.body);
        String reason = body.text("reason", "");
        body.end();
        return reason;
    }

    private Map<String, ?> rollback(Request asked) throws RefusedException, InterruptedException {
        return ControlJson.change(plane.rollback(reason(asked), asked.caller));
    }

    private Map<String, ?> reconcile(Request asked) throws RefusedException, InterruptedException {
        return ControlJson.change(plane.reconcile(reason(asked), asked.caller));
    }

    private Map<String, ?> addToLedger(Request asked) throws RefusedException, InterruptedException {
        Body body = new Body(asked.body);
        String build = body.text("build");
        String why = body.text("why", "");
        body.end();
        return ControlJson.ledgerEntry(plane.addToLedger(build, why, asked.caller));
    }

    private Map<String, ?> retire(Request asked, String build) throws RefusedException {
        new Body(asked.body).end();
        plane.retire(build, asked.caller);
        return Map.of("build", build, "state", BuildItem.RETIRED);
    }

    private Map<String, ?> buildToken(Request asked, String build) throws RefusedException {
        Body body = new Body(asked.body);
        Duration lifetime = body.seconds("token_seconds");
        body.end();
        return Map.of("build", build, "build_token", plane.issueBuildToken(build, lifetime, asked.caller));
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
