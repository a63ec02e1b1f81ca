package io.nearkv.server.command;

import io.nearkv.core.KvException;
import io.nearkv.deploy.store.AuditLog;
import io.nearkv.server.cli.Console;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What an operator has done by hand, beside what it was done with. Nodes keep an audit of their own; this one has the command's side. Never stands in the way. */
final class OperatorAudit {
    private OperatorAudit() {}

    /** Writes one record. */
    static void append(Console console, LocalRoute local, @Nullable Path file, String event, Map<String, ?> facts) {
        Path log = file != null
                ? file
                : Files.isDirectory(local.path())
                        ? local.path().resolve("operator.log")
                        : local.path().resolveSibling(local.path().getFileName() + ".operator.log");
        try (AuditLog audit = AuditLog.open(log, InstantSource.system())) {
            audit.append(event, facts);
        } catch (KvException | IllegalStateException e) {
            console.err().println("nearkv: note: not in the operator's log: " + Failures.oneLine(e.getMessage() + ""));
        }
    }
}
