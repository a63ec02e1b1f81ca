package io.nearkv.server.command;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.deploy.document.DocumentVerifier;
import io.nearkv.deploy.document.Rejected;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.model.Ledger;
import io.nearkv.deploy.model.LedgerEntry;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.deploy.model.Trust;
import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.JsonLine;
import io.nearkv.server.control.ControlAnswer;
import io.nearkv.server.control.ControlClient;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code nearkv ledger}: which builds are known to be good. */
final class LedgerCommands {
    private LedgerCommands() {}

    /** Reads the ledger from the local disk where the user names a place there, else from the control plane. */
    private abstract static sealed class Reading extends BaseCommand {
        @Mixin
        private final ServiceOptions service = new ServiceOptions();

        @Mixin
        private final ControlOptions control = new ControlOptions();

        @Option(
                names = "--folder",
                order = 620,
                paramLabel = "DIR",
                description = "Ask no control plane; look into the route folder of a node.")
        private @Nullable Path folder;

        @Option(
                names = "--bundle",
                order = 621,
                paramLabel = "FILE",
                description = "Ask no control plane; look into a bundle.")
        private @Nullable Path bundle;

        Reading(Console console) {
            super(console);
        }

        /** Does something with the ledger. */
        abstract ExitCode run(@Nullable SignedDocument ledger, Trust trust);

        @Override
        protected final ExitCode run() throws Exception {
            ServiceId id = service.id();
            if (folder != null && bundle != null) {
                throw CommandException.usage("--folder and --bundle exclude each other");
            }
            if (folder != null || bundle != null) {
                LocalRoute local = (folder != null
                                ? LocalRoute.ofFolder(folder)
                                : LocalRoute.ofBundle(requireNonNull(bundle)))
                        .of(id);
                return run(local.kept().ledger(), local.trust());
            }
            ControlClient client = control.resolve(console(), id);
            ControlAnswer answer = client.get(id, "ledger");
            Trust trust = RouteCommands.trustOf(client, id);
            return run(answer.has("document") ? parse(answer) : null, trust);
        }

        private static SignedDocument parse(ControlAnswer answer) {
            try {
                return SignedDocument.parse(answer.bytes("document").toByteArray());
            } catch (Rejected e) {
                throw new KvException(ErrorCode.INTERNAL, "the ledger cannot be used: " + e.getMessage(), e);
            }
        }
    }

    /** {@code nearkv ledger show}. */
    @Command(
            name = "show",
            description =
                    "Lists the builds that are known to be good, the newest last: what a rollback and a break-glass can lead to.")
    static final class Show extends Reading {
        @Option(names = "--json", description = "One JSON object on a line for each build.")
        private boolean json;

        Show(Console console) {
            super(console);
        }

        @Override
        ExitCode run(@Nullable SignedDocument document, Trust trust) {
            Ledger ledger = document == null ? Ledger.empty(trust.service()) : document.ledger();
            TextTable table = new TextTable("NUMBER", "BUILD", "VERSION", "SINCE", "WHY");
            for (LedgerEntry entry : ledger.entries()) {
                String since = Instant.ofEpochSecond(entry.addedAt()).toString();
                if (json) {
                    console()
                            .out()
                            .line(new JsonLine()
                                    .number("number", entry.number())
                                    .text("build", entry.build().id())
                                    .text("version", entry.build().version())
                                    .text("digest", entry.build().build().digestHex())
                                    .number("added_at", entry.addedAt())
                                    .text("why", entry.why())
                                    .text("hash", entry.hash())
                                    .toString());
                } else {
                    table.row(
                            "#" + entry.number(),
                            entry.build().id(),
                            entry.build().version(),
                            since,
                            entry.why());
                }
            }
            if (!json) {
                table.print(console());
            }
            return ExitCode.DONE;
        }
    }

    /** {@code nearkv ledger verify}. */
    @Command(
            name = "verify",
            description =
                    "Checks the signature of the ledger and that each entry follows upon the one before it. Exit code 1 if not.")
    static final class Verify extends Reading {
        Verify(Console console) {
            super(console);
        }

        @Override
        ExitCode run(@Nullable SignedDocument document, Trust trust) {
            if (document == null) {
                throw new CommandException(ExitCode.ABSENT, "absent", "there is no ledger yet", null);
            }
            try {
                // That the chain holds was checked when the document was taken apart.
                new DocumentVerifier(InstantSource.system()).verify(document, trust);
            } catch (Rejected e) {
                throw CommandException.failed("not_intact", "the ledger does not verify: " + e.getMessage(), e);
            }
            LedgerEntry last = document.ledger().last();
            console()
                    .out()
                    .line("good, " + document.ledger().entries().size() + " entries, signed by "
                            + document.signatures().get(0).keyId()
                            + (last == null ? "" : ", last #" + last.number() + " " + last.hash()));
            return ExitCode.DONE;
        }
    }

    /** {@code nearkv ledger add}. */
    @Command(
            name = "add",
            description = {
                "Adds the build that has all the traffic to the ledger, because it did well: from then on it is something to go",
                "back to. Refused for a build that has less than everything."
            })
    static final class Add extends ControlCommand {
        @Parameters(index = "0", paramLabel = "BUILD", description = "The id of the build.")
        private String build = "";

        @Option(names = "--why", paramLabel = "TEXT", defaultValue = "", description = "Why it is known to be good.")
        private String why = "";

        Add(Console console) {
            super(console);
        }

        @Override
        ExitCode run(ControlClient client, ServiceId id) throws InterruptedException {
            Map<String, Object> body = new LinkedHashMap<>();
            body.put("build", build);
            body.put("why", why);
            ControlAnswer answer = client.post(id, "ledger", body);
            if (json()) {
                console().out().line(answer.toString());
            } else {
                line("known-good #" + answer.number("number") + "  " + answer.text("build") + "  "
                        + answer.text("version"));
            }
            return ExitCode.DONE;
        }
    }
}
