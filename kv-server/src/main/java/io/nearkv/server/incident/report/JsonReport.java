package io.nearkv.server.incident.report;

import io.nearkv.server.incident.cluster.AuditedFile;
import io.nearkv.server.incident.cluster.Evidence;
import io.nearkv.server.incident.measure.Check;
import io.nearkv.server.incident.measure.ClassResult;
import io.nearkv.server.incident.measure.ProductResult;
import io.nearkv.server.incident.measure.Share;
import io.nearkv.server.incident.model.Tenant;
import io.nearkv.server.incident.model.Window;
import io.nearkv.server.incident.run.ReplayResult;
import io.nearkv.server.incident.run.RunResult;
import io.nearkv.server.incident.run.ScriptEvent;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/** A replay as one JSON object; {@code docs/incident.md} has its members. */
public final class JsonReport {
    private static final int FORMAT = 1;

    private JsonReport() {}

    /** Returns the object, on one line. */
    public static String of(ReplayResult result) {
        Map<String, @Nullable Object> object = new LinkedHashMap<>();
        object.put("format", FORMAT);
        object.put("program", result.program());
        object.put("at", result.at().toString());
        object.put("passed", result.passed());
        object.put("assumptions", Assumptions.ALL);
        object.put("runs", result.runs().stream().map(JsonReport::of).toList());
        object.put("drills", result.drills().stream().map(JsonReport::of).toList());
        return JsonMapper.shared().writeValueAsString(object);
    }

    private static Map<String, @Nullable Object> of(RunResult run) {
        Map<String, @Nullable Object> object = new LinkedHashMap<>();
        object.put("name", run.name());
        object.put("mode", run.mode().label());
        object.put("first_layer", run.layer() == null ? null : run.layer().label());
        object.put("passed", run.passed());
        object.put("minute_ms", run.timeline().minuteMillis());
        object.put("requests", run.requests());
        object.put("failed", run.failed());
        object.put("processes", run.processes());
        object.put("events", run.events().stream().map(each -> of(run, each)).toList());
        object.put(
                "phases",
                run.phases().stream()
                        .map(each -> {
                            Map<String, @Nullable Object> phase = new LinkedHashMap<>();
                            phase.put("phase", each.phase().label());
                            phase.put("report_minutes", each.phase().minutes());
                            phase.put("minutes", each.minutes() < 0 ? null : rounded(each.minutes()));
                            return phase;
                        })
                        .toList());
        object.put(
                "products", run.products().stream().map(each -> of(run, each)).toList());
        object.put("tenants", tenants(run));
        object.put("checks", run.checks().stream().map(JsonReport::of).toList());
        object.put("evidence", of(run.evidence()));
        object.put("audit", run.audit().stream().map(JsonReport::of).toList());
        return object;
    }

    private static Map<String, @Nullable Object> of(RunResult run, ScriptEvent event) {
        Map<String, @Nullable Object> object = new LinkedHashMap<>();
        object.put("id", event.id());
        object.put("minute", rounded(event.minute()));
        object.put("utc", run.timeline().utc(event.minute()));
        object.put("action", event.action());
        object.put("accepted", event.result().accepted());
        object.put("code", event.result().code());
        object.put("detail", event.result().detail());
        object.put("millis", event.result().millis());
        object.put("reached", event.result().reached());
        object.put("routers", event.result().routers());
        return object;
    }

    private static Map<String, @Nullable Object> of(RunResult run, ProductResult product) {
        Map<String, @Nullable Object> object = new LinkedHashMap<>();
        object.put("id", product.id());
        object.put("name", product.name());
        object.put("depends_on", product.dependsOn());
        object.put("report", product.report());
        object.put("passed", product.passed());
        object.put(
                "classes", product.classes().stream().map(each -> of(run, each)).toList());
        object.put("series", product.series());
        object.put("checks", product.checks().stream().map(JsonReport::of).toList());
        return object;
    }

    private static Map<String, @Nullable Object> of(RunResult run, ClassResult users) {
        Map<String, @Nullable Object> object = new LinkedHashMap<>();
        object.put("name", users.who().name());
        object.put("tenant", users.who().tenant().label());
        object.put("effect", users.who().effect().name().toLowerCase(Locale.ROOT));
        object.put("symptom", users.who().symptom());
        object.put("requests", users.requests());
        object.put("failed", users.failed());
        object.put("share", rounded(new Share(users.failed(), users.requests()).value()));
        if (run.layer() == null) {
            Share impact = Share.of(List.of(users), run.impact());
            Map<String, @Nullable Object> window = new LinkedHashMap<>();
            window.put("requests", impact.requests());
            window.put("failed", impact.failed());
            window.put("share", rounded(impact.value()));
            object.put("impact", window);
        }
        object.put("first_failure_ms", millis(users.firstFailureNanos()));
        object.put("last_failure_ms", millis(users.lastFailureNanos()));
        object.put("reasons", users.reasons());
        List<Long> requests = new ArrayList<>();
        List<Long> failed = new ArrayList<>();
        for (int minute = 0; minute < users.minutes(); minute++) {
            Window window = new Window(minute, minute + 1);
            requests.add(users.requests(window));
            failed.add(users.failed(window));
        }
        object.put("requests_by_minute", requests);
        object.put("failed_by_minute", failed);
        return object;
    }

    private static List<Map<String, @Nullable Object>> tenants(RunResult run) {
        List<Map<String, @Nullable Object>> tenants = new ArrayList<>();
        for (Tenant tenant : Tenant.values()) {
            List<ClassResult> theirs = run.products().stream()
                    .flatMap(product -> product.classes().stream())
                    .filter(each -> each.who().tenant() == tenant)
                    .toList();
            Map<String, @Nullable Object> object = new LinkedHashMap<>();
            object.put("tenant", tenant.label());
            object.put(
                    "requests", theirs.stream().mapToLong(ClassResult::requests).sum());
            object.put("failed", theirs.stream().mapToLong(ClassResult::failed).sum());
            tenants.add(object);
        }
        return tenants;
    }

    private static Map<String, @Nullable Object> of(Check check) {
        Map<String, @Nullable Object> object = new LinkedHashMap<>();
        object.put("id", check.id());
        object.put("title", check.title());
        object.put("expected", check.expected());
        object.put("measured", check.measured());
        object.put("passed", check.passed());
        return object;
    }

    private static Map<String, @Nullable Object> of(Evidence evidence) {
        Map<String, @Nullable Object> object = new LinkedHashMap<>();
        object.put("foreign_documents_refused", evidence.foreignDocumentsRefused());
        object.put("links_refused", evidence.linksRefused());
        object.put("build_requests", evidence.buildRequests());
        object.put("build_refusals", evidence.buildRefusals());
        object.put("answered_instead", evidence.answeredInstead());
        return object;
    }

    private static Map<String, @Nullable Object> of(AuditedFile file) {
        Map<String, @Nullable Object> object = new LinkedHashMap<>();
        object.put("process", file.process());
        object.put("records", file.records());
        object.put("intact", file.intact());
        object.put("detail", file.detail());
        return object;
    }

    private static @Nullable Long millis(long nanos) {
        return nanos < 0 ? null : nanos / 1_000_000;
    }

    private static double rounded(double value) {
        return Math.round(value * 1000) / 1000.0;
    }
}
