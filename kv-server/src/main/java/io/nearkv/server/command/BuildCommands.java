package io.nearkv.server.command;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.Value;
import io.nearkv.deploy.control.BuildItem;
import io.nearkv.deploy.control.BuildListing;
import io.nearkv.deploy.control.Finding;
import io.nearkv.deploy.document.DocumentVerifier;
import io.nearkv.deploy.document.Rejected;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.JsonLine;
import io.nearkv.server.control.ControlAnswer;
import io.nearkv.server.control.ControlClient;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code nearkv build}: what can get traffic in an environment. */
final class BuildCommands {
    private static final String TOKEN_LIFETIME = "90d";

    private BuildCommands() {}

    /** Writes what a new build needs where the user wants it, and prints the rest. */
    private abstract static sealed class Making extends ControlCommand {
        @Option(
                names = "--endpoint",
                order = 3,
                required = true,
                paramLabel = "URL",
                split = ",",
                description = "Where an instance listens, or will: kv://HOST:PORT. One or more, with commas between.")
        private List<String> endpoints = List.of();

        @Option(
                names = "--ttl",
                order = 10,
                paramLabel = "TIME",
                defaultValue = TOKEN_LIFETIME,
                description = "How long the build token is good; 'nearkv build token' makes another. Default: "
                        + "${DEFAULT-VALUE}.")
        private Duration lifetime = Duration.ofDays(90);

        @Option(
                names = "--out",
                order = 11,
                paramLabel = "FILE",
                description = "Write the signed manifest to this file: it is the evidence for 'nearkv build promote'.")
        private @Nullable Path manifest;

        @Option(
                names = "--token-out",
                order = 12,
                paramLabel = "FILE",
                description =
                        "Write the build token to this file, for 'nearkv serve --build-token'. Without this it is "
                                + "printed.")
        private @Nullable Path token;

        Making(Console console) {
            super(console);
        }

        final Map<String, Object> body() {
            Map<String, Object> body = new LinkedHashMap<>();
            body.put("endpoints", endpoints);
            body.put("token_seconds", lifetime.toSeconds());
            return body;
        }

        final ExitCode made(ControlAnswer answer) throws IOException {
            if (manifest != null) {
                Files.write(manifest, answer.bytes("manifest").toByteArray());
            }
            if (token != null) {
                TokenFile.write(token, answer.text("build_token"));
            }
            if (json()) {
                JsonLine line = new JsonLine()
                        .text("build", answer.text("build"))
                        .text("version", answer.text("version"))
                        .text("digest", answer.text("digest"))
                        .text("manifest", manifest == null ? answer.text("manifest") : null)
                        .text("build_token", token == null ? answer.text("build_token") : null);
                console().out().line(line.toString());
                return ExitCode.DONE;
            }
            line("build " + answer.text("build") + "  version " + answer.text("version") + "  digest "
                    + answer.text("digest"));
            line("it gets no traffic yet: nearkv route set " + answer.text("build") + " --weight 1% --environment "
                    + service().environment());
            if (token == null) {
                line("build token (kept nowhere): " + answer.text("build_token"));
            }
            return ExitCode.DONE;
        }
    }

