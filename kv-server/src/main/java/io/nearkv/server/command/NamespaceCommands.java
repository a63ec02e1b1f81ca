package io.nearkv.server.command;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.JsonLine;
import io.nearkv.server.cli.PlainText;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The commands below {@code nearkv namespace}. */
final class NamespaceCommands {
    private NamespaceCommands() {}

    private static String describe(NamespaceInfo namespace) {
        return new JsonLine()
                .text("id", namespace.id().toString())
                .text("title", namespace.title())
                .text("account", namespace.account().toString())
                .toString();
    }

    /** {@code nearkv namespace create}. */
    @Command(name = "create", description = "Creates a namespace and prints its id.")
    static final class Create extends ClientCommand {
        @Parameters(paramLabel = "TITLE", description = "What to call it, 1 to 512 characters.")
        private String title = "";

        Create(Console console) {
            super(console);
        }

        @Override
        ExitCode run(Kv kv) {
            console().out().line(kv.namespaces().create(title).id().toString());
            return ExitCode.DONE;
        }
    }

    /** {@code nearkv namespace list}. */
    @Command(name = "list", description = "Lists the namespaces of the token's account: id, blank, title.")
    static final class ListAll extends ClientCommand {
        @Option(names = "--json", description = "One JSON object on a line for each.")
        private boolean json;

        ListAll(Console console) {
            super(console);
        }

        @Override
        ExitCode run(Kv kv) {
            for (NamespaceInfo namespace : kv.namespaces().list()) {
                console()
                        .out()
                        .line(json ? describe(namespace) : namespace.id() + " " + PlainText.visible(namespace.title()));
            }
            return ExitCode.DONE;
        }
    }

    /** {@code nearkv namespace show}. */
    @Command(name = "show", description = "Shows one namespace.")
    static final class Show extends ClientCommand {
        @Parameters(paramLabel = "NAMESPACE", description = "The namespace, by title or id.")
        private String namespace = "";

        @Option(names = "--json", description = "As one JSON object.")
        private boolean json;

        Show(Console console) {
            super(console);
        }

        @Override
        ExitCode run(Kv kv) {
            NamespaceInfo found = kv.namespaces()
                    .find(namespace)
                    .orElseThrow(() -> new KvException(
                            ErrorCode.NOT_FOUND, "namespace '" + Key.display(namespace) + "' does not exist"));
            if (json) {
                console().out().line(describe(found));
            } else {
                console().out().line("id       " + found.id());
                console().out().line("title    " + PlainText.visible(found.title()));
                console().out().line("account  " + found.account());
            }
            return ExitCode.DONE;
        }
    }

    /** {@code nearkv namespace rename}. */
    @Command(name = "rename", description = "Gives a namespace another title; its id stays.")
    static final class Rename extends ClientCommand {
        @Parameters(index = "0", paramLabel = "NAMESPACE", description = "The namespace, by title or id.")
        private String namespace = "";

        @Parameters(index = "1", paramLabel = "TITLE", description = "The new title.")
        private String title = "";

        Rename(Console console) {
            super(console);
        }

        @Override
        ExitCode run(Kv kv) {
            NamespaceInfo unused = kv.namespaces().rename(namespace, title);
            return ExitCode.DONE;
        }
    }

    /** {@code nearkv namespace delete}. */
    @Command(name = "delete", description = "Deletes a namespace with all its keys. There is no way back but a backup.")
    static final class Delete extends ClientCommand {
        @Parameters(paramLabel = "NAMESPACE", description = "The namespace, by title or id.")
        private String namespace = "";

        Delete(Console console) {
            super(console);
        }

        @Override
        ExitCode run(Kv kv) {
            kv.namespaces().delete(namespace);
            return ExitCode.DONE;
        }
    }
}
