package io.nearkv.server.command;

import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedIterator;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.Key;
import io.nearkv.core.Kv;
import io.nearkv.core.Position;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.JsonLine;
import io.nearkv.server.cli.PlainText;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code nearkv watch}. */
@Command(
        name = "watch",
        description = {
            "Prints every change of a namespace as it is committed, in order, until it is interrupted (Ctrl-C): what",
            "happened (put, delete, expire, namespace_deleted), the version, the position from which --from goes on after",
            "it, and the key, with tabs between."
        })
final class WatchCommand extends ClientCommand {
    @Parameters(index = "0", paramLabel = "NAMESPACE", description = "The namespace, by title or id.")
    private String namespace = "";

    @Option(names = "--prefix", paramLabel = "PREFIX", description = "Only keys that begin with this.")
    private String prefix = "";

    @Option(
            names = "--from",
            paramLabel = "POSITION",
            description =
                    "Begin after this position, or with 'now' or 'oldest' (what is still retained). Default: now.")
    private String from = "now";

    @Option(names = "--json", description = "One JSON object on a line for each change.")
    private boolean json;

    WatchCommand(Console console) {
        super(console);
    }

    @Override
    void check() {
        FeedRequest.Start unused = start();
    }

    private FeedRequest.Start start() {
        return switch (from) {
            case "now" -> new FeedRequest.Start.Now();
            case "oldest" -> new FeedRequest.Start.Oldest();
            default -> new FeedRequest.Start.After(Position.parse(from));
        };
    }

    @Override
    ExitCode run(Kv kv) {
        try (FeedIterator events = namespace(kv, namespace).watch(prefix, start())) {
            if (console().errIsTerminal()) {
                console().err().println("nearkv: watching '" + PlainText.visible(namespace) + "'; Ctrl-C ends it");
            }
            while (events.hasNext()) {
                FeedEvent event = events.next();
                if (event instanceof FeedEvent.Change change) {
                    console().out().line(json ? describe(change) : plain(change));
                    console().out().flush();
                } else if (event instanceof FeedEvent.TooOld tooOld) {
                    throw new CommandException(
                            ExitCode.FAILURE,
                            "too_old",
                            "the changes after " + from
                                    + " are no longer retained; list the namespace again, then watch" + " --from "
                                    + tooOld.oldest(),
                            null);
                }
            }
        }
        return ExitCode.DONE;
    }

    private static String kind(FeedEvent.Change change) {
        return change.kind().name().toLowerCase(Locale.ROOT);
    }

    private static String plain(FeedEvent.Change change) {
        Key key = change.key();
        return kind(change) + "\t" + change.version() + "\t" + change.position() + "\t"
                + (key == null ? "" : PlainText.visible(key.toString()));
    }

    private static String describe(FeedEvent.Change change) {
        Key key = change.key();
        return new JsonLine()
                .text("kind", kind(change))
                .text("key", key == null ? null : key.toString())
                .number("version", change.version())
                .text("position", change.position().toString())
                .text("namespace", change.namespace().toString())
                .bool("ends_commit", change.endsCommit())
                .toString();
    }
}
