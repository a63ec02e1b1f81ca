package io.nearkv.server.command;

import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.PlainText;
import io.nearkv.server.control.ControlAnswer;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** How weights, routes and coverage look. */
final class RouteText {
    private RouteText() {}

    /** Returns a weight in basis points as percent. */
    static String percent(long weight) {
        return weight % 100 == 0 ? weight / 100 + " %" : String.format(Locale.ROOT, "%.2f %%", weight / 100.0);
    }

    /** Reads a weight: {@code 1%}, {@code 0.5%}, or basis points. */
    static int parseWeight(String text) {
        try {
            if (text.endsWith("%")) {
                double percent =
                        Double.parseDouble(text.substring(0, text.length() - 1).strip());
                long weight = Math.round(percent * 100);
                if (percent >= 0 && percent <= 100 && Math.abs(percent * 100 - weight) < 1e-6) {
                    return (int) weight;
                }
            } else {
                int weight = Integer.parseInt(text);
                if (weight >= 0 && weight <= 10_000) {
                    return weight;
                }
            }
        } catch (NumberFormatException e) {
            throw malformed(text, e);
        }
        throw malformed(text, null);
    }

    private static CommandException malformed(String text, @Nullable Throwable cause) {
        return new CommandException(
                ExitCode.USAGE,
                "usage",
                "--weight: '" + PlainText.visible(text) + "' (expected: 0% to 100% in steps of 0.01%, or basis points)",
                cause);
    }

    /** Returns builds and shares, such as {@code p7k3mq2vd9xab 99 %, p2vd9xk4mq7ab 1 %}. */
    static String shares(ControlAnswer route) {
        return String.join(
                ", ",
                route.list("entries").stream()
                        .map(entry -> entry.text("build") + " " + percent(entry.number("weight")))
                        .toList());
    }

    /** Returns the version, such as {@code epoch 3 seq 118}. */
    static String version(ControlAnswer route) {
        return "epoch " + route.number("epoch") + " seq " + route.number("seq");
    }

    /** Prints who follows: one line if all do, else one more for each that does not. */
    static void printCoverage(Console console, ControlAnswer coverage) {
        console.out()
                .line("followed by " + coverage.number("holding") + "/" + coverage.number("total")
                        + (coverage.bool("complete") ? " in " + coverage.number("millis") + " ms" : ""));
        List<ControlAnswer> nodes = coverage.list("nodes");
        for (ControlAnswer node : nodes) {
            String state = node.text("state");
            if (!state.equals("holds") && !state.equals("outside")) {
                console.out()
                        .line(PlainText.visible(
                                "missing " + node.text("endpoint") + "  " + state + "  " + node.text("detail")));
            }
        }
    }
}
