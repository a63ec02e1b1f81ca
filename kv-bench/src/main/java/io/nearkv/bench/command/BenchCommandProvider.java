package io.nearkv.bench.command;

import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.CommandProvider;
import io.nearkv.server.cli.Console;

/** Brings {@code nearkv bench} into the program. */
public final class BenchCommandProvider implements CommandProvider {
    /** Creates a provider; {@link java.util.ServiceLoader} calls this. */
    public BenchCommandProvider() {}

    @Override
    public String name() {
        return "bench";
    }

    @Override
    public BaseCommand create(Console console) {
        return new BenchCommand(console);
    }
}