    /** Returns the digest that is named by a file or in hex. */
    private static String digest(@Nullable Path artifact, @Nullable String digest) throws IOException {
        if ((artifact == null) == (digest == null)) {
            throw CommandException.usage("one of --artifact and --digest is needed");
        }
        if (digest != null) {
            return digest;
        }
        try (InputStream in = Files.newInputStream(requireNonNull(artifact))) {
            MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
            try (DigestInputStream digesting = new DigestInputStream(in, sha256)) {
                long unused = digesting.transferTo(OutputStream.nullOutputStream());
            }
            return HexFormat.of().formatHex(sha256.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /** {@code nearkv build publish}. */
    @Command(
            name = "publish",
            description = {
                "Makes an artefact a build of the environment and prints its id, which is valid there alone, and the token that",
                "its instances start with. It gets no traffic by that."
            })
    static final class Publish extends Making {
        @Option(
                names = "--artifact",
                order = 1,
                paramLabel = "FILE",
                description = "The artefact; its SHA-256 is what is published.")
        private @Nullable Path artifact;

        @Option(names = "--digest", order = 1, paramLabel = "HEX", description = "Its SHA-256, where it is not here.")
        private @Nullable String digest;

        @Option(
                names = "--build-version",
                order = 2,
                required = true,
                paramLabel = "TEXT",
                description = "What people call it, such as 1.9.0.")
        private String version = "";

        @Option(
                names = "--reads-formats",
                order = 4,
                paramLabel = "FROM-TO",
                defaultValue = "1-1",
                description = "Which data formats it reads. Default: ${DEFAULT-VALUE}.")
        private String reads = "1-1";

        @Option(
                names = "--writes-format",
                order = 5,
                paramLabel = "N",
                defaultValue = "1",
                description = "Which data format it writes. Default: ${DEFAULT-VALUE}.")
        private int writes = 1;

        @Option(
                names = "--provenance",
                order = 6,
                paramLabel = "TEXT",
                description = "Who built it from what, such as ci/4711 of 9c41e0. Default: nothing.")
        private String provenance = "";

        Publish(Console console) {
            super(console);
        }

        @Override
        ExitCode run(ControlClient client, ServiceId id) throws IOException, InterruptedException {
            Map<String, Object> body = body();
            body.put("digest", digest(artifact, digest));
            body.put("version", version);
            String[] formats = reads.split("-", -1);
            try {
                body.put("reads_from", Integer.parseInt(formats[0]));
                body.put("reads_to", Integer.parseInt(formats[formats.length - 1]));
            } catch (NumberFormatException e) {
                throw CommandException.usage("--reads-formats: '" + reads + "' (expected: FROM-TO, such as 1-2)");
            }
            body.put("writes", writes);
            body.put("provenance", provenance);
            return made(client.post(id, "builds", body));
        }
    }

    /** {@code nearkv build promote}. */
    @Command(
            name = "promote",
            description = {
                "Makes an artefact that was tested in another environment a new build of this one. Takes the artefact's digest",
                "and, as evidence, the signed manifest of the build that was tested: a build's id is nothing outside its",
                "environment."
            })
    static final class Promote extends Making {
        @Parameters(
                index = "0",
                arity = "0..1",
                paramLabel = "DIGEST",
                description = "The SHA-256 of the artefact, 64 hex digits. Default: what the evidence says.")
        private @Nullable String digest;

        @Option(
                names = "--evidence",
                order = 1,
                required = true,
                paramLabel = "FILE",
                description =
                        "The manifest of the build that was tested, as 'nearkv build publish --out' has written it.")
        private @Nullable Path evidence;

        Promote(Console console) {
            super(console);
        }

        @Override
        ExitCode run(ControlClient client, ServiceId id) throws IOException, InterruptedException {
            byte[] document = Files.readAllBytes(requireNonNull(evidence));
            Map<String, Object> body = body();
            body.put("digest", digest == null ? digestOf(document) : digest);
            body.put("evidence", Base64.getEncoder().encodeToString(document));
            return made(client.post(id, "promotions", body));
        }

        private String digestOf(byte[] document) {
            try {
                return SignedDocument.parse(document).manifest().build().digestHex();
            } catch (Rejected | IllegalStateException e) {
                throw CommandException.failed("evidence", evidence + ": " + e.getMessage(), e);
            }
        }
    }

    /** {@code nearkv build list}. */
    @Command(
            name = "list",
            description = {
                "Lists the builds of the environment. Each is verified here again: what is of another environment is dropped and",
                "told, and the exit code is 21."
            })
    static final class ListAll extends ControlCommand {
        @Option(names = "--all", description = "Also those that were retired.")
        private boolean all;

        @Option(names = "--no-ready", description = "Do not ask their instances whether they run.")
        private boolean noReady;

        @Option(
                names = "--trust",
                paramLabel = "FILE",
                description = "The environment's trust.signed: verify the signature of each manifest too.")
        private @Nullable Path trust;

        ListAll(Console console) {
            super(console);
        }

        @Override
        ExitCode run(ControlClient client, ServiceId id) throws IOException, InterruptedException {
            ControlAnswer answer = client.get(id, noReady ? "builds" : "builds?ready=true");
            Map<Value, ControlAnswer> ready = new LinkedHashMap<>();
            List<BuildItem> items = new ArrayList<>();
            for (ControlAnswer each : answer.list("builds")) {
                Value document = each.bytes("manifest");
                ready.put(document, each);
                items.add(new BuildItem(
                        document, each.text("state"), each.number("ledger"), (int) each.number("weight")));
            }
            BuildListing listing = BuildListing.verify(
                    id,
                    trust == null ? null : TrustFile.read(trust),
                    new DocumentVerifier(InstantSource.system()),
                    items);
            TextTable table = new TextTable("BUILD", "VERSION", "DIGEST", "READY", "STATE");
            for (BuildListing.Build build : listing.builds()) {
                BuildItem item = build.item();
                if (item.state().equals(BuildItem.RETIRED) && !all) {
                    continue;
                }
                ControlAnswer told = ready.get(item.document());
                boolean asked = told != null && told.has("ready");
                int instances = build.manifest().endpoints().size();
                if (json()) {
                    JsonLine line = new JsonLine()
                            .text("build", build.id())
                            .text("version", build.manifest().version())
                            .text("digest", build.manifest().build().digestHex())
                            .text("state", item.state())
                            .number("ledger", item.ledgerNumber())
                            .number("weight", item.weight())
                            .number("instances", instances);
                    if (asked && told != null) {
                        line.number("ready", told.number("ready"));
                    }
                    console().out().line(line.toString());
                    continue;
                }
                table.row(
                        build.id(),
                        build.manifest().version(),
                        build.manifest().build().digestHex().substring(0, 12) + "…",
                        asked && told != null ? told.number("ready") + "/" + instances : "?/" + instances,
                        state(item));
            }
            if (!json()) {
                table.print(console());
            }
            if (listing.strays().isEmpty()) {
                return ExitCode.DONE;
            }
            for (Finding stray : listing.strays()) {
                console().err().println("ALARM: " + Failures.oneLine(stray.toString()));
            }
            throw new CommandException(
                    ExitCode.REFUSED,
                    "refused",
                    "LIST_POLLUTED: " + listing.strays().size()
                            + " items of another environment were in the list, and were dropped",
                    null);
        }

        private static String state(BuildItem item) {
            List<String> words = new ArrayList<>();
            if (item.weight() > 0) {
                words.add("active " + RouteText.percent(item.weight()));
            }
            if (item.ledgerNumber() > 0) {
                words.add("known-good #" + item.ledgerNumber());
            }
            if (words.isEmpty()) {
                words.add(item.state());
            }
            return String.join(", ", words);
        }
    }

    /** {@code nearkv build retire}. */
    @Command(
            name = "retire",
            description = {
                "Says of a build that its instances may be stopped: it gets no traffic any more. Refused for what is in the",
                "route, and for the two builds that were good last: their instances are the way back."
            })
    static final class Retire extends ControlCommand {
        @Parameters(index = "0", paramLabel = "BUILD", description = "The id of the build.")
        private String build = "";

        Retire(Console console) {
            super(console);
        }

        @Override
        ExitCode run(ControlClient client, ServiceId id) throws InterruptedException {
            ControlAnswer answer = client.post(id, "builds/" + pathSegment(build) + "/retire", Map.of());
            if (json()) {
                console().out().line(answer.toString());
            } else {
                line(build + " is retired");
            }
            return ExitCode.DONE;
        }
    }

    /** {@code nearkv build token}. */
    @Command(
            name = "token",
            description =
                    "Makes a new build token for the instances of a build, and prints it, alone, on standard output.")
    static final class Token extends ControlCommand {
        @Parameters(index = "0", paramLabel = "BUILD", description = "The id of the build.")
        private String build = "";

        @Option(
                names = "--ttl",
                paramLabel = "TIME",
                defaultValue = TOKEN_LIFETIME,
                description = "How long it is good. Default: ${DEFAULT-VALUE}.")
        private Duration lifetime = Duration.ofDays(90);

        Token(Console console) {
            super(console);
        }

        @Override
        ExitCode run(ControlClient client, ServiceId id) throws InterruptedException {
            ControlAnswer answer = client.post(
                    id, "builds/" + pathSegment(build) + "/token", Map.of("token_seconds", lifetime.toSeconds()));
            console().out().line(json() ? answer.toString() : answer.text("build_token"));
            return ExitCode.DONE;
        }
    }

    private static String pathSegment(String build) {
        if (build.isEmpty() || !build.chars().allMatch(c -> c < 128 && Character.isLetterOrDigit(c))) {
            throw CommandException.usage(
                    "build: '" + Failures.oneLine(build) + "' (expected: an id, 13 letters and digits)");
        }
        return build;
    }
}
