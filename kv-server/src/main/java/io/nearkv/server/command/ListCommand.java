package io.nearkv.server.command;

import io.nearkv.core.Cursor;
import io.nearkv.core.KeyInfo;
import io.nearkv.core.Kv;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.Limits;
import io.nearkv.core.ListOptions;
import io.nearkv.core.ListPage;
import io.nearkv.core.Metadata;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.JsonLine;
import io.nearkv.server.cli.PlainText;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code nearkv list}. */
@Command(
        name = "list",
        description = {
            "Lists keys in byte order, one on a line.",
            "One page unless --all is given; if there is more, the cursor of the next page is printed on standard error",
            "(with --json: as a last object with the one member 'cursor')."
        })
final class ListCommand extends ClientCommand {
    @Parameters(index = "0", paramLabel = "NAMESPACE", description = "The namespace, by title or id.")
    private String namespace = "";

    @Option(names = "--prefix", paramLabel = "PREFIX", description = "Only keys that begin with this.")
    private String prefix = "";

    @Option(names = "--limit", paramLabel = "N", description = "Most keys on a page, 1 to 1,000. Default: 1,000.")
    private int limit = Limits.MAX_LIST_LIMIT;

    @Option(names = "--cursor", paramLabel = "CURSOR", description = "Where to go on: the cursor of an earlier page.")
    private @Nullable String cursor;

    @Option(names = "--all", description = "Page after page to the end.")
    private boolean all;

    @Option(
            names = "--json",
            description = "One JSON object on a line for each key: key, version, bytes, and expiration and metadata if "
                    + "there are any.")
    private boolean json;

    ListCommand(Console console) {
        super(console);
    }

    @Override
    void check() {
        if (all && cursor != null) {
            throw CommandException.usage("--all and --cursor exclude each other");
        }
        ListOptions unused = firstPage();
    }

    private ListOptions firstPage() {
        return new ListOptions(prefix, cursor == null ? null : Cursor.parse(cursor), limit);
    }

    @Override
    ExitCode run(Kv kv) {
        KvNamespace from = namespace(kv, namespace);
        ListOptions options = firstPage();
        ListPage page = print(from, options);
        while (all && page.next() != null) {
            page = print(from, options.withCursor(page.next()));
        }
        Cursor next = page.next();
        if (next != null) {
            if (json) {
                console()
                        .out()
                        .line(new JsonLine().text("cursor", next.toString()).toString());
            } else {
                console().out().flush();
                console().err().println("nearkv: there are more keys: --cursor " + next);
            }
        }
        return ExitCode.DONE;
    }

    private ListPage print(KvNamespace from, ListOptions options) {
        ListPage page = from.listPage(options);
        for (KeyInfo key : page.keys()) {
            console().out().line(json ? describe(key) : PlainText.visible(key.name()));
        }
        return page;
    }

    private static String describe(KeyInfo key) {
        Metadata metadata = key.metadata();
        JsonLine line = new JsonLine()
                .text("key", key.name())
                .number("version", key.version())
                .number("bytes", key.valueBytes());
        if (key.expiresAt() != 0) {
            line.number("expiration", key.expiresAt());
        }
        return line.json("metadata", metadata == null ? null : metadata.json()).toString();
    }
}
