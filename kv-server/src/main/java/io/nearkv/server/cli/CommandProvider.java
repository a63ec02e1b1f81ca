package io.nearkv.server.cli;

/**
 * A command that another module brings into the program, found with {@link java.util.ServiceLoader}: kv-server cannot depend on a module that depends on it.
 */
public interface CommandProvider {
    /** Returns the name under which the command is called, such as {@code bench}. */
    String name();

    /** Returns a new command with picocli's annotations. */
    BaseCommand create(Console console);
}
