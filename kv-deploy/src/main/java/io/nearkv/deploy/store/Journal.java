package io.nearkv.deploy.store;

import io.nearkv.core.KvException;
import io.nearkv.deploy.document.DocumentSignature;
import io.nearkv.deploy.document.Rejected;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.model.Bytes;
import io.nearkv.deploy.model.Route;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Writes down what happens to the documents of a process: in its log, in the audit log, in counters. It never fails: no route waits for it. Thread-safe. */
final class Journal implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Journal.class);

    private final AuditLog audit;
    private final Rejections rejections;
    private volatile @Nullable String failure;

    /** Creates a journal. Takes over the audit log. */
    Journal(AuditLog audit, LongSupplier nanoTime) {
        this.audit = audit;
        this.rejections = new Rejections(nanoTime);
    }

    void opened(@Nullable SignedDocument active) {
        record("opened", active == null ? Map.of() : facts(active));
    }

    void damaged(String aside, String why) {
        log.atError().addKeyValue("aside", aside).addKeyValue("why", why).log("the routes are damaged and set aside");
        record("state_damaged", Map.of("aside", aside, "why", why));
    }

    void accepted(SignedDocument document, @Nullable SignedDocument before, String from) {
        log.atInfo()
                .addKeyValue("kind", document.kind().label())
                .addKeyValue("hash", document.hash())
                .addKeyValue("from", from)
                .log("a document is in force");
        Map<String, Object> facts = facts(document);
        facts.put("from", from);
        if (before != null) {
            facts.put("before", before.hash());
        }
        record(document.kind().label() + "_accepted", facts);
    }

    void pulled(SignedDocument parachute, SignedDocument before, String reason, String evidence) {
        log.atWarn().addKeyValue("reason", reason).log("the way back is taken");
        Map<String, Object> facts = facts(parachute);
        facts.put("reason", reason);
        facts.put("evidence", evidence);
        facts.put("before", before.hash());
        record("route_pulled", facts);
    }

    void overridden(String build, String caller) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("build", build);
        facts.put("actor", caller);
        record("build_override", facts);
    }

    void unwritable(String what, Exception cause) {
        log.atError().addKeyValue("what", what).setCause(cause).log("the routes cannot be written");
    }

    void rejected(Rejected rejected, byte[] document, String from) {
        long suppressed = rejections.add(rejected, from);
        if (suppressed < 0) {
            return;
        }
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("reason", rejected.reason().label());
        facts.put("detail", rejected.detail());
        facts.put("from", from);
        facts.put("bytes", document.length);
        facts.put("sha256", Bytes.sha256(document).hex());
        if (suppressed > 0) {
            facts.put("suppressed", suppressed);
        }
        log.atWarn()
                .addKeyValue("reason", rejected.reason().label())
                .addKeyValue("detail", rejected.detail())
                .addKeyValue("from", from)
                .log("a document was rejected");
        record("document_rejected", facts);
    }

    private static Map<String, Object> facts(SignedDocument document) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("hash", document.hash());
        facts.put(
                "keys",
                document.signatures().stream().map(DocumentSignature::keyId).toList());
        switch (document.kind()) {
            case ROUTE -> {
                Route route = document.route();
                facts.put("kind", route.kind().name().toLowerCase(Locale.ROOT));
                facts.put("epoch", route.epoch());
                facts.put("seq", route.seq());
                facts.put("active", route.summary());
                facts.put("rollout", route.rolloutId());
                facts.put("step", route.step());
                facts.put("why", route.reason());
            }
            case TRUST -> facts.put("serial", document.trust().serial());
            case LEDGER -> facts.put("entries", document.ledger().entries().size());
            case MANIFEST -> {}
        }
        return facts;
    }

    /** A full disk must not stop a route: the audit then says so as soon as it can. */
    private void record(String event, Map<String, ?> facts) {
        try {
            audit.append(event, facts);
            failure = null;
        } catch (KvException | IllegalStateException e) {
            failure = String.valueOf(e.getMessage());
            log.atError().setCause(e).log("the audit log cannot be written");
        }
    }

    /** Returns what is wrong now. */
    List<String> problems() {
        List<String> problems = new ArrayList<>();
        String auditFailure = failure;
        if (auditFailure != null) {
            problems.add(auditFailure);
        }
        String rejection = rejections.problem();
        if (rejection != null) {
            problems.add(rejection);
        }
        return problems;
    }

    /** Returns how many documents were rejected, by the label of the reason. */
    Map<String, Long> rejections() {
        return rejections.counts();
    }

    @Override
    public void close() {
        audit.close();
    }
}
